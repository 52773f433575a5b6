"""Optional dependencies: one error line that says what to install."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec

from folkseq.errors import RequestError

EXTRAS = {
    "PIL": "pictures",
    "matplotlib": "plot",
    "midirenderer": "sound",
    "mido": "sound",
    "music21": "corpora",
    "onnx": "train",
    "pretty_midi": "interop",
    "sklearn": "train",
    "soundfile": "sound",
    "starlette": "studio",
    "torch": "train",
    "typst": "score",
    "uvicorn": "studio",
    "verovio": "score",
    "fontTools": "score",
}
"""The extra of folkseq that installs each optional module."""


def require(*modules: str) -> None:
    """Check that optional modules are installed, without importing them.

    Raises:
        RequestError: a module is missing; the message has the command that installs it.
    """
    for module in modules:
        found = False
        with suppress(ModuleNotFoundError):  # raised by a finder that blocks a module
            found = find_spec(module) is not None
        if not found:
            raise RequestError(advice(module))


def advice(module: str) -> str:
    """Return the line that tells a user how to install a module."""
    return f"{module} is not installed, and this needs it; run: pip install 'folkseq[{EXTRAS[module]}]'"
