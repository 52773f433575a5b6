"""Known figures: the share of a melody that occurs in a corpus, by short figures instead of long runs.

A figure of n notes consists of n − 1 pairs: an interval in semitones, and the ratio of the second note's duration to
the first's. Figures thus do not depend on key or tempo. Every occurrence of a figure counts. Unlike shared tokens,
shares of figures are comparable across representations of the same music.

Conventions: a melody is (N, 2) integers, as `Transposition.melody` returns them: pitch in semitones and duration in any
unit. With unknown durations, 0, figures consist of intervals alone. Lengths without any figure are left out. Figures
are compared by 64-bit hashes. The baseline for overlap by chance and style is the overlap of a corpus with itself: of
the figures of 8, 12, 16, 24 and 32 notes in folk.abc, 30.4, 10.7, 7.4, 5.2 and 4.1 % also occur in a tune without a
common title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.corpora.hashing import inverse_powers, mixed, powers
from folkseq.corpora.titles import same_titles

LENGTHS = (8, 12, 16, 24, 32)
Integers = NDArray[np.int64]


def validate(melodies: Sequence[ArrayLike], groups: ArrayLike, lengths: Sequence[int]) -> None:
    """Raise ValueError for a length below 2, or unless there is one group for each melody."""
    if min(lengths, default=2) < 2:
        raise ValueError(f"a figure has 2 notes or more, got lengths of {tuple(lengths)}")
    if np.shape(groups) != (len(melodies),):
        raise ValueError(f"expected a group for each of {len(melodies)} melodies, got {np.shape(groups)}")


def known_shares(
    melodies: Sequence[ArrayLike], groups: ArrayLike, lengths: Sequence[int] = LENGTHS, first: int | None = None
) -> dict[int, float]:
    """Return the share of all figures that occur in a melody of another group, from 0 to 1, by length.

    Args:
        melodies: (N, 2) integers each.
        groups: (P,) the group of each melody.
        lengths: numbers of notes in a figure, at least 2.
        first: number of melodies, from the first on, whose figures are counted; by default, all.
    """
    validate(melodies, groups, lengths)
    labels, found = np.asarray(groups, np.int64), {}
    for length, figures, owners in _figures(melodies, lengths):
        distinct = np.unique(np.stack((figures, labels[owners])), axis=1)[0]  # each figure once for each of its groups
        counted = figures[owners < (len(melodies) if first is None else first)]
        if len(counted):
            found[length] = float((np.bincount(distinct)[counted] > 1).mean())
    return found


def evaluate(melodies: Sequence[ArrayLike], corpus: Sequence[ArrayLike], labels: Sequence[str]) -> dict[str, Any]:
    """Return the known shares of new melodies in a corpus, and of the corpus in its own pieces with other titles."""
    groups = np.repeat([0, 1], (len(melodies), len(corpus)))
    return {
        "figures_known_share": known_shares([*melodies, *corpus], groups, first=len(melodies)),
        "figures_known_share_of_trained": known_shares(corpus, same_titles(labels)),
    }


def _figures(melodies: Sequence[ArrayLike], lengths: Sequence[int]) -> Iterator[tuple[int, Integers, Integers]]:
    """Yield each length with its figures, (F,) numbers that are equal for equal figures, and their melodies, (F,)."""
    arrays = [np.asarray(melody, np.int64).reshape(-1, 2) for melody in melodies]
    notes = np.concatenate([np.zeros((0, 2), np.int64), *arrays])
    owners = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])  # (N,) the melody of each note
    (pitch, duration), (pitch_after, duration_after) = notes[:-1].T, notes[1:].T  # (N - 1,) of each pair
    common = np.maximum(np.gcd(duration, duration_after), 1)
    pairs = pitch_after - pitch
    for number in (duration_after // common, duration // common):
        pairs = mixed(pairs) + number.astype(np.uint64)
    # The hash of a figure is the sum of its pairs' random numbers times rising powers, which start at its first pair.
    terms = mixed(pairs) * powers(len(pairs))
    sums = np.append(np.uint64(0), np.cumsum(terms, dtype=np.uint64))
    for length in lengths:
        last = owners[length - 1 :]
        first = np.flatnonzero(owners[: len(last)] == last)
        hashes = (sums[first + length - 1] - sums[first]) * inverse_powers(len(pairs))[first]
        yield length, np.unique(hashes, return_inverse=True)[1].astype(np.int64), owners[first]
