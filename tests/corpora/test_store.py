"""The store of a corpus, in memory and on the disk."""

import numpy as np
import pytest

from folkseq.corpora import StoreWriter, TokenStore
from folkseq.errors import FolkseqError


def test_a_store_keeps_pieces_on_the_disk_in_the_smallest_integers(tmp_path):
    pieces = [[0, 300, 1], [0, 1], [0, 2, 2, 2, 1]]
    with StoreWriter(tmp_path, np.uint16) as writer:
        for piece in pieces:
            writer.append(piece)
    store = TokenStore.read(tmp_path)
    assert isinstance(store.ids, np.memmap)
    assert store.ids.dtype == np.uint16
    assert [store[piece].tolist() for piece in range(len(store))] == pieces
    assert store.count([0, 2]) == 8
    with pytest.raises(ValueError, match="start id and an end id"):
        TokenStore.of([[0, 1], [0]])


def test_an_error_leaves_no_files(tmp_path):
    with pytest.raises(ValueError, match="invalid"), StoreWriter(tmp_path / "store", np.uint8) as writer:
        writer.append(["no id"])
    assert list((tmp_path / "store").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(FolkseqError, match="file: cannot be written"):
        StoreWriter(tmp_path / "file", np.uint8)
