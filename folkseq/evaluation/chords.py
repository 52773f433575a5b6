"""The chords of a model that harmonises tunes, compared with the books, an n-gram and a rule.

Task: predict a chord for each beat of a held-out tune from its notes. Conventions: only beats for which the book has a
chord count. Root agreement is the share of these beats with the book's root. The melody is sampled at six points of
each beat; the chord-tone share is the share of these points whose note belongs to the chord.

The rule chooses, for each beat or each bar, the diatonic triad with the most melody notes; ties go to the first of I,
V, IV, vi, ii, iii and vii. The n-gram is a hidden Markov model: a trigram of chords, by beats or by bars, and the
probability of the notes given the chord. Viterbi's algorithm finds the likeliest chords. The figures of the rule and
of the n-gram are those of the variant, and of the weight of the notes, that agree best with the evaluated books. This
is an advantage over the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.beats import SILENT, Beats, Label, intervals_of
from folkseq.ensemble.chord_grammar import FIRST
from folkseq.ensemble.chord_task import ChordTask
from folkseq.music.signature import MODES, Key
from folkseq.pairs import Integers

Probabilities = NDArray[np.float64]
_DEGREES = (0, 4, 3, 5, 1, 2, 6)  # degrees of the triads, the most common first
_WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # weights of the notes; below 1, since points are not independent
_LEAST = 0.1  # points added to the count of every pitch class


def measure(pieces: Sequence[Beats], chords: Iterable[Sequence[Label | None]]) -> dict[str, float]:
    """Return the root agreement, the chord-tone share and the number of chord changes per bar, by name."""
    beats = agreeing = points = fitting = changes = 0
    for piece, labels in zip(pieces, chords, strict=True):
        before: Label | None = None
        for own, label, pitches in zip(piece.labels, labels, piece.pitches.tolist(), strict=True):
            changes += label is not None and label != before
            before = label
            if own is None:
                continue
            beats += 1
            agreeing += label is not None and label[0] == own[0]
            tones = intervals_of(label)
            points += sum(pitch != SILENT for pitch in pitches)
            fitting += sum(pitch in tones for pitch in pitches)
    bars = sum(piece.bars for piece in pieces)
    return {
        "root_agreement": agreeing / max(beats, 1),
        "chord_tone_share": fitting / max(points, 1),
        "changes_per_bar": changes / max(bars, 1),
    }


def evaluate(
    task: ChordTask, trained: Sequence[Beats], pieces: Sequence[Beats], model: Sequence[Sequence[Label | None]]
) -> dict[str, dict[str, float]]:
    """Measure the chords of a model, the books, the n-gram and the rule, by name.

    Args:
        task: the model's task, which has the chord vocabulary.
        trained: training pieces of the model, for the n-gram.
        pieces: held-out pieces.
        model: the model's chord for each beat of these pieces.
    """

    def best(found: Iterable[Iterable[Sequence[Label | None]]]) -> dict[str, float]:
        return max((measure(pieces, chords) for chords in found), key=lambda each: each["root_agreement"])

    return {
        "held_out": measure(pieces, [piece.labels for piece in pieces]),
        "model": measure(pieces, model),
        "ngram": best(
            [chain.chords(piece, weight) for piece in pieces]
            for chain in (ChordChain(task, trained, by_bar) for by_bar in (False, True))
            for weight in _WEIGHTS
        ),
        "rule": best([rule(piece, by_bar) for piece in pieces] for by_bar in (False, True)),
    }


def rule(piece: Beats, by_bar: bool) -> list[Label | None]:
    """Return the diatonic triad with the most melody notes, for each beat or each bar."""
    chords: list[Label | None] = []
    mode = list(MODES)[int(piece.fields[0, 9])]
    scale = sorted((pitch + Key(0, 0, mode).alters[letter]) % 12 for letter, pitch in enumerate((0, 2, 4, 5, 7, 9, 11)))
    triads = [[scale[(degree + step) % 7] for step in (0, 2, 4)] for degree in _DEGREES]
    for unit in units(piece, by_bar):
        counts = np.bincount(piece.pitches[unit].ravel(), minlength=SILENT + 1)
        root, third, fifth = max(triads, key=lambda triad: counts[triad].sum())
        steps = (third - root) % 12, (fifth - root) % 12
        chords += [(root, {(4, 7): "", (3, 7): "m", (3, 6): "dim"}.get(steps, "aug"))] * len(unit)
    return chords


def units(piece: Beats, by_bar: bool) -> list[Integers]:
    """Return the beats of each bar, or each beat on its own."""
    beats = np.arange(len(piece))
    if not by_bar:
        return [beats[beat : beat + 1] for beat in beats]
    return np.split(beats, np.flatnonzero(np.diff(piece.positions[:, 0])) + 1)


class ChordChain:
    """A hidden Markov model of chords: trigrams, separate at the beginning of bars, and the notes given a chord."""

    def __init__(self, task: ChordTask, trained: Sequence[Beats], by_bar: bool) -> None:
        """Count the chords and notes of pieces, by beats or by bars."""
        self.task, self.by_bar = task, by_bar
        size = len(task.labels)
        self.first = np.full(size, 1e-3)
        notes = np.zeros((size, 12))
        counts = np.zeros((2, size, size, size))
        for piece in trained:
            ids = task.ids(piece.labels) - FIRST
            for label, pitches in zip(ids.tolist(), piece.pitches, strict=True):
                notes[label] += np.bincount(pitches, minlength=SILENT + 1)[:SILENT]
            found = units(piece, by_bar)
            chosen = [np.bincount(ids[unit]).argmax() for unit in found]
            self.first[chosen[0]] += 1
            starts = [int(piece.positions[unit[0], 1] == 0) for unit in found]
            for place in range(1, len(chosen)):
                counts[starts[place], chosen[max(place - 2, 0)], chosen[place - 1], chosen[place]] += 1
        self.transitions = np.log(_interpolated(counts))
        self.notes = np.log(_smoothed(task, notes))  # (labels, 12)

    def chords(self, piece: Beats, weight: float) -> list[Label | None]:
        """Return the likeliest chords by Viterbi's algorithm, with `weight` on the probability of the notes."""
        found = units(piece, self.by_bar)
        heard = [np.bincount(piece.pitches[unit].ravel(), minlength=SILENT + 1)[:SILENT] for unit in found]
        costs = [weight * (self.notes @ count) for count in heard]
        score = (np.log(self.first / self.first.sum()) + costs[0])[None].repeat(len(self.first), 0)  # (before, now)
        score[~np.eye(len(score), dtype=bool)] = -np.inf  # the chord before the first unit counts as the same
        back = []
        for unit, cost in zip(found[1:], costs[1:], strict=True):
            start = int(piece.positions[unit[0], 1] == 0)
            every = score[:, :, None] + self.transitions[start]  # (two before, before, now)
            back.append(every.argmax(axis=0))
            score = every.max(axis=0) + cost
        before, now = np.unravel_index(score.argmax(), score.shape)
        path = [int(now)]
        for table in reversed(back):
            path.append(int(before))
            before, now = table[before, now], before
        labels = [self.task.labels[each] for each in reversed(path)]
        return [label for label, unit in zip(labels, found, strict=True) for _ in unit]


def _interpolated(counts: NDArray[Any]) -> Probabilities:
    """Return the probabilities of a trigram with Witten-Bell smoothing, from (2, V, V, V) counts."""
    lower = (counts.sum(axis=(1, 2)) + 0.01) / (counts.sum(axis=(1, 2)) + 0.01).sum(axis=-1, keepdims=True)  # (2, V)
    for table in (counts.sum(axis=1), counts):
        kinds = np.maximum((table > 0).sum(axis=-1, keepdims=True), 1)
        lower = np.expand_dims(lower, 1)
        lower = (table + kinds * lower) / (table.sum(axis=-1, keepdims=True) + kinds)
    return np.asarray(lower)


def _smoothed(task: ChordTask, notes: NDArray[Any]) -> Probabilities:
    """Return the probability of each pitch class given a chord, smoothed towards other chords of the same quality."""
    found = np.zeros_like(notes)
    for place, label in enumerate(task.labels):
        same = [other for other in task.labels if label and other and other[1] == label[1]]
        pooled = np.full(12, _LEAST)
        for other in same:
            pooled += np.roll(notes[task.labels.index(other)], (label or (0, ""))[0] - other[0])
        own = notes[place] + 12 * pooled / pooled.sum() + _LEAST
        found[place] = own / own.sum()
    return found
