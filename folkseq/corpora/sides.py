"""A tokenized corpus and its sides: those of a run before training, and those of a pretrained model, built again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import cache
from folkseq.corpora.duplicates import near_duplicates
from folkseq.corpora.named import files, locate
from folkseq.corpora.reader import TokenizedCorpus, tokenize_corpus
from folkseq.corpora.split import Split, split, split_in_order
from folkseq.representations.base import Representation


def sides(representation: Representation[Any], found: TokenizedCorpus) -> tuple[NDArray[np.int64], Split]:
    """Return labels that near-duplicates share, (pieces,), and the split of the pieces."""
    if representation.files.continuous:
        return np.arange(len(found.store)), split_in_order(found.sources, np.diff(found.store.offsets))
    labels = near_duplicates(found.fingerprints, found.codec.transposition)
    return labels, split(labels)


def rebuilt(representation: Representation[Any], name: str) -> TokenizedCorpus:
    """Build a named corpus in the cache, unless it is there, and read it.

    Raises:
        FolkseqError: the package that it is built from is missing, or the disk refuses.
    """
    place = locate(cache.folder() / "corpora" / name)
    return tokenize_corpus(representation, files(place, representation.files.suffixes))
