"""Format a tune as ABC that every program reads and a player can follow.

The spelling is canonical: a dotted pair in one beat is `B>G`, other lengths are written out, beams follow the beat, and
a line holds four bars. An accidental is written wherever any reading of the rules (in its octave only, or in every
octave of the bar) requires it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import count, zip_longest
from math import lcm

from folkseq.formats.abc import escapes
from folkseq.formats.abc.fields import SIGNS, format_key, format_tempo
from folkseq.formats.abc.lexer import BROKEN, parse_tuplet
from folkseq.formats.abc.looks import looks_in
from folkseq.formats.abc.lyrics import format_verses
from folkseq.formats.abc.settings import DRUMS
from folkseq.music.pitch import LETTERS, Pitch
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import VIOLIN, Bar, Element, Instrument, Part, Sound, Tune, Tuplet

BARS_A_LINE = 4
SOUNDS_A_LINE = 32  # a line with more sounds ends at the next bar line
# Widths in sounds of usual width: the limit of a line including its next bar, and the width after which a line that
# holds only part of a long bar ends on the beat. abcm2ps refused lines of 41 and more.
ROOM, ROOM_IN_BAR = 38.0, 34.0
SOUNDS_A_LINE_OF_VOICES = 24  # voices are not aligned with each other, and need more room
_SEVERAL, _UNSURE = 999, 99  # a step and an alteration that equal no real one
_WHOLE = (1, 1)
_BROKEN = {sign: (one.as_integer_ratio(), other.as_integer_ratio()) for sign, (one, other) in BROKEN.items()}


def format(tune: Tune, comments: Sequence[str] = (), voices: Sequence[str] = ()) -> str:
    """Return the tune as ABC text that ends with a newline.

    Args:
        tune: The tune.
        comments: The texts of `%` lines after the first field.
        voices: The header settings of each voice, such as `name="Alto"`, if there are several.
    """
    several = len(tune.voices) > 1
    lines = [f"X:{tune.number}", *(f"% {_line(comment)}" for comment in comments)]
    lines += [_header("T", title) for title in tune.titles or ("Untitled",)]
    lines += [_header(letter, value) for letter, value in tune.fields if letter != "Q"]
    if tune.rhythm:
        lines.append(_header("R", tune.rhythm))
    if tune.parts:
        lines.append(_header("P", tune.parts))
    lines += [f"M:{tune.meter}", f"L:{tune.unit.numerator}/{tune.unit.denominator}"]
    if tune.tempo is not None:
        lines.append(f"Q:{format_tempo(tune.tempo)}")
    else:
        lines += [_header(letter, value) for letter, value in tune.fields if letter == "Q"]
    names, said = _name_voices(tune)
    if several or tune.voice_fields:
        lines += [f"V:{name} {text}".rstrip() for name, text in zip_longest(names, voices or said, fillvalue="")]
    lines.append(f"K:{format_key(tune.key)}")
    for name, voice in zip(names, tune.voices, strict=True):
        lines += [f"V:{name}"] if several else []
        lines += _VoiceWriter(tune, _bars_a_line(tune) if several else 0).write(voice)
    return "\n".join(lines) + "\n"


def _name_voices(tune: Tune) -> tuple[list[str], list[str]]:
    """Return the name of each voice (a number if it has none), and the rest of its `V:` field."""
    fields = [_line(field).partition(" ") for field in tune.voice_fields[: len(tune.voices)]]
    own = {name for name, _, _ in fields}
    numbers = (number for number in map(str, count(1)) if number not in own)
    names = [fields[index][0] if index < len(fields) else "" for index in range(len(tune.voices))]
    return [name or next(numbers) for name in names], [said for _, _, said in fields]


def format_bars(elements: Sequence[Element], key: Key, meter: Meter, unit: Fraction) -> str:
    """Return some elements of a voice on one line, as complete bars."""
    return " ".join(_VoiceWriter(Tune((), key=key, meter=meter, unit=unit)).write(elements))


@lru_cache(maxsize=4096)
def format_length(factor: Fraction) -> str:
    """Return a length in units as ABC writes it.

    >>> [format_length(Fraction(*pair)) for pair in ((1, 1), (2, 1), (1, 2), (3, 2), (1, 4))]
    ['', '2', '/2', '3/2', '/4']
    """
    above = "" if factor.numerator == 1 else str(factor.numerator)
    return above if factor.denominator == 1 else f"{above}/{factor.denominator}"


@lru_cache(maxsize=1024)
def format_step(step: int) -> str:
    """Return the letter and octave marks of a staff position: 0 is `C`, 7 is `c`, −1 is `B,`."""
    octave, letter = divmod(step, 7)
    name = LETTERS[letter]
    return name.lower() + "'" * (octave - 1) if octave > 0 else name + "," * -octave


def format_bar(bar: Bar) -> str:
    """Return a bar line with its repeats and ending.

    >>> format_bar(Bar(closes=1, opens=True)), format_bar(Bar(endings=(1,))), format_bar(Bar("", endings=(1, 2)))
    ('::', '|1', '[1,2')
    """
    if bar.closes == 1 and bar.opens:
        line = "::"
    elif bar.closes:
        line = ":" * bar.closes + "|" + ":" * bar.opens
    else:
        line = "|:" if bar.opens else bar.style
    endings = ",".join(map(str, bar.endings))
    if not endings:
        return line
    short = line in ("|", ":|") and max(bar.endings) < 10
    return f"{line}{endings}" if short else f"{line}{' ' if line else ''}[{endings}"


def _bars_a_line(tune: Tune) -> int:
    """Return the number of bars per line for several voices, so that the fullest bars fit."""
    most = count = 0
    for voice in tune.voices:
        for element in (*voice, Bar()):
            if isinstance(element, Bar):
                most, count = max(most, count), 0
            count += isinstance(element, Sound)
    return max(min(SOUNDS_A_LINE_OF_VOICES // max(most, 1), BARS_A_LINE), 1)


def _line(text: str) -> str:
    """Return `text` on one line, without unprintable characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _header(letter: str, value: str) -> str:
    value = escapes.encode(_line(value)) if letter in escapes.FIELDS else _line(value)
    return f"{letter}: {value}" if value[:1] in ("|", ":") else f"{letter}:{value}"  # P:| would be read as music


@lru_cache(maxsize=64)
def beam_group(meter: Meter) -> Fraction:
    """Return the length of a beam: a beat, but half a bar in common time; 0 if beams are never broken."""
    if meter.free:
        return Fraction(0)
    group = Fraction(1, 2) if (meter.beats, meter.unit) in ((4, 4), (2, 2)) else meter.beat
    return group if group >= Fraction(1, 4) else meter.bar


def _ticks_of_whole(elements: Iterable[Element], meter: Meter, unit: Fraction) -> int:
    """Return the ticks per whole note that make all sounds, beats and bars whole numbers of ticks."""
    meters = {meter, *(element for element in elements if isinstance(element, Meter))}
    lengths = [unit, *(length for each in meters for length in (each.bar, each.beat, beam_group(each)))]
    parts = {element.duration.denominator for element in elements if isinstance(element, Sound)}
    return lcm(*parts, *(length.denominator for length in lengths))


class _VoiceWriter:
    """Writes one voice, and tracks how the signs so far affect the next.

    Durations are integer ticks; with fractions, arithmetic would take most of the time.
    """

    def __init__(self, tune: Tune, bars_a_line: int = 0) -> None:
        self.bars_a_line = bars_a_line  # if not 0, the bars of every line, so that voices break alike
        self.key, self.meter, self.unit = tune.key, tune.meter, tune.unit
        self.lines: list[str] = []
        self.text = ""
        self.bars = self.sounds = 0  # in this line
        self.room = 0.0  # their width
        self.place = 0  # ticks since the bar line
        self.pickup = True
        self.written: dict[int, tuple[int, int]] = {}  # letter → step and alteration in this bar, if unique
        self.factor, self.left = _WHOLE, 0  # the tuplet's factor, and the number of sounds left
        self.broken: tuple[int, int] | None = None  # the factor that > or < gives the next sound
        self.tied: tuple[Pitch, ...] = ()  # to the next sound
        self.instrument = Instrument()
        self.line_sounds: list[Sound] = []
        self.lengths: dict[tuple[int, tuple[int, int]], str] = {}  # by ticks and factor

    def write(self, elements: Sequence[Element]) -> list[str]:
        self.whole = _ticks_of_whole(elements, self.meter, self.unit)
        self._count()
        self.look = looks_in(self.key, self.whole, self.unit_ticks)
        self.coming = self._rooms_of_bars(elements)
        for element, following in zip_longest(elements, elements[1:]):
            if isinstance(element, Sound):
                self._sound(element, following)
            elif isinstance(element, Bar):
                self._bar(element)
            elif isinstance(element, Tuplet):
                self._tuplet(element)
            else:
                self._field(element)
        self._end_line()
        return self.lines

    def _sound(self, sound: Sound, following: Element | None) -> None:
        if not self.left and self._begins_beam():
            self._space()
            if self.room >= ROOM_IN_BAR and self.broken is None and not self.bars and not self.bars_a_line:
                self._end_line()
        look, factor, sign = self.look(sound), self.factor, ""
        grace = f"{{{''.join(map(self._pitch, sound.grace))}}}" if sound.grace else ""
        if look.tie or not look.tied:
            notes = "".join(map(self._pitch, sound.pitches)) or "z"
        else:
            notes = "".join([self._pitch(pitch) + "-" * (pitch in look.tied) for pitch in sound.pitches])
        if len(sound.pitches) > 1:
            notes = f"[{notes}]"
        if self.broken is not None:
            factor, self.broken = self.broken, None
        elif isinstance(following, Sound) and (sign := self._dotted(sound, following)):
            factor, self.broken = _BROKEN[sign]
        length = self.lengths.get((look.ticks, factor))
        if length is None:
            length = format_length(sound.duration / (self.unit * Fraction(*factor)))
            self.lengths[look.ticks, factor] = length
        self.text += f"{look.opens}{grace}{look.marks}{notes}{length}{look.tie}{look.closes}{sign}"
        self.tied = look.tied
        self.line_sounds.append(sound)
        self.place += look.ticks
        self.sounds += look.sounds
        self.room += look.room
        if self.left:
            self.left -= 1
            self.factor = self.factor if self.left else _WHOLE

    def _count(self) -> None:
        """Set the lengths of a unit, a bar, a beat and a beam in ticks."""
        lengths = self.unit, self.meter.bar, self.meter.beat, beam_group(self.meter)
        self.unit_ticks, self.bar_ticks, self.beat_ticks, self.beam_ticks = (int(each * self.whole) for each in lengths)

    def _dotted(self, first: Sound, second: Sound) -> str:
        """Return the broken rhythm sign for two sounds that form a dotted pair of 1 or 2 units within one beat."""
        if first.duration is second.duration:  # the usual case
            return ""
        one, other = self.look(first).ticks, self.look(second).ticks
        sign = ">" if one == 3 * other else "<" if 3 * one == other else ""
        if not sign:
            return ""
        total = one + other
        # abc2midi does not read `A>.B` and `HA>B` as pairs.
        marked = second.marks or first.has_fermata
        plain = first.pitches and second.pitches and not (first.tied or second.grace or marked)
        if not plain or self.left or self.meter.free or total not in (self.unit_ticks, 2 * self.unit_ticks):
            return ""
        aligned = self.meter.compound or self.place % total == 0
        return sign if aligned and self.place % self.beat_ticks + total <= self.beat_ticks else ""

    def _begins_beam(self) -> bool:
        """Return whether a beam ends here, within the bar."""
        return bool(self.place and self.beam_ticks) and self.place % self.beam_ticks == 0

    def _pitch(self, pitch: Pitch) -> str:
        step, alter = place = pitch.step, pitch.alter
        letter = step % 7
        met = self.written.get(letter)
        if met == place:
            holds = True  # the signature or the bar's accidental applies under every reading
        else:
            holds = alter == self.key.alters[letter] and (met is None or met[1] == alter)
            self.written[letter] = place if met is None else (_SEVERAL, alter if met[1] == alter else _UNSURE)
        if self.tied and any(step == tied.step and alter != tied.alter for tied in self.tied):
            holds = False  # otherwise the tie would carry its accidental over
        return ("" if holds else SIGNS[alter]) + format_step(step)

    def _rooms_of_bars(self, elements: Sequence[Element]) -> Iterator[float]:
        """Yield the width of the sounds from each bar line to the next."""
        rooms = [0.0]
        for element in elements:
            if isinstance(element, Sound):
                rooms[-1] += self.look(element).room
            elif isinstance(element, Bar) and element.style:
                rooms.append(0.0)
        return iter(rooms[1:])

    def _bar(self, bar: Bar) -> None:
        self._space()
        self.text += "".join(bar.marks) + " " * bool(bar.marks)
        if not bar.style:  # an ending that begins within a bar
            self._doubt_accidentals()
            self.text += format_bar(bar)
            self._space()
            return
        self.bars += bool(self.place) and not (self.pickup and self.place < self.bar_ticks)
        self.pickup = bar.ends_section
        self.place, coming = 0, next(self.coming)
        self.written.clear()
        full = self.bars >= (self.bars_a_line or BARS_A_LINE)
        if not self.bars_a_line:
            full |= self.sounds >= SOUNDS_A_LINE or (self.sounds > 0 and self.room + coming > ROOM)
        next_line = ""
        if full and bar.endings:  # the ending begins the next line
            next_line = format_bar(Bar("", endings=bar.endings)) + " "
            bar = replace(bar, endings=())
        self.text += format_bar(bar)
        if full:
            self._end_line()
            self.text = next_line
        self._space()

    def _tuplet(self, tuplet: Tuplet) -> None:
        if self._begins_beam():
            self._space()
        # Programs disagree about the meters in which (5, (7 and (9 fill three units, and about (10: spell these out.
        usual = tuplet.actual in (2, 3, 4, 6, 8) and parse_tuplet(f"({tuplet.actual}", self.meter.compound) == tuplet
        self.text += f"({tuplet.actual}" if usual else f"({tuplet.actual}:{tuplet.normal}:{tuplet.count}"
        self.factor, self.left = (tuplet.normal, tuplet.actual), tuplet.count

    def _field(self, element: Part | Key | Meter | Tempo | Instrument) -> None:
        if isinstance(element, Part | Instrument):
            self._end_line()
            self.lines += [_header("P", element.label)] if isinstance(element, Part) else self._directives(element)
            return
        if isinstance(element, Key):
            self.key = element
            self.look = looks_in(element, self.whole, self.unit_ticks)
            self._doubt_accidentals()
            field = f"[K:{format_key(element)}]"
        elif isinstance(element, Meter):
            self.meter = element
            self._count()
            field = f"[M:{element}]"
        else:
            field = f"[Q:{format_tempo(element)}]"
        self._space()
        self.text += field

    def _directives(self, instrument: Instrument) -> Iterator[str]:
        """Yield the directives that change the previous instrument to another one."""
        before, self.instrument = self.instrument, instrument
        if instrument.drum != before.drum:
            yield f"%%MIDI channel {DRUMS if instrument.drum else 1}"
        if instrument.program != before.program:
            yield f"%%MIDI program {VIOLIN if instrument.program is None else instrument.program}"

    def _doubt_accidentals(self) -> None:
        """Force the bar's accidentals to be repeated: programs disagree whether they outlive a new key or ending."""
        self.written = dict.fromkeys(self.written, (_SEVERAL, _UNSURE))

    def _space(self) -> None:
        if self.text and not self.text.endswith(" "):
            self.text += " "

    def _end_line(self) -> None:
        if self.text.strip():
            self.lines += [self.text.strip(), *format_verses(self.line_sounds)]
            self.line_sounds.clear()
        self.text, self.bars, self.sounds, self.room = "", 0, 0, 0.0
