"""Read and write programs and drums (`midi-instrument`)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from folkseq.formats.abc.settings import DRUMS
from folkseq.formats.musicxml.elements import child, number_in
from folkseq.music.tune import Instrument


class Instruments:
    """The instruments of a part by their names, and the pitches of its drums."""

    def __init__(self, listed: ET.Element | None) -> None:
        """Read the instruments in the list of parts."""
        self.by_name: dict[str, Instrument] = {}
        self.drums: dict[str, int] = {}
        for midi in listed.iterfind("midi-instrument") if listed is not None else ():
            self.read(midi)

    @property
    def first(self) -> str:
        """Return the name of the first instrument, or "" if there is none."""
        return next(iter(self.by_name), "")

    def read(self, midi: ET.Element) -> Instrument:
        """Read a `midi-instrument`, which adds or changes an instrument, and return the instrument."""
        name, program = midi.get("id", ""), midi.findtext("midi-program")
        before = self.by_name.get(name, Instrument())
        channel = midi.findtext("midi-channel")
        drum = before.drum if channel is None else channel.strip() == str(DRUMS)
        self.by_name[name] = Instrument(None if drum else _from_one(program) if program else before.program, drum)
        if (unpitched := midi.findtext("midi-unpitched")) is not None:
            self.drums[name] = _from_one(unpitched)
        return self.by_name[name]


def write_instrument(parent: ET.Element, name: str, instrument: Instrument) -> None:
    """Add a `midi-instrument`."""
    midi = child(parent, "midi-instrument", id=name)
    if instrument.drum:
        child(midi, "midi-channel", DRUMS)
    if instrument.program is not None:
        child(midi, "midi-program", instrument.program + 1)


def _from_one(text: str) -> int:
    """Return a MIDI number; MusicXML counts it from one."""
    return min(max(number_in(text) - 1, 0), 127)
