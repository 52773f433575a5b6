"""The bars of a tune as its ids have them: where each stands, how long it is, and where in it each id is.

Durations are in the ticks of `alphabet`. Bars are numbered as engravers number them: a pickup is bar 0, the first whole
bar is 1, and a second ending goes on from the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_tuplet
from folkseq.representations.abc.alphabet import EIGHTH, Alphabet, bar_ticks

_AROUND = ("bar", "ending", "meter", "key")


@dataclass(frozen=True)
class Written:
    """One bar."""

    start: int
    """Of its sounds, among the tune's ids."""
    stop: int
    number: int
    ticks: int
    """That it fills: its meter's, or as many as it has where it is a pickup or what completes one."""
    compound: bool
    plain: bool
    """Whether nothing in it but sounds changes: no meter, key or ending begins in its middle."""


@dataclass(frozen=True)
class Bars:
    """The bars of a tune, and the place of each of its T ids."""

    bars: tuple[Written, ...]
    places: NDArray[np.int64]
    """(T, 2) the bar that each id stands in, from 0, and the eighth in it at which its sound begins."""


class BarReader:
    """Reads the bars of tunes over one alphabet."""

    def __init__(self, alphabet: Alphabet) -> None:
        tokens = alphabet.vocabulary.tokens
        self._kinds, self._tokens, self._grid = alphabet.kinds, tokens, alphabet.grid
        self._meters = alphabet.meters
        self._lengths = {i: float(parse_length(tokens[i])) * EIGHTH for i in alphabet.ids["length"]}

    def read(self, ids: Sequence[int]) -> Bars:
        """The bars of a tune's ids, from the start id on, whole or not."""
        found = _Found()
        meter, compound = 0, False
        clock = _Clock()
        places = np.zeros((len(ids), 2), np.int64)
        for place, one in enumerate(ids):
            kind, token = self._kinds[one], self._tokens[one]
            if kind in ("M:", "meter"):
                known = self._meters.get(one)
                meter = bar_ticks(known) if known is not None else 0
                compound = parse_meter(token.strip("[]")[2:]).compound
            if kind in _AROUND and kind != "bar":
                found.change(clock.begun)
            elif kind == "bar":
                found.line(place, round(clock.settled()), meter, compound, token == "|")
                places[place] = found.count, clock.time // EIGHTH
                clock = _Clock()
                found.count += found.counted
                continue
            elif kind not in ("R:", "M:", "K:", "<s>", "</s>"):
                clock.read(kind, token, self._lengths.get(one, EIGHTH), compound)
                found.sound(place)
            places[place] = found.count, clock.time // EIGHTH
        return Bars(tuple(found.numbered(self._grid)), places)


@dataclass
class _Clock:
    """The time since the bar line, as sounds are read."""

    time: float = 0.0
    """At which the sound begins that is being read."""
    begun: bool = False
    waiting: float = 0.0
    """How long that is."""
    inside: str = ""
    factor: float = 1.0
    left: int = 0

    def read(self, kind: str, token: str, length: float, compound: bool) -> None:
        """One more id of a bar."""
        self.begun = True
        if kind == "length":
            self.waiting = length * self.factor
        elif kind in ("{", "["):
            self.settled()
            self.inside = kind
        elif kind == "tuplet":
            self.settled()
            tuplet = parse_tuplet(token, compound)
            self.factor, self.left = tuplet.normal / tuplet.actual, tuplet.count
        elif kind == "}":
            self.inside = ""
        elif kind == "]" or (kind in ("pitch", "rest") and not self.inside):
            self.settled()
            self.inside = ""
            self.factor = self.factor if self.left else 1.0
            self.waiting, self.left = EIGHTH * self.factor, max(self.left - 1, 0)

    def settled(self) -> float:
        """The time once the sound that is being read is over."""
        self.time += self.waiting
        self.waiting = 0.0
        return self.time


@dataclass
class _Found:
    """The bars found so far."""

    bars: list[tuple[int, int, int, int, bool, bool, bool]] = field(default_factory=list)
    count: int = 0
    first: int = -1
    """Where the first sound of the open bar stands."""
    counted: bool = False
    """Whether the last line ended a bar."""
    edge: bool = True
    """Whether a section began at the last line."""
    plain: bool = True

    def sound(self, place: int) -> None:
        """An id of the bar."""
        if self.first < 0:
            self.first = place

    def change(self, begun: bool) -> None:
        """A change of meter or key, or an ending, before the bar's sounds or among them."""
        self.plain &= not begun
        self.edge = True

    def line(self, place: int, ticks: int, meter: int, compound: bool, plain_line: bool) -> None:
        """A bar line."""
        self.counted = self.first >= 0
        if self.counted:
            at_edge = self.edge or not plain_line
            self.bars.append((self.first, place, ticks, meter, compound, self.plain and meter > 0, at_edge))
        self.first, self.edge, self.plain = -1, not plain_line, True

    def numbered(self, grid: int) -> list[Written]:
        """The bars, with their numbers."""
        pickup = bool(self.bars) and self.bars[0][2] < self.bars[0][3]
        found = []
        for number, (start, stop, ticks, meter, compound, plain, edge) in enumerate(self.bars, 0 if pickup else 1):
            short = edge and 0 < ticks < meter
            fills = ticks if short else meter
            found.append(Written(start, stop, number, fills, compound, plain and fills % grid == 0))
        return found
