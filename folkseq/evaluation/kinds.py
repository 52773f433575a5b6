"""Comparison of samples and held-out pieces for each kind of piece; the kind of a tune is its rhythm.

A kind needs `FEWEST` pieces on both sides. `folkseq.evaluation.classifier` explains the AUC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.evaluation import classifier
from folkseq.evaluation.statistics import pooled_ratios
from folkseq.representations.base import Codec

FEWEST = 10
Pieces = Sequence[NDArray[Any]]


def evaluate(codec: Codec[Any], samples: Pieces, held_out: Pieces) -> dict[str, dict[str, Any]]:
    """Return the figures of each kind, sorted by number of held-out pieces; none if no piece has a kind.

    Returns:
        By kind, `samples` and `held_out`: the number of `pieces`; and, with enough of both, the shares that the
        representation counts, `one_section`, `sections` and `range` in semitones; and the `auc` of a classifier.
    """
    ours, theirs = (_by_kind(codec, pieces) for pieces in (samples, held_out))
    found = {}
    for kind in sorted({*ours, *theirs} - {""}, key=lambda kind: (-len(theirs[kind]), kind)):
        both = ours[kind], theirs[kind]
        enough = min(map(len, both)) >= FEWEST
        columns = [{"pieces": len(pieces)} | (_figures(codec, pieces) if enough else {}) for pieces in both]
        told = classifier.tell_apart(codec, *both) if enough and find_spec("sklearn") else None
        found[kind] = {"samples": columns[0], "held_out": columns[1], "auc": told and told.auc}
    return found


def _by_kind(codec: Codec[Any], pieces: Pieces) -> defaultdict[str, list[NDArray[Any]]]:
    found = defaultdict[str, list[NDArray[Any]]](list)
    for ids in pieces:
        found[codec.analysis.kind(ids)].append(ids)
    return found


def _figures(codec: Codec[Any], pieces: Pieces) -> dict[str, float]:
    """Return shares, from 0 to 1, and means over the pieces."""
    features = [codec.analysis.features(ids) for ids in pieces]
    sections, pitches = (
        [piece.values[name] for piece in features if len(piece.values.get(name, ()))]
        for name in ("section_length", "pitch")
    )
    found = pooled_ratios(piece.shares for piece in features)
    if sections:
        counts = np.array(list(map(len, sections)))
        found |= {"one_section": float((counts == 1).mean()), "sections": float(counts.mean())}
    if pitches:
        found["range"] = float(np.mean([np.ptp(each) for each in pitches]))
    return found
