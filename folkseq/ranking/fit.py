"""Learning to rank: train two classifiers to distinguish pieces of the corpus from samples of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.models.settings import ModelSettings
from folkseq.ranking.features import Describer, Ids
from folkseq.ranking.ranker import CLIP, Ranker, Weights
from folkseq.representations.capabilities import Profile

TREES, DEPTH = 400, 3
BOLDNESS = 2.0
"""Factor on the odds of the trees, which many small steps keep too close to even."""


def fit(samples: Sequence[Ids], real: Sequence[Ids], profile: Profile, model: ModelSettings) -> Ranker:
    """Return a ranker trained to distinguish `samples` from `real` pieces."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    describer = Describer.fit(profile, model.bar_ends, model.section_ends, [*samples, *real])
    features = describer.describe([*samples, *real])  # (P, F)
    is_real = np.arange(len(features)) >= len(samples)
    balance = np.where(is_real, len(samples) / len(real), 1.0)  # both kinds count as much
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = np.clip((features - mean) / scale, -CLIP, CLIP)
    line = LogisticRegression(C=0.01, max_iter=500).fit(standard, is_real, balance)
    boosted = GradientBoostingClassifier(
        n_estimators=TREES, max_depth=DEPTH, subsample=0.5, max_features=0.1, learning_rate=0.06, random_state=0
    ).fit(features, is_real, balance)
    trees = _flatten([tree.tree_ for tree in boosted.estimators_[:, 0]], boosted.learning_rate)
    trees["value"] *= BOLDNESS
    linear, depth = np.append(line.coef_[0], line.intercept_), np.array(DEPTH, np.int32)
    weights = Weights(describer.figures, mean, scale, linear, **trees, depth=depth)
    return Ranker(weights, profile, model)


def _flatten(trees: Sequence[Any], rate: float) -> dict[str, NDArray[Any]]:
    """Return the nodes of all trees in one array for each of their attributes."""
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
