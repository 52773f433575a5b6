"""Write sounds as notes of MusicXML: note values, accidentals, ties, tuplets, slurs, lyrics and decorations."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.formats.musicxml.elements import child
from folkseq.formats.musicxml.frame import Placed
from folkseq.formats.musicxml.signs import FINGERING, FROM_ABC, ROLL, plain_mark
from folkseq.formats.musicxml.values import Value, note_values, ratio_of
from folkseq.music.pitch import LETTERS, Pitch
from folkseq.music.signature import Key
from folkseq.music.tune import Sound

_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


class Piece(NamedTuple):
    """One of the note values of a sound."""

    sound: Sound
    place: Fraction
    length: Fraction
    value: tuple[str, int]
    ratio: tuple[int, int]
    begins: bool  # whether it begins a tuplet
    ends: bool
    first: bool  # whether it is the sound's first value
    last: bool


def pieces(placed: Placed) -> list[Piece]:
    """Return the note values of a sound; none for another element."""
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
            f"it cannot be written as MusicXML (it has a note of {sound.duration} of a whole note); take .abc or .mid"
        )
    found, place = [], placed.place
    for index, (written, value) in enumerate(values):
        first, last = index == 0, index + 1 == len(values)
        length = written / Fraction(*ratio)
        begins, ends = (placed.begins or alone) and first, (placed.ends or alone) and last
        found.append(Piece(sound, place, length, value, ratio, begins, ends, first, last))
        place += length
    return found


class NoteWriter:
    """Writes the notes of one voice."""

    def __init__(self, key: Key) -> None:
        self.key, self.divisions = key, 1  # divisions per quarter note
        self.shown: dict[int, int] = {}  # accidentals since the bar line, by staff position
        self.tied: tuple[Pitch, ...] = ()  # to the next note
        self.slurs: list[int] = []  # numbers of the open slurs
        self.in_word: set[int] = set()  # verses within a word

    def write_grace(self, measure: ET.Element, pitch: Pitch) -> None:
        """Add a grace note to a measure."""
        note = child(measure, "note")
        child(note, "grace", slash="yes")
        self._write_pitch(note, pitch)
        self._finish_note(note, ("eighth", 0), pitch)

    def write(self, measure: ET.Element, piece: Piece, beam: Sequence[str], whole: bool) -> None:
        """Write a note, a chord or a rest."""
        sound = piece.sound
        tied = sound.pitches if not piece.last else sound.tied_pitches
        for index, pitch in enumerate(sound.pitches or (None,)):
            note = child(measure, "note")
            if index:
                child(note, "chord")
            if pitch is None:
                child(note, "rest", **({"measure": "yes"} if whole else {}))
            else:
                self._write_pitch(note, pitch)
            child(note, "duration", int(piece.length * 4 * self.divisions))
            ties = ["stop"] * (pitch in self.tied) + ["start"] * (pitch in tied)
            for kind in ties:
                child(note, "tie", type=kind)
            value = None if whole and pitch is None else piece.value
            self._finish_note(note, value, pitch, piece.ratio)
            if not index:
                for number, word in enumerate(beam, 1):
                    child(note, "beam", word, number=str(number))
            self._write_notations(note, piece, ties, index)
            if not index and piece.first:
                self._write_lyrics(note, sound)
        self.tied = tied

    def _finish_note(
        self, note: ET.Element, value: Value | None, pitch: Pitch | None, ratio: tuple[int, int] = (1, 1)
    ) -> None:
        """Write the voice, the note value and the accidental of a note."""
        child(note, "voice", 1)
        if value is not None:
            child(note, "type", value[0])
            for _ in range(value[1]):
                child(note, "dot")
        if pitch is not None and self._needs_accidental(pitch):
            child(note, "accidental", _ACCIDENTALS[pitch.alter])
        if ratio != (1, 1):
            modification = child(note, "time-modification")
            child(modification, "actual-notes", ratio[0])
            child(modification, "normal-notes", ratio[1])

    def _write_pitch(self, note: ET.Element, pitch: Pitch) -> None:
        octave, letter = divmod(pitch.step, 7)
        written = child(note, "pitch")
        child(written, "step", LETTERS[letter])
        if pitch.alter:
            child(written, "alter", pitch.alter)
        child(written, "octave", octave + 4)

    def _needs_accidental(self, pitch: Pitch) -> bool:
        """Return whether the note would be read as another pitch without an accidental."""
        usual = self.key.alters[pitch.letter]
        others = {alter for step, alter in self.shown.items() if step != pitch.step and step % 7 == pitch.letter}
        held = pitch in self.tied and pitch.step not in self.shown
        needed = self.shown.get(pitch.step, usual) != pitch.alter or bool(others - {pitch.alter})
        if held or not needed:
            return False
        self.shown[pitch.step] = pitch.alter
        return True

    def _write_notations(self, note: ET.Element, piece: Piece, ties: Sequence[str], index: int) -> None:
        notations = ET.Element("notations")
        for kind in ties:
            child(notations, "tied", type=kind)
        if not index:
            sound = piece.sound
            for _ in range(sound.closes if piece.last else 0):
                if self.slurs:
                    child(notations, "slur", number=str(self.slurs.pop()), type="stop")
            for _ in range(sound.opens if piece.first else 0):
                self.slurs.append(next(number for number in range(1, 99) if number not in self.slurs))
                child(notations, "slur", number=str(self.slurs[-1]), type="start")
            if piece.begins:
                child(notations, "tuplet", number="1", type="start")
            if piece.ends:
                child(notations, "tuplet", number="1", type="stop")
            if piece.first:
                self._write_decorations(notations, sound.marks)
        if len(notations):
            note.append(notations)

    def _write_decorations(self, notations: ET.Element, marks: Sequence[str]) -> None:
        groups: dict[str, ET.Element] = {}
        for mark in map(plain_mark, marks):
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
                child(home, "turn")
            child(home, tag, mark[1] if tag == "fingering" else ROLL if tag == "other-ornament" else "")

    def _write_lyrics(self, note: ET.Element, sound: Sound) -> None:
        for verse, syllable in enumerate(sound.lyrics, 1):
            if not syllable or syllable == "_":
                continue
            inside, goes_on = verse in self.in_word, syllable.endswith("-") and not syllable.endswith("\\-")
            lyric = child(note, "lyric", number=str(verse))
            word = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}
            child(lyric, "syllabic", word[inside, goes_on])
            text = syllable.removesuffix("-") if goes_on else syllable
            child(lyric, "text", text.replace("~", " ").replace("\\", ""))
            (self.in_word.add if goes_on else self.in_word.discard)(verse)
