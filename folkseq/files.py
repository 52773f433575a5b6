"""Writing files so that a reader never meets half of one.

The bytes go to a temporary file beside the target, are flushed to the disk, and are renamed over the target in one
step.
"""

from __future__ import annotations

import os
import secrets
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
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:  # an interrupt must not leave the temporary file either
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FolkseqError(f"{path}: cannot be written: {error.strerror or error}") from error
