"""Chorales as packed pieces, and their task: to harmonise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.task import HarmoniseTask
from folkseq.music.chorale import RANGES, VOICES
from folkseq.representations.packed import PackedTokenizer
from folkseq.representations.packed.layout import Layout
from folkseq.representations.task import HARMONISE, Task
from folkseq.representations.vocabulary import Vocabulary


@dataclass(frozen=True)
class ChoraleTokenizer(PackedTokenizer):
    """Steps of four voices; two chorales that share much of a melody, in any key, are near twins."""

    in_order: ClassVar[bool] = False

    def learn(self, pieces: Sequence[Sequence[str]]) -> Vocabulary:
        """What occurs, and every pitch of every voice's range, to which a chorale may be moved."""
        every = [f"{voice}={pitch}" for voice, (low, high) in RANGES.items() for pitch in range(low, high + 1)]
        # After the pieces' own, whose first say which columns there are and in which order.
        return super().learn([*pieces, every])

    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """The soprano's intervals in semitones."""
        layout = Layout.of(vocabulary)
        column = layout.columns.index(VOICES[0])
        labels = [layout.labels[column][value] for value in layout.values(ids)[:, column].tolist()]
        pitches = [int(label) for label in labels if label.isdecimal()]
        return np.diff(np.array(pitches, np.int64)).astype(np.int64)

    def task(self, name: str, vocabulary: Vocabulary) -> Task:
        """To harmonise a melody."""
        return HarmoniseTask(vocabulary) if name == HARMONISE else super().task(name, vocabulary)
