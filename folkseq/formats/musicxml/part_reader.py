"""Read one part of a MusicXML score as measures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from folkseq.formats.musicxml.attributes import parse_key, parse_meter
from folkseq.formats.musicxml.direction_reader import DirectionReader
from folkseq.formats.musicxml.elements import count_unread, number_in
from folkseq.formats.musicxml.instruments import Instruments
from folkseq.formats.musicxml.measure import Position, ReadMeasure
from folkseq.formats.musicxml.note_reader import NoteReader
from folkseq.formats.musicxml.signs import TO_ABC
from folkseq.music.pitch import Interval
from folkseq.music.signature import Key

_STYLES = {"light-light": "||", "light-heavy": "|]", "heavy-heavy": "|]", "heavy": "|]", "none": "none"}


class PartReader:
    """Reads one part, and counts unsupported elements in `lost`."""

    def __init__(self, listed: ET.Element | None, lost: Counter[str]) -> None:
        self.lost, self.key = lost, Key()
        self.position, self.instruments = Position(), Instruments(listed)
        self.notes = NoteReader(self.position, self.instruments, lost)
        directions = DirectionReader(self.position, self.instruments, lost)
        self.readers: dict[str, Callable[[ET.Element], None]] = {
            "note": self.notes.read,
            "backup": lambda each: self.position.move(-number_in(each.findtext("duration"))),
            "forward": lambda each: self.position.move(number_in(each.findtext("duration"))),
            "attributes": self._read_attributes,
            "direction": directions.read,
            "harmony": directions.read_harmony,
            "barline": self._read_barline,
            "sound": directions.read_sound,
        }

    def read(self, part: ET.Element) -> list[ReadMeasure]:
        """Return the measures."""
        measures: list[ReadMeasure] = []
        first = self.instruments.by_name.get(self.instruments.first)
        for element in part.iterfind("measure"):
            self.position.begin()
            if not measures and first is not None:
                self.position.change(Fraction(0), first)
            for each in element:
                if each.tag in self.readers:
                    self.readers[each.tag](each)
                else:
                    count_unread(self.lost, each)
            measure = self.position.measure
            measure.changes.sort(key=lambda change: change[0])
            measure.marks.sort(key=lambda mark: mark[0])
            measures.append(measure)
        self.notes.finish()
        return measures

    def _read_attributes(self, attributes: ET.Element) -> None:
        for each in attributes:
            if each.tag == "divisions":
                self.position.divisions = Fraction((each.text or "1").strip())
            elif each.tag == "transpose":
                self._read_transposition(each)
            elif each.tag == "key":
                self._read_key(each)
            elif each.tag == "time":
                self.position.change(self.position.time, parse_meter(each))
            elif each.tag == "measure-style":
                self.lost.update(kind.tag.replace("-", " ") for kind in each if kind.tag != "multiple-rest")
            else:
                count_unread(self.lost, each)

    def _read_transposition(self, transpose: ET.Element) -> None:
        semitones = number_in(transpose.findtext("chromatic"))
        octaves = number_in(transpose.findtext("octave-change"))
        steps = transpose.findtext("diatonic")
        interval = self.key.interval_up(semitones) if steps is None else Interval(number_in(steps), semitones)
        self.position.transposition = interval.octaves(octaves)

    def _read_key(self, key: ET.Element) -> None:
        if int(key.get("number", "1")) > 1:  # of another staff
            return
        read = parse_key(key)
        if read is None:
            self.lost["key of more than seven accidentals"] += 1
            return
        self.key = read
        self.position.change(self.position.time, read.moved(self.position.transposition))

    def _read_barline(self, barline: ET.Element) -> None:
        at_left = barline.get("location") == "left"
        if barline.get("location") == "middle":
            self.lost["bar line within a measure"] += 1
            return
        line = self.position.measure.left if at_left else self.position.measure.right
        line.style = _STYLES.get(barline.findtext("bar-style", "").strip(), "|") if not at_left else line.style
        for each in barline:
            if each.tag == "repeat":
                if each.get("direction") == "forward":
                    line.opens = True
                else:
                    line.closes = max(number_in(each.get("times", "2")) - 1, 1)
            elif each.tag == "ending":
                numbers = tuple(map(int, re.findall(r"[1-9]\d?", each.get("number", ""))))
                if each.get("type") == "start":
                    line.endings = numbers or (1,)
                else:
                    line.stops = True
            elif each.tag in ("segno", "coda", "fermata"):
                self.position.mark(Fraction(0) if at_left else self.position.measure.length, TO_ABC[each.tag])
            elif each.tag != "bar-style":
                count_unread(self.lost, each)
