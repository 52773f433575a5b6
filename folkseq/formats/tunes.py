"""Parse tunes from files of any format: notation in ABC or MusicXML, and melodies in MIDI.

The content decides the format, not the name.
"""

from __future__ import annotations

from collections.abc import Sequence

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi, musicxml
from folkseq.formats.abc.book import Book
from folkseq.music.accompaniment import BLOCK
from folkseq.music.playback import STRAIGHT, perform
from folkseq.music.tune import Tune

ABC = (".abc", ".txt")
SUFFIXES = (*ABC, *musicxml.SUFFIXES)


def parse(data: bytes, file: str) -> Book:
    """Return the tunes in a file. Raises ParseError if it holds none."""
    return musicxml.parse_bytes(data, file) if musicxml.is_musicxml(data) else abc.parse_bytes(data, file)


def parse_any(data: bytes, file: str) -> Book:
    """Return the tunes in a file; transcribe the melody of a MIDI file. Raises ParseError if the file holds no tune."""
    if not (midi.is_midi(data) or file.lower().endswith(midi.SUFFIXES)):
        return parse(data, file)
    from folkseq.formats.transcription import transcribe

    performance, lost, _ = midi.parse(data, file)
    try:
        tune, not_written = transcribe(performance)
    except ParseError as error:
        raise ParseError(f"{file}: {error}") from None
    return Book((tune,), (lost + not_written,))


def format(
    tune: Tune,
    suffix: str,
    comments: Sequence[str] = (),
    *,
    swing: float | None = None,
    bpm: float | None = None,
    accompaniment: str | None = None,
) -> bytes:
    """Return a tune as ABC in UTF-8, as MusicXML, or as MIDI; `folkseq.music.playback.render` documents the playback.

    Raises:
        RequestError: The tune cannot be written in this format.
    """
    if suffix == ".abc":
        return abc.format(tune, comments).encode()
    if suffix == ".musicxml":
        return musicxml.format(tune, comments)
    try:
        played = perform(tune, swing=swing or STRAIGHT, bpm=bpm, accompaniment=accompaniment or BLOCK)
        return midi.format(played, comments)
    except ValueError as error:
        raise RequestError(str(error)) from None
