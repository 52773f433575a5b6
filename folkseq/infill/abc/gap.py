"""A gap in a tune: the model writes some bars, and all other bars remain unchanged.

In the source, a bar of the gap has one slot per eighth, and the tokens between bars are unchanged. The model thus knows
the length of the gap and its position in it. The target consists of the sounds of the bars and the tokens between the
bars, from the start id to the end id.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Rows
from folkseq.pairs import EncoderSource, Integers, Pair
from folkseq.representations.abc.bar_grammar import BarGrammar, BarState
from folkseq.representations.abc.bars import EIGHTH, Bars, BarSpan
from folkseq.representations.abc.tables import Form, TableGrammar
from folkseq.representations.base import END, START

IDS_PER_SOUND = 16
"""Maximum number of ids of a sound: a chord with grace notes, its length, a tie and the bar line."""


class Gap:
    """A gap of consecutive bars in the ids of a tune."""

    def __init__(
        self, grammar: BarGrammar, ids: NDArray[Any], bars: Bars, first: int, count: int, left_only: bool = False
    ) -> None:
        """Cut a gap.

        Args:
            grammar: grammar of bars over the model's vocabulary.
            ids: (T,) ids of the tune.
            bars: bars of the tune.
            first: index of the gap's first bar.
            count: number of bars in the gap.
            left_only: whether the source ends with the gap.
        """
        self.bar_grammar, self.spans, self.first = grammar, bars.spans[first : first + count], first
        self.start, self.stop = self.spans[0].start, self.spans[-1].stop
        between = [tuple(ids[one.stop : other.start].tolist()) for one, other in pairwise(self.spans)]
        self.between = [*between, (grammar.alphabet.vocabulary.id(END),)]
        """The ids between each bar of the gap and the next; for the last bar, the end id."""
        self._ids, self._bars, self._left_only = ids, bars, left_only

    @cached_property
    def source(self) -> EncoderSource:
        """Return the tune with slots in the gap."""
        positions = self._bars.positions
        known = np.arange(self.start)
        ids, places = [self._ids[known]], [positions[known]]
        for bar, (span, between) in enumerate(zip(self.spans, self.between, strict=True)):
            slots = np.arange(slots_of(span))
            ids.append(np.full(len(slots), len(self.bar_grammar.alphabet.vocabulary)))
            places.append(np.stack([np.full(len(slots), positions[span.start, 0]), slots], axis=1))
            if bar < len(self.spans) - 1:
                ids.append(np.array(between))
                places.append(positions[span.stop : span.stop + len(between)])
        if not self._left_only:
            ids.append(self._ids[self.stop :])
            places.append(positions[self.stop :])
        return EncoderSource(np.concatenate(ids).astype(np.int64)[:, None], np.concatenate(places))

    def pair(self) -> Pair:
        """Return the source with the original bars as the target."""
        vocabulary = self.bar_grammar.alphabet.vocabulary
        ids = np.concatenate([[vocabulary.id(START)], self.inside, [vocabulary.id(END)]]).astype(np.int64)
        free = np.zeros(len(ids) - 1, np.bool_)
        at = [self.place(0, 0, self.spans[0].ticks)]
        for bar, (span, between) in enumerate(zip(self.spans, self.between, strict=True)):
            free[span.start - self.start : span.stop - self.start] = True
            state = self.open_bar(bar)
            for each in self._ids[span.start : span.stop].tolist():
                state = self.bar_grammar.advance(state, each)
                at.append(self.place(bar, 0, state.left))
            at += [self.place(bar, given, 0) for given in range(1, len(between))]
            if bar < len(self.spans) - 1:
                at.append(self.place(bar + 1, 0, self.spans[bar + 1].ticks))
        return Pair(self.source, ids, np.array(at), free, self._ids[: self.start].astype(np.int64))

    @property
    def inside(self) -> NDArray[Any]:
        """Return the ids of the original bars in the gap."""
        return self._ids[self.start : self.stop]

    def filled(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the ids of the tune with new ids in the gap."""
        return np.concatenate([self._ids[: self.start], ids, self._ids[self.stop :]])

    def open_bar(self, bar: int) -> BarState:
        """Return the state of a bar of the gap before its first sound."""
        return BarState(self.spans[bar].ticks, self.spans[bar].compound, at_line=True)

    def place(self, bar: int, given: int, left: int) -> int:
        """Return the index of the decoder's current element of the source.

        Args:
            bar: index of the bar in the gap; −1 before the first bar, the number of bars after the last.
            given: number of ids after this bar that the decoder has read.
            left: ticks left in the bar.
        """
        inside = min(max(bar, 0), len(self.spans) - 1)
        slots = slots_of(self.spans[inside])
        if given or bar == len(self.spans):
            return min(self._slots[inside] + slots + given - (bar == len(self.spans)), len(self.source) - 1)
        filled = self.spans[inside].ticks - left if bar >= 0 else 0
        return min(self._slots[inside] + min(filled // EIGHTH, slots), len(self.source) - 1)

    @cached_property
    def _slots(self) -> list[int]:
        """Return the index of each bar's first slot in the source."""
        lengths = [slots_of(span) + len(between) for span, between in zip(self.spans, self.between, strict=True)]
        return [self.start + sum(lengths[:bar]) for bar in range(len(lengths))]

    @property
    def limit(self) -> int:
        """Return an upper bound on the number of ids that fill the gap."""
        grid, both = self.bar_grammar.alphabet.grid, zip(self.spans, self.between, strict=True)
        return 2 + sum(IDS_PER_SOUND * (span.ticks // grid + 1) + len(between) for span, between in both)

    @property
    def tied_pitch(self) -> int | None:
        """Return the pitch tied into the gap, or None."""
        kinds = self.bar_grammar.alphabet.kinds
        before = [each for each in self._ids[: self.start].tolist() if kinds[each] not in ("bar", "ending")]
        if not before or kinds[before[-1]] != "tie":
            return None
        return int(next(each for each in reversed(before) if kinds[each] == "pitch"))


def slots_of(span: BarSpan) -> int:
    """Return the number of slots of a bar: its length in eighths, rounded up."""
    return -(-span.ticks // EIGHTH)


class GapState(NamedTuple):
    """The position of a row in a gap."""

    bar: int
    """Index of the bar; −1 before the start id, the number of bars after the last bar."""
    given: int = 0
    """Number of ids after the bar that have been read."""


class GapForm(Form[GapState]):
    """The form of a gap, with the given tokens between its bars."""

    start = GapState(-1)

    def __init__(self, gap: Gap) -> None:
        self._gap, self._count = gap, len(gap.spans)
        decode = gap.bar_grammar.alphabet.vocabulary.decode
        self._between = [decode(ids) for ids in gap.between]

    def open_bar(self, state: GapState) -> BarState:
        """Return the state of the bar that begins here."""
        if state.given or not 0 <= state.bar < self._count:
            return BarState(0, at_line=True)
        tied = state.bar == 0 and self._gap.tied_pitch is not None
        return self._gap.open_bar(state.bar)._replace(tied=tied)

    def at_line(self, state: GapState) -> set[str]:
        """Return the next token, unless a sound comes next."""
        if state.bar < 0:
            return {START}
        if state.bar == self._count:
            return {END}
        return {self._between[state.bar][state.given]} if state.given else set()

    def lines(self, state: GapState, place: int) -> set[str]:
        """Return the token after the bar if the bar is full."""
        return {self._between[state.bar][0]} if place == self._gap.spans[state.bar].ticks else set()

    def advance(self, state: GapState, place: int, token: str) -> GapState:
        """Return the state after a token that is not part of a sound."""
        if state.bar == self._count:
            return state
        if state.bar >= 0 and state.given + 1 < len(self._between[state.bar]):
            return GapState(state.bar, state.given + 1)
        return GapState(state.bar + 1)

    def may_tie(self, state: GapState) -> bool:
        """Return whether a note may be tied over the tokens after the bar."""
        return len(self._between[state.bar]) == 1


class GapGrammar(TableGrammar[GapState]):
    """The grammar of a gap (a `folkseq.grammar.PlacedGrammar`)."""

    def __init__(self, gap: Gap) -> None:
        self._gap = gap
        super().__init__(gap.bar_grammar, GapForm(gap), max(span.ticks for span in gap.spans))

    @property
    def fewest(self) -> int:
        """Return an upper bound on the number of ids that fill the gap."""
        return self._gap.limit

    def begin(self, rows: int) -> Rows:
        """Return the state before the start ids."""
        bar, form, pitch, count = super().begin(rows)
        return bar, form, np.full_like(pitch, self._gap.tied_pitch or 0), count

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the share of complete bars, (B,)."""
        return np.array([max(self.form_states[form].bar, 0) for form in rows[1]]) / len(self._gap.spans)

    def at(self, rows: Rows) -> Integers:
        """Return the index of each row's current element of the source, (B,)."""
        numbers = zip(rows[1].tolist(), rows[0].tolist(), strict=True)
        states = ((self.form_states[form], self.bar_states[bar].left) for form, bar in numbers)
        return np.array([self._gap.place(state.bar, state.given, left) for state, left in states], np.int64)
