"""The weights of a model over one vocabulary as a start for a model over another.

A table with a row for each id takes the rows of the ids that both vocabularies have; the row of a new id is the mean of
those. All other weights are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.lookback import Lookback
from folkseq.models.settings import ModelSettings

Rows = NDArray[np.int64]
NEW = -1
"""The origin of a row that the other table lacks."""


def transfer(
    weights: Mapping[str, NDArray[Any]], base: ModelSettings, settings: ModelSettings, origins: Rows
) -> dict[str, NDArray[Any]]:
    """Return weights for a model, by name.

    Args:
        weights: of the base model.
        base: its settings.
        settings: of the new model; they differ at most in the vocabulary.
        origins: (V,) the id of each new id in the base model, or `NEW`.

    Returns:
        The weights of every part whose size depends on nothing else than the vocabulary.
    """
    tables = dict.fromkeys(
        ("embedding.weight", "output.weight", "output.bias", "chain.told.weight", "head.told.weight"), origins
    )
    if base.lookback is not None and settings.lookback is not None:
        tables |= dict.fromkeys(
            ("recalled.weight", "pointers.told.weight"), _of_lookback(base.lookback, settings.lookback, origins)
        )
    if settings.encoder is not None and settings.encoder.source == (settings.vocabulary_size + 1,):
        tables["encoder.embedding.weight"] = _with_nothing(origins, base.vocabulary_size)
    found = {}
    for name, array in weights.items():
        if name in tables:
            known = tables[name] != NEW
            rows = array[np.where(known, tables[name], 0)]
            rows[~known] = rows[known].mean(axis=0)
            found[name] = rows
        else:
            found[name] = array
    return found


def _with_nothing(origins: Rows, size: int) -> Rows:
    """Return the rows of ids and of the id after the last, which stands for nothing."""
    return np.append(origins, size)


def _of_lookback(base: Lookback, new: Lookback, origins: Rows) -> Rows:
    """Return the row in the base table of each row of the new one, column by column; see `Lookback`."""
    pointers = [offset + _with_nothing(origins, base.vocabulary_size) for offset in base.offsets[: base.pointer_count]]
    for rows in pointers:
        rows[:-1][origins == NEW] = NEW
    count = sum(map(len, pointers))
    rest = np.arange(new.size - count) + base.size - (new.size - count)
    return np.concatenate([*pointers, rest])
