"""Performance RNN's events: which id is which, and the two ways between ids and rows.

Source: Oore et al., This time with feeling (2018), and magenta's `PerformanceOneHotEncoding`. With the usual settings
ids 0 to 387 are theirs: NOTE_ON, NOTE_OFF, TIME_SHIFT, VELOCITY. Deviations: start and end come after these, and where
the pedal is kept, its two events after them; times and velocities may be finer or coarser than magenta's.

A row is an event at its step, which is a count from the beginning of the ids; TIME_SHIFT and VELOCITY are not rows but
what lies between them. Within a step canonical order is that of `PEDAL`, `OFF`, `ON`, each by rising pitch, so that an
event never depends on what follows it within the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

MAX_VELOCITY = 127
USUAL_VELOCITY = 80  # of a note whose velocity nothing tells
BEGIN, PEDAL, OFF, ON, FINISH = range(5)  # kinds of rows, in their order within a step
_SHIFT, _BIN = -1, -2  # kinds of ids that are no rows

_KIND_AT, _VALUE_AT, _STEP_AT = 14, 7, 17  # bits below each part of a packed row; a velocity bin takes the lowest seven

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """The ids of one tokenizer; those of a kind are consecutive, and each attribute is the id of its kind's first.

    Attributes:
        velocity_bins: 0 to 127; with 0 there are no VELOCITY tokens.
        max_shift: The longest TIME_SHIFT, in steps.
        pedal: Whether PEDAL_UP and PEDAL_DOWN are tokens.
    """

    velocity_bins: int = 32
    max_shift: int = 100
    pedal: bool = False

    @cached_property
    def table(self) -> tuple[tuple[str, int, int], ...]:
        """(name, first value, how many) of each kind in the order of ids; what stands alone has value −1."""
        alone = (START, END, *(("PEDAL_UP", "PEDAL_DOWN") if self.pedal else ()))
        return (
            ("NOTE_ON", 0, 128),
            ("NOTE_OFF", 0, 128),
            ("TIME_SHIFT", 1, self.max_shift),
            ("VELOCITY", 1, self.velocity_bins),
            *((name, -1, 1) for name in alone),
        )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every token, in the order of ids."""
        return Vocabulary(
            tuple(
                name if first < 0 else f"{name}_{value}"
                for name, first, count in self.table
                for value in range(first, first + count)
            )
        )

    @cached_property
    def firsts(self) -> dict[str, int]:
        """The first id of each kind, by its name."""
        counts = [0, *(count for _, _, count in self.table)]
        return dict(zip((name for name, _, _ in self.table), np.cumsum(counts).tolist(), strict=False))

    @cached_property
    def note_on(self) -> int:
        """NOTE_ON of pitch 0."""
        return self.firsts["NOTE_ON"]

    @cached_property
    def note_off(self) -> int:
        """NOTE_OFF of pitch 0."""
        return self.firsts["NOTE_OFF"]

    @cached_property
    def time_shift(self) -> int:
        """TIME_SHIFT of one step."""
        return self.firsts["TIME_SHIFT"]

    @cached_property
    def velocity(self) -> int:
        """VELOCITY of bin 1, if there are any."""
        return self.firsts["VELOCITY"]

    @cached_property
    def start(self) -> int:
        """`<s>`."""
        return self.firsts[START]

    @cached_property
    def end(self) -> int:
        """`</s>`."""
        return self.firsts[END]

    @cached_property
    def pedal_up(self) -> int:
        """PEDAL_UP; −1 where the pedal is not kept."""
        return self.firsts.get("PEDAL_UP", -1)

    @cached_property
    def pedal_down(self) -> int:
        """PEDAL_DOWN; −1 where the pedal is not kept."""
        return self.firsts.get("PEDAL_DOWN", -1)

    @cached_property
    def size(self) -> int:
        """V: how many ids there are."""
        return sum(count for _, _, count in self.table)

    @cached_property
    def rows(self) -> tuple[Integers, Integers]:
        """(V,) the kind of row that each id is, below 0 for none; (V,) its pitch, steps, bin or pedal."""
        kinds, values = np.zeros(self.size, np.int64), np.zeros(self.size, np.int64)
        of = {"NOTE_ON": ON, "NOTE_OFF": OFF, "TIME_SHIFT": _SHIFT, "VELOCITY": _BIN, START: BEGIN, END: FINISH}
        for name, first, count in self.table:
            ids = slice(self.firsts[name], self.firsts[name] + count)
            kinds[ids] = of.get(name, PEDAL)
            values[ids] = np.arange(first, first + count) if first >= 0 else name == "PEDAL_DOWN"
        return kinds, values

    @cached_property
    def steps(self) -> Integers:
        """(V,) by how many steps each id moves on: 0 but for time shifts."""
        kinds, values = self.rows
        return np.where(kinds == _SHIFT, values, 0)

    @cached_property
    def velocity_size(self) -> int:
        """How many velocities share a bin; 127 where there are no bins."""
        return -(-MAX_VELOCITY // self.velocity_bins) if self.velocity_bins else MAX_VELOCITY

    def bins(self, velocities: NDArray[Any]) -> Integers:
        """The bins, from 1, of velocities 1 to 127; of any shape. 0 where there are no bins."""
        if not self.velocity_bins:
            return np.zeros(velocities.shape, np.int64)
        return (velocities.astype(np.int64) - 1) // self.velocity_size + 1

    def velocities(self, bins: NDArray[Any]) -> Integers:
        """The lowest velocity of each bin; the usual one where a bin is 0, which stands for none told."""
        usual = USUAL_VELOCITY - (USUAL_VELOCITY - 1) % self.velocity_size if self.velocity_bins else USUAL_VELOCITY
        return np.where(bins > 0, np.minimum((bins - 1) * self.velocity_size + 1, MAX_VELOCITY), usual)


class Rows(NamedTuple):
    """Events at their steps, (R,) int64 each; in the order of the ids that they came from.

    To change music in the middle of a piece: `to_rows` of a slice of its ids, move `step` or `value`, `in_order`,
    `to_ids`. A note that is moved must stay a step long at least, or its OFF will come before its ON.
    """

    step: Integers  # from the beginning of the ids
    kind: Integers  # BEGIN, PEDAL, OFF, ON or FINISH
    value: Integers  # a pitch; of the pedal 1 if it goes down; else 0
    velocity: Integers  # the bin of an ON, or 0 where the ids before it tell none; else 0


def pack(step: Any, kind: Any, value: Any, velocity: Any = 0) -> Any:
    """A row, or arrays of them, as one integer, in whose order rows are canonical; steps below 2^45."""
    return step << _STEP_AT | kind << _KIND_AT | value << _VALUE_AT | velocity


def unpack(packed: Integers) -> Rows:
    """The rows that `pack` packed."""
    return Rows(
        packed >> _STEP_AT,
        packed >> _KIND_AT & (1 << _STEP_AT - _KIND_AT) - 1,
        packed >> _VALUE_AT & (1 << _KIND_AT - _VALUE_AT) - 1,
        packed & (1 << _VALUE_AT) - 1,
    )


def in_order(rows: Rows) -> Rows:
    """The rows in canonical order."""
    return unpack(np.sort(pack(*rows)))


def to_ids(rows: Rows, layout: Layout, now: int = 0, velocity: int = 0) -> NDArray[np.uint16]:
    """The ids of rows whose steps do not fall.

    Args:
        rows: (R,) each.
        layout: of the ids.
        now: the step that the ids before these have come to.
        velocity: the bin that the ids before these have told last; 0 if none.

    Returns:
        (T,) uint16: the rows with the fewest TIME_SHIFTs between them, the longest first, and a VELOCITY before an ON
        where it changes.
    """
    step, kind, value, bins = rows
    gaps = np.diff(step, prepend=now)
    shifts = (gaps + (layout.max_shift - 1)) // layout.max_shift  # (R,) TIME_SHIFTs before each row
    firsts = np.array([layout.start, layout.pedal_up, layout.note_off, layout.note_on, layout.end])
    tokens = shifts + 1  # (R,) that each row takes
    changes = np.zeros(0, np.int64)
    if layout.velocity_bins:
        ons = np.flatnonzero(kind == ON)
        told = bins[ons]
        changes = ons[(told != np.concatenate(([velocity], told[:-1]))) & (told > 0)]
        tokens[changes] += 1
    at = np.cumsum(tokens) - 1  # (R,) where each row's own id stands
    ids = np.full(at[-1] + 1 if len(at) else 0, layout.time_shift + layout.max_shift - 1, np.uint16)
    ids[at] = firsts[kind] + value
    moved = np.flatnonzero(shifts)
    at[changes] -= 1
    ids[at[changes]] = layout.velocity + bins[changes] - 1
    ids[at[moved] - 1] = layout.time_shift + (gaps[moved] - 1) % layout.max_shift
    return ids


def to_rows(ids: NDArray[Any], layout: Layout, velocity: int = 0) -> Rows:
    """The rows of any (T,) ids, which need be neither a whole piece nor canonical; `velocity` as for `to_ids`."""
    ids = ids.astype(np.int64)
    kinds, values = layout.rows
    is_bin = kinds[ids] == _BIN
    step = np.cumsum(layout.steps[ids])
    at = np.flatnonzero(kinds[ids] >= 0)
    told = np.where(is_bin, np.arange(1, len(ids) + 1), 0)  # (T,) counted from 1
    told = np.maximum.accumulate(told)[at]  # (R,) where the latest VELOCITY before each row is
    bins = np.concatenate(([velocity], values[ids]))[told]
    kind = kinds[ids[at]]
    return Rows(step[at], kind, values[ids[at]], np.where(kind == ON, bins, 0))


def length(ids: NDArray[Any], layout: Layout) -> int:
    """How many steps (T,) ids take."""
    return int(layout.steps[ids].sum())
