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
    """The tune as MusicXML.

    Args:
        tune: its voices become parts.
        parts: the name of each, and its clef: treble or bass.
        comments: what the file says of how it came about.

    Raises:
        RequestError: music21 cannot write it, as with lengths that no notes have.
    """
    m21 = _music21()
    score = m21.stream.Score()
    score.metadata = m21.metadata.Metadata()
    score.metadata.title = "".join(sign if sign.isprintable() else " " for sign in tune.title) or "Untitled"
    score.metadata.composer = ""
    for comment in comments:
        score.metadata.add("description", comment)
    try:
        for voice, (name, clef) in zip(tune.voices, parts, strict=True):
            writer = _PartWriter(tune, name, clef)
            score.insert(0, writer.write(voice))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lengths that it has to guess at, and then refuses
            data = m21.musicxml.m21ToXml.GeneralObjectExporter(score).parse()
    except (m21.exceptions21.Music21Exception, ValueError, ArithmeticError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"it cannot be written as MusicXML ({reason}); take .abc or .mid") from None
    return _the_same_each_time(data)


def _the_same_each_time(data: bytes) -> bytes:
    """The file without its date, and with numbers in place of the random names that music21 gives parts."""
    names: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return names.setdefault(match[0], b'"%b%d"' % (match[1], len(names) + 1))

    return re.sub(rb'"([PI])[0-9a-f]{32}"', number, re.sub(rb"\s*<encoding-date>[^<]*</encoding-date>", b"", data))


def _music21() -> Any:
    """Return the library, which is untyped and takes a second to import."""
    require("music21")
    return import_module("music21")


class _PartWriter:
    """Writes one voice, measure by measure."""

    def __init__(self, tune: Tune, name: str, clef: str) -> None:
        self._m21 = _music21()
        self._part = self._m21.stream.Part()
        self._part.partName = name
        self._measure = self._m21.stream.Measure(number=1)
        self._measure.append(getattr(self._m21.clef, _CLEFS[clef])())
        self._measure.append(self._m21.key.KeySignature(tune.key.sharps))
        if tune.tempo is not None:
            self._measure.append(self._m21.tempo.MetronomeMark(number=tune.tempo.quarter_bpm))
        self._meter, self._shown = tune.meter, ""
        self._length, self._tied, self._opens = Fraction(0), False, False
        self._passes: tuple[int, ...] = ()
        self._bracket: list[Any] = []

    def write(self, voice: Sequence[Element]) -> Any:
        """The part."""
        for element in voice:
            if isinstance(element, Sound):
                for pitch in element.grace:
                    self._measure.append(self._m21.note.Note(_name(pitch), type="eighth").getGrace())
                self._measure.append(_sound(element, self._tied))
                self._tied, self._length = element.tied, self._length + element.duration
            elif isinstance(element, Key):
                self._measure.append(self._m21.key.KeySignature(element.sharps))
            elif isinstance(element, Meter) and not self._length:
                self._meter = element
            elif isinstance(element, Bar) and element.style:
                self._line(element)
        if self._length:
            self._close(None)
        self._end_bracket()
        return self._part

    def _line(self, bar: Bar) -> None:
        if self._length:
            self._close(bar)
        self._opens |= bar.opens
        if bar.endings or bar.ends_section:
            self._end_bracket()
        if bar.endings:
            self._passes = bar.endings

    def _close(self, bar: Bar | None) -> None:
        """End the measure."""
        m21, measure, length = self._m21, self._measure, self._length
        first = not self._part.hasMeasures()
        longer = length > self._meter.bar
        self._show(length if longer else self._meter.bar)
        if self._opens:
            measure.leftBarline = m21.bar.Repeat(direction="start")
        if length < self._meter.bar and first:
            measure.padAsAnacrusis()
            measure.number = 0
        elif length < self._meter.bar:
            measure.paddingRight = (self._meter.bar - length) * 4  # or music21 would fill it with a rest
        if bar is not None and bar.closes:
            measure.rightBarline = m21.bar.Repeat(direction="end")
        elif bar is not None and bar.style in ("||", "|]"):
            measure.rightBarline = m21.bar.Barline("final" if bar.style == "|]" else "double")
        if self._passes:
            self._bracket.append(measure)
        self._part.append(measure)
        self._measure = m21.stream.Measure(number=measure.number + 1)
        self._length, self._opens = Fraction(0), False

    def _show(self, length: Fraction) -> None:
        """Write a time signature where a measure is of another length than those before it."""
        shown = str(self._meter)
        if length != self._meter.bar:
            unit = max(length.denominator, 4)
            shown = f"{int(length * unit)}/{unit}"
        if shown != self._shown and length:
            self._measure.insert(0, self._m21.meter.TimeSignature(shown))
            self._shown = shown

    def _end_bracket(self) -> None:
        if self._bracket:
            number = ",".join(map(str, self._passes))
            self._part.insert(0, self._m21.spanner.RepeatBracket(self._bracket, number=number))
        self._bracket, self._passes = [], ()


def _sound(sound: Sound, tied: bool) -> Any:
    m21 = _music21()
    lasting = m21.duration.Duration(sound.duration * 4)
    if not sound.pitches:
        return m21.note.Rest(duration=lasting)
    names = [_name(pitch) for pitch in sound.pitches]
    found = m21.note.Note(names[0], duration=lasting) if len(names) == 1 else m21.chord.Chord(names, duration=lasting)
    if tied or sound.tied:
        found.tie = m21.tie.Tie("continue" if tied and sound.tied else "stop" if tied else "start")
    if not _FERMATAS.isdisjoint(sound.marks):
        found.expressions.append(m21.expressions.Fermata())
    return found


def _name(pitch: Pitch) -> str:
    """As music21 spells it: `F#4`."""
    octave, letter = divmod(pitch.step, 7)
    return f"{LETTERS[letter]}{_ACCIDENTALS[pitch.alter]}{octave + 4}"
