"""Corpora: clusters of near-duplicates, a split that keeps them together, a store of ids, and batches.

A piece is a 1-D array of ids, from a start id to an end id. This package does not depend on the meaning of the ids.
`Streams` reads short pieces one after another; `Windows` reads passages of long pieces.
"""

from folkseq.corpora.batch import IGNORED, Batch, Batches, SourceBatch
from folkseq.corpora.duplicates import cluster
from folkseq.corpora.lookback import Lookback
from folkseq.corpora.split import Split, split, split_in_order
from folkseq.corpora.store import TokenStore, beginning
from folkseq.corpora.streams import Streams
from folkseq.corpora.windows import Windows

__all__ = [
    "IGNORED",
    "Batch",
    "Batches",
    "Lookback",
    "SourceBatch",
    "Split",
    "Streams",
    "TokenStore",
    "Windows",
    "beginning",
    "cluster",
    "split",
    "split_in_order",
]
