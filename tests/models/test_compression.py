"""Weights in 8 bits come back almost as they were; what is no matrix comes back exactly."""

import numpy as np

from folkseq.models.compression import compressed, decompressed

random = np.random.default_rng(0)
WEIGHTS = {
    "wide": random.normal(size=(5, 40)).astype(np.float32) * np.float32([[0], [1e-6], [1], [30], [1e4]]),
    "bias": random.normal(size=7).astype(np.float32),
}


def test_each_row_keeps_its_own_precision():
    stored = compressed(WEIGHTS)
    assert stored["wide"].dtype == np.int8
    found = decompressed(stored)
    assert found.keys() == WEIGHTS.keys()
    assert found["wide"].dtype == np.float32
    largest = np.abs(WEIGHTS["wide"]).max(axis=1, keepdims=True)
    assert (np.abs(found["wide"] - WEIGHTS["wide"]) <= largest / 254 * 1.001).all()
    np.testing.assert_array_equal(found["bias"], WEIGHTS["bias"])


def test_weights_that_were_not_compressed_stay_as_they_are():
    found = decompressed(WEIGHTS)
    assert all(found[name] is WEIGHTS[name] for name in WEIGHTS)
