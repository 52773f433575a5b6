"""A slow reference of the performance grammar, for one piece at a time."""

from typing import NamedTuple

import numpy as np

from folkseq.representations.performance.config import MAX_VELOCITY, PEDAL
from folkseq.representations.performance.config import NOTE_OFF as OFF
from folkseq.representations.performance.config import NOTE_ON as ON

MARGIN = 8
BEFORE, EVENT, LONG, SHORT, LOUD, CLOSED = range(6)
_PITCHES = (1 << 128) - 1


class State(NamedTuple):
    """The state of a piece; bit p of `sounding` is pitch p, and `onsets` has their steps, earliest first."""

    last: int = BEFORE
    step: int = 0
    rank: int = -1
    """Rank of the last event of this step in the order of events."""
    velocity: int = 0
    """The id in force; 0 before the first."""
    noted: bool = False
    """Whether there has been a note."""
    sounding: int = 0
    onsets: dict[int, int] = {}  # noqa: RUF012 - never changed, as no state is
    pedal: bool = False


class SlowGrammar:
    """The grammar over the ids of a configuration. Sets of ids are integers, of which bit i stands for id i."""

    def __init__(self, config, *, end, earliest=0, longest, most, prime=0, opening_rest=False):
        layout, canonical = config.layout, config.canonical
        self._end, self._earliest, self._longest, self._most, self._prime = end, earliest, longest, most, prime
        self._opening_rest = opening_rest
        self._layout, self._size = layout, layout.size
        self._bytes = (layout.size + 7) // 8
        # The order of events within a step; notes of one kind share a rank where they may come in any order.
        self._ranks = [0] * layout.size
        for pitch in range(128):
            self._ranks[layout.note_off + pitch] = OFF << 7 | pitch * canonical
            self._ranks[layout.note_on + pitch] = ON << 7 | pitch * canonical
        for pedal in range(2 * layout.pedal):
            self._ranks[layout.pedal_up + pedal] = PEDAL << 7 | pedal  # it may go up and then down
        again = () if canonical else (OFF << 7, ON << 7)  # ranks that may come more than once
        # What may follow an event of each rank within its step; at −1, what may follow a time shift.
        self._follow = {
            last: sum(1 << at for at, rank in enumerate(self._ranks) if rank > last or (rank == last and last in again))
            for last in {-1, *self._ranks}
        }
        used = (MAX_VELOCITY - 1) // layout.bin_size + 1 if layout.velocity_bins else 0  # bins that velocities reach
        self._velocities = ((1 << used) - 1) << layout.velocity
        self._up, self._down = (1 << layout.pedal_up, 1 << layout.pedal_down) if layout.pedal else (0, 0)

    def new_state(self):
        """The state before the start id."""
        return State()

    def advance(self, state, id):  # noqa: A002 - the usual term
        """The state after one more allowed id."""
        last, step, rank, velocity, noted, sounding, onsets, pedal = state
        layout = self._layout
        if id < layout.note_off:
            return State(EVENT, step, self._ranks[id], velocity, True, sounding | 1 << id, {**onsets, id: step}, pedal)
        if id < layout.time_shift:
            pitch = id - layout.note_off
            onsets = {other: onset for other, onset in onsets.items() if other != pitch}
            return State(EVENT, step, self._ranks[id], velocity, noted, sounding & ~(1 << pitch), onsets, pedal)
        if id < layout.velocity:
            steps = id - layout.time_shift + 1
            last = SHORT if steps < layout.max_shift else LONG
            return State(last, step + steps, -1, velocity, noted, sounding, onsets, pedal)
        if id < layout.start:
            return State(LOUD, step, rank, id, noted, sounding, onsets, pedal)
        if id == layout.start:
            return State(EVENT)
        if id == layout.end:
            return State(CLOSED)
        return State(EVENT, step, self._ranks[id], velocity, noted, sounding, onsets, id == layout.pedal_down)

    def allowed(self, state, remaining):
        """Mask the ids that may come next, (V,); at least one."""
        bits = self._allowed(state, remaining).to_bytes(self._bytes, "little")
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=self._size, bitorder="little").view(np.bool_)

    def _allowed(self, state, remaining):
        if state.last == BEFORE:
            return 1 << self._layout.start
        if state.last == CLOSED:
            return 1 << self._layout.end
        follow = self._follow[state.rank]
        begins = _PITCHES & ~state.sounding & follow
        if state.last == LOUD:
            return begins
        ends = state.sounding << self._layout.note_off | (self._up if state.pedal else 0)
        if state.step >= self._end:
            return self._first(ends) or 1 << self._layout.end
        due = self._due(state)
        if remaining <= ends.bit_count() + MARGIN:
            return self._closing(state, begins, ends, follow, due)
        if due:  # and none that comes after it in this step before it
            return ends & follow & ((due & -due) * 2 - 1)
        return self._going_on(state, begins, ends, follow)

    def _going_on(self, state, begins, ends, follow):
        """Every id that leaves a way to the end. A time shift in silence leaves room for a note."""
        bound = state.step >= self._prime
        ids = (ends | (0 if state.pedal else self._down)) & follow
        if begins and (not bound or len(state.onsets) < self._most):
            ids |= self._velocities & ~(1 << state.velocity)
            ids |= begins if state.velocity or not self._velocities else 0
        if state.last != SHORT and (state.noted or self._opening_rest):
            room = self._end - state.step - (not ends or not state.noted)
            if bound and state.onsets:
                room = min(room, next(iter(state.onsets.values())) + self._longest - state.step)
            ids |= ((1 << min(room, self._layout.max_shift)) - 1) << self._layout.time_shift
        if not ends and state.last == EVENT and state.noted and state.step >= self._earliest:
            ids |= 1 << self._layout.end
        return ids

    def _closing(self, state, begins, ends, follow, due):
        """The shortest way to the end: all that sounds is ended in one step, if not in this then in the next."""
        if ends and state.noted:
            if ends & ~follow:
                return self._first(due) or 1 << self._layout.time_shift
            return self._first(ends)
        if state.last == EVENT and state.noted:
            return 1 << self._layout.end
        return begins if state.velocity or not self._velocities else self._velocities

    def _due(self, state):
        """The ends of notes that must not last longer."""
        due = 0
        if state.step >= self._prime:
            for pitch, onset in state.onsets.items():
                if state.step - onset < self._longest:
                    break
                due |= 1 << (pitch + self._layout.note_off)
        return due

    def _first(self, ends):
        """The one of these that comes first in a step; 0 if there are none."""
        return ends & self._up or ends & -ends
