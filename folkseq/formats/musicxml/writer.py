"""From a tune to MusicXML 4.0 (score-partwise), each voice as a part.

Notes, chords, grace notes, ties, slurs, tuplets, repeats, endings, D.C. and D.S., keys, meters, tempos, instruments,
chord symbols, lyrics, dynamics and the usual decorations are written; `unwritten` counts the others. The header fields
of ABC are stored as miscellaneous fields, so that `read` gives them back. Parts in the order of a header's `P:` are
written out. Beams follow the beat.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import takewhile
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.formats.abc.fields import format_tempo
from folkseq.formats.abc.settings import DRUMS
from folkseq.formats.abc.writer import BARS_A_LINE, beam_group
from folkseq.formats.musicxml.measures import Frame, Placed, cut, frame, paired
from folkseq.formats.musicxml.signs import (
    DYNAMICS,
    FINGERING,
    FROM_ABC,
    JUMPS,
    ROLL,
    WEDGE_NAMES,
    parse_chord,
)
from folkseq.formats.musicxml.values import beams, note_values, ratio_of
from folkseq.music.dance import tempo_of
from folkseq.music.parts import played_order
from folkseq.music.pitch import LETTERS, Pitch
from folkseq.music.route import sign
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.timeline import expand_parts
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound, Tune

_LOW = 58  # MIDI; a voice whose mean is below it is written in the bass clef
_CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "percussion": ("percussion", None)}
_STYLES = {"": "none", "||": "light-light", "|]": "light-heavy"}
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
MODES = {
    "maj": "major",
    "min": "minor",
    "mix": "mixolydian",
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "loc": "locrian",
}
"""MusicXML's name of each mode."""
FIELD = "abc:"
"""The beginning of the names of miscellaneous fields that hold those of a header."""


class _Piece(NamedTuple):
    """A note value of a sound."""

    sound: Sound
    place: Fraction
    length: Fraction
    value: tuple[str, int]
    ratio: tuple[int, int]
    begins: bool  # a tuplet
    ends: bool
    first: bool  # of the sound's values
    last: bool


def format(tune: Tune, comments: Sequence[str] = (), parts: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a tune as MusicXML.

    Args:
        tune: The tune.
        comments: Texts about the origin of the file.
        parts: The name of each part and its clef, treble or bass; by default no names, and clefs by the pitches.

    Raises:
        RequestError: A note is shorter than MusicXML can write.
    """
    root = _write(tune, comments, parts, Counter())
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def unwritten(tune: Tune) -> Counter[str]:
    """Count by kind what MusicXML does not hold of a tune. Raises RequestError as `format` does."""
    lost: Counter[str] = Counter()
    _write(tune, (), (), lost)
    return lost


def _write(tune: Tune, comments: Sequence[str], parts: Sequence[tuple[str, str]], lost: Counter[str]) -> ET.Element:
    if len(tune.voices) == 1:
        tune = expand_parts(tune)
    elif played_order(tune):
        lost["order of parts (P:) of several voices"] += 1
    tune = paired(tune)
    root = ET.Element("score-partwise", version="4.0")
    _write_head(root, tune, comments)
    listed, measures = _child(root, "part-list"), frame(tune)
    for number, voice in enumerate(tune.voices, 1):
        name, clef = parts[number - 1] if parts else ("", "")
        writer = _PartWriter(tune, f"P{number}", voice, clef or _clef(voice), number == 1, lost)
        writer.list_part(listed, name)
        root.append(writer.write(voice, measures))
    return root


def _clef(voice: Iterable[Element]) -> str:
    """Return the clef for the pitches of a voice."""
    drum, heights = False, []
    for element in voice:
        drum |= isinstance(element, Instrument) and element.drum
        if isinstance(element, Sound) and element.pitches:
            heights.append(element.pitches[0].midi)
    return "percussion" if drum else "bass" if heights and sum(heights) < _LOW * len(heights) else "treble"


def _write_head(root: ET.Element, tune: Tune, comments: Sequence[str]) -> None:
    _child(_child(root, "work"), "work-title", tune.title or "Untitled")
    about = _child(root, "identification")
    for letter, value in tune.fields:
        if letter == "C":
            _child(about, "creator", value, type="composer")
    encoding = _child(about, "encoding")
    _child(encoding, "software", "folkseq")
    for element in ("accidental", "beam"):
        _child(encoding, "supports", element=element, type="yes")
    other = _child(about, "miscellaneous")
    fields = [("X", str(tune.number)), *(("T", title) for title in tune.titles), ("R", tune.rhythm)]
    fields += [("P", tune.parts), ("L", str(tune.unit)), *tune.fields]
    fields += [("Q", format_tempo(tune.tempo))] if tune.tempo else []
    for letter, value in fields:
        if value:
            _child(other, "miscellaneous-field", value, name=FIELD + letter)
    for comment in comments:
        _child(other, "miscellaneous-field", comment, name="comment")


class _PartWriter:
    """Writes one voice as a part, measure by measure."""

    def __init__(self, tune: Tune, name: str, voice: Sequence[Element], clef: str, leads: bool, lost: Counter[str]):
        self.tune, self.name, self.clef, self.leads, self.lost = tune, name, clef, leads, lost
        self.key, self.meter = tune.key, tune.meter
        before = takewhile(lambda each: not isinstance(each, Sound), voice)
        self.instrument = next((each for each in before if isinstance(each, Instrument)), Instrument())
        self.divisions = 1
        self.measure = ET.Element("measure")
        self.shown: dict[int, int] = {}  # accidentals since the bar line, by staff position
        self.tied: tuple[Pitch, ...] = ()  # into the next note
        self.slurs: list[int] = []  # numbers of those that are open
        self.in_word: set[int] = set()  # verses within a word
        self.ending: tuple[int, ...] = ()
        self.coming_meter: Meter | None = None  # at the next bar line
        self.bars = 0  # in this line

    def list_part(self, listed: ET.Element, name: str) -> None:
        """Add the part to the list of parts."""
        part = _child(listed, "score-part", id=self.name)
        _child(part, "part-name", name)
        if self.instrument == Instrument():
            return
        _child(_child(part, "score-instrument", id=f"{self.name}-I1"), "instrument-name", name)
        midi = _child(part, "midi-instrument", id=f"{self.name}-I1")
        if self.instrument.drum:
            _child(midi, "midi-channel", DRUMS)
        if self.instrument.program is not None:
            _child(midi, "midi-program", self.instrument.program + 1)

    def write(self, voice: Sequence[Element], frame: Frame) -> ET.Element:
        """Return the part."""
        measures = cut(voice, frame.lengths)
        pieces = [[self._pieces(each) for each in measure] for measure in measures]
        lengths = [piece.length for measure in pieces for found in measure for piece in found]
        self.divisions = math.lcm(1, *((length * 4).denominator for length in lengths))
        part, number, before = ET.Element("part", id=self.name), 0, Fraction(0)
        for index, (measure, length) in enumerate(zip(measures, frame.lengths, strict=True)):
            left, right = frame.lines[index : index + 2]
            meter = next(
                (e.element for e in measure if isinstance(e.element, Meter) and not e.place), self.coming_meter
            )
            self.meter = meter or self.meter
            implicit = length < self.meter.bar and (not index or (before > 0 and before + length <= self.meter.bar))
            number += not (implicit)
            attributes = {"number": f"X{index}" if implicit and index else str(number)}
            self.measure = ET.SubElement(part, "measure", attributes | ({"implicit": "yes"} if implicit else {}))
            before = length if length < self.meter.bar and not (implicit and index) else Fraction(0)
            self._begin_line(left, length, first=not index)
            self._begin(left, first=not index, meter=meter)
            self._write_measure(measure, pieces[index], length, pickup=not index or left.ends_section)
            self._end(right, last=index + 1 == len(measures))
        return part

    def _begin_line(self, line: Bar, length: Fraction, first: bool) -> None:
        """Begin a new line after some bars and after a section, as ABC does, if there is only one voice."""
        if len(self.tune.voices) == 1:
            if not first and (self.bars >= BARS_A_LINE or (line.ends_section and self.bars > 1)):
                _child(self.measure, "print", **{"new-system": "yes"})
                self.bars = 0
            self.bars += length == self.meter.bar

    def _begin(self, line: Bar, first: bool, meter: Meter | None) -> None:
        """Write what stands at the beginning of a measure: bar line, key, meter and clef."""
        self.shown.clear()
        self.coming_meter = None
        if line.opens or line.endings:
            barline = _child(self.measure, "barline", location="left")
            if line.opens:
                _child(barline, "bar-style", "heavy-light")
            if line.endings:
                self.ending = line.endings
                _child(barline, "ending", number=self._passes(), type="start")
            if line.opens:
                _child(barline, "repeat", direction="forward")
        if not first:
            if meter is not None:
                self._write_meter(_child(self.measure, "attributes"))
            return
        attributes = _child(self.measure, "attributes")
        _child(attributes, "divisions", self.divisions)
        _write_key(attributes, self.key)
        self._write_meter(attributes)
        clef, (sign, line_number) = _child(attributes, "clef"), _CLEFS[self.clef]
        _child(clef, "sign", sign)
        if line_number:
            _child(clef, "line", line_number)
        if self.leads:
            self._write_tempo(self.tune.tempo or tempo_of(self.tune), shown=self.tune.tempo is not None)
            if self.tune.tempo is None:
                for text in (value for letter, value in self.tune.fields if letter == "Q"):
                    self._direct(ET.Element("words"), text.strip('" '))

    def _end(self, line: Bar, last: bool) -> None:
        """Write the bar line at the end of a measure."""
        ends = bool(self.ending) and (line.endings or line.ends_section or last)
        style = "light-heavy" if line.closes else None if line.opens else _STYLES.get(line.style)
        if not (style or ends or line.closes):
            return
        barline = _child(self.measure, "barline", location="right")
        if style and not (last and style == "none"):
            _child(barline, "bar-style", style)
        if ends:
            _child(barline, "ending", number=self._passes(), type="stop" if line.closes else "discontinue")
            self.ending = ()
        if line.closes:
            times = {"times": str(line.closes + 1)} if line.closes > 1 else {}
            _child(barline, "repeat", direction="backward", **times)

    def _passes(self) -> str:
        return ",".join(map(str, self.ending))

    def _pieces(self, placed: Placed) -> list[_Piece]:
        """Return the note values of a sound; none of another element."""
        sound = placed.element
        if not isinstance(sound, Sound):
            return []
        ratio, alone = placed.ratio, False
        values = note_values(sound.duration * Fraction(*ratio))
        if values is None and ratio == (1, 1):
            ratio, alone = ratio_of(sound.duration), True
            values = note_values(sound.duration * Fraction(*ratio))
        if values is None:
            raise RequestError(
                f"it cannot be written as MusicXML (it has a note of {sound.duration} of a whole note); "
                "take .abc or .mid"
            )
        found, place = [], placed.place
        for index, (written, value) in enumerate(values):
            first, last = index == 0, index + 1 == len(values)
            length = written / Fraction(*ratio)
            begins, ends = (placed.begins or alone) and first, (placed.ends or alone) and last
            found.append(_Piece(sound, place, length, value, ratio, begins, ends, first, last))
            place += length
        return found

    def _write_measure(
        self, measure: Sequence[Placed], pieces: Sequence[Sequence[_Piece]], length: Fraction, pickup: bool
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
                    self._write_mark(mark)
                for pitch in element.grace:
                    note = _child(self.measure, "note")
                    _child(note, "grace", slash="yes")
                    self._write_pitch(note, pitch)
                    self._finish_note(note, ("eighth", 0), pitch)
                for piece in found:
                    self._write_piece(piece, next(beamed), whole)
            else:
                self._write_other(element, placed.place)

    def _write_other(self, element: Element, place: Fraction) -> None:
        if isinstance(element, Bar):
            for mark in element.marks:
                self._write_mark(mark)
        elif isinstance(element, Key):
            self.key = element
            _write_key(_child(self.measure, "attributes"), element)
        elif isinstance(element, Meter):
            self.coming_meter = element if place else None
        elif isinstance(element, Tempo):
            self._write_tempo(element)
        elif isinstance(element, Part):
            self._direct(ET.Element("rehearsal"), element.label)
        elif isinstance(element, Instrument) and element != self.instrument:
            self._write_instrument(element)

    def _write_instrument(self, instrument: Instrument) -> None:
        self.instrument = instrument
        midi = _child(_child(self.measure, "sound"), "midi-instrument", id=f"{self.name}-I1")
        if instrument.drum:
            _child(midi, "midi-channel", DRUMS)
        if instrument.program is not None:
            _child(midi, "midi-program", instrument.program + 1)

    def _write_piece(self, piece: _Piece, beam: Sequence[str], whole: bool) -> None:
        """Write a note, a chord or a rest."""
        sound = piece.sound
        tied = sound.pitches if not piece.last else sound.tied_pitches
        for index, pitch in enumerate(sound.pitches or (None,)):
            note = _child(self.measure, "note")
            if index:
                _child(note, "chord")
            if pitch is None:
                _child(note, "rest", **({"measure": "yes"} if whole else {}))
            else:
                self._write_pitch(note, pitch)
            _child(note, "duration", int(piece.length * 4 * self.divisions))
            ties = ["stop"] * (pitch in self.tied) + ["start"] * (pitch in tied)
            for kind in ties:
                _child(note, "tie", type=kind)
            value = None if whole and pitch is None else piece.value
            self._finish_note(note, value, pitch, piece.ratio)
            if not index:
                for number, word in enumerate(beam, 1):
                    _child(note, "beam", word, number=str(number))
            self._write_notations(note, piece, ties, index)
            if not index and piece.first:
                self._write_lyrics(note, sound)
        self.tied = tied

    def _finish_note(
        self, note: ET.Element, value: tuple[str, int] | None, pitch: Pitch | None, ratio: tuple[int, int] = (1, 1)
    ) -> None:
        """Write the voice, the note value and the accidental of a note."""
        _child(note, "voice", 1)
        if value is not None:
            _child(note, "type", value[0])
            for _ in range(value[1]):
                _child(note, "dot")
        if pitch is not None and self._needs_accidental(pitch):
            _child(note, "accidental", _ACCIDENTALS[pitch.alter])
        if ratio != (1, 1):
            modification = _child(note, "time-modification")
            _child(modification, "actual-notes", ratio[0])
            _child(modification, "normal-notes", ratio[1])

    def _write_pitch(self, note: ET.Element, pitch: Pitch) -> None:
        octave, letter = divmod(pitch.step, 7)
        written = _child(note, "pitch")
        _child(written, "step", LETTERS[letter])
        if pitch.alter:
            _child(written, "alter", pitch.alter)
        _child(written, "octave", octave + 4)

    def _needs_accidental(self, pitch: Pitch) -> bool:
        """Return whether a reader would take the note for another one without its accidental."""
        usual = self.key.alters[pitch.letter]
        others = {alter for step, alter in self.shown.items() if step != pitch.step and step % 7 == pitch.letter}
        held = pitch in self.tied and pitch.step not in self.shown
        needed = self.shown.get(pitch.step, usual) != pitch.alter or bool(others - {pitch.alter})
        if held or not needed:
            return False
        self.shown[pitch.step] = pitch.alter
        return True

    def _write_notations(self, note: ET.Element, piece: _Piece, ties: Sequence[str], index: int) -> None:
        notations = ET.Element("notations")
        for kind in ties:
            _child(notations, "tied", type=kind)
        if not index:
            sound = piece.sound
            for _ in range(sound.closes if piece.last else 0):
                if self.slurs:
                    _child(notations, "slur", number=str(self.slurs.pop()), type="stop")
            for _ in range(sound.opens if piece.first else 0):
                self.slurs.append(next(number for number in range(1, 99) if number not in self.slurs))
                _child(notations, "slur", number=str(self.slurs[-1]), type="start")
            if piece.begins:
                _child(notations, "tuplet", number="1", type="start")
            if piece.ends:
                _child(notations, "tuplet", number="1", type="stop")
            if piece.first:
                self._write_decorations(notations, sound.marks)
        if len(notations):
            note.append(notations)

    def _write_decorations(self, notations: ET.Element, marks: Sequence[str]) -> None:
        groups: dict[str, ET.Element] = {}
        for mark in map(_decoration, marks):
            if mark in FROM_ABC and FROM_ABC[mark][0] != "direction":
                group, tag = FROM_ABC[mark]
            elif FINGERING.fullmatch(mark):
                group, tag = "technical", "fingering"
            else:
                continue
            if group and group not in groups:
                groups[group] = ET.SubElement(notations, group)
            home = groups[group] if group else notations
            if tag == "other-ornament":
                _child(home, "turn")
            _child(home, tag, mark[1] if tag == "fingering" else ROLL if tag == "other-ornament" else "")

    def _write_mark(self, mark: str) -> None:
        """Write a mark that stands apart from the notes, or count it; others are written with their note."""
        mark = _decoration(mark)
        if mark.startswith('"'):
            self._write_text(mark[1:-1])
        elif mark in WEDGE_NAMES:
            kind, place = WEDGE_NAMES[mark]
            self._direct(ET.Element("wedge", type="stop" if place else kind))
        elif (name := sign(mark)) in JUMPS:
            value = "1" if name in ("D.S.", "tocoda") else "yes"
            self._direct(ET.Element("words"), _JUMP_WORDS.get(mark.strip("!").lower(), name), {JUMPS[name]: value})
        elif mark in FROM_ABC:
            group, tag = FROM_ABC[mark]
            if group == "direction" and tag in DYNAMICS:
                made = ET.Element("dynamics")
                ET.SubElement(made, tag)
                self._direct(made, place="below")
            elif group == "direction":
                self._direct(ET.Element(tag), sound={tag: "1"})
        elif not FINGERING.fullmatch(mark):
            self.lost[f"decoration {mark}"] += 1

    def _write_text(self, text: str) -> None:
        chord = parse_chord(text)
        if chord is None:
            place = {"^": "above", "_": "below"}.get(text[:1], "above")
            self._direct(ET.Element("words"), text.lstrip("^_<>@"), place=place)
            return
        harmony = _child(self.measure, "harmony")
        root = _child(harmony, "root")
        _child(root, "root-step", chord.root[0], **({"text": ""} if chord.kind == "none" else {}))
        if chord.root[1]:
            _child(root, "root-alter", chord.root[1])
        _child(harmony, "kind", chord.kind, text=_clean(chord.text))
        if chord.bass:
            bass = _child(harmony, "bass")
            _child(bass, "bass-step", chord.bass[0])
            if chord.bass[1]:
                _child(bass, "bass-alter", chord.bass[1])

    def _write_tempo(self, tempo: Tempo, shown: bool = True) -> None:
        """Write a tempo, which is heard also if it is not shown."""
        direction = ET.Element("direction", placement="above")
        values = note_values(tempo.beat)
        if tempo.text and shown:
            _child(_child(direction, "direction-type"), "words", tempo.text)
        if shown and values and len(values) == 1:
            metronome = _child(_child(direction, "direction-type"), "metronome", parentheses="no")
            name, dots = values[0][1]
            _child(metronome, "beat-unit", name)
            for _ in range(dots):
                _child(metronome, "beat-unit-dot")
            _child(metronome, "per-minute", f"{tempo.bpm:.10g}")
        home = _child(direction, "sound", tempo=f"{tempo.quarter_bpm:.10g}")
        self.measure.append(direction if len(direction) > 1 else home)

    def _direct(
        self, made: ET.Element, text: str = "", sound: dict[str, str] | None = None, place: str = "above"
    ) -> None:
        made.text = _clean(text) or None
        direction = _child(self.measure, "direction", placement=place)
        _child(direction, "direction-type").append(made)
        if sound:
            _child(direction, "sound", **sound)

    def _write_meter(self, attributes: ET.Element) -> None:
        time = _child(attributes, "time")
        if self.meter.free:
            _child(time, "senza-misura")
            return
        _child(time, "beats", self.meter.beats)
        _child(time, "beat-type", self.meter.unit)

    def _write_lyrics(self, note: ET.Element, sound: Sound) -> None:
        for verse, syllable in enumerate(sound.lyrics, 1):
            if not syllable or syllable == "_":
                continue
            inside, goes_on = verse in self.in_word, syllable.endswith("-") and not syllable.endswith("\\-")
            lyric = _child(note, "lyric", number=str(verse))
            word = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}
            _child(lyric, "syllabic", word[inside, goes_on])
            text = syllable.removesuffix("-") if goes_on else syllable
            _child(lyric, "text", text.replace("~", " ").replace("\\", ""))
            (self.in_word.add if goes_on else self.in_word.discard)(verse)


_JUMP_WORDS = {
    "d.c.": "D.C.",
    "dacapo": "D.C.",
    "d.c.alfine": "D.C. al Fine",
    "d.c.alcoda": "D.C. al Coda",
    "d.s.": "D.S.",
    "d.s.alfine": "D.S. al Fine",
    "d.s.alcoda": "D.S. al Coda",
    "fine": "Fine",
    "dacoda": "To Coda",
}


def _write_key(attributes: ET.Element, key: Key) -> None:
    written = _child(attributes, "key")
    if not key.extra:
        _child(written, "fifths", key.sharps)
        _child(written, "mode", MODES[key.mode])
        return
    for letter, alter in enumerate(key.alters):
        if alter:
            _child(written, "key-step", LETTERS[letter])
            _child(written, "key-alter", alter)


def _decoration(mark: str) -> str:
    """Return a decoration between exclamation marks in place of plus signs."""
    return f"!{mark[1:-1]}!" if len(mark) > 2 and mark[0] == mark[-1] == "+" else mark


def _clean(text: str) -> str:
    """Return text without what XML cannot hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _child(parent: ET.Element, tag: str, content: str | int = "", /, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = _clean(str(content)) or None
    return child
