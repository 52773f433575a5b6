"""The symbols of a line of ABC music (ABC 2.1, section 4), as one table of patterns, tried in this order.

Also what older books hold: `+CEG+` chords, `!` as a line break, and folk-rnn's token text, whose lengths stand apart from their notes.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_NOTE = r"(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*"
_LENGTH = r"[0-9]*/*[0-9]*"

_SYMBOLS = {
    "note": _NOTE + _LENGTH,
    "space": r"[ \t`]+",
    "bar": r"\.?(?:\[\||:+\|?|\|)(?:[|:]|\](?!\d))*",
    "broken": r">+|<+",
    "rest": rf"[zx]{_LENGTH}",
    "tie": r"\.?-",
    "tuplet": r"\([2-9](?::[0-9]*(?::[0-9]*)?)?(?!\d)",
    "slur": r"\.?\(",
    "unslur": r"\)",
    "grace": r"\{[^{}]*\}",
    "text": r'"[^"]*"',
    "ending": r"\[[1-9][0-9]*(?:[,\-][1-9][0-9]*)*|(?<=[|:])[1-9](?:[,\-][1-9])*(?![0-9/])|(?<=[|:] )[1-9](?:[,\-][1-9])*(?![0-9/])",
    "field": r"\[[A-Za-z]:[^\]]*\]",
    "chord": rf'\[(?:[^\[\]"|]|"[^"]*")*\]{_LENGTH}',
    "old_chord": rf"\+(?:{_NOTE}{_LENGTH})+\+",
    "decoration": r"![A-Za-z0-9<>()+.,'^_\-\[\]]+!|\+[A-Za-z0-9<>().]+\+|[~.HLMOPSTuvJRWhijklmnopqrstw]",
    "multirest": r"[ZX][0-9]*",
    "length": r"[0-9]+(?:/[0-9]+)?|/[0-9]*",
    "overlay": r"&+",
    "ignored": r"y[0-9]*|[*$;?@#!\\]",  # spacing, reserved characters, line breaks
    "microtone": rf"[\^_](?:[0-9]*/[0-9]*){_NOTE}{_LENGTH}",
    "unknown": r".",
}
SYMBOL = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _SYMBOLS.items()))
NOTE = re.compile(r"(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)(" + _LENGTH + ")")
_ALTERS = {None: None, "__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}


@lru_cache(maxsize=1 << 12)
def parse_length(text: str) -> Fraction:
    """The factor that a note's length stands for: `3/2`, `/`, `//` and `2` as 3/2, 1/2, 1/4 and 2. Raises ValueError for 0."""
    match = re.fullmatch(r"([0-9]*)(/*)([0-9]*)", text)
    if match is None or len(text) > 12:
        raise ValueError(f"{text!r} is not a length")
    above, slashes, below = match.groups()
    numerator = int(above or 1)
    denominator = int(below) * 2 ** max(0, len(slashes) - 1) if below else 2 ** len(slashes)
    if not numerator or not denominator:
        raise ValueError(f"the length {text} is zero or without end")
    return Fraction(numerator, denominator)


@lru_cache(maxsize=1 << 14)
def parse_note(text: str) -> tuple[int, int | None, Fraction]:
    """Staff position, written accidental (None if there is none) and length factor of a note.

    >>> parse_note("^c'3/2")
    (14, 1, Fraction(3, 2))
    """
    match = NOTE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a note")
    sign, letter, marks, length = match.groups()
    step = "CDEFGABcdefgab".index(letter) + 7 * (marks.count("'") - marks.count(","))
    if not -35 <= step <= 39:
        raise ValueError(f"{text} lies outside the keyboard")
    return step, _ALTERS[sign], parse_length(length)
