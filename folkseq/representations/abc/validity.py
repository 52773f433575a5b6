"""Strict validation of a tune's tokens, independent of the grammar that masks a model.

A regular expression over the kinds of tokens checks their spelling, and counts over the elements check bars, tuplets,
ties, repeats and endings. The grammar shares no code with these checks, so each tests the other, and the same rules
apply to a book and to a sampled tune. Every bar within a section must be full; its first and last bars may be short.
The grammar is stricter: short bars complete each other, a tune has at least four bars, and a first ending has at most
four. Thus everything that the grammar allows is valid here, but not the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Bar, Element, Key, Meter, Pitch, Sound, Tuplet
from folkseq.representations.abc.tokens import kind, read_elements
from folkseq.representations.base import END, START

SPELLING, CLOSE = "misspelt", "no_end"  # a token without meaning at its position; no final bar line before the end
BAR, TUPLET, TIE, CHANGE = "bar_of_wrong_length", "unclosed_tuplet", "tie_to_no_note", "meter_within_bar"
REPEAT, ENDING = "unpaired_repeat", "unpaired_ending"
_KINDS = (START, END, "R:", "M:", "K:", "pitch", "length", "rest", "tie", "tuplet", "bar", "ending", "meter", "key")
_LETTERS = dict(zip((*_KINDS, "harmony", "{", "}", "[", "]"), "SERMKplz-t|emkh{}[]", strict=True))
_SPELT = re.compile(r"SR?MK(h?(\{p+\})?(pl?-?|\[p+\]l?-?|zl?)|[t|emk])*E")
_OUTSIDE, _INSIDE = -1, 0  # outside or inside a repeat; in an ending, the state is its last number


def find_fault(tokens: Sequence[str]) -> str:
    """Return the first fault of a whole tune's tokens, or an empty string.

    >>> find_fault("<s> M:3/4 K:Cmaj C 6 | D 4 | C 6 |] </s>".split())
    'bar_of_wrong_length'
    """
    letters = "".join(_LETTERS.get(kind(token), "?") for token in tokens)
    if not _SPELT.fullmatch(letters):
        return SPELLING if letters.endswith("E") else CLOSE
    body = letters.index("K") + 1
    meter, key = parse_meter(tokens[body - 2][2:]), parse_key(tokens[body - 1][2:])[0] or Key()
    if tokens[-2] not in ("|]", ":|") or "|]" in tokens[:-2]:
        return CLOSE
    elements = read_elements(tokens[body:-1], key, meter)
    return _check_bars(elements, meter) or _check_repeats([each for each in elements if isinstance(each, Bar)])


def _check_bars(elements: Sequence[Element], meter: Meter) -> str:
    """Check bars, tuplets, ties and changes of meter."""
    length, before = Fraction(0), Bar(opens=True)  # a section begins
    begun = False  # whether there is anything after the last bar line
    open_tuplet = 0  # number of its remaining sounds
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
            if not begun and (place > 0 or not element.opens):  # only the tune's first bar line needs no sounds
                return BAR
            if begun and not meter.free and (length > meter.bar or (length < meter.bar and not at_edge)):
                return BAR
            length, before, begun = Fraction(0), element, False
    return TIE if tied else ""


def _check_repeats(bars: Sequence[Bar]) -> str:
    """Check that each repeat opens before it closes, and that endings follow each other from 1."""
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
            state = _OUTSIDE  # the last ending needs no sign at its end
        if bar.opens:
            if state != _OUTSIDE:
                return REPEAT
            state = _INSIDE
    return REPEAT if state == _INSIDE else ENDING if state == 1 else ""
