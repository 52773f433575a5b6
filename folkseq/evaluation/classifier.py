"""Classifier two-sample test: can a classifier distinguish sampled pieces from real ones, and by which features?

Gradient boosting distinguishes them by musical features alone: the features that the representation counts, intervals
and ratios of durations, their most common figures, and the number of distinct figures in a melody. Titles and spelling
are ignored. The AUC is the probability that the classifier ranks a real piece above a sampled one: 0.5 if it cannot
distinguish them, 1 if it always can. Source: Muhamed et al. (Transformer-GANs, 2021) measure generated music by such a
classifier.

Conventions: the AUC is the mean of a cross-validation that keeps near-duplicates, and stretches of one piece, in one
fold. The AUC of one half of the real pieces against the other shows the effect of chance and of the number of pieces.
The importance of a feature is the loss of AUC when its values are shuffled among the test pieces. If samples are
shorter than most real pieces, as with performances, samples and real pieces are cut into stretches of one length, about
ten seconds for half an hour of performances. Stretches exclude beginnings and ends: samples have more of them, and only
there velocity and pedal are known from the start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.duplicates import near_duplicates
from folkseq.evaluation.statistics import pooled_ratios
from folkseq.representations.base import Codec

FOLDS = 5
FEWEST = 40
"""Minimum number of pieces of each kind."""
TOLD = 5
"""Maximum number of features to report."""
STRETCHES = 200
"""Number of stretches of all real pieces together, if samples are shorter than most of them."""
SHORTEST = 128
"""Minimum number of ids in a stretch."""
_COMMONEST = 60  # figures of each length that are features
_LONGEST = 12  # widest interval in semitones; wider ones are clipped
_AT_ONCE = 32  # features shuffled together
Values = Mapping[str, float]
Ids = NDArray[Any]


@dataclass(frozen=True)
class Telling:
    """A feature that distinguishes samples from real pieces."""

    name: str
    """The feature in words."""
    samples: float
    """Its mean over the samples."""
    real: float
    loss: float
    """The loss of AUC without it."""


@dataclass(frozen=True)
class Told:
    """The result of distinguishing samples from real pieces."""

    samples: int
    """Number of pieces, or of their stretches."""
    real: int
    auc: float
    auc_among_real: float | None
    """The AUC of one half of the real pieces against the other; None with fewer than two pieces per fold."""
    telling: tuple[Telling, ...]
    """The most important features first."""
    stretch: int | None = None
    """Number of ids in each stretch, if samples are not whole pieces."""
    real_pieces: int = 0
    """Number of real pieces, of which `real` are stretches."""


def tell_apart(codec: Codec[Any], samples: Sequence[Ids], real: Sequence[Ids], seed: int = 0) -> Told | None:
    """Return how well samples can be distinguished from real pieces; None for too few or too similar pieces.

    Args:
        codec: the codec of both kinds of pieces.
        samples: the ids of each sampled piece.
        real: the ids of each real piece.
        seed: the seed of the folds and shuffles.
    """
    if not len(samples) or not len(real):
        return None
    longest, lengths = max(map(len, samples)), list(map(len, real))
    whole = np.median(lengths) <= longest
    cut = longest if whole else max(min(sum(lengths) // STRETCHES, longest // 2), SHORTEST)
    ours, theirs = (_stretches(pieces, cut, inner=not whole) for pieces in (samples, real))
    if min(len(ours), len(theirs)) < FEWEST:
        return None
    pieces = [piece for _, piece in ours + theirs]
    owners = np.array([owner for owner, _ in ours] + [len(samples) + owner for owner, _ in theirs])
    random = np.random.default_rng(seed)
    groups = _groups(codec, pieces, owners)
    values, names = _matrix(codec, pieces)
    is_real = np.arange(len(values)) >= len(ours)
    if min(len(np.unique(groups[side])) for side in (is_real, ~is_real)) < FOLDS:
        return None
    _, own = np.unique(groups[is_real], return_inverse=True)
    half = random.permutation(own.max() + 1)[own] % 2 == 0
    auc, telling = _judge(values, is_real, groups, random, names)
    among = _judge(values[is_real], half, own, random)[0] if own.max() + 1 >= 2 * FOLDS else None
    return Told(len(ours), len(theirs), auc, among, telling, None if whole else cut, len(real))


def _stretches(pieces: Sequence[Ids], length: int, inner: bool) -> list[tuple[int, Ids]]:
    """Return stretches of pieces, each with the place of its piece: all, or only those without beginning and end."""
    found = list[tuple[int, Ids]]()
    for owner, piece in enumerate(pieces):
        first, last = (length, len(piece) - length) if inner else (0, max(len(piece) - length // 2, 1))
        found += [(owner, piece[at : at + length]) for at in range(first, last, length)]
    return found


def _groups(codec: Codec[Any], pieces: Sequence[Ids], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each piece, (P,): near-duplicates, and stretches of one piece, which has a number, (P,)."""
    similar = codec.transposition
    groups = near_duplicates([similar.fingerprint(ids) for ids in pieces] if similar else pieces, similar)
    for owner in np.flatnonzero(np.bincount(owners) > 1).tolist():
        own = groups[owners == owner]
        groups[np.isin(groups, own)] = own[0]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _matrix(codec: Codec[Any], pieces: Sequence[Ids]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the features of all pieces, (P, F), NaN where a piece has none, and their names in words."""
    similar = codec.transposition
    melodies = [similar.melody(ids) if similar else np.zeros((0, 2), np.int64) for ids in pieces]
    rows = [_counted(codec, ids) | _melodic(melody) for ids, melody in zip(pieces, melodies, strict=True)]
    for length in (2, 3):
        figures = [
            Counter(zip(*(_intervals(melody)[at:] for at in range(length)), strict=False)) for melody in melodies
        ]
        common = Counter(figure for each in figures for figure in each).most_common(_COMMONEST)
        for row, each in zip(rows, figures, strict=True):
            total = max(each.total(), 1)
            row |= {f"figure {_spelled(figure)}, share": each[figure] / total for figure, _ in common}
    names = list(dict.fromkeys(name for row in rows for name in row))
    return np.array([[row.get(name, np.nan) for name in names] for row in rows]), names


def _counted(codec: Codec[Any], ids: Ids) -> dict[str, float]:
    """Return the features that a representation counts, of one piece."""
    features = codec.analysis.features(ids)
    found = {name.replace("_", " "): value for name, value in pooled_ratios([features.shares, features.rates]).items()}
    for name, values in features.values.items():
        if len(values):
            words = name.replace("_", " ")
            found |= {f"{words}, mean": float(values.mean()), f"{words}, spread": float(values.std())}
            found |= {f"{words}, range": float(np.ptp(values)), f"{words}, highest": float(values.max())}
            found[f"{words}, different values"] = len(np.unique(values))
    return found


def _melodic(melody: NDArray[np.int64]) -> dict[str, float]:
    """Return the features of a melody's intervals and rhythm."""
    intervals = _intervals(melody)
    if len(intervals) < 2:
        return {}
    sizes, turns = np.abs(intervals), np.sign(intervals[1:]) * np.sign(intervals[:-1]) < 0
    found = {
        "notes repeated, share": float((sizes == 0).mean()),
        "steps, share": float(((sizes > 0) & (sizes < 3)).mean()),
        "leaps of a fifth or more, share": float((sizes > 6).mean()),
        "widest leap": float(sizes.max()),
        "turns of direction, share": float(turns.mean()),
    }
    for length in (2, 3, 4):
        windows = {tuple(intervals[at : at + length]) for at in range(len(intervals) - length + 1)}
        found[f"different figures of {length} intervals, share"] = len(windows) / max(len(intervals) - length + 1, 1)
    durations = melody[:, 1]
    if durations.all():
        changes = durations[1:] != durations[:-1]
        found["changes of duration, share"] = float(changes.mean())
        found["last note's length, in mean notes"] = float(durations[-1] / durations.mean())
    return found


def _intervals(melody: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(np.diff(melody[:, 0]), -_LONGEST, _LONGEST)


def _spelled(figure: Sequence[int]) -> str:
    """Return intervals in semitones, as in `+2 -2 0`."""
    return " ".join(f"{int(interval):+d}" if interval else "0" for interval in figure)


def _judge(
    values: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    groups: NDArray[np.int64],
    random: np.random.Generator,
    names: Sequence[str] = (),
) -> tuple[float, tuple[Telling, ...]]:
    """Return the AUC on the test folds, and the most important features."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=int(random.integers(2**31)))
    aucs, losses = list[float](), np.zeros(len(names))
    for learnt, judged in folds.split(values, wanted, groups):
        if len(np.unique(wanted[judged])) < 2:  # all of one kind
            continue
        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=10, l2_regularization=1, random_state=0
        ).fit(values[learnt], wanted[learnt])
        aucs.append(roc_auc_score(wanted[judged], model.predict_proba(values[judged])[:, 1]))
        for first in range(0, len(names), _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, len(names)))
            shuffled = np.tile(values[judged], (len(some), 1, 1))  # (features, judged, F)
            for copy, feature in zip(shuffled, some, strict=True):
                random.shuffle(copy[:, feature])
            scores = model.predict_proba(shuffled.reshape(-1, len(names)))[:, 1].reshape(len(some), -1)
            losses[some] += [aucs[-1] - roc_auc_score(wanted[judged], each) for each in scores]
    losses /= max(len(aucs), 1)
    best = np.argsort(-losses)[:TOLD].tolist()
    means = [np.nanmean(values[side], axis=0) for side in (~wanted, wanted)] if names else []
    telling = (Telling(names[at], float(means[0][at]), float(means[1][at]), float(losses[at])) for at in best)
    return float(np.mean(aucs)) if aucs else 0.5, tuple(telling)
