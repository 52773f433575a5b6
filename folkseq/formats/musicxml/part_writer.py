"""Write one voice of a tune as a part of MusicXML, measure by measure."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import takewhile

from folkseq.formats.abc.writer import BARS_A_LINE, beam_group
from folkseq.formats.musicxml.attributes import write_key, write_meter
from folkseq.formats.musicxml.direction_writer import direct, write_mark, write_tempo
from folkseq.formats.musicxml.elements import child
from folkseq.formats.musicxml.frame import Frame, Placed, cut
from folkseq.formats.musicxml.instruments import write_instrument
from folkseq.formats.musicxml.note_writer import NoteWriter, Piece, pieces
from folkseq.formats.musicxml.values import beams
from folkseq.music.dance import tempo_of
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound, Tune

_CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "percussion": ("percussion", None)}
_STYLES = {"": "none", "||": "light-light", "|]": "light-heavy"}


class PartWriter:
    """Writes one voice."""

    def __init__(self, tune: Tune, name: str, voice: Sequence[Element], clef: str, leads: bool, lost: Counter[str]):
        self.tune, self.name, self.clef, self.leads, self.lost = tune, name, clef, leads, lost
        self.meter = tune.meter
        before = takewhile(lambda each: not isinstance(each, Sound), voice)
        self.instrument = next((each for each in before if isinstance(each, Instrument)), Instrument())
        self.measure, self.notes = ET.Element("measure"), NoteWriter(tune.key)
        self.ending: tuple[int, ...] = ()
        self.coming_meter: Meter | None = None  # at the next bar line
        self.bars = 0  # in this line

    def list_part(self, listed: ET.Element, name: str) -> None:
        """Add the part to the list of parts."""
        part = child(listed, "score-part", id=self.name)
        child(part, "part-name", name)
        if self.instrument == Instrument():
            return
        child(child(part, "score-instrument", id=f"{self.name}-I1"), "instrument-name", name)
        write_instrument(part, f"{self.name}-I1", self.instrument)

    def write(self, voice: Sequence[Element], frame: Frame) -> ET.Element:
        """Return the part."""
        measures = cut(voice, frame.lengths)
        found = [[pieces(each) for each in measure] for measure in measures]
        lengths = [piece.length for measure in found for of_sound in measure for piece in of_sound]
        self.notes.divisions = math.lcm(1, *((length * 4).denominator for length in lengths))
        part, number, before = ET.Element("part", id=self.name), 0, Fraction(0)
        for index, (measure, length) in enumerate(zip(measures, frame.lengths, strict=True)):
            left, right = frame.lines[index : index + 2]
            meter = next(
                (e.element for e in measure if isinstance(e.element, Meter) and not e.place), self.coming_meter
            )
            self.meter = meter or self.meter
            implicit = length < self.meter.bar and (not index or (before > 0 and before + length <= self.meter.bar))
            number += not implicit
            attributes = {"number": f"X{index}" if implicit and index else str(number)}
            self.measure = ET.SubElement(part, "measure", attributes | ({"implicit": "yes"} if implicit else {}))
            before = length if length < self.meter.bar and not (implicit and index) else Fraction(0)
            self._begin_line(left, length, first=not index)
            self._begin(left, first=not index, meter=meter)
            self._write_measure(measure, found[index], length, pickup=not index or left.ends_section)
            self._end(right, last=index + 1 == len(measures))
        return part

    def _begin_line(self, line: Bar, length: Fraction, first: bool) -> None:
        """Begin a new line after some bars and after a section, as in ABC, if there is only one voice."""
        if len(self.tune.voices) == 1:
            if not first and (self.bars >= BARS_A_LINE or (line.ends_section and self.bars > 1)):
                child(self.measure, "print", **{"new-system": "yes"})
                self.bars = 0
            self.bars += length == self.meter.bar

    def _begin(self, line: Bar, first: bool, meter: Meter | None) -> None:
        """Write the beginning of a measure: bar line, key, meter and clef."""
        self.notes.shown.clear()
        self.coming_meter = None
        if line.opens or line.endings:
            barline = child(self.measure, "barline", location="left")
            if line.opens:
                child(barline, "bar-style", "heavy-light")
            if line.endings:
                self.ending = line.endings
                child(barline, "ending", number=self._passes(), type="start")
            if line.opens:
                child(barline, "repeat", direction="forward")
        if not first:
            if meter is not None:
                write_meter(child(self.measure, "attributes"), self.meter)
            return
        attributes = child(self.measure, "attributes")
        child(attributes, "divisions", self.notes.divisions)
        write_key(attributes, self.notes.key)
        write_meter(attributes, self.meter)
        clef, (sign, line_number) = child(attributes, "clef"), _CLEFS[self.clef]
        child(clef, "sign", sign)
        if line_number:
            child(clef, "line", line_number)
        if self.leads:
            write_tempo(self.measure, self.tune.tempo or tempo_of(self.tune), shown=self.tune.tempo is not None)
            if self.tune.tempo is None:
                for text in (value for letter, value in self.tune.fields if letter == "Q"):
                    direct(self.measure, ET.Element("words"), text.strip('" '))

    def _end(self, line: Bar, last: bool) -> None:
        """Write the bar line at the end of a measure."""
        ends = bool(self.ending) and (line.endings or line.ends_section or last)
        style = "light-heavy" if line.closes else None if line.opens else _STYLES.get(line.style)
        if not (style or ends or line.closes):
            return
        barline = child(self.measure, "barline", location="right")
        if style and not (last and style == "none"):
            child(barline, "bar-style", style)
        if ends:
            child(barline, "ending", number=self._passes(), type="stop" if line.closes else "discontinue")
            self.ending = ()
        if line.closes:
            times = {"times": str(line.closes + 1)} if line.closes > 1 else {}
            child(barline, "repeat", direction="backward", **times)

    def _passes(self) -> str:
        return ",".join(map(str, self.ending))

    def _write_measure(
        self, measure: Sequence[Placed], pieces: Sequence[Sequence[Piece]], length: Fraction, pickup: bool
    ) -> None:
        flat = [piece for found in pieces for piece in found]
        shift = max(self.meter.bar - length, Fraction(0)) if pickup else Fraction(0)
        notes = [(piece.place + shift, piece.value[0], bool(piece.sound.pitches)) for piece in flat]
        beamed = iter(beams(notes, beam_group(self.meter)))
        whole = len(flat) == 1 and length == self.meter.bar
        for placed, found in zip(measure, pieces, strict=True):
            element = placed.element
            if isinstance(element, Sound):
                for mark in element.marks:
                    write_mark(self.measure, mark, self.lost)
                for pitch in element.grace:
                    self.notes.write_grace(self.measure, pitch)
                for piece in found:
                    self.notes.write(self.measure, piece, next(beamed), whole)
            else:
                self._write_other(element, placed.place)

    def _write_other(self, element: Element, place: Fraction) -> None:
        if isinstance(element, Bar):
            for mark in element.marks:
                write_mark(self.measure, mark, self.lost)
        elif isinstance(element, Key):
            self.notes.key = element
            write_key(child(self.measure, "attributes"), element)
        elif isinstance(element, Meter):
            self.coming_meter = element if place else None
        elif isinstance(element, Tempo):
            write_tempo(self.measure, element)
        elif isinstance(element, Part):
            direct(self.measure, ET.Element("rehearsal"), element.label)
        elif isinstance(element, Instrument) and element != self.instrument:
            self.instrument = element
            write_instrument(child(self.measure, "sound"), f"{self.name}-I1", element)
