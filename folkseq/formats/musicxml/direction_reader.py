"""Read directions of MusicXML: tempos, words, dynamics, wedges, jumps, and chord symbols."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction

from folkseq.formats.musicxml.elements import count_unread, number_in, text_in
from folkseq.formats.musicxml.instruments import Instruments
from folkseq.formats.musicxml.measure import Position
from folkseq.formats.musicxml.signs import DYNAMICS, JUMPS, TO_ABC, WEDGES, Harmony, format_harmony
from folkseq.formats.musicxml.values import LENGTHS
from folkseq.music.harmony import move_symbol
from folkseq.music.route import sign
from folkseq.music.signature import Tempo
from folkseq.music.tune import Part


class DirectionReader:
    """Reads the directions of one part, and counts unsupported ones in `lost`."""

    def __init__(self, position: Position, instruments: Instruments, lost: Counter[str]) -> None:
        self.position, self.instruments, self.lost = position, instruments, lost
        self.wedges: dict[str, str] = {}

    def read(self, direction: ET.Element) -> None:
        """Read a direction."""
        place = max(self.position.time + self.position.length(number_in(direction.findtext("offset"))), Fraction(0))
        words = [text_in(each) for each in direction.iterfind("direction-type/words") if text_in(each)]
        sound = direction.find("sound")
        metronome = direction.find("direction-type/metronome")
        if metronome is not None or (sound is not None and sound.get("tempo")):
            words = [] if self._read_tempo(metronome, sound, place, " ".join(words)) else words
        if sound is not None:
            words = self._read_sound(sound, place, words)
        above = "_" if direction.get("placement") == "below" else "^"
        for text in words:
            self.position.mark(place, f'"{above}{text}"', direction)
        for each in (child for kind in direction.iterfind("direction-type") for child in kind):
            if each.tag == "dynamics":
                for child in each:
                    text = text_in(child)
                    known = child.tag in DYNAMICS
                    self.position.mark(place, f"!{child.tag}!" if known else f'"_{text or child.tag}"', direction)
            elif each.tag == "wedge":
                self._read_wedge(each, place, direction)
            elif each.tag == "rehearsal":
                self.position.change(place, Part(text_in(each)))
            elif each.tag in ("segno", "coda"):
                self.position.mark(place, TO_ABC[each.tag], direction)
            elif each.tag != "words":
                count_unread(self.lost, each)

    def read_sound(self, sound: ET.Element) -> None:
        """Read a `sound` outside of directions."""
        self._read_sound(sound, self.position.time, [])

    def _read_wedge(self, wedge: ET.Element, place: Fraction, direction: ET.Element) -> None:
        number, kind = wedge.get("number", "1"), wedge.get("type", "")
        if kind in WEDGES:
            self.wedges[number] = kind
            self.position.mark(place, WEDGES[kind][0], direction)
        elif kind == "stop" and number in self.wedges:
            self.position.mark(place, WEDGES[self.wedges.pop(number)][1], direction)

    def _read_sound(self, sound: ET.Element, place: Fraction, words: list[str]) -> list[str]:
        """Apply a `sound`; return the words that it does not replace."""
        for midi in sound.iterfind("midi-instrument"):
            self.position.change(place, self.instruments.read(midi))
        for name, attribute in JUMPS.items():
            if sound.get(attribute) not in (None, "no"):
                said = next((text for text in words if sign(f'"{text}"') == name), "")
                words = [text for text in words if text != said]
                after = re.search(r"al ?(?:fine|coda)", said, re.IGNORECASE)
                decoration = {"tocoda": "!dacoda!"}.get(name, f"!{name}{after[0].replace(' ', '') if after else ''}!")
                self.position.mark(place, decoration)
        if sound.get("tempo") and not place and not words:
            self._add_tempo(None, sound, place, "")
        return words

    def _read_tempo(self, metronome: ET.Element | None, sound: ET.Element | None, place: Fraction, text: str) -> bool:
        """Add the tempo of a direction; return whether there is one."""
        added = self._add_tempo(metronome, sound, place, text)
        if sound is not None:
            sound.attrib.pop("tempo", None)
        if not added:
            self.lost["tempo that cannot be read"] += 1
        return added

    def _add_tempo(self, metronome: ET.Element | None, sound: ET.Element | None, place: Fraction, text: str) -> bool:
        played = float(sound.get("tempo") or 0) if sound is not None else 0.0
        beat, bpm = Fraction(1, 4), played
        if metronome is not None and len(metronome.findall("beat-unit")) == 1:
            value = LENGTHS.get(metronome.findtext("beat-unit", "").strip())
            number = re.search(r"\d+(?:\.\d+)?", metronome.findtext("per-minute", ""))
            if value is not None:
                beat = value * (2 - Fraction(1, 2 ** len(metronome.findall("beat-unit-dot"))))
                shown = float(number[0]) if number else played / float(4 * beat)
                # The played tempo applies if it differs from the shown one by more than rounding.
                bpm = shown if not played or abs(shown * float(4 * beat) - played) < 1 else played / float(4 * beat)
        if not 1 <= bpm <= 2000 or beat > 4:
            return False
        self.position.change(place, Tempo(beat, bpm, text.replace('"', "'")))
        return True

    def read_harmony(self, harmony: ET.Element) -> None:
        """Read a chord symbol."""
        place = max(self.position.time + self.position.length(number_in(harmony.findtext("offset"))), Fraction(0))
        kind = harmony.find("kind")
        root = harmony.find("root")
        if kind is None or root is None:
            self.lost["chord symbol of an unknown kind"] += 1
            return
        bass = harmony.find("bass")
        chord = Harmony(
            (root.findtext("root-step", "C").strip(), number_in(root.findtext("root-alter"))),
            (kind.text or "").strip(),
            kind.get("text", ""),
            (bass.findtext("bass-step", "C").strip(), number_in(bass.findtext("bass-alter")))
            if bass is not None
            else None,
        )
        degrees = "".join(map(_degree, harmony.iterfind("degree")))
        text = format_harmony(chord, degrees)
        if text is None:
            self.lost["chord symbol of an unknown kind"] += 1
            text = f"^{kind.get('text') or kind.text}"
        self.position.mark(place, f'"{move_symbol(text, self.position.transposition)}"')


def _degree(degree: ET.Element) -> str:
    """Return the sign for a degree that is added, altered or omitted in a chord."""
    value, alter = degree.findtext("degree-value", "").strip(), number_in(degree.findtext("degree-alter"))
    sign = {1: "#", -1: "b"}.get(alter, "")
    match degree.findtext("degree-type", "").strip():
        case "add":
            return f"add{sign}{value}" if not sign else f"{sign}{value}"
        case "subtract":
            return f"no{value}"
    return f"{sign}{value}"
