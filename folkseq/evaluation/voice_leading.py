"""How four voices go together, by the rules that students of harmony learn.

A chord is a step at which a voice begins a note, with all that sounds then. Faults are counted per 100 chords:

    parallel_fifths, parallel_octaves   two voices that both move, the same way, and are a fifth (an octave or unison)
                                        apart in a chord and the next, octaves aside
    crossings                           neighbouring voices of which the lower is higher
    range_faults                        notes outside of what a voice is written for

and `chord_tones` is the share of the notes of all chords that belong to the triad or seventh chord, on whatever root,
that most of the chord's notes belong to. Sources: Fux's and every later textbook's rules; the counts are those by which
DeepBach (Hadjeres et al. 2017) and others are compared with Bach, who breaks them now and then himself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
SILENT = -1
FIFTH, OCTAVE = 7, 0
_TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))
_SEVENTHS = ((0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6, 10), (0, 3, 6, 9))


def figures(
    chorales: Sequence[tuple[Integers, NDArray[np.bool_]]], ranges: Sequence[tuple[int, int]]
) -> dict[str, float]:
    """The figures of several chorales together, by name.

    Args:
        chorales: of each the pitches that sound at every step, (N, V) from the highest voice down, −1 for none; and
            which of them begin there, (N, V).
        ranges: (V,) the lowest and highest pitch of each voice.
    """
    counts = dict.fromkeys(("parallel_fifths", "parallel_octaves", "crossings", "range_faults"), 0)
    chords = notes = fitting = 0
    for pitches, begins in chorales:
        at = np.flatnonzero(begins.any(axis=1))
        sounding = pitches[at]
        chords += len(at)
        changes = np.flatnonzero(np.append(True, (pitches[1:] != pitches[:-1]).any(axis=1)))  # silence among them
        for interval, name in ((FIFTH, "parallel_fifths"), (OCTAVE, "parallel_octaves")):
            counts[name] += parallels(pitches[changes], interval)
        both = (sounding[:, :-1] >= 0) & (sounding[:, 1:] >= 0)
        counts["crossings"] += int((both & (sounding[:, :-1] < sounding[:, 1:])).sum())
        for voice, (low, high) in enumerate(ranges):
            own = pitches[begins[:, voice], voice]
            counts["range_faults"] += int(((own >= 0) & ((own < low) | (own > high))).sum())
        for chord in sounding:
            fits, of = chord_tones(chord[chord >= 0])
            fitting, notes = fitting + fits, notes + of
    found = {name: 100 * count / max(chords, 1) for name, count in counts.items()}
    return {**found, "chord_tones": fitting / max(notes, 1)}


def parallels(chords: Integers, interval: int) -> int:
    """How often two voices move from one interval to the same, octaves aside, in (N, V) chords.

    >>> parallels(np.array([[67, 60], [69, 62], [69, 62]]), FIFTH)
    1
    """
    found = 0
    for upper, lower in combinations(range(chords.shape[1]), 2):
        one, other = chords[:, upper], chords[:, lower]
        apart = (one - other) % 12 == interval
        moves = np.sign(np.diff(one))
        together = (moves == np.sign(np.diff(other))) & (moves != 0)
        sounding = (one >= 0) & (other >= 0)
        found += int((together & apart[:-1] & apart[1:] & sounding[:-1] & sounding[1:]).sum())
    return found


def chord_tones(pitches: Integers) -> tuple[int, int]:
    """How many of the pitches belong to the chord that most of them belong to, and of how many.

    >>> chord_tones(np.array([48, 64, 67, 74]))
    (3, 4)
    """
    classes = [int(pitch) % 12 for pitch in pitches]
    kinds = [(root, kind) for root in set(classes) for kind in (*_TRIADS, *_SEVENTHS)]
    fits = (sum((each - root) % 12 in kind for each in classes) for root, kind in kinds)
    return max(fits, default=0), len(classes)


def sounding(cells: ArrayLike, hold: int) -> tuple[Integers, NDArray[np.bool_]]:
    """What `figures` takes, of (N, V) cells: a pitch that begins, `hold`, or anything else below 0 for silence."""
    grid = np.asarray(cells, np.int64)
    begins = grid >= 0
    pitches = np.where(begins, grid, SILENT)
    for before, step in pairwise(range(len(grid))):
        pitches[step] = np.where(grid[step] == hold, pitches[before], pitches[step])
    return pitches, begins
