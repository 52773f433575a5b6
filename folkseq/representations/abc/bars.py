"""The bars of the tokens of a tune: the bar and the time of each token, and labels.

The time of a token is the onset of its sound, which consists of grace notes, pitches, length and tie. All sequences of
tokens have times, even invalid tunes. Except for lengths, all results depend only on the previous tokens, so a network
that has read them can know the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.lexer import parse_length, parse_tuplet
from folkseq.music import Meter
from folkseq.representations.abc.tokens import HEADER, LINES, UNIT, SoundTokens, header_meter, kind, read_sounds
from folkseq.representations.base import START
from folkseq.representations.capabilities import Timing

EIGHTH = 128
"""Ticks of an eighth note. Only sounds in tuplets have fractional lengths in ticks."""
SIGNS = ("bar", "ending", "meter", "key")
"""Kinds of tokens that are not part of a sound."""
_FINE = 45_045  # parts of a tick, in which the sounds of tuplets of up to 16 have integer lengths


class BarSpan(NamedTuple):
    """One bar: sounds up to a bar line."""

    start: int
    """Index of its first token."""
    stop: int
    """Index of its bar line."""
    ticks: int
    """The length to fill: the length of the meter, or the bar's own length if it is short at the edge of a section."""
    meter_ticks: int
    """The length of a bar of the meter; 0 in free meter."""
    compound: bool
    plain: bool
    """Whether it has a meter, and no meter, key or ending begins within it."""
    number: int
    """Number as in printed music. A pickup has the number of the bar that it completes, or 0 at the beginning."""


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of a tune."""

    spans: tuple[BarSpan, ...]
    table: NDArray[np.float64]
    """(T, 5) bar and eighth of the position of each token; bar, start and length of its timing, in ticks."""
    body: int
    """Number of the tokens before the first bar."""

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Return the index of each token's bar, and the eighth in it, (T, 2).

        A token has the position of its sound. A key, meter or ending has the position of the previous sound, and a bar
        line is at the end of its bar.
        """
        return self.table[:, :2].astype(np.int64)

    @cached_property
    def timing(self) -> Timing:
        """Return the timing in whole notes; a bar line is at the beginning of the next bar."""
        bar_of = self.table[:, 2].astype(np.int64)
        bar_of[: self.body] = -1
        return Timing(_whole_notes(self.table[:, 3]), _whole_notes(self.table[:, 4]), bar_of)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Return the number of the bar of each token, (T,)."""
        numbers = [span.number for span in self.spans]
        return np.array([*numbers, numbers[-1] + 1 if numbers else 1])[self.positions[:, 0]]

    def number(self, token: int) -> int:
        """Return the number of the bar of a token."""
        return int(self.numbers[token])


@lru_cache(maxsize=256)
def bar_ticks(meter: Meter) -> int:
    """Return the length of a bar."""
    return int(meter.bar / UNIT * EIGHTH)


def read_bars(tokens: Sequence[str]) -> Bars:
    """Read the bars of tokens from the start token on."""
    spans: list[BarSpan] = []
    rows: list[float] = []  # flat, per sound or sign: bar and eighth of its position; bar, start, length of its timing
    counts: list[int] = []  # of the tokens of each row
    done = 0  # tokens with a row
    onset = end = 0.0  # of the last sound, in ticks since the bar line
    meter, factor, left = Meter(), 1.0, 0  # the open tuplet: the factor of its lengths, and its sounds to come
    first, plain, at_edge = -1, True, True  # the open bar: its first token; nothing but sounds; a section begins,
    begins, number = True, 0  # and no ending; the number of the bar before
    for item in read_sounds(tokens):
        bar = len(spans)
        if isinstance(item, SoundTokens):
            factor = factor if left else 1.0
            onset, length = end, _ticks(item.length) * factor
            first = done if first < 0 else first
            rows += bar, onset // EIGHTH, bar, onset, length
            counts.append(item.stop - done)
            done, end, left = item.stop, end + length, max(left - 1, 0)
        elif item.kind == "harmony":  # whose token belongs to the next sound
            pass
        elif item.kind == "tuplet":  # as well
            tuplet = parse_tuplet(item.token, meter.compound)
            factor, left = tuplet.normal / tuplet.actual, tuplet.count
        elif item.kind == "bar":
            if first >= 0:
                ticks, full = round(end), bar_ticks(meter)
                short = 0 < ticks < full and (at_edge or item.token != "|")
                fill = ticks if short else full
                number += not (begins and 0 < ticks < full and item.token in ("|", "|:"))
                spans.append(BarSpan(first, item.place, fill, full, meter.compound, plain and full > 0, number))
            rows += bar, onset // EIGHTH, bar, end, 0, bar, end // EIGHTH, len(spans), 0, 0
            counts += item.place - done, 1
            done = item.place + 1
            onset, end, factor, left = 0.0, 0.0, 1.0, 0
            first, plain = -1, True
            begins = at_edge = item.token != "|"
        else:
            rows += bar, onset // EIGHTH, bar, end, 0
            counts.append(item.place + 1 - done)
            done = item.place + 1
            if item.kind in SIGNS:
                plain, at_edge, begins = plain and first < 0, True, begins and item.kind != "ending"
            if item.kind in ("M:", "meter"):
                meter = header_meter(item.token)
    rows += len(spans), onset // EIGHTH, len(spans), end, 0
    counts.append(len(tokens) - done)
    body = next((place for place, token in enumerate(tokens) if kind(token) not in (START, *HEADER)), len(tokens))
    return Bars(tuple(spans), np.repeat(np.array(rows, np.float64).reshape(-1, 5), counts, axis=0), body)


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


@lru_cache(maxsize=1 << 12)
def _ticks(length: str) -> float:
    return float(parse_length(length)) * EIGHTH if length else float(EIGHTH)


def _whole_notes(ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ticks in whole notes, without the rounding errors of tuplets."""
    return np.rint(ticks * _FINE) / (_FINE * EIGHTH / float(UNIT))
