"""From pieces to batches: clusters of near twins, a split that keeps them together, a store, and two ways to read it.

A piece is a 1-D array of ids that begins with a start id and ends with an end id. Nothing here knows what an id
stands for. `Streams` read short pieces one after another; `Windows` passages of long ones.
"""

from folkseq.dataset.batch import IGNORED, Batch, Batches, Known
from folkseq.dataset.clusters import cluster
from folkseq.dataset.pairs import Draw, Pairs, batch_of
from folkseq.dataset.recall import Recall
from folkseq.dataset.split import Split, split, split_in_order
from folkseq.dataset.store import StoreWriter, TokenStore, beginning
from folkseq.dataset.streams import Streams
from folkseq.dataset.windows import Cut, Whole, Windows

__all__ = [
    "IGNORED",
    "Batch",
    "Batches",
    "Cut",
    "Draw",
    "Known",
    "Pairs",
    "Recall",
    "Split",
    "StoreWriter",
    "Streams",
    "TokenStore",
    "Whole",
    "Windows",
    "batch_of",
    "beginning",
    "cluster",
    "split",
    "split_in_order",
]
