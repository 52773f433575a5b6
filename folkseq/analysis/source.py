"""The pieces of a music file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError
from folkseq.formats import midi, tunes
from folkseq.music.performance import Performance
from folkseq.music.playback import perform
from folkseq.music.tune import Tune

Piece = TypeVar("Piece")


def is_music(target: Path) -> bool:
    """Return whether a path has the suffix of a music file and is not a folder."""
    return target.suffix.lower() in (*tunes.SUFFIXES, *midi.SUFFIXES) and not target.is_dir()


def pieces(file: Path, number: int | None = None) -> dict[int, Tune | Performance]:
    """Read the tunes of a file of ABC or MusicXML, or the performance of a MIDI file, by number.

    Args:
        file: the file.
        number: number of the only piece to return: its `X:`, or else its position from 1; None for all pieces.

    Raises:
        FolkseqError: the file cannot be read, or contains no such piece.
    """
    with open_file(file, None) as opened:
        data = opened.read()
    if midi.is_midi(data) or file.suffix.lower() in midi.SUFFIXES:
        performance = midi.parse(data, str(file)).performance
        return {1: numbered([performance], number, file)}
    book = tunes.parse(data, str(file))
    if not book.tunes:
        raise ParseError(str(book.faults[0]) if book.faults else f"{file}: holds no tune")
    found = book.tunes if number is None else [numbered(book.tunes, number, file)]
    numbers = [tune.number for tune in found]
    return dict(zip(numbers if len(set(numbers)) == len(numbers) else count(1), found, strict=False))


def played(piece: Tune | Performance, file: Path) -> Performance:
    """Return the performance of a piece of a file. Raises ParseError if it contains neither notes nor rests."""
    if not isinstance(piece, Tune):
        return piece
    try:
        return perform(piece)
    except ValueError as error:
        raise ParseError(f"{file}, X:{piece.number}: {error}") from None


def numbered(pieces: Sequence[Piece], number: int | None, file: Path) -> Piece:
    """Return the piece with a number: its `X:`, or else its position from 1; the first if None. Raises RequestError."""
    if number is None:
        return pieces[0]
    known = {getattr(piece, "number", place): piece for place, piece in reversed(list(enumerate(pieces, 1)))}
    if number not in known:
        raise RequestError(f"{file}: holds no piece {number}; choose from {min(known)} to {max(known)}")
    return known[number]
