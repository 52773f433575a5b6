"""The training and held-out sides of a tokenized corpus, for a new run or rebuilt for a pretrained model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import cache
from folkseq.corpora.duplicates import near_duplicates
from folkseq.corpora.named import files, locate
from folkseq.corpora.reader import TokenizedCorpus, tokenize_corpus
from folkseq.corpora.split import Split, split, split_in_order
from folkseq.errors import CorpusError
from folkseq.representations.base import Representation


def sides(
    representation: Representation[Any], found: TokenizedCorpus, valid_files: int = 0
) -> tuple[NDArray[np.int64], Split]:
    """Return labels that near-duplicates share, (pieces,), and the split of the pieces.

    Args:
        representation: the representation of the corpus.
        found: the corpus.
        valid_files: the number of files at the end whose pieces are the validation side; 0 to split all pieces.

    Raises:
        CorpusError: no piece is left to train on.
    """
    if valid_files:
        is_valid = found.sources >= len(found.digests) - valid_files
        if is_valid.all():
            raise CorpusError("no piece is left to train on: all are among those of --valid")
        labels = near_duplicates(found.fingerprints, found.codec.transposition)
        return labels, Split(tuple(np.flatnonzero(~is_valid).tolist()), tuple(np.flatnonzero(is_valid).tolist()), ())
    if representation.files.continuous:
        return np.arange(len(found.store)), split_in_order(found.sources, np.diff(found.store.offsets))
    labels = near_duplicates(found.fingerprints, found.codec.transposition)
    return labels, split(labels)


def rebuilt(representation: Representation[Any], name: str) -> TokenizedCorpus:
    """Build a named corpus in the cache, unless it is there, and read it.

    Raises:
        FolkseqError: the source package is missing, or the disk refuses to write.
    """
    place = locate(cache.folder() / "corpora" / name)
    return tokenize_corpus(representation, files(place, representation.files.suffixes))
