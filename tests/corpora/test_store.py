"""The store of a corpus, in memory and on the disk."""

import numpy as np
import pytest

from folkseq.corpora import TokenStore


def test_a_store_keeps_pieces_on_the_disk_in_the_smallest_integers(tmp_path):
    pieces = [[0, 300, 1], [0, 1], [0, 2, 2, 2, 1]]
    written = TokenStore.of(pieces)
    np.save(tmp_path / "ids.npy", written.ids)
    np.save(tmp_path / "offsets.npy", written.offsets)
    store = TokenStore.read(tmp_path)
    assert isinstance(store.ids, np.memmap)
    assert store.ids.dtype == np.uint16
    assert [store[piece].tolist() for piece in range(len(store))] == pieces
    assert store.count([0, 2]) == 8
    with pytest.raises(ValueError, match="start id and an end id"):
        TokenStore.of([[0, 1], [0]])
