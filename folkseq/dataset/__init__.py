"""From pieces to batches: clusters of near twins, a split that keeps them together, a token store, and streams.

A piece is a 1-D array of ids that begins with a start id and ends with an end id. Nothing here knows what an id
stands for.
"""

from folkseq.dataset.clusters import cluster
from folkseq.dataset.split import Split, split
from folkseq.dataset.store import TokenStore
from folkseq.dataset.streams import Batch, Streams

__all__ = ["Batch", "Split", "Streams", "TokenStore", "cluster", "split"]
