"""The soundfont with which the page plays."""

from __future__ import annotations

from folkseq.errors import RequestError
from folkseq.formats.audio import VARIABLE, find_soundfont
from folkseq.studio.errors import MissingError
from folkseq.studio.operations import Nothing, StoredFile, operation
from folkseq.studio.workshop import Workshop

_MOST_BYTES = 40 << 20  # larger ones take a page too long, and are only used if they are asked for or the only ones


def send_soundfont(workshop: Workshop, request: Nothing) -> StoredFile:
    """Send the General MIDI soundfont with which the page plays."""
    try:
        path = find_soundfont(workshop.soundfont, _MOST_BYTES)
    except RequestError as error:
        what = "pip install pretty_midi, which has one, or start the studio with --soundfont FILE.sf2"
        raise MissingError(f"there is no soundfont to play with ({error}); {what}, or set {VARIABLE}") from None
    return StoredFile(path, "audio/x-soundfont")


OPERATIONS = (operation("GET", "/api/soundfont", send_soundfont),)
