"""Split a line of ABC music into symbols (ABC 2.1, section 4), and parse each by itself.

The patterns form one table and are tried in its order. They also accept `+CEG+` chords and `!` line breaks of older
books, and folk-rnn's token text, which separates lengths from notes. No pattern can match a text in two ways, so the
reading time is always proportional to the length of the text.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from folkseq.formats.abc.fields import ACCIDENTALS
from folkseq.music.tune import Bar, Tuplet

_NOTE = r"(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*"
_LENGTH = r"[0-9]*(?:/+[0-9]*)?"
_PASSES = r"[1-9][0-9]*(?:(?:, ?|-)[1-9][0-9]*)*"
_SHORT_PASSES = r"[1-9](?:[,\-][1-9])*(?![0-9/])"
_LONG_PASSES = r"[1-9][0-9]?(?:[,\-][1-9][0-9]?)*(?![0-9/])"

_SYMBOLS = {
    "note": _NOTE + _LENGTH,
    "space": r"[ \t`]+",
    "bar": r"\.?(?:\[[|:]|\](?=\|)|:+\|?|\|)(?:[|:]|\](?!\d)|\[(?=\|))*",
    "broken": r">+|<+",
    "rest": rf"[zx]{_LENGTH}",
    "tie": r"\.?-",
    "tuplet": r"\((?:[2-9]|[1-9][0-9]?(?=:))(?::[0-9]*(?::[0-9]*)?)?(?!\d)",
    "slur": r"\.?\(",
    "unslur": r"\)",
    "grace": r"\{[^{}]*\}",
    "text": r'"[^"]*"',
    "ending": rf"\[{_PASSES}|(?<=[|:]){_LONG_PASSES}"
    + "".join(rf"|(?<=[|:]{' ' * spaces}){_SHORT_PASSES}" for spaces in (1, 2, 3)),
    "field": r"\[[A-Za-z]:[^\]]*\]",
    "chord": rf'\[(?:[^\[\]"|]|"[^"]*")*\]{_LENGTH}',
    "named_ending": r'\["[^"]*"',
    "old_chord": rf"\+(?!f+\+) ?(?:{_NOTE}{_LENGTH} ?)+\+{_LENGTH}",
    "decoration": r"![A-Za-z0-9<>()+.,'^_\-\[\]]+!|\+[A-Za-z0-9<>().]+\+|[~.HLMOPSTuvJR]",
    "undefined": r"[Wh-tw]",  # letters that U: may define as decorations
    "multirest": r"[ZX][0-9]*",
    "length": r"(?<=[A-Ga-gzx,'\]] )(?:[0-9]+(?:/[0-9]+)?|/[0-9]*)",
    "overlay": r"&+",
    "ignored": r"y[0-9]*|[*$;?@#!\\]",  # spacing, reserved characters, line breaks
    "microtone": rf"[\^_](?:[0-9]*/[0-9]*){_NOTE}{_LENGTH}",
    "unknown": r".",
}
SYMBOL = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _SYMBOLS.items()))
KINDS = ("", *_SYMBOLS)  # indexed by a match's `lastindex`, which is faster than `lastgroup`
NOTE = re.compile(r"(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)(" + _LENGTH + ")")
_LONGEST = 24  # characters of a length, tuplet or bar line; longer ones are misprints
_LONGEST_LIST = 400  # characters of a list of endings

_HALVINGS = {count: Fraction(1, 2**count) for count in (1, 2, 3)}
BROKEN = {">" * count: (2 - short, short) for count, short in _HALVINGS.items()}
BROKEN |= {"<" * count: (short, 2 - short) for count, short in _HALVINGS.items()}
"""The length factors of the notes before and after each broken rhythm sign."""


def _check(text: str, name: str, longest: int = _LONGEST) -> None:
    if len(text) > longest:
        raise ValueError(f"{text[:_LONGEST]}… is not {name}")


@lru_cache(maxsize=1 << 12)
def parse_length(text: str) -> Fraction:
    """Return the factor of a note's length: 3/2, 1/2, 1/4 and 2 for `3/2`, `/`, `//` and `2`.

    Raises:
        ValueError: `text` is not a length, or the length is zero.
    """
    _check(text, "a length")
    match = re.fullmatch(r"([0-9]*)(/*)([0-9]*)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a length")
    above, slashes, below = match.groups()
    numerator = int(above or 1)
    denominator = int(below) * 2 ** max(0, len(slashes) - 1) if below else 2 ** len(slashes)
    if not numerator or not denominator:
        raise ValueError(f"the length {text} is zero or without end")
    return Fraction(numerator, denominator)


@lru_cache(maxsize=1 << 14)
def parse_note(text: str) -> tuple[int, int | None, Fraction]:
    """Return the staff position, written accidental (None if there is none) and length factor of a note.

    >>> parse_note("^c'3/2")
    (14, 1, Fraction(3, 2))

    Raises:
        ValueError: `text` is not a note, or the note is outside the keyboard.
    """
    match = NOTE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a note")
    sign, letter, marks, length = match.groups()
    step = "CDEFGABcdefgab".index(letter) + 7 * (marks.count("'") - marks.count(","))
    if not -35 <= step <= 39:
        raise ValueError(f"{text[:_LONGEST]} lies outside the keyboard")
    return step, ACCIDENTALS.get(sign), parse_length(length)


@lru_cache(maxsize=1024)
def parse_bar(text: str) -> Bar:
    """Return the bar line for a run of `|`, `:`, `[` and `]`. Raises ValueError if it is too long.

    >>> parse_bar(":||:")
    Bar(style='|', closes=1, opens=True, endings=(), marks=())
    """
    _check(text, "a bar line")
    signs = text.replace(".", "")
    lines = signs.strip(":")
    before, after = len(signs) - len(signs.lstrip(":")), len(signs) - len(signs.rstrip(":"))
    if not lines:
        return Bar(closes=len(signs) // 2, opens=len(signs) > 1)
    if ":" in lines:  # such as |:|, which ends a section and begins another
        before, after = max(before, 1), max(after, 1)
    if before or after:
        return Bar(closes=before, opens=after > 0)
    return Bar("|]" if "]" in lines else "||" if len(lines) > 1 else "|")


def join_bars(first: str, second: str) -> str:
    """Return two bar lines, separated only by space, as one; the same line twice is not a double bar."""
    if second == first or (second == "|" and first.endswith("|")):
        return first
    return second if first == "|" and second != ":" else first + second


@lru_cache(maxsize=256)
def parse_endings(text: str) -> tuple[int, ...]:
    """Return the passes of an ending such as `[1`, `1,3` and `[1-3`.

    >>> parse_endings("[1,3-5")
    (1, 3, 4, 5)

    Raises:
        ValueError: A range is reversed, or there are more passes than a tune can have.
    """
    _check(text, "an ending", _LONGEST_LIST)
    passes: list[int] = []
    for part in text.strip("[").split(","):
        first, *rest = (int(number) for number in part.split("-"))
        last = rest[-1] if rest else first
        if not first <= last <= 99:
            raise ValueError(f"{text} is not an ending: write one such as [1 or [1,3 or [1-3, each at most 99")
        passes.extend(range(first, last + 1))
    return tuple(passes)


@lru_cache(maxsize=1024)
def parse_tuplet(text: str, compound: bool) -> Tuplet:
    """Return the tuplet `(p`, `(p:q` or `(p:q:r`, with the standard's defaults (section 4.13).

    Raises:
        ValueError: `text` is too long, or its numbers are too large.
    """
    _check(text, "a tuplet")
    actual, normal, count = ([int(number or 0) for number in text[1:].split(":")] + [0, 0])[:3]
    default = {1: 1, 2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(actual, 3 if compound else 2)
    return Tuplet(actual, normal or default, count or actual)
