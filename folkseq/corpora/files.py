"""Reading the files of a corpus with a representation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from folkseq.errors import ParseError
from folkseq.representations.base import Files, Parsed


def open_file(file: Path, max_bytes: int | None) -> BufferedReader:
    """Open a file. Raises ParseError if it cannot be opened, or has more bytes than allowed."""
    try:
        size = file.stat().st_size
        if max_bytes is not None and size > max_bytes:
            raise ParseError(f"{file}: has {size:,} bytes, and the limit is {max_bytes:,}; leave it out")
        return file.open("rb")
    except OSError as error:
        raise ParseError(f"{file}: cannot be read ({error.strerror or error})") from None


def read_file(files: Files[Any], file: Path) -> Iterator[Parsed[Any]]:
    """Yield the pieces in a file, in parts chosen by the representation. Raises ParseError if there are none."""
    try:
        with open_file(file, files.max_bytes) as opened:
            yield from files.read(opened, str(file))
    except OSError as error:  # the disk failed while reading
        raise ParseError(f"{file}: cannot be read ({error.strerror or error})") from None


def told(notices: Iterable[tuple[Path, str]]) -> tuple[str, ...]:
    """Return a line for each distinct notice, with its files."""
    about: dict[str, list[Path]] = {}
    for file, notice in notices:
        about.setdefault(notice, []).append(file)
    return tuple(f"{names(files)}: {notice}" for notice, files in about.items())


def names(files: list[Path]) -> str:
    """Return the files in a few words, for messages."""
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
