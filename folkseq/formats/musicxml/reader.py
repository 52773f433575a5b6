"""Parse MusicXML to a tune, with a voice for each voice of each part, and the bar lines and repeats of all parts.

The reader supports notes, chords, grace notes, ties, tuplets, slurs, lyrics, keys, meters, tempos, transposition,
programs and drums, repeats and endings, D.C., D.S., segno, coda and fine, chord symbols, dynamics, wedges, words and
the decorations of `signs`. Elements that only shape the page are ignored; all others are counted. Pitches are sounding
pitches. Durations come from the note values if the ticks differ only by rounding.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from folkseq.errors import ParseError
from folkseq.formats.abc.book import Book, Fault
from folkseq.formats.abc.fields import parse_tempo
from folkseq.formats.musicxml.container import parse_root
from folkseq.formats.musicxml.measure import ReadMeasure, Sounding
from folkseq.formats.musicxml.part_reader import PartReader
from folkseq.formats.musicxml.writer import FIELD
from folkseq.music.dance import tempo_of
from folkseq.music.parts import played_order, spread_parts, unfollowed_parts
from folkseq.music.pitch import Pitch
from folkseq.music.repeats import repair_endings
from folkseq.music.route import BACK, find_route, is_unknown_jump, sign
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound, Tune, Tuplet

_MOST_TUPLET = 64  # sounds


def parse_bytes(data: bytes, file: str = "<bytes>") -> Book:
    """Return the score in a file of MusicXML, plain or compressed, as a book of one tune.

    Raises:
        ParseError: The bytes are not MusicXML.
    """
    root = parse_root(data, file)
    lost: Counter[str] = Counter()
    try:
        tune = _read(root, lost)
    except (ParseError, ValueError, ArithmeticError) as error:
        return Book((Fault(file, "1", (root.findtext("work/work-title") or "")[:80], 1, str(error)),))
    return Book((tune,), (+lost,))


def _read(root: ET.Element, lost: Counter[str]) -> Tune:
    listed = {part.get("id", ""): part for part in root.iterfind("part-list/score-part")}
    parts = [PartReader(listed.get(part.get("id", "")), lost).read(part) for part in root.iterfind("part")]
    count = max((len(part) for part in parts), default=0)
    parts = [[*part, *(ReadMeasure() for _ in range(count - len(part)))] for part in parts]
    lengths = [max(part[index].length for part in parts) for index in range(count)]
    lines = [_line(parts, index) for index in range(count + 1)]
    sounding = [(part, name) for part in parts for name in _voices(part)]
    if not any(sound.pitches for part in parts for each in part for sounds in each.voices.values() for sound in sounds):
        raise ParseError("no note in it")
    head = _first_changes(parts)
    voices = []
    for part, name in sounding:
        elements = list(_elements(part, name, lengths, lines, is_main=name == _voices(part)[0], lost=lost))
        voices.append(tuple(_without_defaults(elements, *head)))
    tune = replace(_header(root, head, tuple(map(tuple, voices))), voice_fields=_voice_fields(root, parts))
    return _finished(tune, lost)


def _voice_fields(root: ET.Element, parts: Sequence[Sequence[ReadMeasure]]) -> tuple[str, ...]:
    """Return the name of each part as a `V:` field of its first voice; nothing for a single voice, or without names."""
    named = {part.get("id", ""): part.findtext("part-name") or "" for part in root.iterfind("part-list/score-part")}
    fields: list[str] = []
    for element, part in zip(root.iterfind("part"), parts, strict=True):
        name = " ".join(named.get(element.get("id", ""), "").replace('"', "'").split())
        own = [str(len(fields) + number) for number, _ in enumerate(_voices(part), 1)]
        fields += [f'{own[0]} name="{name}"', *own[1:]] if own and name else own
    return tuple(fields) if len(fields) > 1 and any(" " in field for field in fields) else ()


def _voices(part: Sequence[ReadMeasure]) -> list[str]:
    """Return the names of a part's voices that have notes; return a voice of rests if the part has only texts."""
    found = {name for measure in part for name, sounds in measure.voices.items() if any(s.pitches for s in sounds)}
    if not found and any(measure.marks for measure in part):
        return ["1"]
    return sorted(found, key=lambda name: [(len(each), each) for each in name.split("/")])


def _line(parts: Sequence[Sequence[ReadMeasure]], index: int) -> Bar:
    """Return the bar line before measure `index`, combined from all parts."""
    ends = [part[index - 1].right for part in parts] if index else []
    begins = [part[index].left for part in parts] if index < len(parts[0]) else []
    lines = [*ends, *begins]
    endings = next((each.endings for each in begins if each.endings), ())
    style = max((each.style for each in lines), key=("", "none", "|", "||", "|]").index, default="")
    closes, opens = max((each.closes for each in lines), default=0), any(each.opens for each in lines)
    stops = any(each.stops for each in ends) and not (closes or opens or endings)
    if not index and not (opens or endings):
        return Bar("")
    if style in ("", "|") and stops:
        style = "||"
    if style == "none" and endings:
        return Bar("", closes, opens, endings)
    return Bar(style if style in ("||", "|]") and not (closes or opens) else "|", closes, opens, endings)


def _first_changes(parts: Sequence[Sequence[ReadMeasure]]) -> tuple[Key, Meter]:
    """Return the key and the meter at the beginning of a score."""
    changes = [element for part in parts for place, element in part[0].changes if not place]
    key = next((element for element in changes if isinstance(element, Key)), Key())
    meter = next((element for element in changes if isinstance(element, Meter)), Meter())
    return key, meter


def _elements(
    part: Sequence[ReadMeasure],
    name: str,
    lengths: Sequence[Fraction],
    lines: Sequence[Bar],
    is_main: bool,
    lost: Counter[str],
) -> Iterator[Element]:
    """Yield the elements of a voice; the main voice of a part also takes the signs that belong to no note."""
    sounds: list[Sounding] = []
    if lines[0] != Bar(""):
        yield lines[0]
    for index, measure in enumerate(part):
        sounds = list(_filled(measure.voices.get(name, []), lengths[index]))
        changes = [(place, each) for place, each in measure.changes if is_main or isinstance(each, Key | Meter)]
        marks = [(place, mark) for place, mark, voice in measure.marks if voice == name or (is_main and not voice)]
        if is_main:
            known = set(measure.voices)
            marks += [(place, mark) for place, mark, voice in measure.marks if voice and voice not in known]
        cuts = {place for place, _ in changes if 0 < place < lengths[index]}
        cuts |= {place for place, mark in marks if mark.startswith('"') and 0 < place < lengths[index]}
        sounds = list(_cut(sounds, sorted(cuts)))
        yield from _measure(sounds, changes, marks, lengths[index], lines[index + 1])
    waiting = sum(len(sound.grace) for sound in sounds if not sound.duration)
    lost.update({"grace note with no note after it": waiting} if waiting else {})


def _measure(
    sounds: Sequence[Sounding],
    changes: Sequence[tuple[Fraction, Element]],
    marks: Sequence[tuple[Fraction, str]],
    length: Fraction,
    line: Bar,
) -> Iterator[Element]:
    """Yield the elements of a measure, including tuplets, and its bar line."""
    changes, marks = list(changes), list(marks)
    groups = iter(_tuplets(sounds))
    for sound in sounds:
        while changes and changes[0][0] <= sound.place:
            yield changes.pop(0)[1]
        tuplet = next(groups)
        if tuplet is not None:
            yield tuplet
        own = tuple(dict.fromkeys(mark for place, mark in marks if place <= sound.place))
        marks = [(place, mark) for place, mark in marks if place > sound.place]
        yield Sound(
            sound.pitches,
            sound.duration,
            tied=bool(sound.tied),
            grace=sound.grace,
            marks=(*own, *(mark for mark in sound.marks if mark not in own)),
            opens=sound.opens,
            closes=sound.closes,
            untied=tuple(pitch for pitch in sound.pitches if sound.tied and pitch not in sound.tied),
            lyrics=sound.lyrics,
        )
    yield replace(line, marks=tuple(mark for _, mark in marks)) if length else line
    yield from (change for _, change in changes)


def _filled(sounds: Sequence[Sounding], length: Fraction) -> Iterator[Sounding]:
    """Yield the sounds of a voice in a measure, with gaps filled by rests."""
    time = Fraction(0)
    for sound in sounds:
        if sound.place > time:
            yield Sounding(time, sound.place - time)
        yield sound
        time = sound.place + sound.duration
    if time < length:
        yield Sounding(time, length - time)


def _cut(sounds: Sequence[Sounding], places: Sequence[Fraction]) -> Iterator[Sounding]:
    """Yield sounds, split and tied at the given places."""
    for sound in sounds:
        end = sound.place + sound.duration
        for place in (each for each in places if sound.place < each < end):
            first = replace(sound, duration=place - sound.place, tied=set(sound.pitches), closes=0)
            yield first
            sound = replace(
                sound, place=place, duration=end - place, grace=(), marks=(), opens=0, lyrics=(), begins=False
            )
        yield sound


def _tuplets(sounds: Sequence[Sounding]) -> list[Tuplet | None]:
    """Return the tuplet that begins with each sound, or None."""
    found: list[Tuplet | None] = [None] * len(sounds)
    first = 0
    for index, (sound, following) in enumerate(pairwise([*sounds, None])):
        assert sound is not None
        ends = following is None or following.ratio != sound.ratio or sound.ends or following.begins
        total = sum((each.duration for each in sounds[first : index + 1]), Fraction(0))
        whole = index > first and not total.denominator & (total.denominator - 1) and not sound.marked
        if ends or whole or index - first + 1 == _MOST_TUPLET:
            if sound.ratio != (1, 1):
                found[first] = Tuplet(*sound.ratio, index - first + 1)
            first = index + 1
    return found


def _without_defaults(elements: Sequence[Element], key: Key, meter: Meter) -> Iterator[Element]:
    """Yield elements without redundant changes of key, meter and instrument."""
    held: dict[type, Element] = {Key: key, Meter: meter}
    for element in elements:
        if isinstance(element, Key | Meter | Instrument):
            if held.get(type(element)) == element:
                continue
            held[type(element)] = element
        yield element


def _header(root: ET.Element, head: tuple[Key, Meter], voices: tuple[tuple[Element, ...], ...]) -> Tune:
    """Return a tune with the header of a score; a score by folkseq holds the header fields of ABC."""
    own = [
        (name[len(FIELD) :], field.text or "")
        for field in root.iterfind("identification/miscellaneous/miscellaneous-field")
        if (name := field.get("name", "")).startswith(FIELD)
    ]
    voices, tempo = _first_tempo(voices)
    if own:
        values = dict(reversed(own))
        unit = values.get("L", "")
        tune = Tune(
            voices,
            *head,
            number=int(values["X"]) if values.get("X", "").isdecimal() else 1,
            titles=tuple(value for letter, value in own if letter == "T"),
            rhythm=values.get("R", ""),
            unit=Fraction(unit) if re.fullmatch(r"[1-9]\d{0,2}(/[1-9]\d{0,2})?", unit) else Fraction(1, 8),
            tempo=parse_tempo(values.get("Q", ""), Fraction(1, 8)),
            fields=tuple((letter, value) for letter, value in own if letter not in "XTRLP"),
        )
        if tune.tempo is not None:
            tune = replace(tune, fields=tuple(each for each in tune.fields if each[0] != "Q"))
        # A tune without a tempo is written with the tempo of its dance.
        return tune if tempo is None or tempo.quarter_bpm == tempo_of(tune).quarter_bpm else replace(tune, tempo=tempo)
    texts = [root.findtext("movement-title"), root.findtext("work/work-title")]
    titles = [" ".join(text.split()) for text in texts if text and text.strip()]
    return Tune(
        voices, *head, titles=tuple(dict.fromkeys(titles)), tempo=tempo, fields=tuple(_fields(root)), unit=_unit(voices)
    )


def _fields(root: ET.Element) -> Iterator[tuple[str, str]]:
    for tag, letter in (("creator", "C"), ("rights", "Z"), ("source", "S")):
        for each in root.iterfind(f"identification/{tag}"):
            text = " ".join((each.text or "").split())
            kind = each.get("type", "composer") if tag == "creator" else ""
            if text:
                yield letter, text if kind in ("", "composer") else f"{kind.capitalize()}: {text}"


def _unit(voices: Sequence[Sequence[Element]]) -> Fraction:
    """Return the unit note length that suits most notes of the first voice: an eighth or a quarter."""
    short = sum(each.duration < Fraction(1, 4) for each in voices[0] if isinstance(each, Sound))
    long = sum(each.duration >= Fraction(1, 4) for each in voices[0] if isinstance(each, Sound))
    return Fraction(1, 4) if long > 2 * short else Fraction(1, 8)


def _first_tempo(voices: tuple[tuple[Element, ...], ...]) -> tuple[tuple[tuple[Element, ...], ...], Tempo | None]:
    """Return the voices without the initial tempo, and that tempo."""
    found: Tempo | None = None
    first: list[Element] = []
    begun = False
    for element in voices[0]:
        begun |= isinstance(element, Sound)
        if isinstance(element, Tempo) and not begun:
            found = element
        else:
            first.append(element)
    return (tuple(first), *voices[1:]), found


def _finished(tune: Tune, lost: Counter[str]) -> Tune:
    """Return a tune with repaired ties, endings and parts; count losses."""
    voices = [_with_ties(voice, lost) for voice in tune.voices]
    if any(isinstance(element, Bar) and element.endings for element in voices[0]):
        repaired = [repair_endings(voice) for voice in voices]
        voices = [tuple(voice) for voice, _ in repaired]
        lost.update(repaired[0][1])
    if len(voices) > 1 and any(isinstance(element, Part) for element in voices[0]):
        voices = list(spread_parts(voices))
    tune = replace(tune, voices=tuple(voices))
    lost.update(unfollowed_parts(tune))
    marks = [mark for voice in voices for each in voice if isinstance(each, Sound | Bar) for mark in each.marks]
    jumps = [mark for mark in marks if sign(mark) in BACK]
    if jumps and (find_route(voices)[1] or played_order(tune)):
        lost["D.C. or D.S. that is not followed"] += 1
    lost.update(f"text {mark}" for mark in marks if is_unknown_jump(mark))
    return tune


def _with_ties(voice: Sequence[Element], lost: Counter[str]) -> tuple[Element, ...]:
    """Return a voice without ties that lead to no note; count these in `lost`."""
    elements = list(voice)
    places = [index for index, element in enumerate(elements) if isinstance(element, Sound)]
    for place, following in zip(places, [*places[1:], None], strict=True):
        sound, coming = elements[place], None if following is None else elements[following]
        assert isinstance(sound, Sound)
        if not sound.tied:
            continue
        reached: tuple[Pitch, ...] = coming.pitches if isinstance(coming, Sound) else ()
        missing = [pitch for pitch in sound.tied_pitches if pitch not in reached]
        if missing:
            lost["tie with no note after it"] += len(missing)
            untied = tuple(pitch for pitch in sound.pitches if pitch in sound.untied or pitch in missing)
            if len(untied) == len(sound.pitches):
                elements[place] = replace(sound, tied=False, untied=())
            else:
                elements[place] = replace(sound, untied=untied)
    return tuple(elements)
