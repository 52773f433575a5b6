"""The codec of performances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance
from folkseq.representations.base import Codec
from folkseq.representations.performance import events, quantization
from folkseq.representations.performance.analysis import PerformanceAnalysis
from folkseq.representations.performance.augmentation import PerformanceAugmentation
from folkseq.representations.performance.conditioning import Conditioning
from folkseq.representations.performance.config import Ids, PerformanceConfig
from folkseq.representations.performance.generation import PerformanceGeneration
from folkseq.representations.performance.transposition import PerformanceTransposition


class PerformanceCodec(Codec[Performance]):
    """Performances to ids and back."""

    def __init__(self, config: PerformanceConfig) -> None:
        self.config, self.layout, self.vocabulary = config, config.layout, config.layout.vocabulary
        self.transposition = PerformanceTransposition(config)
        self.augmentation = PerformanceAugmentation(config)
        self.analysis = PerformanceAnalysis(config)
        self.generation = PerformanceGeneration(config, self)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return windows from all over the corpus, without dropout: ten minutes do not exhaust a large corpus."""
        windows = {"batches": "windows", "rows": 16, "length": 128, "passage": 4}
        settings = {"learning_rate": 6e-3, "dropout": 0.0, "weight_decay": 0.3}
        return {**windows, **settings, "conditioning": Conditioning(self.config).size}

    def encode(self, piece: Performance) -> NDArray[np.uint16]:
        """Return the ids of the piece, (T,) uint16."""
        notes, pedal, _ = quantization.quantize(piece, self.config)
        binned = notes._replace(velocity=self.layout.bins(notes.velocity))
        return events.encode(binned.events(pedal, self.config.canonical), self.layout)

    def decode(self, ids: Ids) -> Performance:
        """Return the performance for any (T,) ids."""
        found, last = events.decode(ids, self.layout), self.layout.duration(ids)
        notes = events.pair(found, last, self.config.canonical)
        notes = notes._replace(velocity=self.layout.velocities(notes.velocity))
        return notes.performance(events.pedal_of(found, last), self.config)

    def lost(self, piece: Performance) -> Mapping[str, int]:
        """Count what the ids do not represent, apart from rounding to steps and bins."""
        return Counter(quantization.quantize(piece, self.config).lost)
