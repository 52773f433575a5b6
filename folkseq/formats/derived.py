"""Formats that are converted from another one: sound from MIDI, MusicXML from ABC, and scores from MusicXML.

Music that can be written in a format can also be written in all formats derived from it. Every verb that writes music
uses this table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from folkseq.extras import require
from folkseq.formats import abc, audio, musicxml, score

SOURCES = {
    ".musicxml": ".abc",
    ".mxl": ".musicxml",
    **dict.fromkeys(score.SUFFIXES, ".musicxml"),
    **dict.fromkeys(audio.SUFFIXES, ".mid"),
}
"""The source of each derived format."""
_COMMENT = "% "


def possible(native: Iterable[str]) -> list[str]:
    """Return formats, and all formats that can be derived from them.

    >>> possible([".mid"])
    ['.mid', '.wav', '.flac', '.ogg']
    """
    found = list(native)
    for suffix, source in SOURCES.items():
        if source in found and suffix not in found:
            found.append(suffix)
    return found


def origin(suffix: str) -> str:
    """Return the format at the start of the chain of conversions to `suffix`: `.abc` for `.pdf`."""
    while suffix in SOURCES:
        suffix = SOURCES[suffix]
    return suffix


def check(suffixes: Iterable[str], native: Collection[str], soundfont: Path | str | None = None) -> None:
    """Check that formats can be written on this computer. Raises RequestError that says what to install."""
    made = set(suffixes) - set(native)
    if soundfont or made & set(audio.SUFFIXES):
        audio.find_soundfont(soundfont)
    if made & set(score.SUFFIXES):
        require(*score.MODULES)


def format(
    format: Callable[[str], bytes], suffix: str, native: Collection[str], soundfont: Path | str | None = None
) -> bytes:
    """Return a piece in a native or derived format.

    Args:
        format: Formats the piece with one of the `native` suffixes.
        suffix: The format.
        native: The formats that `format` can write.
        soundfont: An .sf2 file for sound; see `audio.find_soundfont`.

    Raises:
        RequestError: The piece cannot be written in this format.
    """
    if suffix in native or suffix not in SOURCES:
        return format(suffix)
    return make(_format(format, SOURCES[suffix], native, soundfont), suffix, soundfont)


_format = format


def make(data: bytes, suffix: str, soundfont: Path | str | None = None) -> bytes:
    """Return a file converted from one in its source format. Raises RequestError if this is not possible."""
    if suffix in audio.SUFFIXES:
        return audio.format(data, suffix, soundfont)
    if suffix in score.SUFFIXES:
        return score.format([data], suffix)
    if suffix == ".mxl":
        return musicxml.compress(data)
    text = data.decode()
    comments = [line.removeprefix(_COMMENT) for line in text.splitlines() if line.startswith(_COMMENT)]
    (tune,) = abc.parse(text).tunes
    return musicxml.format(tune, comments)
