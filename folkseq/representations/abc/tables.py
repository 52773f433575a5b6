"""The grammar as tables, in which many rows are looked up at once.

Bar states and form states are numbered as they first occur, in any thread; the numbers are rows of the tables. What a
bar line depends on in the bar is one number, `line`: the room left as a multiple of the grid, or one of the values from
`AT_LINE` to `IN_CHORD`, which are negative and so count from the end of a table's axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.abc.alphabet import Alphabet
from folkseq.representations.abc.bar_grammar import AT_LINE, IN_CHORD, NO_LINE, TIEABLE, TIED_OVER, BarGrammar, BarState
from folkseq.representations.abc.bars import SIGNS
from folkseq.representations.abc.form import FormGrammar, FormState
from folkseq.representations.abc.tokens import HEADER
from folkseq.representations.base import END, START

Mask = NDArray[np.bool_]
Ids = NDArray[np.integer[Any]]


class Tables:
    """The tables of one alphabet and form.

    Attributes:
        bar_states: The bar states by number.
        form_states: The form states by number.
        line: (bar states,) see above.
    """

    def __init__(self, alphabet: Alphabet, bars: BarGrammar, form: FormGrammar, longest_bar: int) -> None:
        """Make empty tables; `longest_bar` is in ticks."""
        self.alphabet, self.bars, self.form = alphabet, bars, form
        self._size = size = len(alphabet.vocabulary)
        self._lock = RLock()
        self._is_sign = self.mask(i for each in (*SIGNS, *HEADER, START, END) for i in alphabet.ids[each])
        self._anything = ~self.mask(alphabet.ids[START])
        self.bar_states: list[BarState] = []
        self.form_states: list[FormState] = []
        self._bar_numbers: dict[BarState, int] = {}
        self._form_numbers: dict[FormState, int] = {}
        self.line = np.zeros(256, np.int32)
        self._sounds = np.zeros((256, size), np.bool_)  # the ids that may come in the bar
        self._next = np.full((256, size), -1, np.int32)  # the next bar state; −1 if it is a sign's or unknown
        self._signs = np.full((64, longest_bar // alphabet.grid + 1 - IN_CHORD), -1, np.int32)  # by line; −1: unknown
        self._sign_masks = np.zeros((16, size), np.bool_)
        self._sign_mask_numbers: dict[bytes, int] = {}
        self._crossings: dict[tuple[int, int, int], tuple[int, int, int]] = {}

    def mask(self, ids: Iterable[int]) -> Mask:
        """Return (V,) bool, True at `ids`."""
        mask = np.zeros(self._size, np.bool_)
        mask[list(ids)] = True
        return mask

    def or_anything(self, mask: Mask) -> Mask:
        """Return a mask; if it is empty, since the vocabulary is too small to go on, one of all ids but the start."""
        return mask if mask.any() else self._anything

    def begin(self) -> tuple[int, int]:
        """Return the numbers of the bar state and the form state before the start id."""
        with self._lock:
            return self._bar_number(self._begin_bar(FormState())), self._form_number(FormState())

    def allowed(self, bar: Ids, form: Ids) -> Mask:
        """Return the ids that may come next in states, (B, V) of (B,) each."""
        line = self.line[bar]
        signs = self._signs[form, line]
        if signs.min(initial=0) < 0:
            with self._lock:
                for row in np.flatnonzero(signs < 0).tolist():
                    signs[row] = self._sign_mask(int(form[row]), int(line[row]))
        mask = self._sounds.take(bar, axis=0)
        mask |= self._sign_masks.take(signs, axis=0)
        return mask

    def advance(self, bar: Ids, form: Ids, ids: Ids) -> tuple[Ids, Ids, Ids | None]:
        """Return the states after one more id per row, and the number of bars that it completes, if any."""
        after = self._next[bar, ids]
        unknown = np.flatnonzero(after < 0).tolist()
        if not unknown:
            return after, form, None
        form, completed = form.copy(), np.zeros_like(form)
        for row in unknown:
            now, token_id = int(bar[row]), int(ids[row])
            if self._is_sign[token_id]:
                crossing = int(form[row]), int(self.line[now]), token_id
                after[row], form[row], completed[row] = self._crossings.get(crossing) or self._cross(*crossing)
            else:
                with self._lock:
                    state = self.bars.advance(self.bar_states[now], token_id)
                    after[row] = self._bar_number(state)
                    self._next[now, token_id] = after[row]
        return after, form, completed

    def given(self, bar: Ids) -> Ids:
        """Return the bar states, (B,), in which no length comes after a pending sound."""
        with self._lock:
            states = [self.bars.given(self.bar_states[number]) for number in bar.tolist()]
            return np.array([self._bar_number(state) for state in states], bar.dtype)

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

    def _form_number(self, state: FormState) -> int:
        number = self._form_numbers.get(state)
        if number is None:
            number = len(self.form_states)
            if number == len(self._signs):
                self._signs = _doubled(self._signs, -1)
            self.form_states.append(state)
            self._form_numbers[state] = number
        return number

    def _sign_mask(self, form: int, line: int) -> int:
        """Return the number of the mask of the ids that are no sound, in a form state at a line."""
        state = self.form_states[form]
        ids: list[int] = []
        only_signs = line in (0, TIED_OVER, TIEABLE)
        if line == TIED_OVER:
            ids = self.alphabet.of({"|"})
        elif line == AT_LINE:
            ids = self.alphabet.of(self.form.at_line(state))
            only_signs = not self.form.capacity(state)
        elif line > NO_LINE:
            lines = self.form.lines(state, self._place(state, line))
            tie = self.alphabet.ids["tie"] if line == TIEABLE and "|" in lines else []
            ids = self.alphabet.of(lines) + tie
        mask = self.or_anything(self.mask(ids)) if only_signs else self.mask(ids)
        number = self._sign_mask_numbers.setdefault(mask.tobytes(), len(self._sign_mask_numbers))
        if number == len(self._sign_masks):
            self._sign_masks = _doubled(self._sign_masks, 0)
        self._sign_masks[number] = mask
        self._signs[form, line] = number
        return number

    def _cross(self, form: int, line: int, token_id: int) -> tuple[int, int, int]:
        """Return the states after an id that is no sound, and the number of bars that it completes."""
        with self._lock:
            state = self.form_states[form]
            place = 0 if line == AT_LINE else self._place(state, line)
            after = self.form.advance(state, place, self.alphabet.vocabulary.tokens[token_id])
            bar = self._begin_bar(after)._replace(tied=line == TIED_OVER)
            completed = bool(place) and (place == state.bar or not state.opening)
            crossed = self._bar_number(bar), self._form_number(after), int(completed)
            self._crossings[form, line, token_id] = crossed
        return crossed

    def _place(self, state: FormState, line: int) -> int:
        """Return the ticks from the beginning of the bar to a line."""
        return self.form.capacity(state) - max(line, 0) * self.alphabet.grid

    def _begin_bar(self, state: FormState) -> BarState:
        return BarState(self.form.capacity(state), state.compound, at_line=True)


def _doubled(table: NDArray[Any], empty: int) -> NDArray[Any]:
    return np.concatenate([table, np.full_like(table, empty)])
