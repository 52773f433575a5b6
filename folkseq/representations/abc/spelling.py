"""How FolkRNN spells the elements of a tune, one token or more each (Sturm et al., 2016), and how tokens are read back.

| element | tokens |
| --- | --- |
| header | `R:reel` (if known), `M:4/4`, `K:Cmaj` |
| pitch | `C`, `^f'`, `=B,`: an accidental where the pitch is not the signature's, on every such note |
| length | in eighths, after the pitch; none for one eighth: `2`, `3/2`, `/2` |
| rest | `z` and its length |
| chord | `[` pitches upwards `]` length |
| grace notes | `{` pitches `}` before their note |
| tie | `-` after the length |
| tuplet | `(3`, or `(5:4:5` where the meter's default differs |
| bar line | `|` `||` `|]` `|:` `:|` `::`, then `[1` `[2` if an ending begins |
| change | `[M:3/4]`, `[K:Gmaj]` |
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from folkseq.formats.abc.fields import ACCIDENTALS, format_key, parse_key, parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_note, parse_tuplet
from folkseq.formats.abc.writer import format_length, format_step
from folkseq.music import Bar, Element, Interval, Key, Meter, Pitch, Sound, Tuplet

UNIT = Fraction(1, 8)
_SIGNS = {alter: sign for sign, alter in ACCIDENTALS.items()}
_LINES = {
    "|": Bar(),
    "||": Bar("||"),
    "|]": Bar("|]"),
    "|:": Bar(opens=True),
    ":|": Bar(closes=1),
    "::": Bar("|", 1, True),
}
_TOKENS = {(bar.style, bar.closes, bar.opens): token for token, bar in _LINES.items()}


_MOST_KNOWN = 10_000


class SoundSpeller:
    """Spells sounds under one key after one transposition, remembering what it has spelt."""

    def __init__(self, interval: Interval, key: Key, grace: bool) -> None:
        self.interval, self.key, self.grace = interval, key, grace
        self._pitches: dict[Pitch, str] = {}
        # By identity, since a book's tunes share most of their sounds; holding a sound keeps its identity its own.
        self._sounds: dict[int, tuple[Sound, list[str]]] = {}

    def spell(self, sound: Sound) -> list[str]:
        """The tokens of a sound outside every tuplet."""
        found = self._sounds.get(id(sound))
        if found is None:
            if len(self._sounds) > _MOST_KNOWN:
                self._sounds.clear()
            found = self._sounds[id(sound)] = sound, self.spell_within(sound, 1, 1)
        return found[1]

    def spell_within(self, sound: Sound, actual: int, normal: int) -> list[str]:
        """The tokens of a sound within a tuplet of `actual` in the time of `normal`."""
        pitches = [self._pitch(pitch) for pitch in sound.pitches]
        tokens = ["{", *map(self._pitch, sound.grace), "}"] if sound.grace and self.grace else []
        tokens += pitches if len(pitches) == 1 else ["[", *pitches, "]"] if pitches else ["z"]
        length = _spell_length(sound.duration.numerator * actual, sound.duration.denominator * normal)
        if length:
            tokens.append(length)
        if sound.tied:
            tokens.append("-")
        return tokens

    def _pitch(self, pitch: Pitch) -> str:
        token = self._pitches.get(pitch)
        if token is None:
            moved = self.interval.apply(pitch)
            sign = "" if moved.alter == self.key.alters[moved.letter] else _SIGNS[moved.alter]
            token = self._pitches[pitch] = sign + format_step(moved.step)
        return token


sound_speller = lru_cache(maxsize=512)(SoundSpeller)


@lru_cache(maxsize=1 << 14)
def _spell_length(numerator: int, denominator: int) -> str:
    return format_length(Fraction(numerator, denominator) / UNIT)


def spell_bar(bar: Bar) -> list[str]:
    """The tokens of a bar line: the line if there is one, then the ending if one begins."""
    line = [_TOKENS[bar.style, bar.closes, bar.opens]] if bar.style else []
    return [*line, "[" + ",".join(map(str, bar.endings))] if bar.endings else line


@lru_cache(maxsize=256)
def spell_tuplet(tuplet: Tuplet, compound: bool) -> str:
    """The token of a tuplet, short where the meter's default says the rest."""
    short = f"({tuplet.actual}"
    return short if parse_tuplet(short, compound) == tuplet else f"{short}:{tuplet.normal}:{tuplet.count}"


@lru_cache(maxsize=1 << 14)
def kind(token: str) -> str:
    """What a body's token is: pitch, length, rest, tie, tuplet, bar, ending, meter, key, a bracket, or nothing."""
    if token in ("{", "}", "[", "]"):
        return token
    if token in _LINES:
        return "bar"
    if token in ("z", "-"):
        return "rest" if token == "z" else "tie"
    first = token[:1]
    if first == "(":
        return "tuplet"
    if first == "[":
        return "ending" if token[1:2].isdigit() else {"M": "meter", "K": "key"}.get(token[1:2], "")
    if first.isdigit() or first == "/":
        return "length"
    try:
        parse_note(token)
    except ValueError:
        return ""
    return "pitch"


def read_pitch(token: str, key: Key) -> Pitch:
    """The pitch of a token under a key; its accidental holds for itself alone."""
    step, accidental, _ = parse_note(token)
    return Pitch(step, key.alters[step % 7] if accidental is None else accidental)


def read_bar(token: str) -> Bar:
    """The bar line of a token."""
    return _LINES[token]


def read_endings(token: str) -> tuple[int, ...]:
    """The passes of an ending's token: `[1` or `[1,2`."""
    return tuple(int(number) for number in token[1:].split(","))


class Speller:
    """Tokens to elements; those that stand where they mean nothing are passed over, so any sequence can be read."""

    def __init__(self, key: Key, meter: Meter) -> None:
        self.key, self.meter = key, meter
        self.elements: list[Element] = []
        self._grace: list[Pitch] = []
        self._pitches: list[Pitch] = []
        self._inside = ""  # "{" or "[" while their notes are read
        self._waiting = False  # whether pitches (or a rest) wait for their length
        self._length = ""  # its token
        self._tied = False
        self._ratio, self._left = (1, 1), 0  # that of a tuplet, and how many of its notes are to come

    def read(self, tokens: Sequence[str]) -> list[Element]:
        """The elements of a body's tokens."""
        for token in tokens:
            self._read(token, kind(token))
        self._flush()
        return self.elements

    def _read(self, token: str, what: str) -> None:
        if what == "pitch":
            pitch = read_pitch(token, self.key)
            if self._inside == "{":
                self._grace.append(pitch)
            elif self._inside == "[":
                self._pitches.append(pitch)
            else:
                self._flush()
                self._pitches, self._waiting = [pitch], True
        elif what == "length":
            if self._waiting:
                self._length = token
        elif what == "tie":
            self._tied = self._waiting and bool(self._pitches)
        elif what == "]":
            if self._inside == "[":
                self._inside, self._waiting = "", bool(self._pitches)
        elif what == "}":
            self._inside = "" if self._inside == "{" else self._inside
        else:
            self._flush()
            self._begin(token, what)

    def _begin(self, token: str, what: str) -> None:
        if what in ("{", "["):
            self._inside = what
            if what == "[":
                self._pitches = []
            return
        self._inside = ""
        if what == "rest":
            self._waiting = True
        elif what == "bar":
            self.elements.append(read_bar(token))
        elif what == "ending":
            last = self.elements[-1] if self.elements else None
            if isinstance(last, Bar) and not last.endings:
                self.elements[-1] = Bar(last.style, last.closes, last.opens, read_endings(token))
            else:
                self.elements.append(Bar("", endings=read_endings(token)))
        elif what == "tuplet":
            tuplet = parse_tuplet(token, self.meter.compound)
            self.elements.append(tuplet)
            self._ratio, self._left = (tuplet.normal, tuplet.actual), tuplet.count
        elif what == "meter":
            self.meter = parse_meter(token[3:-1])
            self.elements.append(self.meter)
        elif what == "key":
            self.key = parse_key(token[3:-1])[0] or self.key
            self.elements.append(self.key)

    def _flush(self) -> None:
        """Puts the sound whose length is now known."""
        if not self._waiting:
            return
        duration = _duration(self._length, *(self._ratio if self._left else (1, 1)))
        pitches = tuple(sorted(set(self._pitches)))
        self.elements.append(Sound(pitches, duration, self._tied, tuple(self._grace)))
        self._left = max(0, self._left - 1)
        self._grace, self._pitches = [], []
        self._waiting, self._tied, self._length = False, False, ""


@lru_cache(maxsize=1 << 12)
def _duration(length: str, normal: int, actual: int) -> Fraction:
    """That of a length's token, in whole notes, in a tuplet of so many in the time of so many; few occur, and often."""
    return UNIT * (parse_length(length) if length else 1) * Fraction(normal, actual)


def spell_meter(meter: Meter) -> str:
    """The token of a meter that begins within the body."""
    return f"[M:{meter}]"


def spell_key(key: Key) -> str:
    """The token of a key that begins within the body."""
    return f"[K:{format_key(key)}]".replace(" ", "")
