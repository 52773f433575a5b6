"""Read notes of MusicXML with their pitches, ties, tuplets, slurs, lyrics and decorations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction

from folkseq.formats.musicxml.elements import count_unread, number_in
from folkseq.formats.musicxml.instruments import Instruments
from folkseq.formats.musicxml.measure import Position, Sounding
from folkseq.formats.musicxml.signs import DYNAMICS, ROLL, TO_ABC
from folkseq.formats.musicxml.values import LENGTHS
from folkseq.music.pitch import LETTERS, Interval, Pitch
from folkseq.music.signature import Key


class NoteReader:
    """Reads the notes of one part, and counts unsupported elements in `lost`."""

    def __init__(self, position: Position, instruments: Instruments, lost: Counter[str]) -> None:
        self.position, self.instruments, self.lost = position, instruments, lost
        self.waiting: dict[str, list[Pitch]] = {}  # grace notes by voice
        self.latest: dict[str, Sounding] = {}  # last sound by voice
        self.last_voice = "1"
        self.verses: dict[str, int] = {}

    def finish(self) -> None:
        """Count the grace notes without a following note."""
        waiting = sum(map(len, self.waiting.values()))
        self.lost.update({"grace note with no note after it": waiting} if waiting else {})

    def read(self, note: ET.Element) -> None:
        """Read a note, a note of a chord, or a rest."""
        ticks = number_in(note.findtext("duration"))
        if note.find("cue") is not None:
            self.lost["cue note"] += 1
            self.position.move(ticks)
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
            if pitch is not None:
                sound.pitches = tuple(sorted((*sound.pitches, pitch)))
            if abs(self.position.length(ticks) - sound.duration) > self.position.length(1):
                self.lost["chord of several lengths, read as its first"] += 1
            self._decorate(note, sound, pitch)
            return
        if ticks <= 0:
            self.lost["note without length"] += 1
            return
        sound = Sounding(self.position.time, self._duration(note, ticks), () if pitch is None else (pitch,))
        self.last_voice = self._place(voice, staff, sound)
        sound.grace = tuple(self.waiting.pop(voice, ()))
        self._decorate(note, sound, pitch)
        self.position.exact.setdefault(self.position.ticks + ticks, sound.place + sound.duration)
        self.position.move(ticks)

    def _place(self, voice: str, staff: str, sound: Sounding) -> str:
        """Add a sound to its voice, or to another one if its voice still sounds; return the name of the voice used."""
        for name in (voice, f"{voice}/{staff}", *(f"{voice}/{number}" for number in range(10, 99))):
            sounds = self.position.measure.voices.setdefault(name, [])
            if not sounds or sounds[-1].place + sounds[-1].duration <= sound.place:
                sounds.append(sound)
                self.latest[name] = sound
                return name
            if not sound.pitches:
                break  # a rest beside another note
        self.latest[voice] = sound
        return voice

    def _duration(self, note: ET.Element, ticks: int) -> Fraction:
        """Return the length of a note: its note value, unless its ticks differ by more than rounding."""
        played = self.position.length(ticks)
        value = LENGTHS.get(note.findtext("type", "").strip())
        if value is None or note.find("rest[@measure]") is not None:
            return played
        dots = len(note.findall("dot"))
        actual, normal = _ratio(note)
        written = value * (2 - Fraction(1, 2**dots)) * Fraction(normal, actual)
        return written if abs(written - played) < self.position.length(1) else played

    def _pitch(self, note: ET.Element) -> Pitch | None:
        """Return the sounding pitch of a note; None for a rest."""
        instrument = note.find("instrument")
        name = instrument.get("id", "") if instrument is not None else self.instruments.first
        if instrument is not None and name in self.instruments.by_name:
            self.position.change(self.position.time, self.instruments.by_name[name])
        if note.find("unpitched") is not None:
            if name not in self.instruments.drums:
                self.lost["note without pitch"] += 1
                return None
            return Key().spell(self.instruments.drums[name])
        written = note.find("pitch")
        if written is None:
            return None
        step = LETTERS.index(written.findtext("step", "C").strip().upper()) + 7 * (
            number_in(written.findtext("octave")) - 4
        )
        alter = float(written.findtext("alter") or 0)
        if alter != int(alter):
            self.lost["microtone"] += 1
        pitch = Pitch(step, max(-2, min(2, int(alter))))
        if not 0 <= pitch.midi < 128:
            raise ValueError(f"a note of octave {written.findtext('octave')} lies outside the keyboard")
        return self.position.transposition.apply(pitch) if self.position.transposition != Interval(0, 0) else pitch

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
                elif each.tag == "dynamics":
                    found += [TO_ABC[child.tag] for child in each if child.tag in DYNAMICS]
                elif each.tag in TO_ABC and (each.tag != "other-ornament" or each.text == ROLL):
                    found.append(TO_ABC[each.tag])
                elif each.tag != "slur":
                    count_unread(self.lost, each)
        return found

    def _count_others(self, note: ET.Element, grace: bool = False) -> None:
        for each in note:
            if each.tag not in ("notations", "lyric"):
                count_unread(self.lost, each)
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


def _ratio(note: ET.Element) -> tuple[int, int]:
    modification = note.find("time-modification")
    if modification is None:
        return 1, 1
    return number_in(modification.findtext("actual-notes")) or 1, number_in(modification.findtext("normal-notes")) or 1
