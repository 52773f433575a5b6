"""The ranker: it chooses candidates by the ratio of two densities, of real and of sampled pieces.

The log-odds of a classifier of real and sampled pieces estimate the logarithm of this ratio. If candidates are accepted
with probabilities in proportion to the ratio, the accepted ones have the distribution of real pieces, as far as the
features allow (Azadi et al., Discriminator rejection sampling, 2019). Here a ratio of `ENOUGH` or more is always
accepted, so that few candidates suffice. The ranker combines two classifiers, gradient boosting and logistic
regression, and needs no library except NumPy.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RunError
from folkseq.files import write_atomically
from folkseq.models.settings import ModelSettings
from folkseq.ranking.features import Describer, Ids
from folkseq.representations.capabilities import Profile

FILE = "ranking.npz"
VERSION = 3
"""Number that changes with the features; rankers of other versions are not used."""
CANDIDATES = 8
"""Default maximum number of candidates for each piece."""
ENOUGH = 1.0
"""Ratio from which a candidate is always accepted. With a higher one, more candidates are drawn."""
CLIP = 5.0
"""Number of standard deviations to which logistic regression clips a feature."""
_KEY = 0x72616E6B  # key of the random numbers for choices, distinct from those of all pieces


@dataclass(frozen=True, eq=False)
class Weights:
    """The two classifiers: N nodes of T trees, and F features."""

    figures: NDArray[np.int64]
    """Codes of the figures among the features; see `Describer`."""
    mean: NDArray[np.float64]
    """(F,) means of the features of all pieces."""
    scale: NDArray[np.float64]
    """(F,) their standard deviation."""
    linear: NDArray[np.float64]
    """(F + 1,) logistic regression: a weight for each standardised feature, and a constant."""
    roots: NDArray[np.int32]
    """(T,) the first node of each tree."""
    feature: NDArray[np.int32]
    """(N,) the feature that a node compares."""
    threshold: NDArray[np.float64]
    """(N,) the threshold up to which a piece goes to the left."""
    left: NDArray[np.int32]
    """(N,) the left child; a leaf leads to itself."""
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    """(N,) the contribution of a leaf to the log-odds."""
    depth: NDArray[np.int32]
    """() maximum number of comparisons in a tree."""


class Ranker:
    """The scores of one run's candidates."""

    def __init__(self, weights: Weights, profile: Profile, model: ModelSettings) -> None:
        self.weights = weights
        self.describer = Describer(profile, model.bar_ends, model.section_ends, weights.figures)

    @classmethod
    def open(cls, folder: Path, profile: Profile, model: ModelSettings) -> Self | None:
        """Read the ranker of a run folder; None if it has none of this version. Raises RunError if it is damaged."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if arrays["version"] != VERSION:
                    return None
                return cls(Weights(**{each.name: arrays[each.name] for each in fields(Weights)}), profile, model)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise RunError(f"{path}: is damaged ({error}); remove it to sample without ranking") from None

    def save(self, folder: Path) -> None:
        """Write the ranker into a run folder."""
        data = io.BytesIO()
        np.savez_compressed(data, version=np.array(VERSION), **asdict(self.weights))
        write_atomically(folder / FILE, data.getvalue())

    def scores(self, pieces: Sequence[Ids]) -> NDArray[np.float64]:
        """Return the logarithm of the ratio for each piece, (P,), up to a constant."""
        return log_odds(self.weights, self.describer.describe(pieces))


def log_odds(weights: Weights, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the log-odds of both classifiers for features of pieces, (P, F) to (P,)."""
    standard = standardised(features, weights.mean, weights.scale)
    rows, nodes = np.arange(len(features))[:, None], np.tile(weights.roots, (len(features), 1))  # (P, T)
    for _ in range(int(weights.depth)):
        goes_left = features[rows, weights.feature[nodes]] <= weights.threshold[nodes]
        nodes = np.where(goes_left, weights.left[nodes], weights.right[nodes])
    # Not a matrix product, whose last bits depend on the number of pieces.
    linear = (standard * weights.linear[:-1]).sum(axis=1) + weights.linear[-1]
    return np.asarray(linear + weights.value[nodes].sum(axis=1))


def standardised(
    features: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return features in standard deviations from their means, the input of logistic regression."""
    return np.asarray(np.clip((features - mean) / scale, -CLIP, CLIP))


def likeness(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the estimated probability that each piece is real, (P,), if half of all pieces are real."""
    return np.asarray(1 / (1 + np.exp(-scores)))


def accepts(score: float, seed: int, draw: int) -> bool:
    """Return whether a candidate is accepted: at random by its ratio, and determined by the seed and its number."""
    return bool(np.log(_random(seed, draw)[0]) < score - np.log(ENOUGH))


def choose(scores: NDArray[np.float64], seed: int, draws: Sequence[int]) -> int:
    """Return the index of one of K candidates: at random by ratio, and determined by the seed and their numbers.

    Always choosing the highest ratio would make the pieces more similar to each other than those of the corpus.
    """
    noise = [-np.log(-np.log(_random(seed, draw)[1])) for draw in draws]
    return int((scores + noise).argmax())  # the Gumbel-max trick


def chances(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that each of K candidates becomes the piece, for the scores of G pieces, (G, K)."""
    accepted = np.minimum(np.exp(scores) / ENOUGH, 1.0)
    reached = np.cumprod(np.column_stack([np.ones(len(scores)), 1 - accepted]), axis=1)  # (G, K + 1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(reached[:, :-1] * accepted + reached[:, -1:] * odds / odds.sum(axis=1, keepdims=True))


def _random(seed: int, draw: int) -> NDArray[np.float64]:
    """Return two random numbers for a candidate, greater than 0."""
    key: Any = np.array([seed ^ _KEY, draw], dtype=np.uint64)
    return np.asarray(1 - np.random.Generator(np.random.Philox(key=key)).random(2))
