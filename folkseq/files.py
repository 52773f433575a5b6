"""Writing files so that a reader never meets half of one.

The bytes go to a temporary file beside the target, are flushed to the disk, and are renamed over the target in one
step.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from folkseq.errors import FolkseqError


def write_atomically(path: Path | str, data: bytes) -> None:
    """Replace `path` by a file that holds `data`, or leave what was there.

    Missing folders on the way are made.

    Args:
        path: the file to write.
        data: everything it is to hold.

    Raises:
        FolkseqError: the disk is full, read-only, or refuses for another reason; nothing is left behind.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes files that only their owner may read
            os.replace(beside, path)
        except BaseException:  # an interrupt must not leave the temporary file either
            os.unlink(beside)
            raise
    except OSError as error:
        raise FolkseqError(f"{path}: cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    """The mask that the user's files are made under; the system tells it only to those who set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
