"""Whether a tune's tokens are whole, by a strict reading that knows nothing of the grammar that masks.

The tokens must spell elements, which a regular expression over their kinds says; what `spelling.Speller` makes of them
must add up, which plain counting says. The grammar shares neither, so each checks the other, and a book can be read by
the same rules as what a model writes. Every bar within a section is full; its first and its last may be short. The
grammar asks more: that short bars complete one another, that a tune has four bars, a first ending no more than four. So
all that it allows is whole here, and a little that it does not allow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Bar, Element, Key, Meter, Pitch, Sound, Tuplet
from folkseq.representations.abc.spelling import Speller, kind
from folkseq.representations.base import END, START

SPELLING, BAR, TUPLET, TIE, REPEAT, ENDING, CHANGE, CLOSE = (
    "misspelt",  # tokens that mean nothing where they stand
    "bar_of_wrong_length",
    "unclosed_tuplet",
    "tie_to_no_note",
    "unpaired_repeat",
    "unpaired_ending",
    "meter_within_bar",
    "no_end",  # no final bar line before the end, or something after it
)
"""What may be wrong."""

_KINDS = ("pitch", "length", "rest", "tie", "tuplet", "bar", "ending", "meter", "key", "{", "}", "[", "]")
_LETTERS = dict(zip(_KINDS, "plz-t|emk{}[]", strict=True))
_HEADER = {START: "S", END: "E", "R:": "R", "M:": "M", "K:": "K"}
_SPELT = re.compile(r"SR?MK((\{p+\})?(pl?-?|\[p+\]l?-?|zl?)|[t|emk])*E")
_OUTSIDE, _INSIDE = -1, 0  # of a repeat; within an ending, the last of its numbers


def fault(tokens: Sequence[str]) -> str:
    """What is wrong with a whole tune's tokens, the first thing that is; nothing if nothing is.

    >>> fault("<s> M:3/4 K:Cmaj C 6 | D 4 | C 6 |] </s>".split())
    'bar_of_wrong_length'
    """
    letters = "".join(map(_letter, tokens))
    if not _SPELT.fullmatch(letters):
        return SPELLING if letters.endswith("E") else CLOSE
    body = letters.index("K") + 1
    meter, key = parse_meter(tokens[body - 2][2:]), parse_key(tokens[body - 1][2:])[0] or Key()
    if tokens[-2] not in ("|]", ":|") or "|]" in tokens[:-2]:
        return CLOSE
    elements = Speller(key, meter).read(tokens[body:-1])
    return _counted(elements, meter) or _repeats([element for element in elements if isinstance(element, Bar)])


def _letter(token: str) -> str:
    """One that stands for all tokens of a kind."""
    return _HEADER.get(token) or _HEADER.get(token[:2]) or _LETTERS.get(kind(token), "?")


def _counted(elements: Sequence[Element], meter: Meter) -> str:
    """What is wrong with bars, tuplets, ties and changes of meter."""
    length, before = Fraction(0), Bar(opens=True)  # as if a section began
    begun = False  # whether anything has come since the last bar line
    open_tuplet = 0  # sounds that it still wants
    tied: tuple[Pitch, ...] = ()
    for place, element in enumerate(elements):
        if isinstance(element, Tuplet | Bar | Meter) and open_tuplet:
            return TUPLET
        if isinstance(element, Tuplet):
            open_tuplet = element.count
        elif isinstance(element, Sound):
            if tied and not set(tied) & set(element.pitches):
                return TIE
            tied = element.pitches if element.tied else ()
            open_tuplet = max(open_tuplet - 1, 0)
            length, begun = length + element.duration, True
        elif isinstance(element, Meter):
            if begun:
                return CHANGE
            meter = element
        elif isinstance(element, Bar):
            at_edge = before.ends_section or element.ends_section
            if not begun and (place > 0 or not element.opens):  # but for one that opens the tune
                return BAR
            if begun and not meter.free and (length > meter.bar or (length < meter.bar and not at_edge)):
                return BAR
            length, before, begun = Fraction(0), element, False
    return TIE if tied else ""


def _repeats(bars: Sequence[Bar]) -> str:
    """What is wrong with repeats and endings: each opens before it closes, and endings follow one another from 1."""
    state = _OUTSIDE
    for bar in bars:
        if bar.closes:
            if state == _OUTSIDE:
                return REPEAT
            if (state > 0) != bool(bar.endings) or (bar.endings and bar.endings[0] != state + 1):
                return ENDING
            state = bar.endings[-1] if bar.endings else _OUTSIDE
        elif bar.endings:
            if state != _INSIDE or bar.endings[0] != 1:
                return ENDING
            state = bar.endings[-1]
        elif bar.ends_section and state > 0:
            if state == 1:
                return ENDING
            state = _OUTSIDE  # the last ending needs no sign of its own
        if bar.opens:
            if state != _OUTSIDE:
                return REPEAT
            state = _INSIDE
    return REPEAT if state == _INSIDE else ENDING if state == 1 else ""
