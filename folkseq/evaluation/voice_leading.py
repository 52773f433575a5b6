"""Voice leading: how well four voices keep the textbook rules of harmony.

Source: the rules of Fux and later textbooks. Such counts are used to compare DeepBach (Hadjeres et al. 2017) and other
models with Bach, who sometimes breaks the rules himself.

Conventions: a chord consists of all pitches that sound at a step at which any voice begins a note. Faults are counted
per 100 chords:

    parallel_fifths, parallel_octaves   two voices move in the same direction, and are a fifth (an octave or unison)
                                        apart in a chord and the next, octaves aside
    crossings                           the lower of two neighbouring voices is above the other
    range_faults                        notes outside the range that a voice is written for

`chord_tones` is the share of chord tones among the notes of all chords. The tones of each chord are those of the triad
or seventh chord, on any root, that contains most of its notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Chorale = tuple[Integers, NDArray[np.bool_]]
"""N steps of V voices from the highest down: (N, V) sounding pitches, −1 for none, and (N, V) whether a note begins."""
SILENT = -1
FIFTH, OCTAVE = 7, 0
_TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))
_SEVENTHS = ((0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6, 10), (0, 3, 6, 9))


def validate(chorales: Sequence[Chorale], ranges: Sequence[tuple[int, int]]) -> None:
    """Raise ValueError unless the pitches and onsets of each chorale are (N, V), with a range for each of V voices."""
    for pitches, begins in chorales:
        if not pitches.shape == begins.shape == (len(pitches), len(ranges)):
            expected = f"(N, {len(ranges)})"
            raise ValueError(f"expected pitches and onsets of {expected}, got {pitches.shape} and {begins.shape}")


def sounding(cells: ArrayLike, hold: int) -> Chorale:
    """Return the chorale of (N, V) cells: the pitch of a new note, `hold`, or another negative number for silence."""
    grid = np.asarray(cells, np.int64)
    begins = grid >= 0
    pitches = np.where(begins, grid, SILENT)
    for before, step in pairwise(range(len(grid))):
        pitches[step] = np.where(grid[step] == hold, pitches[before], pitches[step])
    return pitches, begins


def parallels(chords: Integers, interval: int) -> int:
    """Count how often two voices move from an interval to the same one, octaves aside, in (N, V) chords.

    >>> parallels(np.array([[67, 60], [69, 62], [69, 62]]), FIFTH)
    1
    """
    found = 0
    for upper, lower in combinations(range(chords.shape[1]), 2):
        one, other = chords[:, upper], chords[:, lower]
        apart = ((one - other) % 12 == interval) & (one >= 0) & (other >= 0)
        moves = np.sign(np.diff(one))
        together = (moves == np.sign(np.diff(other))) & (moves != 0)
        found += int((together & apart[:-1] & apart[1:]).sum())
    return found


def chord_tones(pitches: Integers) -> tuple[int, int]:
    """Return the number of pitches that belong to the best-matching chord, and the number of all pitches.

    >>> chord_tones(np.array([48, 64, 67, 74]))
    (3, 4)
    """
    classes = [int(pitch) % 12 for pitch in pitches]
    kinds = [(root, kind) for root in set(classes) for kind in (*_TRIADS, *_SEVENTHS)]
    fits = (sum((each - root) % 12 in kind for each in classes) for root, kind in kinds)
    return max(fits, default=0), len(classes)


def evaluate(chorales: Sequence[Chorale], ranges: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Return the metrics of several chorales together, by name.

    Args:
        chorales: chorales of V voices.
        ranges: (V,) the lowest and highest pitch of each voice.
    """
    validate(chorales, ranges)
    counts = dict.fromkeys(("parallel_fifths", "parallel_octaves", "crossings", "range_faults"), 0)
    chords = notes = fitting = 0
    for pitches, begins in chorales:
        changes = np.append(True, (pitches[1:] != pitches[:-1]).any(axis=1))  # including changes to silence
        counts["parallel_fifths"] += parallels(pitches[changes], FIFTH)
        counts["parallel_octaves"] += parallels(pitches[changes], OCTAVE)
        struck = pitches[begins.any(axis=1)]  # (chords, V)
        both = (struck[:, :-1] >= 0) & (struck[:, 1:] >= 0)
        counts["crossings"] += int((both & (struck[:, :-1] < struck[:, 1:])).sum())
        low, high = np.array(ranges).T
        outside = begins & (pitches >= 0) & ((pitches < low) | (pitches > high))
        counts["range_faults"] += int(outside.sum())
        chords += len(struck)
        for chord in struck:
            fits, size = chord_tones(chord[chord >= 0])
            fitting, notes = fitting + fits, notes + size
    found = {name: 100 * count / max(chords, 1) for name, count in counts.items()}
    return {**found, "chord_tones": fitting / max(notes, 1)}
