"""The ids of notes: each note is one compound token, and each time has a coarse and a fine part.

The fields of a note, in their order (compare Magenta's NotePerformance, which refuses times above ten seconds):

    wait, wait_fine        steps from the previous onset, or from the beginning for the first note
    instrument             only with tracks: program 0 to 127, or 128 for drums
    pitch                  0 to 127, or 128 for no note
    velocity               bin
    length, length_fine    steps from onset to end, minus one

A coarse value stands for a range of steps: first ranges of one step, then four ranges per octave up to a maximum width.
The fine value is the position in the range. A token without a note waits, and its length extends the previous note. It
is only used where a wait or length exceeds the maximum, so nothing is clipped.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.recent import Recent
from folkseq.representations.base import END, START
from folkseq.representations.performance.config import Ids, Integers, Velocities
from folkseq.representations.vocabulary import Vocabulary

DRUMS, NO_NOTE = 128, 128
"""The instrument of drums, and the pitch of a token without a note."""
_SINGLE, _PER_OCTAVE = 16, 4


class Times:
    """A coarse and a fine part for every number of steps below `size`.

    >>> times = Times(widest=8, size=48)
    >>> [array.tolist() for array in times.split(np.array([0, 15, 18, 47]))]
    [[0, 15, 16, 21], [0, 0, 2, 7]]
    """

    def __init__(self, widest: int, size: int) -> None:
        starts, width = list(range(_SINGLE)), _SINGLE // _PER_OCTAVE
        start = _SINGLE
        while start < size:
            starts += range(start, min(start + _PER_OCTAVE * width, size), width)
            start = starts[-1] + width
            width = min(2 * width, widest)
        self.starts = np.array(starts)
        """(C,) first step of each coarse value."""
        self.widths = np.diff(self.starts, append=start)
        """(C,) number of fine values of each coarse value."""
        self.widest, self.size = int(self.widths.max()), start

    def split(self, steps: Integers) -> tuple[Integers, Integers]:
        """Return the coarse and the fine part of numbers of steps."""
        coarse = np.searchsorted(self.starts, steps, side="right") - 1
        return coarse, steps - self.starts[coarse]


WAITS, LENGTHS = Times(64, 2048), Times(128, 8192)


class Tokens(NamedTuple):
    """The values of compound tokens, (N,) int64 each; some tokens may have no note."""

    wait: Integers
    instrument: Integers
    pitch: Integers
    velocity: Integers  # bin, from 1; 0 without bins
    length: Integers

    def where(self, mask: NDArray[np.bool_] | Integers) -> Tokens:
        """Return the tokens selected by a mask or by indices."""
        return Tokens(*(column[mask] for column in self))


class NotesLayout(Velocities):
    """The ids of a configuration.

    Attributes:
        fields: Name of each field, in order.
        places: Index of each field, by name.
        compound: Layout of the compound tokens.
        steps: (V,) steps by which each id advances the time.
        lengths: (V,) steps by which each id lengthens the note.
        ranks: (V,) what each id adds to the rank of the note among simultaneous ones.
        widths: (V,) the number of fine values of each coarse id.
    """

    def __init__(self, velocity_bins: int, tracks: bool) -> None:
        super().__init__(velocity_bins)
        bins = range(1, velocity_bins + 1) if velocity_bins else range(1)
        table: dict[str, tuple[str, NDArray[np.int64] | range]] = {
            "wait": ("WAIT_", WAITS.starts),
            "wait_fine": ("WAIT+", range(WAITS.widest)),
            "instrument": ("PROGRAM_", range(DRUMS + 1)),
            "pitch": ("PITCH_", range(NO_NOTE + 1)),
            "velocity": ("VELOCITY_", bins),
            "length": ("LENGTH_", LENGTHS.starts + 1),
            "length_fine": ("LENGTH+", range(LENGTHS.widest)),
        }
        if not tracks:
            del table["instrument"]
        self.tracks, self.fields = tracks, tuple(table)
        self.places = {name: place for place, name in enumerate(table)}
        self.compound = CompoundLayout(tuple(len(values) for _, values in table.values()))
        self._table = table
        self.start, self.end, self.size = 0, self.compound.end, self.compound.size
        self.steps = np.zeros(self.size, np.int64)
        self.steps[self.ids_of("wait")] = WAITS.starts
        self.steps[self.ids_of("wait_fine")] = np.arange(WAITS.widest)
        self.lengths, self.ranks = np.zeros((2, self.size), np.int64)
        self.lengths[self.ids_of("length")] = LENGTHS.starts
        self.lengths[self.ids_of("length_fine")] = np.arange(LENGTHS.widest)
        self.ranks[self.ids_of("pitch")] = np.arange(NO_NOTE + 1)
        if tracks:
            self.ranks[self.ids_of("instrument")] = NO_NOTE * np.arange(DRUMS + 1)
        self.widths = np.ones(self.size, np.int64)
        for name, times in (("wait", WAITS), ("length", LENGTHS)):
            self.widths[self.ids_of(name)] = times.widths

    @property
    def width(self) -> int:
        """F, the number of ids in a note."""
        return len(self.fields)

    @cached_property
    def recent(self) -> Recent:
        """Return the settings of recent notes for a model."""
        places = self.places
        tables = (WAITS.starts, range(WAITS.widest), LENGTHS.starts + 1, range(LENGTHS.widest))
        return Recent(
            waits=(places["wait"], places["wait_fine"]),
            lengths=(places["length"], places["length_fine"]),
            steps=tuple(tuple(map(int, table)) for table in tables),
            key=places["pitch"],
            keys=NO_NOTE,
            group=places.get("instrument"),
            copied=(places["velocity"], places["length"]),
        )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return all tokens in the order of their ids."""
        names = {"PROGRAM_128": "DRUMS", "PITCH_128": "NO_NOTE"}
        values = [f"{prefix}{value}" for prefix, values in self._table.values() for value in values]
        starts = (f"<s:{first}>" for first in range(2, self.width + 1))
        return Vocabulary((START, *starts, END, *(names.get(value, value) for value in values)))

    def ids_of(self, field: str) -> slice:
        """Return the ids of a field."""
        return slice(*self.compound.offsets[self.places[field] : self.places[field] + 2].tolist())

    def encode(self, tokens: Tokens) -> NDArray[np.uint16]:
        """Return the ids of tokens, (N · F,), whose waits and lengths are within the limits; see `spread`."""
        wait, wait_fine = WAITS.split(tokens.wait)
        length, length_fine = LENGTHS.split(tokens.length - 1)
        columns = [wait, wait_fine, tokens.pitch, np.maximum(tokens.velocity - 1, 0), length, length_fine]
        if self.tracks:
            columns.insert(self.places["instrument"], tokens.instrument)
        return (np.stack(columns, axis=1) + self.compound.offsets[:-1]).astype(np.uint16).ravel()

    def tokens(self, ids: Ids) -> Tokens:
        """Return the complete tokens among any ids that begin at a token: those with a value for every field."""
        return self._columns(self.values(ids))

    def values(self, ids: Ids) -> Integers:
        """Return the values of the fields of the complete tokens among ids, (N, F)."""
        rows = np.asarray(ids, np.int64)[: len(ids) // self.width * self.width].reshape(-1, self.width)
        values: Integers = rows - self.compound.offsets[:-1]
        inside = np.logical_and.reduce((values >= 0) & (values < np.array(self.compound.fields)), axis=1)
        return values[np.flatnonzero(inside)]

    def _columns(self, values: Integers) -> Tokens:
        column = dict(zip(self.fields, values.T, strict=True))
        instrument = column["instrument"] if self.tracks else np.zeros(len(values), np.int64)
        velocity = column["velocity"] + 1 if self.velocity_bins else np.zeros(len(values), np.int64)
        wait = WAITS.starts[column["wait"]] + column["wait_fine"]
        length = LENGTHS.starts[column["length"]] + column["length_fine"] + 1
        return Tokens(wait, instrument, column["pitch"], velocity, length)

    def onset_pitches(self, ids: Ids) -> Ids:
        """Return the pitches of the notes, in order."""
        pitches = np.asarray(ids, np.int64) - self.compound.offsets[self.places["pitch"]]
        found: Ids = pitches[(pitches >= 0) & (pitches < NO_NOTE)]
        return found

    def duration(self, ids: Ids) -> int:
        """Return the step of the last onset."""
        return int(self.steps[ids].sum())


def spread(tokens: Tokens) -> Tokens:
    """Return tokens whose waits and lengths are within the limits; tokens without notes carry the excess."""
    before = tokens.wait // (WAITS.size - 1) * (tokens.wait >= WAITS.size)  # tokens that only wait
    after = (tokens.length - 1) // LENGTHS.size  # tokens that only lengthen
    if not before.any() and not after.any():
        return tokens
    counts = before + 1 + after
    at = np.repeat(np.arange(len(counts)), counts)
    turn = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)  # index among the tokens of its note
    own, waits = turn == before[at], turn < before[at]
    rest = tokens.where(at)
    wait = np.where(waits, WAITS.size - 1, np.where(own, rest.wait - before[at] * (WAITS.size - 1), 0))
    last = turn == counts[at] - 1
    length = np.where(last, rest.length - after[at] * LENGTHS.size, LENGTHS.size)
    return rest._replace(
        wait=wait,
        length=np.where(waits, 1, length),
        pitch=np.where(own, rest.pitch, NO_NOTE),
        velocity=np.where(own, rest.velocity, np.minimum(rest.velocity, 1)),
    )
