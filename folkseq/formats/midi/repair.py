"""Repair damaged MIDI files."""

from __future__ import annotations

from collections import Counter

from folkseq.errors import ParseError
from folkseq.formats.midi.chunks import locate
from folkseq.formats.midi.events import SYSEX, BrokenError, walk


def repair(data: bytes, file: str) -> tuple[bytes, int]:
    """Return a MIDI file whose data bytes are clipped to 127, and the number of clipped bytes.

    Args:
        data: The file's bytes.
        file: Its name.

    Raises:
        ParseError: The file has other faults.
    """
    found, count = bytearray(data), 0
    try:
        for start, stop in locate(data, Counter())[1]:
            for event, after in walk(data[start:stop], start, clipped=True):
                first = start + after - len(event.data)
                for place in range(first, start + after) if event.status < SYSEX else ():
                    count += found[place] > 127
                    found[place] = min(found[place], 127)
    except BrokenError as fault:
        raise ParseError(fault.of(file)) from None
    return bytes(found), count
