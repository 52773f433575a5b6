"""Optional dependencies: one error line that says what to install."""

from __future__ import annotations

from importlib.util import find_spec

from folkseq.errors import FolkseqError


def require(*modules: str, extra: str) -> None:
    """Check that optional modules are installed, without importing them.

    Args:
        modules: top-level names, such as `matplotlib`.
        extra: the extra of folkseq that installs them, such as `plot`.

    Raises:
        FolkseqError: a module is missing; the message has the command that installs it.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise FolkseqError(f'{", ".join(missing)}: not installed; run `pip install "folkseq[{extra}]"`')
