"""Files that are dropped on the page: a tune in ABC or MusicXML, or a performance in MIDI."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.errors import FolkseqError, in_words
from folkseq.formats import abc, midi, musicxml, tunes
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.tunes import LONGEST_TEXT
from folkseq.studio.operations import operation
from folkseq.studio.performing import LONGEST_MIDI, ShownPerformance, decoded, plain_name, shown, stem_of
from folkseq.studio.workshop import Workshop

_SUFFIXES = (*tunes.SUFFIXES, *midi.SUFFIXES)


@dataclass(frozen=True)
class AskToOpen:
    """A file of music."""

    name: str = setting(REQUIRED, "What it is called.")
    data: str = setting(REQUIRED, f"Its contents in base64, at most {LONGEST_MIDI >> 20} MB.")


@dataclass(frozen=True)
class Opened:
    """The contents of a file: a tune, or a performance."""

    abc: str | None = None
    performance: ShownPerformance | None = None
    notices: tuple[str, ...] = ()
    """The losses: contents of the file that are missing in the tune."""


def open_file(workshop: Workshop, request: AskToOpen) -> Opened:
    """Open a file of music, its first tune or its performance; the contents decide the format."""
    suffix = next((each for each in _SUFFIXES if request.name.lower().endswith(each)), ".txt")
    name = plain_name(request.name, suffix)
    data = decoded(request.data, name)
    if midi.is_midi(data):
        return Opened(performance=shown(data, name, stem_of(request.name)))
    book = tunes.parse(data, name)
    if not book.tunes:
        raise FolkseqError(str(book.faults[0]))
    text = abc.format(book.tunes[0])
    if not musicxml.is_musicxml(data) and len(book.entries) == 1:
        text = abc.decode(data, name).text  # as it was typed
    if len(text) > LONGEST_TEXT:
        raise FolkseqError(f"{name}: the tune has more than {LONGEST_TEXT:,} characters; give a shorter one")
    notices = []
    if len(book.entries) > 1:
        notices.append(f"{name} holds {len(book.entries)} tunes; this is the first that can be read")
    if lost := in_words(book.lost[0]):
        notices.append(f"{name}: not in the tune: {lost}")
    return Opened(abc=text, notices=tuple(notices))


OPERATIONS = (operation("POST", "/api/open", open_file),)
