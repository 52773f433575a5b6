"""A grammar of bars and of the elements between them, as tables that look up many rows at once.

The state of a row is the number of a `BarState`, the number of a state of the form, its last pitch and its number of
bars. The allowed ids are those of the bar, and the bar lines of the form at this position. After a tie and within a
chord, they also depend on the last pitch. States are numbered in the order of their first occurrence, in any thread.

Bar lines depend on the bar only by one number: the remaining room as a multiple of the grid, or one of the values from
`AT_LINE` to `IN_CHORD`, which are negative and thus count from the end of a table's axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from threading import RLock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.grammar import Rows
from folkseq.representations.abc.bar_grammar import (
    AT_LINE,
    IN_CHORD,
    NO_LINE,
    TIEABLE,
    TIED,
    TIED_OVER,
    BarGrammar,
    BarState,
)
from folkseq.representations.abc.bars import SIGNS
from folkseq.representations.abc.tokens import HEADER
from folkseq.representations.base import END, START

State = TypeVar("State")
Mask = NDArray[np.bool_]
Ids = NDArray[np.integer[Any]]


class Form(ABC, Generic[State]):
    """The elements between bars. Its states are hashable."""

    start: State
    """The state before the start token."""

    @abstractmethod
    def open_bar(self, state: State) -> BarState:
        """Return the state of the bar that begins here; its room is 0 if no sound is allowed."""

    @abstractmethod
    def at_line(self, state: State) -> set[str]:
        """Return the tokens other than sounds that may follow a bar line; `meter` and `key` stand for any change."""

    @abstractmethod
    def lines(self, state: State, place: int) -> set[str]:
        """Return the bar lines that may come at a number of ticks from the beginning of the bar."""

    @abstractmethod
    def advance(self, state: State, place: int, token: str) -> State:
        """Return the state after a token that is not part of a sound, at a number of ticks into the bar."""

    def may_tie(self, state: State) -> bool:
        """Return whether a note may be tied over the plain bar line after this bar."""
        return True

    def completes(self, state: State, place: int) -> bool:
        """Return whether a bar line at a number of ticks into the bar completes the bar."""
        return place > 0


class TableGrammar(Generic[State]):
    """The grammar of one vocabulary and form.

    Attributes:
        bar_states: Bar states by number.
        form_states: States of the form by number.
        line: (bar states,) the number on which bar lines depend.
    """

    def __init__(self, bars: BarGrammar, form: Form[State], longest_bar: int) -> None:
        """Create empty tables for bars of up to `longest_bar` ticks."""
        self.bars, self.form, self.alphabet = bars, form, bars.alphabet
        self._size = size = len(self.alphabet.vocabulary)
        self._lock = RLock()
        self._is_sign = self.mask(i for each in (*SIGNS, *HEADER, START, END) for i in self.alphabet.ids[each])
        self._is_pitch, self._chord_end = self.mask(self.alphabet.ids["pitch"]), self.mask(self.alphabet.ids["]"])
        self._is_harmony = self.mask(self.alphabet.ids["harmony"])
        steps = np.array([self.alphabet.steps.get(i, -(10**6)) for i in range(size)])
        self._higher = (steps[None, :] > steps[:, None]) & self._is_pitch  # (V, V)
        self._anything = ~self.mask(self.alphabet.ids[START])
        self.bar_states: list[BarState] = []
        self.form_states: list[State] = []
        self._bar_numbers: dict[BarState, int] = {}
        self._form_numbers: dict[State, int] = {}
        self.line = np.zeros(256, np.int32)
        self._sounds = np.zeros((256, size), np.bool_)  # the ids that may come in the bar
        self._next = np.full((256, size), -1, np.int32)  # the next bar state; −1 after a sign or if unknown
        self._signs = np.full((64, longest_bar // self.alphabet.grid + 1 - IN_CHORD), -1, np.int32)  # −1: unknown
        self._sign_masks = np.zeros((16, size), np.bool_)
        self._sign_mask_numbers: dict[bytes, int] = {}
        self._crossings: dict[tuple[int, int, int], tuple[int, int, int]] = {}

    def begin(self, rows: int) -> Rows:
        """Return the state before the start ids: bar states, form states, last pitches and bars, (B,) each."""
        with self._lock:
            bar, form = self._bar_number(self.form.open_bar(self.form.start)), self._form_number(self.form.start)
        return tuple(np.full(rows, value, np.int32) for value in (bar, form, 0, 0))

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row."""
        bar, form, pitch, count = rows
        pitch = np.where(self._is_pitch[ids], ids, pitch)
        after = self._next[bar, ids]
        unknown = np.flatnonzero(after < 0).tolist()
        if not unknown:
            return after, form, pitch, count
        form, count = form.copy(), count.copy()
        for row in unknown:
            now, token_id = int(bar[row]), int(ids[row])
            if self._is_sign[token_id]:
                crossing = int(form[row]), int(self.line[now]), token_id
                after[row], form[row], completed = self._crossings.get(crossing) or self._cross(*crossing)
                count[row] += completed
            else:
                with self._lock:
                    after[row] = self._bar_number(self.bars.advance(self.bar_states[now], token_id))
                    self._next[now, token_id] = after[row]
        return after, form, pitch, count

    def allowed(self, rows: Rows, remaining: Ids) -> Mask:
        """Mask the ids that may come next, (B, V)."""
        bar, form, pitch, _ = rows
        line = self.line[bar]
        signs = self._signs[form, line]
        if signs.min(initial=0) < 0:
            with self._lock:
                for row in np.flatnonzero(signs < 0).tolist():
                    signs[row] = self._sign_mask(int(form[row]), int(line[row]))
        mask = self._sounds.take(bar, axis=0)
        mask |= self._sign_masks.take(signs, axis=0)
        self._close(mask, rows, remaining)
        if line.min(initial=0) <= TIED:
            tied, chord = np.flatnonzero(line == TIED), np.flatnonzero(line == IN_CHORD)
            mask[tied] &= self._is_harmony
            mask[tied, pitch[tied]] = True
            mask[chord] &= self._higher[pitch[chord]] | self._chord_end
        return mask

    def given(self, rows: Rows) -> Rows:
        """Return the state in which a last note without a length token is an eighth."""
        bar, *others = rows
        with self._lock:
            states = [self.bars.given(self.bar_states[number]) for number in bar.tolist()]
            return np.array([self._bar_number(state) for state in states], bar.dtype), *others

    def mask(self, ids: Iterable[int]) -> Mask:
        """Return (V,) bool, True at `ids`."""
        mask = np.zeros(self._size, np.bool_)
        mask[list(ids)] = True
        return mask

    def or_anything(self, mask: Mask) -> Mask:
        """Return the mask; if the vocabulary has no possible id, return a mask of all ids except the start."""
        return mask if mask.any() else self._anything

    def _close(self, mask: Mask, rows: Rows, remaining: Ids) -> None:
        """Narrow the mask, (B, V), of rows that are near their limit."""

    def _bar_number(self, state: BarState) -> int:
        number = self._bar_numbers.get(state)
        if number is None:
            number = len(self.bar_states)
            if number == len(self.line):
                self._sounds, self.line = _doubled(self._sounds, 0), _doubled(self.line, 0)
                self._next = _doubled(self._next, -1)
            room = self.bars.room(state)
            self.line[number] = room // self.alphabet.grid if room > 0 else room
            sounds = self.mask(self.bars.allowed(state))
            only_sounds = room > 0 or room <= NO_LINE
            self._sounds[number] = self.or_anything(sounds) if only_sounds else sounds
            self.bar_states.append(state)
            self._bar_numbers[state] = number
        return number

    def _form_number(self, state: State) -> int:
        number = self._form_numbers.get(state)
        if number is None:
            number = len(self.form_states)
            if number == len(self._signs):
                self._signs = _doubled(self._signs, -1)
            self.form_states.append(state)
            self._form_numbers[state] = number
        return number

    def _sign_mask(self, form: int, line: int) -> int:
        """Return the number of the mask of the ids outside sounds, for a form state and a value of `line`."""
        state = self.form_states[form]
        names: set[str] = set()
        only_signs = line in (0, TIED_OVER, TIEABLE)
        if line == TIED_OVER:
            names = {"|"}
        elif line == AT_LINE:
            names, only_signs = self.form.at_line(state), not self.form.open_bar(state).left
        elif line > NO_LINE:
            names = self.form.lines(state, self._place(state, line))
            names |= {"-"} if line == TIEABLE and "|" in names and self.form.may_tie(state) else set()
        mask = self.mask(self.alphabet.of(names))
        mask = self.or_anything(mask) if only_signs else mask
        number = self._sign_mask_numbers.setdefault(mask.tobytes(), len(self._sign_mask_numbers))
        if number == len(self._sign_masks):
            self._sign_masks = _doubled(self._sign_masks, 0)
        self._sign_masks[number] = mask
        self._signs[form, line] = number
        return number

    def _cross(self, form: int, line: int, token_id: int) -> tuple[int, int, int]:
        """Return the states after an id that is not part of a sound, and the number of bars that it completes."""
        with self._lock:
            state = self.form_states[form]
            place = 0 if line == AT_LINE else self._place(state, line)
            after = self.form.advance(state, place, self.alphabet.vocabulary.tokens[token_id])
            bar = self.form.open_bar(after)
            bar = bar._replace(tied=True) if line == TIED_OVER else bar
            completed = bool(place) and self.form.completes(state, place)
            crossed = self._bar_number(bar), self._form_number(after), int(completed)
            self._crossings[form, line, token_id] = crossed
        return crossed

    def _place(self, state: State, line: int) -> int:
        """Return the ticks from the beginning of the bar, given a value of `line`."""
        return self.form.open_bar(state).left - max(line, 0) * self.alphabet.grid


def _doubled(table: NDArray[Any], empty: int) -> NDArray[Any]:
    return np.concatenate([table, np.full_like(table, empty)])
