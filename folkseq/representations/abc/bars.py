"""The bars of a tune's tokens: the bar and the time of each token, and labels that follow from them.

A token has the time at which its sound begins: grace notes, pitches, length and tie are one sound. Any tokens have
times, even if they spell no tune. Everything but lengths follows from the tokens up to each one, so a network that has
read them can know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.lexer import parse_length, parse_tuplet
from folkseq.music import Meter
from folkseq.representations.abc.tokens import HEADER, LINES, UNIT, header_meter, kind
from folkseq.representations.base import END, START
from folkseq.representations.capabilities import Timing

EIGHTH = 128
"""Ticks of an eighth note. Only tuplets make sounds that are not a whole number of ticks long."""
SIGNS = ("bar", "ending", "meter", "key")
"""Kinds of tokens that are no part of a sound."""
_APART = (START, END, *HEADER)
_FINE = 45_045  # parts of a tick in which tuplets of up to 16 sounds have whole numbers


class BarSpan(NamedTuple):
    """One bar: sounds up to a bar line."""

    start: int
    """Index of its first token."""
    stop: int
    """Index of its bar line."""
    ticks: int
    """The length to fill: that of the meter, or its own if it is short and a section begins or ends with it."""
    meter_ticks: int
    """The length of a bar of the meter; 0 in free meter."""
    compound: bool
    plain: bool
    """Whether it has a meter, and no meter, key or ending begins within it."""


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of a tune."""

    spans: tuple[BarSpan, ...]
    positions: NDArray[np.int64]
    """(T, 2) the index of each token's bar, and the eighth in it; a bar line is at the end of its bar."""
    timing: Timing
    """In whole notes; a bar line is at the beginning of the next bar."""

    @property
    def first_number(self) -> int:
        """Return the number of the first bar as engravers count: 0 for a pickup, else 1."""
        return int(not (self.spans and self.spans[0].ticks < self.spans[0].meter_ticks))


def bar_ticks(meter: Meter) -> int:
    """Return the length of a bar."""
    return int(meter.bar / UNIT * EIGHTH)


def read_bars(tokens: Sequence[str]) -> Bars:
    """Read the bars of tokens from the start token on."""
    spans: list[BarSpan] = []
    rows = []  # of each token: (bar, eighth) of its position; (bar, start, sound) of its timing
    clock, meter = _Clock(), Meter()
    first, plain, at_edge = -1, True, True  # the open bar: its first sound; nothing but sounds; a section begins
    for place, token in enumerate(tokens):
        what, bar = kind(token), len(spans)
        if what in ("M:", "meter"):
            meter = header_meter(token)
        if what == "bar":
            end = clock.finish_sound()
            if first >= 0:
                ticks, full = round(end), bar_ticks(meter)
                short = 0 < ticks < full and (at_edge or token != "|")
                spans.append(BarSpan(first, place, ticks if short else full, full, meter.compound, plain and full > 0))
            clock.begin_bar()
            first, plain, at_edge = -1, True, token != "|"
            rows.append((bar, end // EIGHTH, len(spans), 0.0, -1))
        elif what in SIGNS or what in _APART:
            if what in SIGNS:
                plain, at_edge = plain and first < 0, True
            rows.append((bar, clock.time // EIGHTH, bar, clock.time + clock.pending, -1))
        else:
            first = place if first < 0 else first
            clock.read(token, what, meter.compound)
            rows.append((bar, clock.time // EIGHTH, bar, clock.time, len(clock.lengths)))
    clock.finish_sound()
    body = next((place for place, token in enumerate(tokens) if kind(token) not in (START, *HEADER)), len(tokens))
    table = np.array(rows, np.float64).reshape(-1, 5)
    *positions, number, sound = table[:, [0, 1, 2, 4]].astype(np.int64).T
    number[:body] = -1
    length = np.array([*clock.lengths, 0.0, 0.0])[sound]
    timing = Timing(_whole_notes(table[:, 3]), _whole_notes(length), number)
    return Bars(tuple(spans), np.stack(positions, axis=1), timing)


def labels(tokens: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Label a tune's tokens, (T,) each.

    Returns:
        `place_in_bar`: the eighth of its bar, from 0, in which the token is. `bar_in_part`: bar lines since the part
        began, as an amount. `inside_repeat`: 1 from `|:` to `:|`, else 0. `header`: 1 up to the key, else 0.
    """
    timing = read_bars(tokens).timing
    header = np.less(timing.bar if timing.bar is not None else [], 0)
    part, inside = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
    for place, token in enumerate(tokens):
        if place:
            part[place], inside[place] = part[place - 1], inside[place - 1]
        if token in LINES:
            line = LINES[token]
            part[place] = part[place] + 1 if token == "|" else 0
            inside[place] = line.opens or (inside[place] and not line.closes)
    return {
        "place_in_bar": np.where(header, -1, (timing.start / float(UNIT)).astype(np.int64)),
        "bar_in_part": np.where(header, np.nan, part),
        "inside_repeat": np.where(header, -1, inside),
        "header": header.astype(np.int64),
    }


class _Clock:
    """The time since the bar line, in ticks."""

    def __init__(self) -> None:
        self.lengths: list[float] = []  # of the sounds that are over
        self.begin_bar()

    def begin_bar(self) -> None:
        """Begin a bar, in which no tuplet is open."""
        self.time = self.pending = 0.0  # the beginning of the last sound, and its length
        self._inside, self._factor, self._left = "", 1.0, 0  # the open bracket; of the tuplet, sounds to come

    def finish_sound(self) -> float:
        """Return the time at the end of the last sound."""
        if self.pending:
            self.lengths.append(self.pending)
        self.time += self.pending
        self.pending = 0.0
        return self.time

    def read(self, token: str, what: str, compound: bool) -> None:
        """Read a token that is part of a sound."""
        if what == "length":
            self.pending = _ticks(token) * self._factor
        elif what in ("{", "["):
            self.finish_sound()
            self._inside = what
        elif what == "tuplet":
            self.finish_sound()
            tuplet = parse_tuplet(token, compound)
            self._factor, self._left = tuplet.normal / tuplet.actual, tuplet.count
        elif what == "}":
            self._inside = ""
        elif what == "]" or (what in ("pitch", "rest") and not self._inside):
            self.finish_sound()
            self._inside = ""
            self._factor = self._factor if self._left else 1.0
            self.pending, self._left = EIGHTH * self._factor, max(self._left - 1, 0)


@lru_cache(maxsize=1 << 12)
def _ticks(length: str) -> float:
    return float(parse_length(length)) * EIGHTH


def _whole_notes(ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ticks in whole notes, without the rounding errors of tuplets."""
    return np.rint(ticks * _FINE) / (_FINE * EIGHTH / float(UNIT))
