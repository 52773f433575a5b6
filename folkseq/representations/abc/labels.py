"""Where each token of a tune stands: in which bar, where in it, in which bar of its part, in a repeat, in the header.

All of it follows from the tokens up to each one, so that a network that has read them can know it; but for lengths,
which are drawn and not learnt. A sound is its grace notes, pitches, length and tie, and all of these stand where it
begins. A bar line stands at the beginning of the bar that it opens. Any sequence of tokens has places, one that spells
no tune too.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_tuplet
from folkseq.music import Meter
from folkseq.representations.abc.alphabet import HEADER
from folkseq.representations.abc.spelling import UNIT, kind
from folkseq.representations.base import END, START
from folkseq.representations.capabilities import Timing

_OPENS, _CLOSES = ("|:", "::"), (":|", "::")
_APART = ("bar", "ending", "meter", "key")
"""Kinds of tokens that are no part of a sound, and take no time."""


def labels(tokens: Sequence[str]) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
    """Label a tune's tokens, (T,) each.

    Returns:
        `place_in_bar`: the eighth of its bar, from 0, in which the token stands. `bar_in_part`: bar lines since the
        part began, as an amount. `inside_repeat`: 1 from `|:` to `:|`, else 0. `header`: 1 up to the key, else 0.
    """
    found = timing(tokens)
    bar = np.zeros(0, np.int64) if found.bar is None else found.bar
    before = bar < 0
    part, inside = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
    bars, repeated = 0, 0
    for place, token in enumerate(tokens):
        if kind(token) == "bar":
            bars = bars + 1 if token == "|" else 0
            repeated = int(token in _OPENS or (repeated and token not in _CLOSES))
        part[place], inside[place] = bars, repeated
    return {
        "place_in_bar": np.where(before, -1, (found.start / float(UNIT)).astype(np.int64)),
        "bar_in_part": np.where(before, np.nan, part),
        "inside_repeat": np.where(before, -1, inside),
        "header": before.astype(np.int64),
    }


def timing(tokens: Sequence[str]) -> Timing:
    """The bar of each token, from 0 and −1 in the header, and where in it its sound begins and how long it lasts."""
    count = len(tokens)
    start, length, bar = np.zeros(count), np.zeros(count), np.full(count, -1, np.int64)
    body = next((place for place, token in enumerate(tokens) if not _in_header(token)), count)
    meter, now, number = Meter(), Fraction(0), 0
    for token in tokens[:body]:
        meter = _meter(token) or meter
    left, pace = 0, Fraction(1)  # sounds of a tuplet that are to come, and how long each is of what is written
    for sound in _sounds(tokens, body):
        first = tokens[sound[0]]
        what = kind(first)
        takes = Fraction(0)
        if what in _APART or first == END:
            meter = _meter(first.strip("[]")) or meter
            if what == "bar":
                number, now = number + (sound[0] > body), Fraction(0)
        else:
            for tuplet in (tokens[place] for place in sound if kind(tokens[place]) == "tuplet"):
                asked = parse_tuplet(tuplet, meter.compound)
                left, pace = asked.count, Fraction(asked.normal, asked.actual)
            written = [tokens[place] for place in sound if kind(tokens[place]) == "length"]
            takes = UNIT * (parse_length(written[-1]) if written else 1) * (pace if left else 1)
            left = max(left - 1, 0)
        for place in sound:
            start[place], length[place], bar[place] = float(now), float(takes), number
        now += takes
    return Timing(start, length, bar)


def _in_header(token: str) -> bool:
    return token == START or token[:2] in HEADER


def _meter(token: str) -> Meter | None:
    return parse_meter(token[2:]) if token.startswith("M:") else None


def _sounds(tokens: Sequence[str], body: int) -> list[list[int]]:
    """The places of the tokens from `body` on, those of a sound together, and each that belongs to none by itself."""
    groups: list[list[int]] = []
    whole, within = True, ""  # whether the last group can take no more pitches; the bracket that is open
    for place in range(body, len(tokens)):
        what = kind(tokens[place])
        if what in _APART or tokens[place] in (START, END):
            groups.append([place])
            whole, within = True, ""
            continue
        begins = what in ("pitch", "rest", "{", "[", "tuplet") and not within
        if not groups or (begins and whole) or kind(tokens[groups[-1][0]]) in _APART:
            groups.append([])
            whole = False
        groups[-1].append(place)
        if what in ("{", "["):
            within = what
        elif what == "}":
            within = ""
        elif what == "]" or (what in ("pitch", "rest") and not within):
            whole, within = True, ""
    return groups
