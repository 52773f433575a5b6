"""Atomic writes: a reader never meets half a file, and a power cut never leaves one.

The bytes go to a temporary file beside the target, are flushed to disk, and are renamed over the target in one step;
then the folder is flushed, or the disk might lose the renaming.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from typing import IO, Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import FolkseqError

_LETTERS = str.maketrans(
    dict(zip("ßÆæŒœØøÐðÞþŁłĐđı", re.findall("[A-Za-z]+", "ss AE ae OE oe O o D d Th th L l D d i"), strict=True))
    | dict.fromkeys("'’‘`´", "")
)
"""Letters that Unicode does not decompose, and apostrophes."""
_LONGEST_STEM = 60
_BLOCK = 1 << 20
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}")


def write_atomically(path: Path | str, data: bytes | IO[bytes]) -> None:
    """Replace `path` with a file that holds `data`, or leave the old file; missing folders are made.

    Args:
        path: the file.
        data: bytes, or an open file that holds them.

    Raises:
        FolkseqError: the disk is full or read-only, or refuses for another reason; nothing is left behind.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                for block in _blocks(data):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:  # an interrupt must not leave the temporary file either
            beside.unlink(missing_ok=True)
            raise
        sync(path.parent)
    except OSError as error:
        raise FolkseqError(f"{path}: cannot be written: {error.strerror or error}") from error


def holds(path: Path, data: bytes | IO[bytes]) -> bool:
    """Return whether a file holds certain bytes, or those of an open file."""
    with path.open("rb") as file:
        return all(file.read(len(block)) == block for block in _blocks(data)) and not file.read(1)


def _blocks(data: bytes | IO[bytes]) -> Iterable[bytes]:
    if isinstance(data, bytes):
        return (data,)
    data.seek(0)
    return iter(partial(data.read, _BLOCK), b"")


def file_stem(title: str, number: str) -> str:
    """Return a file name without its suffix, in plain letters that every file system takes.

    A long title is cut at a word.

    >>> file_stem("Sí Bheag, Sí Mhór’s Reel", "42-3"), file_stem("Jig 42-3", "42-3"), file_stem("", "42-3")
    ('si-bheag-si-mhors-reel-42-3', 'jig-42-3', '42-3')
    """
    plain = normalize("NFKD", title.translate(_LETTERS)).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall("[a-z0-9]+", plain))
    words = f"-{words}".removesuffix(f"-{number}")[1:]
    if len(words) > (room := max(_LONGEST_STEM - 1 - len(number), 0)):
        words = words[: room + 1].rpartition("-")[0] or words[:room]
    return "-".join(filter(None, (words, number)))


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Replace `path` with an array in a `.npy` file. Raises FolkseqError if the disk refuses."""
    data = BytesIO()
    np.save(data, array, allow_pickle=False)
    write_atomically(path, data.getvalue())


def clear_temporary(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder."""
    for path in folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            if path.is_dir():
                rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk if the system can do that."""
    with suppress(OSError):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
