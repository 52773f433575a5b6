"""MusicXML, written by music21: a score that notation programs open.

Repeats, endings, ties, tuplets, fermatas and the spelling of pitches are kept; other marks are not.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from folkseq.errors import RequestError
from folkseq.extras import require
from folkseq.music import Bar, Element, Key, Meter, Pitch, Sound, Tune
from folkseq.music.pitch import LETTERS

_FERMATAS = frozenset(("H", "!fermata!"))
_ACCIDENTALS = {-2: "--", -1: "-", 0: "", 1: "#", 2: "##"}
_CLEFS = {"treble": "TrebleClef", "bass": "BassClef"}


def format(tune: Tune, parts: Sequence[tuple[str, str]], comments: Sequence[str] = ()) -> bytes:
    """Return the tune as MusicXML.

    Args:
        tune: The tune, whose voices become parts.
        parts: The name of each part, and its clef: treble or bass.
        comments: Texts about the origin of the file.

    Raises:
        RequestError: music21 is not installed, or cannot write it, as with lengths that no notes have.
    """
    require("music21")
    m21: Any = import_module("music21")  # untyped, and takes a second to import
    score = m21.stream.Score()
    score.metadata = m21.metadata.Metadata()
    score.metadata.title = "".join(sign if sign.isprintable() else " " for sign in tune.title) or "Untitled"
    score.metadata.composer = ""
    for comment in comments:
        score.metadata.add("description", comment)
    try:
        for voice, (name, clef) in zip(tune.voices, parts, strict=True):
            score.insert(0, _PartWriter(m21, tune, name, clef).write(voice))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lengths that it has to guess at, and then refuses
            data = m21.musicxml.m21ToXml.GeneralObjectExporter(score).parse()
    except (m21.exceptions21.Music21Exception, ValueError, ArithmeticError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"it cannot be written as MusicXML ({reason}); take .abc or .mid") from None
    return _reproducible(data)


def _reproducible(data: bytes) -> bytes:
    """Return the file without its date, and with numbers in place of the random names that music21 gives parts."""
    names: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return names.setdefault(match[0], b'"%b%d"' % (match[1], len(names) + 1))

    return re.sub(rb'"([PI])[0-9a-f]{32}"', number, re.sub(rb"\s*<encoding-date>[^<]*</encoding-date>", b"", data))


class _PartWriter:
    """Writes one voice, measure by measure."""

    def __init__(self, m21: Any, tune: Tune, name: str, clef: str) -> None:
        self.m21 = m21
        self.part = m21.stream.Part()
        self.part.partName = name
        self.measure = m21.stream.Measure(number=1)
        self.measure.append(getattr(m21.clef, _CLEFS[clef])())
        self.measure.append(m21.key.KeySignature(tune.key.sharps))
        if tune.tempo is not None:
            self.measure.append(m21.tempo.MetronomeMark(number=tune.tempo.quarter_bpm))
        self.meter, self.shown = tune.meter, ""  # the time signature shown last
        self.length, self.tied, self.opens = Fraction(0), False, False
        self.passes: tuple[int, ...] = ()  # of the current ending
        self.bracket: list[Any] = []  # its measures

    def write(self, voice: Sequence[Element]) -> Any:
        """Return the part."""
        for element in voice:
            if isinstance(element, Sound):
                for pitch in element.grace:
                    self.measure.append(self.m21.note.Note(_name(pitch), type="eighth").getGrace())
                self.measure.append(self._sound(element))
                self.tied, self.length = element.tied, self.length + element.duration
            elif isinstance(element, Key):
                self.measure.append(self.m21.key.KeySignature(element.sharps))
            elif isinstance(element, Meter) and not self.length:
                self.meter = element
            elif isinstance(element, Bar) and element.style:
                if self.length:
                    self._end_measure(element)
                self.opens |= element.opens
                if element.endings or element.ends_section:
                    self._end_bracket()
                self.passes = element.endings or self.passes
        if self.length:
            self._end_measure(Bar())
        self._end_bracket()
        return self.part

    def _sound(self, sound: Sound) -> Any:
        m21 = self.m21
        duration = m21.duration.Duration(sound.duration * 4)
        if not sound.pitches:
            return m21.note.Rest(duration=duration)
        first, *more = map(_name, sound.pitches)
        made = m21.chord.Chord([first, *more], duration=duration) if more else m21.note.Note(first, duration=duration)
        if self.tied or sound.tied:
            made.tie = m21.tie.Tie("continue" if self.tied and sound.tied else "stop" if self.tied else "start")
        if not _FERMATAS.isdisjoint(sound.marks):
            made.expressions.append(m21.expressions.Fermata())
        return made

    def _end_measure(self, bar: Bar) -> None:
        m21, measure, missing = self.m21, self.measure, self.meter.bar - self.length
        self._show_meter(max(self.length, self.meter.bar))
        if self.opens:
            measure.leftBarline = m21.bar.Repeat(direction="start")
        if missing > 0 and not self.part.hasMeasures():
            measure.padAsAnacrusis()
            measure.number = 0
        elif missing > 0:
            measure.paddingRight = missing * 4  # or music21 would fill it with a rest
        if bar.closes:
            measure.rightBarline = m21.bar.Repeat(direction="end")
        elif bar.style in ("||", "|]"):
            measure.rightBarline = m21.bar.Barline("final" if bar.style == "|]" else "double")
        if self.passes:
            self.bracket.append(measure)
        self.part.append(measure)
        self.measure = m21.stream.Measure(number=measure.number + 1)
        self.length, self.opens = Fraction(0), False

    def _show_meter(self, length: Fraction) -> None:
        """Add a time signature if the measure's length is not that of those before it."""
        shown = str(self.meter)
        if length != self.meter.bar:
            unit = max(length.denominator, 4)
            shown = f"{int(length * unit)}/{unit}"
        if shown != self.shown:
            self.measure.insert(0, self.m21.meter.TimeSignature(shown))
            self.shown = shown

    def _end_bracket(self) -> None:
        if self.bracket:
            number = ",".join(map(str, self.passes))
            self.part.insert(0, self.m21.spanner.RepeatBracket(self.bracket, number=number))
        self.bracket, self.passes = [], ()


def _name(pitch: Pitch) -> str:
    """Return music21's spelling of a pitch: `F#4`."""
    octave, letter = divmod(pitch.step, 7)
    return f"{LETTERS[letter]}{_ACCIDENTALS[pitch.alter]}{octave + 4}"
