"""The soundfont of the page."""

from __future__ import annotations

from folkseq.errors import RequestError
from folkseq.formats.audio import VARIABLE, find_soundfont
from folkseq.studio.errors import MissingError
from folkseq.studio.operations import Nothing, StoredFile, operation
from folkseq.studio.workshop import Workshop

_MOST_BYTES = 40 << 20  # larger ones load slowly, and are used only on request or if there is no other


def send_soundfont(workshop: Workshop, request: Nothing) -> StoredFile:
    """Send the General MIDI soundfont for playback on the page."""
    try:
        path = find_soundfont(workshop.soundfont, _MOST_BYTES)
    except RequestError as error:
        what = "pip install pretty_midi, which has one, or start the studio with --soundfont FILE.sf2"
        raise MissingError(f"there is no soundfont to play with ({error}); {what}, or set {VARIABLE}") from None
    return StoredFile(path, "audio/x-soundfont")


OPERATIONS = (operation("GET", "/api/soundfont", send_soundfont),)
