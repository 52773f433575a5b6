"""One part of a MusicXML score as measures: the sounds of each voice, and what else happens at which time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from folkseq.formats.abc.settings import DRUMS
from folkseq.formats.musicxml.signs import DYNAMICS, JUMPS, ROLL, TO_ABC, WEDGES, Chord, format_chord
from folkseq.formats.musicxml.values import LENGTHS
from folkseq.formats.musicxml.writer import MODES
from folkseq.music.pitch import LETTERS, Interval, Pitch
from folkseq.music.route import sign
from folkseq.music.signature import MODES as FIFTHS
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Element, Instrument, Part

_MODES = {name: mode for mode, name in MODES.items()} | {"ionian": "maj", "aeolian": "min"}
_STYLES = {"light-light": "||", "light-heavy": "|]", "heavy-heavy": "|]", "heavy": "|]", "none": "none"}
# Elements that shape the page, or repeat what another one says; no sound depends on them.
_SILENT = frozenset(
    [
        "print",
        "bookmark",
        "link",
        "grouping",
        "listening",
        "level",
        "footnote",
        "accidental",
        "beam",
        "stem",
        "notehead",
        "notehead-text",
        "staff",
        "voice",
        "type",
        "dot",
        "tie",
        "instrument",
        "time-modification",
        "duration",
        "chord",
        "pitch",
        "rest",
        "unpitched",
        "grace",
        "cue",
        "display-step",
        "display-octave",
        "divisions",
        "staves",
        "part-symbol",
        "instruments",
        "clef",
        "staff-details",
        "for-part",
        "directive",
        "tied",
        "tuplet",
        "wavy-line",
        "accidental-mark",
        "accidental-text",
        "other-notation",
        "dashes",
        "bracket",
        "octave-shift",
        "offset",
        "listen",
        "image",
        "principal-voice",
        "staff-divide",
        "scordatura",
        "metronome",
        "sound",
        "elision",
        "extend",
        "syllabic",
        "text",
        "laughing",
        "humming",
        "end-line",
        "end-paragraph",
        "inversion",
        "numeral",
        "function",
        "frame",
    ]
)


@dataclass
class Sounding:
    """A note, chord or rest of a voice; `tied` are the pitches that last into the next."""

    place: Fraction
    duration: Fraction
    pitches: tuple[Pitch, ...] = ()
    tied: set[Pitch] = field(default_factory=set)
    grace: tuple[Pitch, ...] = ()
    marks: tuple[str, ...] = ()
    opens: int = 0
    closes: int = 0
    lyrics: tuple[str, ...] = ()
    ratio: tuple[int, int] = (1, 1)
    begins: bool = False
    ends: bool = False
    marked: bool = False  # whether it is in a tuplet whose end is marked


@dataclass
class Line:
    """What a part says of a bar line."""

    style: str = ""
    closes: int = 0
    opens: bool = False
    endings: tuple[int, ...] = ()
    stops: bool = False  # an ending


@dataclass
class Measure:
    """A measure of a part: sounds by voice, changes and marks by place, and the bar lines at its sides."""

    voices: dict[str, list[Sounding]] = field(default_factory=dict)
    changes: list[tuple[Fraction, Element]] = field(default_factory=list)
    marks: list[tuple[Fraction, str, str]] = field(default_factory=list)
    """Place, decoration or text, and voice ("" if it is of no voice)."""
    left: Line = field(default_factory=Line)
    right: Line = field(default_factory=Line)
    length: Fraction = Fraction(0)


class PartReader:
    """Reads one part; what it does not follow is counted in `lost`."""

    def __init__(self, listed: ET.Element | None, lost: Counter[str]) -> None:
        self.lost = lost
        self.divisions = Fraction(1)
        self.transposition = Interval(0, 0)
        self.key = Key()
        self.instruments: dict[str, Instrument] = {}
        self.unpitched: dict[str, int] = {}  # the pitch of each drum
        for midi in listed.iterfind("midi-instrument") if listed is not None else ():
            self._set_instrument(midi)
        self.instrument: Instrument | None = None  # that has been stated
        self.measure = Measure()
        self.ticks = 0
        self.exact: dict[int, Fraction] = {}  # times in the measure, by its ticks
        self.waiting: dict[str, list[Pitch]] = {}  # grace notes by voice
        self.latest: dict[str, Sounding] = {}  # by voice
        self.last_voice = "1"
        self.verses: dict[str, int] = {}
        self.in_word: set[int] = set()
        self.wedges: dict[str, str] = {}
        self.readers: dict[str, Callable[[ET.Element], None]] = {
            "note": self._read_note,
            "backup": lambda each: self._move(-_number(each.findtext("duration"))),
            "forward": lambda each: self._move(_number(each.findtext("duration"))),
            "attributes": self._read_attributes,
            "direction": self._read_direction,
            "harmony": self._read_harmony,
            "barline": self._read_barline,
            "sound": self._read_free_sound,
        }

    def read(self, part: ET.Element) -> list[Measure]:
        """Return the measures."""
        measures: list[Measure] = []
        first = next(iter(self.instruments.values()), None)
        for element in part.iterfind("measure"):
            self.measure, self.ticks, self.exact = Measure(), 0, {0: Fraction(0)}
            if not measures and first is not None:
                self._change(Fraction(0), first)
            for child in element:
                if child.tag in self.readers:
                    self.readers[child.tag](child)
                elif child.tag not in _SILENT:
                    self.lost[child.tag.replace("-", " ")] += 1
            self.measure.changes.sort(key=lambda change: change[0])
            self.measure.marks.sort(key=lambda mark: mark[0])
            measures.append(self.measure)
        waiting = sum(map(len, self.waiting.values()))
        self.lost.update({"grace note with no note after it": waiting} if waiting else {})
        return measures

    @property
    def time(self) -> Fraction:
        """Return the time in the measure, in whole notes."""
        if self.ticks not in self.exact:
            self.exact[self.ticks] = self._length(self.ticks)
        return self.exact[self.ticks]

    def _length(self, ticks: float) -> Fraction:
        return Fraction(ticks) / self.divisions / 4

    def _move(self, ticks: int) -> None:
        self.ticks = max(self.ticks + ticks, 0)
        self.measure.length = max(self.measure.length, self.time)

    def _change(self, place: Fraction, element: Element) -> None:
        if isinstance(element, Instrument):
            if element == self.instrument:
                return
            self.instrument = element
        self.measure.changes.append((place, element))

    def _set_instrument(self, midi: ET.Element) -> None:
        name, program = midi.get("id", ""), midi.findtext("midi-program")
        before = self.instruments.get(name, Instrument())
        drum = (
            before.drum
            if midi.find("midi-channel") is None
            else midi.findtext("midi-channel", "").strip() == str(DRUMS)
        )
        number = min(max(_number(program) - 1, 0), 127) if program else before.program
        self.instruments[name] = Instrument(None if drum else number, drum)
        if (unpitched := midi.findtext("midi-unpitched")) is not None:
            self.unpitched[name] = min(max(_number(unpitched) - 1, 0), 127)

    def _read_note(self, note: ET.Element) -> None:
        ticks = _number(note.findtext("duration"))
        if note.find("cue") is not None:
            self.lost["cue note"] += 1
            self._move(ticks)
            return
        voice, staff = note.findtext("voice", "1").strip(), note.findtext("staff", "1").strip()
        pitch = self._pitch(note)
        if note.find("grace") is not None:
            if pitch is not None:
                self.waiting.setdefault(voice, []).append(pitch)
            self._count_others(note, grace=True)
            return
        if note.find("chord") is not None and self.last_voice in self.latest:
            sound = self.latest[self.last_voice]
            if pitch is not None and pitch not in sound.pitches:
                sound.pitches = tuple(sorted((*sound.pitches, pitch)))
            elif pitch is not None:
                self.lost["note twice in a chord"] += 1
            if abs(self._length(ticks) - sound.duration) > self._length(1):
                self.lost["chord of several lengths, read as its first"] += 1
            self._decorate(note, sound, pitch)
            return
        if not ticks:
            self.lost["note without length"] += 1
            return
        sound = Sounding(self.time, self._duration(note, ticks), () if pitch is None else (pitch,))
        self.last_voice = self._place(voice, staff, sound)
        sound.grace = tuple(self.waiting.pop(voice, ()))
        self._decorate(note, sound, pitch)
        self.ticks += ticks
        self.exact.setdefault(self.ticks, sound.place + sound.duration)
        self.measure.length = max(self.measure.length, self.time)

    def _place(self, voice: str, staff: str, sound: Sounding) -> str:
        """Add a sound to its voice, or to another one where its own still sounds; return the name of the voice."""
        for name in (voice, f"{voice}/{staff}", *(f"{voice}/{number}" for number in range(10, 99))):
            sounds = self.measure.voices.setdefault(name, [])
            if not sounds or sounds[-1].place + sounds[-1].duration <= sound.place:
                sounds.append(sound)
                self.latest[name] = sound
                return name
            if not sound.pitches:
                break  # a rest that another note fills
        self.latest[voice] = sound
        return voice

    def _duration(self, note: ET.Element, ticks: int) -> Fraction:
        """Return the length of a note: by its value, unless its ticks say more than that they were rounded."""
        played = self._length(ticks)
        value = LENGTHS.get(note.findtext("type", "").strip())
        if value is None or note.find("rest[@measure]") is not None:
            return played
        dots = len(note.findall("dot"))
        actual, normal = _ratio(note)
        written = value * (2 - Fraction(1, 2**dots)) * Fraction(normal, actual)
        return written if abs(written - played) < self._length(1) else played

    def _pitch(self, note: ET.Element) -> Pitch | None:
        """Return the pitch of a note as it sounds; None of a rest."""
        instrument = note.find("instrument")
        name = instrument.get("id", "") if instrument is not None else next(iter(self.instruments), "")
        if instrument is not None and name in self.instruments:
            self._change(self.time, self.instruments[name])
        if note.find("unpitched") is not None:
            if name not in self.unpitched:
                self.lost["note without pitch"] += 1
                return None
            return Key().spell(self.unpitched[name])
        written = note.find("pitch")
        if written is None:
            return None
        step = LETTERS.index(written.findtext("step", "C").strip().upper()) + 7 * (
            _number(written.findtext("octave")) - 4
        )
        text = float(written.findtext("alter") or 0)
        if text != int(text):
            self.lost["microtone"] += 1
        pitch = Pitch(step, max(-2, min(2, int(text))))
        return self.transposition.apply(pitch) if self.transposition != Interval(0, 0) else pitch

    def _decorate(self, note: ET.Element, sound: Sounding, pitch: Pitch | None) -> None:
        """Add the ties, tuplet, slurs, lyrics and decorations of a note to its sound."""
        kinds = {each.get("type") for each in (*note.iterfind("tie"), *note.iterfind("notations/tied"))}
        if "start" in kinds and pitch is not None:
            sound.tied.add(pitch)
        sound.ratio = _ratio(note)
        for each in note.iterfind("notations/tuplet"):
            sound.marked = True
            sound.begins |= each.get("type") == "start"
            sound.ends |= each.get("type") == "stop"
        for each in note.iterfind("notations/slur"):
            sound.opens += each.get("type") == "start"
            sound.closes += each.get("type") == "stop"
        if pitch is not None and not sound.lyrics:
            sound.lyrics = self._lyrics(note)
        marks = [*sound.marks, *(mark for each in note.iterfind("notations") for mark in self._marks(each))]
        if TO_ABC["other-ornament"] in marks:
            marks = [mark for mark in marks if mark != TO_ABC["turn"]]
        sound.marks = tuple(dict.fromkeys(marks))
        self._count_others(note)

    def _marks(self, notations: ET.Element) -> list[str]:
        found = []
        for group in notations:
            for each in group if group.tag in ("articulations", "ornaments", "technical") else (group,):
                if each.tag == "fingering" and (each.text or "").strip() in ("0", "1", "2", "3", "4", "5"):
                    found.append(f"!{(each.text or '').strip()}!")
                elif each.tag in ("dynamics",):
                    found += [TO_ABC[child.tag] for child in each if child.tag in DYNAMICS]
                elif each.tag in TO_ABC and (each.tag != "other-ornament" or each.text == ROLL):
                    found.append(TO_ABC[each.tag])
                elif each.tag not in _SILENT and each.tag != "slur":
                    self.lost[each.tag.replace("-", " ")] += 1
        return found

    def _count_others(self, note: ET.Element, grace: bool = False) -> None:
        for each in note:
            if each.tag not in _SILENT and each.tag not in ("notations", "lyric"):
                self.lost[each.tag.replace("-", " ")] += 1
        if grace:
            self.lost.update("decoration of a grace note" for each in note.iterfind("notations") if self._marks(each))

    def _lyrics(self, note: ET.Element) -> tuple[str, ...]:
        verses: dict[int, str] = {}
        for lyric in note.iterfind("lyric"):
            number = lyric.get("number", "1")
            verse = int(number) - 1 if number.isdecimal() and 0 < int(number) < 100 else len(self.verses)
            verse = self.verses.setdefault(number, verse)
            texts = ["".join(each.itertext()).strip() for each in lyric.iterfind("text")]
            text = re.sub(r"([-_*|\\])", r"\\\1", "~".join(filter(None, texts)))
            text = "~".join(text.split())
            if text:
                goes_on = lyric.findtext("syllabic", "single").strip() in ("begin", "middle")
                verses[verse] = text + "-" * goes_on
        return tuple(verses.get(verse, "") for verse in range(max(verses, default=-1) + 1))

    def _read_attributes(self, attributes: ET.Element) -> None:
        for each in attributes:
            if each.tag == "divisions":
                self.divisions = Fraction((each.text or "1").strip())
            elif each.tag == "transpose":
                self._read_transposition(each)
            elif each.tag == "key":
                self._read_key(each)
            elif each.tag == "time":
                self._change(self.time, _meter(each))
            elif each.tag == "measure-style":
                self.lost.update(kind.tag.replace("-", " ") for kind in each if kind.tag != "multiple-rest")
            elif each.tag not in _SILENT:
                self.lost[each.tag.replace("-", " ")] += 1

    def _read_transposition(self, transpose: ET.Element) -> None:
        semitones = _number(transpose.findtext("chromatic"))
        octaves = _number(transpose.findtext("octave-change"))
        steps = transpose.findtext("diatonic")
        interval = self.key.interval_up(semitones) if steps is None else Interval(_number(steps), semitones)
        self.transposition = interval.octaves(octaves)

    def _read_key(self, key: ET.Element) -> None:
        if int(key.get("number", "1")) > 1:  # of another staff
            return
        if (fifths := key.findtext("fifths")) is not None:
            number, mode = _number(fifths), _MODES.get(key.findtext("mode", "").strip().lower(), "maj")
            if not -7 <= number <= 7:
                self.lost["key of more than seven accidentals"] += 1
                return
            tonic = number - FIFTHS[mode]
            self.key = Key(tonic * 4 % 7, (tonic + 1) // 7, mode)
        else:
            steps = [LETTERS.index((each.text or "C").strip()) for each in key.iterfind("key-step")]
            alters = [int(float(each.text or 0)) for each in key.iterfind("key-alter")]
            self.key = Key(extra=tuple(sorted(zip(steps, alters, strict=False))))
        self._change(self.time, self.key.moved(self.transposition))

    def _read_direction(self, direction: ET.Element) -> None:
        place = max(self.time + self._length(_number(direction.findtext("offset"))), Fraction(0))
        words = [_text(each) for each in direction.iterfind("direction-type/words") if _text(each)]
        sound = direction.find("sound")
        metronome = direction.find("direction-type/metronome")
        if metronome is not None or (sound is not None and sound.get("tempo")):
            words = [] if self._read_tempo(metronome, sound, place, " ".join(words)) else words
        if sound is not None:
            words = self._read_sound(sound, place, words)
        above = "_" if direction.get("placement") == "below" else "^"
        for text in words:
            self._mark(place, f'"{above}{text}"', direction)
        for each in (child for kind in direction.iterfind("direction-type") for child in kind):
            if each.tag == "dynamics":
                for child in each:
                    text = _text(child)
                    known = child.tag in DYNAMICS
                    self._mark(place, f"!{child.tag}!" if known else f'"_{text or child.tag}"', direction)
            elif each.tag == "wedge":
                self._read_wedge(each, place, direction)
            elif each.tag == "rehearsal":
                self._change(place, Part(_text(each)))
            elif each.tag in ("segno", "coda"):
                self._mark(place, TO_ABC[each.tag], direction)
            elif each.tag not in _SILENT and each.tag != "words":
                self.lost[each.tag.replace("-", " ")] += 1

    def _read_free_sound(self, sound: ET.Element) -> None:
        self._read_sound(sound, self.time, [])

    def _read_wedge(self, wedge: ET.Element, place: Fraction, direction: ET.Element) -> None:
        number, kind = wedge.get("number", "1"), wedge.get("type", "")
        if kind in WEDGES:
            self.wedges[number] = kind
            self._mark(place, WEDGES[kind][0], direction)
        elif kind == "stop" and number in self.wedges:
            self._mark(place, WEDGES[self.wedges.pop(number)][1], direction)

    def _read_sound(self, sound: ET.Element, place: Fraction, words: list[str]) -> list[str]:
        """Follow what a `sound` says; return the words that it does not replace."""
        for midi in sound.iterfind("midi-instrument"):
            self._set_instrument(midi)
            self._change(place, self.instruments[midi.get("id", "")])
        for name, attribute in JUMPS.items():
            if sound.get(attribute) not in (None, "no"):
                said = next((text for text in words if sign(f'"{text}"') == name), "")
                words = [text for text in words if text != said]
                after = re.search(r"al ?(?:fine|coda)", said, re.IGNORECASE)
                decoration = {"tocoda": "!dacoda!"}.get(name, f"!{name}{after[0].replace(' ', '') if after else ''}!")
                self._mark(place, decoration)
        if sound.get("tempo") and not place and not words and self.measure.changes is not None:
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
                # What is played counts where it is not what is shown, but for rounding.
                bpm = shown if not played or abs(shown * float(4 * beat) - played) < 1 else played / float(4 * beat)
        if not 1 <= bpm <= 2000 or beat > 4:
            return False
        self._change(place, Tempo(beat, bpm, text.replace('"', "'")))
        return True

    def _read_harmony(self, harmony: ET.Element) -> None:
        place = max(self.time + self._length(_number(harmony.findtext("offset"))), Fraction(0))
        kind = harmony.find("kind")
        root = harmony.find("root")
        if kind is None or root is None:
            self.lost["chord symbol of an unknown kind"] += 1
            return
        bass = harmony.find("bass")
        chord = Chord(
            (root.findtext("root-step", "C").strip(), _number(root.findtext("root-alter"))),
            (kind.text or "").strip(),
            kind.get("text", ""),
            (bass.findtext("bass-step", "C").strip(), _number(bass.findtext("bass-alter")))
            if bass is not None
            else None,
        )
        degrees = "".join(map(_degree, harmony.iterfind("degree")))
        text = format_chord(chord, degrees)
        if text is None:
            self.lost["chord symbol of an unknown kind"] += 1
            text = f"^{kind.get('text') or kind.text}"
        self._mark(place, f'"{text}"')

    def _read_barline(self, barline: ET.Element) -> None:
        at_left = barline.get("location") == "left"
        if barline.get("location") == "middle":
            self.lost["bar line within a measure"] += 1
            return
        line = self.measure.left if at_left else self.measure.right
        line.style = _STYLES.get(barline.findtext("bar-style", "").strip(), "|") if not at_left else line.style
        for each in barline:
            if each.tag == "repeat":
                if each.get("direction") == "forward":
                    line.opens = True
                else:
                    line.closes = max(_number(each.get("times", "2")) - 1, 1)
            elif each.tag == "ending":
                numbers = tuple(map(int, re.findall(r"[1-9]\d?", each.get("number", ""))))
                if each.get("type") == "start":
                    line.endings = numbers or (1,)
                else:
                    line.stops = True
            elif each.tag in ("segno", "coda"):
                self._mark(Fraction(0) if at_left else self.measure.length, TO_ABC[each.tag])
            elif each.tag == "fermata":
                self._mark(Fraction(0) if at_left else self.measure.length, TO_ABC["fermata"])
            elif each.tag not in ("bar-style", *_SILENT):
                self.lost[each.tag.replace("-", " ")] += 1

    def _mark(self, place: Fraction, mark: str, direction: ET.Element | None = None) -> None:
        if mark.startswith('"'):
            mark = f'"{" ".join(mark[1:-1].replace(chr(34), chr(39)).split())}"'
        voice = direction.findtext("voice", "") if direction is not None else ""
        self.measure.marks.append((place, mark, voice.strip()))


def _number(text: str | None) -> int:
    """Return the whole number in a text; 0 for no text."""
    return int(float(text)) if text and text.strip() else 0


def _text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _ratio(note: ET.Element) -> tuple[int, int]:
    modification = note.find("time-modification")
    if modification is None:
        return 1, 1
    return _number(modification.findtext("actual-notes")) or 1, _number(modification.findtext("normal-notes")) or 1


def _meter(time: ET.Element) -> Meter:
    beats, units = (["".join(each.itertext()) for each in time.iterfind(tag)] for tag in ("beats", "beat-type"))
    if not beats or not units:
        return Meter(0, 4)
    unit = max(map(int, units))
    pairs: Sequence[tuple[str, str]] = list(zip(beats, units, strict=False))
    return Meter(sum(sum(map(int, terms.split("+"))) * unit // int(one) for terms, one in pairs), unit)


def _degree(degree: ET.Element) -> str:
    """Return the sign of a degree that is added to a chord, altered in it, or left out."""
    value, alter = degree.findtext("degree-value", "").strip(), _number(degree.findtext("degree-alter"))
    sign = {1: "#", -1: "b"}.get(alter, "")
    match degree.findtext("degree-type", "").strip():
        case "add":
            return f"add{sign}{value}" if not sign else f"{sign}{value}"
        case "subtract":
            return f"no{value}"
    return f"{sign}{value}"
