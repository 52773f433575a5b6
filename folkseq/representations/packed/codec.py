"""The codec of grids of steps, with its capabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Analysis, Augmentation, Features
from folkseq.representations.packed.generation import StepGeneration
from folkseq.representations.packed.layout import CHAINED, FIRST_CODE, JOINT, GridLayout
from folkseq.representations.packed.medium import GridCodec, Medium
from folkseq.representations.vocabulary import Vocabulary
from folkseq.voices import Voices


class StepCodec(GridCodec):
    """Grids to ids and back, step by step."""

    @cached_property
    def layout(self) -> GridLayout:
        """Return the layout of the ids."""
        return GridLayout.of(self.vocabulary)

    @property
    def signature(self) -> str:
        """Return the columns, which are the same for all grids of a corpus."""
        return f"the columns {', '.join(self.layout.columns)}"

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for windows from the whole corpus, in which any field may come first."""
        fields = self.layout.radices if self.layout.head == CHAINED else ()
        recipe = {"batches": "windows", "rows": 16, "length": 64, "passage": 4, "weight_decay": 0.3, "fields": fields}
        heights = self.medium.heights(self.layout)
        if heights is None or not fields:
            return recipe
        distances = tuple(sorted({self.medium.division, self.medium.bar}))
        voices = Voices(heights, distances, "" if self.medium.memory else None)
        return {**recipe, "dropout": 0.6, "weight_decay": 1.0, "voices": voices}

    @cached_property
    def augmentation(self) -> Augmentation:
        """Return the augmentation of windows: another player may lead, and players may swap places."""
        return StepAugmentation(self.layout, self.medium)

    @cached_property
    def analysis(self) -> Analysis:
        """Return the analysis of steps."""
        return StepAnalysis(self.vocabulary, self.layout, self.medium)

    @cached_property
    def generation(self) -> StepGeneration:
        """Return the sampling of grids."""
        return StepGeneration(self.vocabulary, self.medium, self.layout)


class StepAugmentation(Augmentation):
    """Windows of whole steps, transposed if the medium has pitches."""

    def __init__(self, layout: GridLayout, medium: Medium) -> None:
        self.layout, self.medium, self._shifts = layout, medium, medium.shifts(layout)

    def excerpt(
        self, ids: NDArray[Any], length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Return a window of whole steps.

        With a chained head, every window begins with start ids, since they determine the field that comes first.
        """
        layout, width = self.layout, self.layout.width
        whole = np.asarray(ids[: len(ids) // width * width], np.int64)
        values = layout.values(whole)  # (N, F)
        if self._shifts is not None and len(values):
            moved = self._shifts[:, np.arange(values.shape[1]), values]  # (K, N, F)
            values = moved[random.choice(np.flatnonzero((moved >= 0).all(axis=(1, 2))))]
        if self.medium.permute:
            values = values[:, random.permutation(len(layout.columns))]
        if layout.head == JOINT:
            window = whole.copy()
            window[whole >= FIRST_CODE] = layout.ids(values)
            return window[: length + 1], None
        first = int(random.integers(width)) if self.medium.any_leads else 0
        ends = width * int(layout.compound.end in whole[-1:])
        if not len(values) and not ends:
            return whole[:0], None
        window = np.concatenate([np.full(width, first), layout.ids(values, first), np.full(ends, layout.compound.end)])
        return window[: length + 1], None


class StepAnalysis(Analysis):
    """The analysis of steps."""

    unit = "step"

    def __init__(self, vocabulary: Vocabulary, layout: GridLayout, medium: Medium) -> None:
        super().__init__(vocabulary)
        self.layout, self.medium = layout, medium

    def features(self, ids: NDArray[Any]) -> Features:
        """Count the values of each column."""
        return Features(values=dict(zip(self.layout.columns, self.layout.values(ids).T, strict=True)))

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of steps and of gestures or strokes."""
        values = self.layout.values(ids)
        return {"step": float(len(values)), **self.medium.amounts(values)}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the step of each token, from 1."""
        return np.maximum(np.arange(len(tokens)) // self.layout.width, 1)
