"""MusicXML, written by music21: a score that notation programs open.

Repeats, endings, ties, tuplets, fermatas and the spelling of pitches are kept; other marks are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from folkseq.music import Bar, Key, Meter, Pitch, Sound, Tune
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
    """
    m21 = _music21()
    score = m21.stream.Score()
    score.metadata = m21.metadata.Metadata()
    score.metadata.title = tune.title or "Untitled"
    score.metadata.composer = ""
    for comment in comments:
        score.metadata.add("description", comment)
    for voice, (name, clef) in zip(tune.voices, parts, strict=True):
        score.insert(0, _part(tune, voice, name, clef))
    return _the_same_each_time(m21.musicxml.m21ToXml.GeneralObjectExporter(score).parse())


def _the_same_each_time(data: bytes) -> bytes:
    """The file without its date, and with numbers in place of the random names that music21 gives parts."""
    names: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return names.setdefault(match[0], b'"%b%d"' % (match[1], len(names) + 1))

    return re.sub(rb'"([PI])[0-9a-f]{32}"', number, re.sub(rb"\s*<encoding-date>[^<]*</encoding-date>", b"", data))


def _music21() -> Any:
    """The library, which is untyped, and takes a second to import."""
    return import_module("music21")


def _part(tune: Tune, voice: Sequence[Any], name: str, clef_name: str) -> Any:
    m21 = _music21()
    part = m21.stream.Part()
    part.partName = name
    measure = m21.stream.Measure(number=1)
    measure.append(getattr(m21.clef, _CLEFS[clef_name])())
    measure.append(m21.key.KeySignature(tune.key.sharps))
    now = tune.meter
    if not now.free:
        measure.append(m21.meter.TimeSignature(str(now)))
    if tune.tempo is not None:
        measure.append(m21.tempo.MetronomeMark(number=tune.tempo.quarter_bpm))
    tied = False
    length = Fraction(0)
    number = 1
    opens = False
    for element in voice:
        if isinstance(element, Sound):
            measure.append(_sound(element, tied))
            tied, length = element.tied, length + element.duration
        elif isinstance(element, Key):
            measure.append(m21.key.KeySignature(element.sharps))
        elif isinstance(element, Meter):
            now = element
            measure.append(m21.meter.TimeSignature(str(element)))
        elif isinstance(element, Bar) and element.style:
            if not length and not part.hasMeasures():
                opens = element.opens
                continue
            if not length:
                continue
            if opens:
                measure.leftBarline = m21.bar.Repeat(direction="start")
            if length < now.bar and number == 1:
                measure.padAsAnacrusis()
                measure.number = 0
            elif length < now.bar:
                measure.paddingRight = (now.bar - length) * 4  # or music21 would fill it with a rest
            if element.closes:
                measure.rightBarline = m21.bar.Repeat(direction="end")
            elif element.style in ("||", "|]"):
                measure.rightBarline = m21.bar.Barline("final" if element.style == "|]" else "double")
            part.append(measure)
            number = measure.number + 1
            measure, length, opens = m21.stream.Measure(number=number), Fraction(0), element.opens
    if length:
        part.append(measure)
    return part


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
