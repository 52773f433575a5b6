"""The tokens of FolkRNN (Sturm et al., 2016), one or more for each element of a tune.

| element | tokens |
| --- | --- |
| header | `R:reel` (if known), `M:4/4`, `K:Cmaj` |
| pitch | `C`, `^f'`, `=B,`: with an accidental on every note that is not in the key signature |
| length | in eighths, after the pitch; none for one eighth: `2`, `3/2`, `/2` |
| rest | `z` and its length |
| chord | `[` pitches upwards `]` length |
| grace notes | `{` pitches `}` before their note |
| chord symbol | `"Am7"` before its sound and its grace notes, if chords are kept |
| tie | `-` after the length |
| tuplet | `(3`, or `(5:4:5` where the meter's default differs |
| bar line | `|` `||` `|]` `|:` `:|` `::`, then `[1` `[2` if an ending begins |
| change | `[M:3/4]`, `[K:Gmaj]` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from folkseq.formats.abc.fields import SIGNS, format_key, parse_key, parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_note, parse_tuplet
from folkseq.formats.abc.writer import format_length, format_step
from folkseq.identity import ByIdentity
from folkseq.music import Bar, Element, Interval, Key, Meter, Pitch, Sound, Tuplet
from folkseq.music.harmony import canonical, move_symbol
from folkseq.representations.base import END, START

UNIT = Fraction(1, 8)
HEADER = ("R:", "M:", "K:")
LINES = {
    "|": Bar(),
    "||": Bar("||"),
    "|]": Bar("|]"),
    "|:": Bar(opens=True),
    ":|": Bar(closes=1),
    "::": Bar("|", 1, True),
}
_LINE_TOKENS = {(bar.style, bar.closes, bar.opens): token for token, bar in LINES.items()}
_KINDS = {"z": "rest", "-": "tie"} | dict.fromkeys(LINES, "bar")
_KINDS |= {token: token for token in ("{", "}", "[", "]", START, END)}


@lru_cache(maxsize=1 << 14)
def kind(token: str) -> str:
    """Return the kind of a token, or an empty string for an unknown one.

    Kinds are `R:`, `M:`, `K:`, pitch, length, rest, tie, tuplet, harmony, bar, ending, meter and key. Each bracket and
    brace, and the start and end tokens, are separate kinds.
    """
    if token in _KINDS:
        return _KINDS[token]
    first = token[:1]
    if token[:2] in HEADER:
        return token[:2]
    if first == "(":
        return "tuplet"
    if first == '"':
        return "harmony" if token == harmony_token(token) != "" else ""
    if first == "[":
        return "ending" if token[1:2].isdigit() else {"M": "meter", "K": "key"}.get(token[1:2], "")
    if first.isdigit() or first == "/":
        return "length"
    try:
        parse_note(token)
    except ValueError:
        return ""
    return "pitch"


def header_meter(token: str) -> Meter:
    """Return the meter of `M:3/4` or `[M:3/4]`."""
    return parse_meter(token.strip("[]")[2:])


def bar_tokens(bar: Bar) -> list[str]:
    """Return the tokens of a bar line: the line, if any, and the ending that begins, if any."""
    line = [_LINE_TOKENS[bar.style, bar.closes, bar.opens]] if bar.style else []
    return [*line, "[" + ",".join(map(str, bar.endings))] if bar.endings else line


@lru_cache(maxsize=256)
def tuplet_token(tuplet: Tuplet, compound: bool) -> str:
    """Return the token of a tuplet, in its short form if it is the meter's default."""
    short = f"({tuplet.actual}"
    return short if parse_tuplet(short, compound) == tuplet else f"{short}:{tuplet.normal}:{tuplet.count}"


def harmony_token(mark: str) -> str:
    """Return the token of a chord symbol in quotes; an empty string for unknown chords and other marks."""
    symbol = canonical(mark[1:-1]) if mark[:1] == '"' else ""
    return f'"{symbol}"' if symbol else ""


def key_token(key: Key) -> str:
    """Return the token of a key within a tune."""
    return f"[K:{format_key(key)}]".replace(" ", "")


@lru_cache(maxsize=1 << 14)
def _length_token(numerator: int, denominator: int) -> str:
    return format_length(Fraction(numerator, denominator) / UNIT)


class SoundTokenizer:
    """A tokenizer of sounds in one key after one transposition."""

    def __init__(self, interval: Interval, key: Key, grace: bool, chords: bool = False) -> None:
        self.interval, self.key, self.grace, self.chords = interval, key, grace, chords
        self._pitches: dict[Pitch, str] = {}
        self.tokens = ByIdentity(self.tokens_in_tuplet)
        """A function that returns the tokens of a sound outside tuplets."""

    def tokens_in_tuplet(self, sound: Sound, actual: int = 1, normal: int = 1) -> list[str]:
        """Return the tokens of a sound in a tuplet of `actual` in the time of `normal`."""
        pitches = [self._pitch(pitch) for pitch in dict.fromkeys(sound.pitches)]
        tokens = self._harmony(sound.marks) if self.chords and sound.marks else []
        tokens += ["{", *map(self._pitch, sound.grace), "}"] if sound.grace and self.grace else []
        tokens += pitches if len(pitches) == 1 else ["[", *pitches, "]"] if pitches else ["z"]
        length = _length_token(sound.duration.numerator * actual, sound.duration.denominator * normal)
        if length:
            tokens.append(length)
        if sound.tied:
            tokens.append("-")
        return tokens

    def _harmony(self, marks: Iterable[str]) -> list[str]:
        """Return the token of the last chord symbol, the one that sounds."""
        symbols = [token for token in map(harmony_token, marks) if token]
        return [harmony_token(f'"{move_symbol(symbols[-1][1:-1], self.interval)}"')] if symbols else []

    def _pitch(self, pitch: Pitch) -> str:
        token = self._pitches.get(pitch)
        if token is None:
            moved = self.interval.apply(pitch)
            sign = "" if moved.alter == self.key.alters[moved.letter] else SIGNS[moved.alter]
            token = self._pitches[pitch] = sign + format_step(moved.step)
        return token


sound_tokenizer = lru_cache(maxsize=512)(SoundTokenizer)


class SoundTokens(NamedTuple):
    """The tokens of one sound."""

    stop: int
    """The index after its last token."""
    grace: tuple[str, ...]
    pitches: tuple[str, ...]
    length: str
    tied: bool


class SignToken(NamedTuple):
    """A token that is not part of a sound."""

    place: int
    kind: str
    token: str


def read_sounds(tokens: Sequence[str]) -> Sequence[SoundTokens | SignToken]:
    """Read any tokens as sounds and signs; a token without meaning at its position is skipped."""
    return _read_sounds(tuple(tokens))


@lru_cache(maxsize=16)  # the tokens of one tune are read for its music and for its bars
def _read_sounds(tokens: tuple[str, ...]) -> Sequence[SoundTokens | SignToken]:
    found: list[SoundTokens | SignToken] = []
    grace, pitches = tuple[str, ...](), tuple[str, ...]()  # of the pending sound
    inside, length = "", ""  # the open brace or bracket; the length of the pending sound
    pending, tied = False, False  # whether pitches, or a rest, wait for their length
    for index, token in enumerate(tokens):
        what = kind(token)
        if what == "pitch" and inside:
            if inside == "{":
                grace += (token,)
            else:
                pitches += (token,)
        elif what == "length":
            length = token if pending else ""
        elif what == "tie":
            tied = pending and bool(pitches)
        elif what == "]":
            if inside == "[":
                inside, pending = "", bool(pitches)
        elif what == "}":
            inside = "" if inside == "{" else inside
        else:
            if pending:
                found.append(SoundTokens(index, grace, pitches, length, tied))
                grace, pitches, length, pending, tied = (), (), "", False, False
            inside = what if what in ("{", "[") else ""
            if what == "[":
                pitches = ()
            elif what == "pitch":
                pitches, pending = (token,), True
            elif what == "rest":
                pending = True
            elif what != "{":
                found.append(SignToken(index, what, token))
    if pending:
        found.append(SoundTokens(len(tokens), grace, pitches, length, tied))
    return found


def read_elements(tokens: Sequence[str], key: Key, meter: Meter, grace: bool = True) -> list[Element]:
    """Read the tokens of a body that begins in `key` and `meter` as elements."""
    elements: list[Element] = []
    ratio, left = (1, 1), 0  # of the tuplet; the number of its sounds to come
    marks: tuple[str, ...] = ()  # the chord symbol of the next sound
    sound = _sound_reader(key)
    for item in read_sounds(tokens):
        if isinstance(item, SoundTokens):
            within = ratio if left else (1, 1)
            elements.append(sound(item.pitches, item.length, within, item.tied, item.grace if grace else (), marks))
            marks = ()
            left = max(left - 1, 0)
        elif item.kind == "harmony":
            marks = (item.token,)
        elif item.kind == "bar":
            elements.append(LINES[item.token])
        elif item.kind == "ending":
            passes = tuple(map(int, item.token[1:].split(",")))
            last = elements[-1] if elements else None
            if isinstance(last, Bar) and not last.endings:
                elements[-1] = replace(last, endings=passes)
            else:
                elements.append(Bar("", endings=passes))
        elif item.kind == "tuplet":
            tuplet = parse_tuplet(item.token, meter.compound)
            elements.append(tuplet)
            ratio, left = (tuplet.normal, tuplet.actual), tuplet.count
        elif item.kind == "meter":
            meter = header_meter(item.token)
            elements.append(meter)
        elif item.kind == "key":
            key = parse_key(item.token[3:-1])[0] or key
            sound = _sound_reader(key)
            elements.append(key)
    return elements


@lru_cache(maxsize=32)
def _sound_reader(key: Key) -> Callable[..., Sound]:
    """Return a cached function that reads the spelling of a sound in a key; tunes share most of their sounds."""

    def pitch(token: str) -> Pitch:
        step, accidental, _ = parse_note(token)
        return Pitch(step, key.alters[step % 7] if accidental is None else accidental)

    @lru_cache(maxsize=1 << 12)
    def sound(
        pitches: tuple[str, ...],
        length: str,
        within: tuple[int, int],
        tied: bool,
        grace: tuple[str, ...],
        marks: tuple[str, ...],
    ) -> Sound:
        spelt = tuple(sorted(set(map(pitch, pitches))))
        return Sound(spelt, _duration(length, *within), tied, tuple(map(pitch, grace)), marks)

    return sound


@lru_cache(maxsize=1 << 12)
def _duration(length: str, normal: int, actual: int) -> Fraction:
    """Return the duration of a length token, in whole notes, in a tuplet of `actual` in the time of `normal`."""
    return UNIT * (parse_length(length) if length else 1) * Fraction(normal, actual)
