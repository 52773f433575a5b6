"""A gap in a tune: bars that are to be written anew, between what stays as it is.

In the source a bar of the gap is a slot for each eighth that it has, and the lines between bars stand there as they
are, so that the writer knows what is to be filled, and where in it it is. The target is the bars' sounds with the lines
between them, from the start id to the end id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.pairs import EncoderSource, Integers, Pair
from folkseq.representations.abc.bar_grammar import IN_CHORD, TIEABLE, TIED, TIED_OVER, BarGrammar, BarState
from folkseq.representations.abc.bars import EIGHTH, Bars, BarSpan

PER_GRID = 16
"""Ids that a sound takes at most: a chord with grace notes, its length, a tie and the line."""
Rows = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class _At:
    """Where a row stands in a gap."""

    bar: int
    """From 0; −1 before the start id, as many as there are bars after the last."""
    given: int
    """How many of the ids that stand between this bar and the next have been read."""
    filling: BarState


class Gap:
    """Bars `first` to `last` of a tune's ids, and what may be written there (a `folkseq.grammar.Grammar`)."""

    def __init__(
        self, filler: BarGrammar, ids: NDArray[Any], bars: Bars, first: int, last: int, *, left_only: bool = False
    ) -> None:
        """Take the bars out.

        Args:
            filler: what may come in a bar.
            ids: (T,) the tune's.
            bars: of those.
            first: of the gap, as an index of `bars.spans`.
            last: of the gap, that one too.
            left_only: whether nothing is to be known of what comes after the gap.
        """
        alphabet = filler.alphabet
        self._filler, self._kinds, self._size = filler, alphabet.kinds, len(alphabet.vocabulary)
        self._start, self._end = alphabet.vocabulary.id("<s>"), alphabet.vocabulary.id("</s>")
        self._bars: Sequence[BarSpan] = bars.spans[first : last + 1]
        between = zip(self._bars, self._bars[1:], strict=False)
        self._given = [tuple(ids[one.stop : other.start].tolist()) for one, other in between] + [(self._end,)]
        self._ids, self._places, self._first, self._left_only = ids, bars.positions, first, left_only
        self.start, self.stop = self._bars[0].start, self._bars[-1].stop
        self._pitch = self._tied_into(ids)
        self._states: list[_At] = []
        self._numbers: dict[_At, int] = {}
        self._next: dict[tuple[int, int], int] = {}
        self._masks: dict[int, tuple[NDArray[np.bool_], int]] = {}
        self._begin = self._number(_At(-1, 0, BarState(0)))

    @cached_property
    def source(self) -> EncoderSource:
        """What is known."""
        slot = self._size
        ids, places = [self._ids[: self.start].astype(np.int64)], [self._places[: self.start]]
        for number, (bar, given) in enumerate(zip(self._bars, self._given, strict=True)):
            slots, place = -(-bar.ticks // EIGHTH), self._first + number
            ids.append(np.full(slots, slot))
            places.append(np.stack([np.full(slots, self._bar_of(bar)), np.arange(slots)], axis=1))
            if place < self._first + len(self._bars) - 1:
                ids.append(np.array(given))
                places.append(self._places[bar.stop : bar.stop + len(given)])
        if not self._left_only:
            ids.append(self._ids[self.stop :].astype(np.int64))
            places.append(self._places[self.stop :])
        return EncoderSource(np.concatenate(ids)[:, None], np.concatenate(places))

    def pair(self) -> Pair:
        """What is known with what was written there."""
        ids = np.concatenate([[self._start], self._ids[self.start : self.stop], [self._end]]).astype(np.int64)
        number, at = self._begin, []
        for one in ids[:-1].tolist():
            number = self._after(number, one)
            at.append(self._place(number))
        free = np.zeros(len(ids) - 1, np.bool_)
        for bar in self._bars:
            free[bar.start - self.start : bar.stop - self.start] = True
        return Pair(self.source, ids, np.array(at), free, self._ids[: self.start].astype(np.int64))

    @property
    def limit(self) -> int:
        """More ids than any way to fill it takes."""
        grid, both = self._filler.alphabet.grid, zip(self._bars, self._given, strict=True)
        return 2 + sum(PER_GRID * (bar.ticks // grid + 1) + len(given) for bar, given in both)

    @property
    def fewest(self) -> int:
        """See the protocol."""
        return self.limit

    def begin(self, rows: int) -> Rows:
        """See the protocol."""
        return np.full(rows, self._begin), np.full(rows, max(self._pitch, 0))

    def advance(self, rows: Rows, ids: Integers) -> Rows:
        """See the protocol."""
        number, pitch = rows
        after = np.array([self._after(*each) for each in zip(number.tolist(), ids.tolist(), strict=True)], np.int64)
        pitches = np.array([self._kinds[one] == "pitch" for one in ids.tolist()], np.bool_)
        return after, np.where(pitches, ids, pitch)

    def allowed(self, rows: Rows, remaining: Integers) -> NDArray[np.bool_]:
        """See the protocol."""
        number, pitch = rows
        masks = np.empty((len(number), self._size), np.bool_)
        for row, (at, last) in enumerate(zip(number.tolist(), pitch.tolist(), strict=True)):
            masks[row], room = self._mask(at)
            if room == TIED:
                masks[row] = False
                masks[row, last] = True
            elif room == IN_CHORD:
                steps = self._filler.alphabet.steps
                for one, step in steps.items():
                    masks[row, one] &= step > steps[last]
        return masks

    def given(self, rows: Rows) -> Rows:
        """See the protocol."""
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """See the protocol."""
        return np.array([max(self._states[number].bar, 0) / len(self._bars) for number in rows[0].tolist()])

    def at(self, rows: Rows) -> Integers:
        """(B,) where in the source each row is."""
        return np.array([self._place(number) for number in rows[0].tolist()], np.int64)

    @cached_property
    def _slots(self) -> list[int]:
        """Where in the source each bar's slots begin, and where those of the last end."""
        firsts, place = [], self.start
        for bar, given in zip(self._bars, self._given, strict=True):
            firsts.append(place)
            place += -(-bar.ticks // EIGHTH) + len(given)
        return [*firsts, place - 1]

    def _place(self, number: int) -> int:
        state = self._states[number]
        bar = min(max(state.bar, 0), len(self._bars) - 1)
        slots, firsts = -(-self._bars[bar].ticks // EIGHTH), self._slots
        if state.bar < len(self._bars) and not state.given:
            filled = self._bars[bar].ticks - state.filling.left if state.bar >= 0 else 0
            place = firsts[bar] + min(filled // EIGHTH, slots)
        else:
            place = firsts[bar] + slots + state.given - (state.bar == len(self._bars))
        return min(int(place), len(self.source) - 1)

    def _after(self, number: int, one: int) -> int:
        after = self._next.get((number, one))
        if after is None:
            after = self._next[number, one] = self._number(self._step(self._states[number], one))
        return after

    def _step(self, state: _At, one: int) -> _At:
        if state.bar < 0:
            return _At(0, 0, self._opened(0)._replace(tied=self._pitch >= 0))
        if state.bar == len(self._bars):
            return state
        given = self._given[state.bar]
        if state.given or self._kinds[one] in ("bar", "ending", "meter", "key", "</s>"):
            if state.given + 1 < len(given):
                return _At(state.bar, state.given + 1, state.filling)
            if state.bar + 1 == len(self._bars):
                return _At(state.bar + 1, 0, BarState(0))
            tied = self._filler.room(state.filling) == TIED_OVER
            return _At(state.bar + 1, 0, self._opened(state.bar + 1)._replace(tied=tied))
        return _At(state.bar, 0, self._filler.advance(state.filling, one))

    def _mask(self, number: int) -> tuple[NDArray[np.bool_], int]:
        """Which ids may come, but for what the last pitch says, and at how much room the bar's line would be drawn."""
        found = self._masks.get(number)
        if found is None:
            ids, room = self._ids_of(self._states[number])
            mask = np.zeros(self._size, np.bool_)
            mask[ids] = True
            found = self._masks[number] = mask, room
        return found

    def _ids_of(self, state: _At) -> tuple[list[int], int]:
        if state.bar < 0:
            return [self._start], 0
        if state.bar == len(self._bars):
            return [self._end], 0
        given = self._given[state.bar]
        if state.given:
            return [given[state.given]], 0
        room, plain = self._filler.room(state.filling), self._kinds_of(given) == ("|",)
        ids = self._filler.allowed(state.filling)  # a note that fills the bar as an eighth may be shorter
        if room in (0, TIEABLE, TIED_OVER):
            ids = [given[0], *ids, *(self._filler.alphabet.ids["tie"] if room == TIEABLE and plain else [])]
        return ids, room

    def _kinds_of(self, given: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self._filler.alphabet.vocabulary.tokens[one] for one in given)

    def _opened(self, bar: int) -> BarState:
        return BarState(self._bars[bar].ticks, self._bars[bar].compound, at_line=True)

    def _number(self, state: _At) -> int:
        number = self._numbers.get(state)
        if number is None:
            number = self._numbers[state] = len(self._states)
            self._states.append(state)
        return number

    def _bar_of(self, bar: BarSpan) -> int:
        return int(self._places[bar.start, 0])

    def _tied_into(self, ids: NDArray[Any]) -> int:
        """The pitch that is tied into the gap, or −1."""
        before = [one for one in ids[: self.start].tolist() if self._kinds[one] not in ("bar", "ending")]
        if not before or self._kinds[before[-1]] != "tie":
            return -1
        return int(next(one for one in reversed(before) if self._kinds[one] == "pitch"))
