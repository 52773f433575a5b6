"""The memory of recent tokens of each row, which a graph that draws tokens reads; see `corpora.recall`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.recall import ABSENT, RecentTokens
from folkseq.grammar import Ids, put, take
from folkseq.recent import ENDING, LONGEST, MATCH, MATCHED, RECALLED

Integers = NDArray[np.int64]


class Memory(NamedTuple):
    """The arrays of B rows, of which the graph reads those in int32; the most recent token comes first."""

    left: NDArray[np.int32]
    """(B, K) the steps to the end of each recent token, 0 if it has ended."""
    until: NDArray[np.int32]
    """(B, ENDING) the value of the wait until this end; the number of values for none."""
    together: NDArray[np.int32]
    """(B, ENDING) the number of these tokens that end with it, if it still sounds."""
    recalled: NDArray[np.int32]
    """(B, 2 · RECALLED) the rows of the last keys, and of the last lengths, in the tables of references."""
    events: NDArray[np.int32]
    """(B, P · K) each of `RecentTokens.parts` for all recent tokens."""
    clock: NDArray[np.int32]
    """(B, 1) the step of the last onset."""
    match_level: NDArray[np.int32]
    """(B,) the length of the longest match of keys, 0 for none."""
    interval_level: NDArray[np.int32]
    """(B,) the length of the longest match of intervals at another key, 0 for none."""
    copies: NDArray[np.int32]
    """(B, M + 1) the values of the token after the match, in the order of the fields; the key is followed by the one
    that continues the match of intervals. −1 for none."""
    past: NDArray[Any]
    """(B, 2, MATCHED − 1) the last keys, counted from 1, −1 for starts and ends; and the last intervals between keys,
    as positive numbers, 0 for none."""
    runs: NDArray[np.uint8]
    """(B, 2, MATCHED − 1) for each distance in tokens, the number of last keys that equal the keys at this distance,
    at most MATCH, and the same number of intervals, at most LONGEST."""
    history: NDArray[Any]
    """(B, MATCHED, M) the fields to copy from each of the last tokens, at the number of the token modulo MATCHED."""
    number: Integers
    """(B,) the number of tokens."""


INPUTS = Memory._fields[: Memory._fields.index("past")]
"""The names of the arrays that the graph reads."""
_CAPS = np.repeat(np.array([[MATCH - 1], [LONGEST - 1]], np.uint8), MATCHED - 1, axis=1)
"""Of a run before it grows; a comparison with a single number would take eight times as long."""
_LEAST = np.array([-1, 0], np.int8)
"""Of a key and of an interval in the memory, where no interval equals none."""


class TokenRecorder:
    """Puts tokens into the memory of rows."""

    def __init__(self, tokens: RecentTokens) -> None:
        recent, layout = tokens.recent, tokens.layout
        self._tokens, self._recent, self.layout = tokens, recent, layout
        steps = [np.array(table, np.int32) for table in recent.steps]
        fields = list(zip(recent.timed, steps, strict=True))
        self._waits, self._lengths = fields[: len(recent.waits)], fields[len(recent.waits) :]
        references = recent.references(layout.fields)
        wait, key, length = (references[field] for field in (recent.waits[0], recent.key, recent.lengths[0]))
        starts = steps[0]
        until = np.searchsorted(starts, np.arange(starts[-1] + 1), side="right") - 1
        self._until = np.append(wait.values, until[1:]).astype(np.int32)
        kinds = np.arange(RECALLED, dtype=np.int32) + 1
        self._kind_rows = np.stack([kinds * key.values, kinds * length.values])
        self._nothing = np.array([[key.nothing], [length.nothing]], np.int32)
        groups = [] if recent.group is None else [recent.group]
        self._rows_of = [tokens.parts.index(name) for name in ("key", "length")]
        self._extra = [*recent.copied, recent.lengths[0], *groups]
        self._extra_rows = np.zeros((len(self._extra), 1), np.int64)
        self._extra_rows[len(recent.copied)] = length.values
        self._matched = list(recent.matched)
        self._key_place = recent.matched.index(recent.key)
        self._key_type = np.min_scalar_type(-2 * recent.keys - 4)

    def begin(self, rows: int) -> Memory:
        """Return the memory of rows that have read nothing."""
        recent, parts = self._recent, self._tokens.parts
        count, matched = recent.count, len(recent.matched)

        def full(value: int, *shape: int, dtype: Any = np.int32) -> NDArray[Any]:
            return np.full((rows, *shape), value, dtype)

        events = full(ABSENT, len(parts), count)
        events[:, parts.index("end")] = events[:, parts.index("onset")] = 0
        events[:, parts.index("length")] = self._nothing[1]
        return Memory(
            left=full(0, count),
            until=full(int(self._until[0]), ENDING),
            together=full(0, ENDING),
            recalled=np.tile(np.repeat(self._nothing, RECALLED), (rows, 1)),
            events=events.reshape(rows, -1),
            clock=full(0, 1),
            match_level=full(0),
            interval_level=full(0),
            copies=full(-1, matched + 1),
            past=full(0, 2, MATCHED - 1, dtype=self._key_type),
            runs=full(0, 2, MATCHED - 1, dtype=np.uint8),
            history=full(0, MATCHED, matched, dtype=np.min_scalar_type(-max(self.layout.fields))),
            number=np.zeros(rows, np.int64),
        )

    def record(self, memory: Memory, ids: Ids, stays: NDArray[np.bool_] | None = None) -> None:
        """Put a token, (B, F), into the memory of each row in place, except of rows in `stays`."""
        places = np.zeros(0, np.int64) if stays is None else np.flatnonzero(stays)
        if len(places) == len(ids):
            return
        kept = take(memory, places) if len(places) else ()
        values = np.maximum(ids - self.layout.offsets[:-1], 0).T  # (F, B)
        whole = ids[:, 0] > self.layout.end
        self._remember(memory, values, whole)
        self._match(memory, values, whole)
        if len(places):
            put(memory, places, kept)

    def _remember(self, memory: Memory, values: Integers, whole: NDArray[np.bool_]) -> None:
        """Advance the time to the onset of the token, and put the token before the recent ones."""
        recent, parts, together = self._recent, len(self._tokens.parts), memory.together
        key = values[recent.key]
        now, events = memory.clock[:, 0], memory.events.reshape(len(key), parts, -1)
        now += self._steps(self._waits, values)
        others = np.flatnonzero(~(whole & (key < recent.keys)))  # rows without an event
        kept = take((events, together), others) if len(others) else ()
        ends = events[:, 1]  # (B, K)
        together[:, 1:] = together[:, :-1] - (ends[:, : ENDING - 1] == ends[:, ENDING - 1 : ENDING])
        events[:, :, 1:] = events[:, :, :-1]
        new = events[:, :, 0]
        new[:, 0], new[:, 1], new[:, 2] = key, now + self._steps(self._lengths, values), now
        new[:, 3:] = (values[self._extra] + self._extra_rows).T
        alike = ends[:, 1:ENDING] == ends[:, :1]
        together[:, 1:] += alike
        together[:, 0] = np.count_nonzero(alike, axis=1) + 1
        if len(others):
            put((events, together), others, kept)
        rows = events[:, self._rows_of, :RECALLED] + self._kind_rows  # (B, 2, RECALLED)
        np.minimum(rows, self._nothing, out=memory.recalled.reshape(rows.shape))
        np.maximum(ends - memory.clock, 0, out=memory.left)
        self._until.take(memory.left[:, :ENDING], mode="clip", out=memory.until)

    def _match(self, memory: Memory, values: Integers, whole: NDArray[np.bool_]) -> None:
        """Find the token after the longest match of keys, and the key that continues the longest match of intervals."""
        most, past, runs, copies = self._recent.keys, memory.past, memory.runs, memory.copies
        row, place = np.arange(len(whole)), self._key_place
        last = np.empty((len(whole), 2), past.dtype)
        key, interval = last[:, 0], last[:, 1]
        key[:] = np.where(whole, values[self._recent.key] + 1, -1)
        previous = past[:, 0, 0]
        interval[:] = np.where((key > 0) & (previous > 0), key - previous + (most + 2), -1)
        same = (past == last[:, :, None]).view(np.uint8)
        np.minimum(runs, _CAPS, out=runs)
        runs += 1
        runs *= same
        # The most recent of the longest. NumPy finds the largest number fastest among floats.
        by_key = runs[:, 0].astype(np.float32).argmax(axis=1)
        by_interval = (runs[:, 1] * (same[:, 0] ^ 1)).astype(np.float32).argmax(axis=1)  # at another key
        size, first = past.shape[2], row * (2 * past.shape[2])
        level, at = runs.ravel().take(first + by_key), first + by_interval
        then, run = past.ravel().take(at), runs.ravel().take(at + size)
        number = np.add(memory.number, 1, out=memory.number)
        history, start = memory.history.reshape(-1, len(self._matched)), row * MATCHED
        history[start + number % MATCHED] = values[self._matched].T
        found = history.take(start + (number - by_key) % MATCHED, axis=0)
        found[level == 0] = -1
        copies[:, : place + 1], copies[:, place + 2 :] = found[:, : place + 1], found[:, place + 1 :]
        memory.match_level[:] = level
        past[:, :, 1:] = past[:, :, :-1]
        past[:, :, 0] = np.maximum(last, _LEAST)
        continued = past.ravel().take(at) + (key - then)  # after the shift, the key after the one at `at`
        there = (run > 0) & (then != key) & (continued > 0) & (continued <= most)
        memory.interval_level[:] = np.minimum(run, MATCH) * there
        copies[:, place + 1] = np.where(there, continued - 1, -1)

    def _steps(self, fields: Sequence[tuple[int, NDArray[np.int32]]], values: Integers) -> NDArray[np.int32]:
        (first, table), *others = fields
        steps: NDArray[np.int32] = table.take(values[first])
        for field, table in others:
            steps += table.take(values[field])
        return steps
