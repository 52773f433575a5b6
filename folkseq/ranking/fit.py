"""Learning to rank: train two classifiers to distinguish pieces of the corpus from samples of the model.

With few candidates for each piece, the odds of the classifiers correct only part of a difference: a feature that is
twice as frequent among the candidates as in the corpus remains too frequent among the chosen pieces. Therefore the
regression weights of a few features are adjusted until the chosen pieces have the means of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.models.settings import ModelSettings
from folkseq.ranking.features import Describer, Ids, Values
from folkseq.ranking.ranker import CANDIDATES, Ranker, Weights, chances, log_odds, standardised
from folkseq.representations.capabilities import Profile

TREES, DEPTH = 400, 3
BOLDNESS = 2.0
"""Factor on the log-odds of the trees, which are too close to 0 after many small steps."""
_ROUNDS, _RATE, _DECAY = 150, 0.5, 0.03  # for adjusting weights: steps, step size, and weight decay


def fit(
    samples: Sequence[Ids], unseen: Sequence[Ids], real: Sequence[Ids], profile: Profile, model: ModelSettings
) -> Ranker:
    """Return a ranker trained to distinguish `samples` from `real` pieces, and corrected on `unseen` ones."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    describer = Describer.fit(profile, model.bar_ends, model.section_ends, [*samples, *real])
    features = describer.describe([*samples, *real])  # (P, F)
    is_real = np.arange(len(features)) >= len(samples)
    balance = np.where(is_real, len(samples) / len(real), 1.0)  # equal total weight for both kinds
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    line = LogisticRegression(C=0.01, max_iter=500).fit(standardised(features, mean, scale), is_real, balance)
    boosted = GradientBoostingClassifier(
        n_estimators=TREES, max_depth=DEPTH, subsample=0.5, max_features=0.1, learning_rate=0.06, random_state=0
    ).fit(features, is_real, balance)
    trees = _flatten([tree.tree_ for tree in boosted.estimators_[:, 0]], boosted.learning_rate)
    trees["value"] *= BOLDNESS
    linear, depth = np.append(line.coef_[0], line.intercept_), np.array(DEPTH, np.int32)
    weights = Weights(describer.figures, mean, scale, linear, **trees, depth=depth)
    change = match(weights, describer.noticed, describer.describe(unseen), features[is_real])
    linear[describer.noticed] += change  # the array that `weights` holds
    return Ranker(weights, profile, model)


def match(weights: Weights, noticed: Ids, unseen: Values, real: Values) -> Values:
    """Return the change of some features' weights, (N,), that gives chosen pieces the means of real ones.

    Args:
        weights: weights of both classifiers.
        noticed: (N,) indices of these features.
        unseen: (P, F) features of candidates that are not training data of the classifiers.
        real: (R, F) features of real pieces.
    """
    scores, change = log_odds(weights, unseen), np.zeros(len(noticed))
    ours, theirs = (standardised(each, weights.mean, weights.scale)[:, noticed] for each in (unseen, real))
    random = np.random.default_rng(0)
    for step in range(_ROUNDS):
        groups = random.permutation(len(ours))[: len(ours) // CANDIDATES * CANDIDATES].reshape(-1, CANDIDATES)
        chosen = np.einsum("gk,gkf->f", chances((scores + ours @ change)[groups]), ours[groups]) / max(len(groups), 1)
        change += _RATE / (1 + step / _ROUNDS) * (theirs.mean(axis=0) - chosen - _DECAY * change)
    return change


def _flatten(trees: Sequence[Any], rate: float) -> dict[str, NDArray[Any]]:
    """Return the nodes of all trees, in one array per attribute."""
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    for root, tree in zip(roots.tolist(), trees, strict=True):
        own, leaf = np.arange(tree.node_count), tree.children_left < 0
        parts["feature"].append(np.where(leaf, 0, tree.feature).astype(np.int32))
        parts["threshold"].append(tree.threshold)
        parts["left"].append((root + np.where(leaf, own, tree.children_left)).astype(np.int32))
        parts["right"].append((root + np.where(leaf, own, tree.children_right)).astype(np.int32))
        parts["value"].append(np.where(leaf, rate * tree.value[:, 0, 0], 0.0))
    return {"roots": roots.astype(np.int32)} | {name: np.concatenate(arrays) for name, arrays in parts.items()}
