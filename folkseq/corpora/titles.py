"""Group pieces that have a title in common, by their labels in a corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora.duplicates import Forest

_NO_TITLE = re.compile(r"\([^)]*\)|\s--.*|^\s*(the|an|a)\s|,\s*(the|an|a)\b")  # remarks, the rhythm, articles
_NO_LETTER = re.compile(r"[\W\d_]")


def same_titles(labels: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for each label of a piece, (P,), the same for pieces that have a title in common.

    A label is a file, `X:` and a number, and titles separated by ` / `. Only the letters of a title count, without
    article and rhythm. A piece without a title forms a separate group.

    >>> same_titles(["a.abc X:1 The Maid", "a.abc X:2", "b.abc X:7 MAID -- REEL / Miss Lyall", "b.abc X:8 Lyall"])
    array([0, 1, 0, 2])
    """
    forest, owners = Forest(len(labels)), dict[str, int]()
    for piece, label in enumerate(labels):
        _, _, titles = label.partition("X:")
        for title in titles.partition(" ")[2].split(" / "):
            letters = _NO_LETTER.sub("", _NO_TITLE.sub("", title.casefold()))
            if letters:
                forest.join(owners.setdefault(letters, piece), piece)
    return forest.labels(len(labels))
