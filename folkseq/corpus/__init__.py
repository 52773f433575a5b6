"""From pieces to batches: clusters of near twins, a split that keeps them together, a store, and two ways to read it.

A piece is a 1-D array of ids that begins with a start id and ends with an end id. Nothing here knows what an id
stands for. `Streams` read short pieces one after another; `Windows` passages of long ones.
"""

from folkseq.corpus.batch import IGNORED, Batch, Batches, SourceBatch
from folkseq.corpus.duplicates import cluster
from folkseq.corpus.lookback import Lookback
from folkseq.corpus.split import Split, split, split_in_order
from folkseq.corpus.store import StoreWriter, TokenStore, beginning
from folkseq.corpus.streams import Streams
from folkseq.corpus.windows import Windows

__all__ = [
    "IGNORED",
    "Batch",
    "Batches",
    "Lookback",
    "SourceBatch",
    "Split",
    "StoreWriter",
    "Streams",
    "TokenStore",
    "Windows",
    "beginning",
    "cluster",
    "split",
    "split_in_order",
]
