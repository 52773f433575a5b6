"""A corpus as pieces of tokens: every file read, every piece tokenized, and what was lost or could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from folkseq.errors import CorpusError, ParseError
from folkseq.representations.base import Parsed, Tokenizer


@dataclass(frozen=True)
class Piece:
    """One piece of a corpus: where it comes from, what it is, its tokens, and what of it they do not hold."""

    file: str
    number: int
    value: Any
    tokens: tuple[str, ...]
    lost: Counter[str]


@dataclass(frozen=True)
class Pieces:
    """The pieces of some files, and the faults of what could not be read."""

    pieces: tuple[Piece, ...]
    faults: tuple[str, ...]
    stray: Counter[str]  # what lies outside every piece, by kind

    @property
    def lost(self) -> Counter[str]:
        """What was lost in all, by kind and count."""
        return sum((piece.lost for piece in self.pieces), self.stray.copy())


def open_file(file: Path, largest: int | None) -> BufferedReader:
    """Opens a file. Raises ParseError if it cannot be, or holds more bytes than `largest`."""
    try:
        size = file.stat().st_size
        if largest is not None and size > largest:
            raise ParseError(f"{file}: a file of {size:,} bytes; those of at most {largest:,} are read")
        return file.open("rb")
    except OSError as error:
        raise ParseError(f"{file}: cannot be read ({error.strerror or error})") from None


def read_file(tokenizer: Tokenizer[Any], file: Path) -> Iterator[Parsed[Any]]:
    """Reads the pieces in `file`, as many at a time as the tokenizer likes. Raises ParseError if there can be none."""
    try:
        with open_file(file, tokenizer.largest) as opened:
            yield from tokenizer.read(opened, str(file))
    except OSError as error:  # the disk's, half way through
        raise ParseError(f"{file}: cannot be read ({error.strerror or error})") from None


def read(tokenizer: Tokenizer[Any], files: Iterable[Path]) -> Pieces:
    """Reads and tokenizes every piece in `files`.

    Raises:
        CorpusError: if not one piece in them can be read.
        ParseError: if there is but one file, and it cannot be read at all.
    """
    files = list(files)
    pieces: list[Piece] = []
    faults: list[str] = []
    stray: Counter[str] = Counter()
    for file in files:
        try:
            found = list(read_file(tokenizer, file))
        except ParseError as error:
            if len(files) == 1:
                raise
            faults.append(str(error))
            continue
        for part in found:
            faults.extend(part.faults)
            stray.update(part.stray or {})
        held = [each for part in found for each in zip(part.pieces, part.lost, strict=True)]
        for number, (piece, lost) in enumerate(held, 1):
            tokens = tuple(tokenizer.tokenize(piece))
            pieces.append(Piece(str(file), number, piece, tokens, Counter(lost) + Counter(tokenizer.lost(piece))))
    if not pieces:
        reason = f", the first because: {faults[0]}" if faults else ""
        raise CorpusError(f"{_names(files)}: not one piece could be read{reason}")
    return Pieces(tuple(pieces), tuple(faults), stray)


def _names(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
