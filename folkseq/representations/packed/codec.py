"""The codecs of grids, with their capabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.picture import WIDEST
from folkseq.music.chorale import VOICES
from folkseq.music.grid import Grid
from folkseq.representations.base import TokenCodec
from folkseq.representations.capabilities import Analysis, Augmentation, Features, Transposition
from folkseq.representations.packed import pixels, steps
from folkseq.representations.packed.generation import PackedGeneration, PictureGeneration
from folkseq.representations.packed.layout import CHAINED, Layout

if TYPE_CHECKING:
    from folkseq.representations.packed import PackedRepresentation


class PackedCodec(TokenCodec[Grid]):
    """Grids to ids and back, step by step."""

    representation: PackedRepresentation

    @cached_property
    def layout(self) -> Layout:
        """Return the table of ids."""
        return Layout.of(self.vocabulary)

    @property
    def signature(self) -> str:
        """Return the columns, which all grids of a corpus have."""
        return f"the columns {', '.join(self.layout.columns)}"

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return windows from all over the corpus, in which another field may come first each time."""
        fields = self.layout.radices if self.representation.head == CHAINED else ()
        return {"batches": "windows", "rows": 16, "length": 64, "passage": 4, "weight_decay": 0.3, "fields": fields}

    @cached_property
    def augmentation(self) -> Augmentation | None:
        """Return windows in which the leading field and the places of the players vary."""
        return PackedAugmentation(self)

    @cached_property
    def analysis(self) -> Analysis:
        """Return the analysis of steps."""
        return PackedAnalysis(self)

    @cached_property
    def generation(self) -> PackedGeneration:
        """Return the constraints on new grids."""
        return PackedGeneration(self)


class PackedAugmentation(Augmentation):
    """Windows of whole steps."""

    def __init__(self, codec: PackedCodec) -> None:
        self.codec = codec

    def excerpt(
        self, ids: NDArray[Any], length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Return a window of whole steps; see `steps.excerpt`."""
        chosen = self.codec.representation
        leads = chosen.grid == "table"
        return steps.excerpt(ids, length, self.codec.layout, random, leads, chosen.permute), None


class PackedAnalysis(Analysis):
    """The analysis of steps."""

    def __init__(self, codec: PackedCodec) -> None:
        super().__init__(codec.vocabulary)
        self.layout, self.drums = codec.layout, codec.representation.grid == "drums"

    def features(self, ids: NDArray[Any]) -> Features:
        """Count the values of each column."""
        return Features(values=dict(zip(self.layout.columns, self.layout.values(ids).T, strict=True)))

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of steps, and of strokes or gestures."""
        values = self.layout.values(ids)
        if self.drums:
            return {"step": float(len(values)), "stroke": float(values.sum())}
        return {"step": float(len(values)), "gesture": float(values.size)}

    def locate(self, tokens: Sequence[str], index: int) -> str:
        """Return the step of a token, from 1."""
        width = next((place for place, token in enumerate(tokens) if "=" in token), 1)
        return f"step {max(index // width, 1)}"


class ChoraleCodec(PackedCodec):
    """Chorales to ids and back; chorales that share much of a melody in any key are near-duplicates."""

    @cached_property
    def transposition(self) -> Transposition:
        """Return the identity of chorales across keys."""
        return SopranoTransposition(self)


class SopranoTransposition(Transposition):
    """Chorales across keys, recognised by their soprano."""

    def __init__(self, codec: PackedCodec) -> None:
        self.layout = codec.layout

    def fingerprint(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the soprano's intervals in semitones."""
        column = self.layout.columns.index(VOICES[0])
        labels = [self.layout.labels[column][value] for value in self.layout.values(ids)[:, column].tolist()]
        pitches = [int(label) for label in labels if label.isdecimal()]
        return np.diff(np.array(pitches, np.int64)).astype(np.int64)


class PictureCodec(PackedCodec):
    """Pictures to ids and back, pixel by pixel and row by row: any grid of symbols is a sequence."""

    @property
    def signature(self) -> str:
        """Return nothing: pictures may have several sizes."""
        return ""

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for whole pictures, in which each pixel sees those above it and its column.

        A row ends at its mark, and the size ends a row, after which the first row begins.
        """
        tokens = self.vocabulary.tokens
        ends = [token == pixels.ROW_END or pixels.size_of(token) is not None for token in tokens]
        return {
            "lookback_bars": (1, 2, 3, 4),
            "lookback_bar_length": WIDEST,
            "lookback_position": True,
            "bar_ends": tuple(np.flatnonzero(ends).tolist()),
        }

    @cached_property
    def augmentation(self) -> None:
        """Return nothing: pictures are read as they are."""
        return

    @cached_property
    def analysis(self) -> PictureAnalysis:
        """Return the analysis of pixels."""
        return PictureAnalysis(self.vocabulary)

    @cached_property
    def generation(self) -> PictureGeneration:
        """Return the constraints on new pictures."""
        return PictureGeneration(self)


class PictureAnalysis(Analysis):
    """The analysis of pixels."""

    @cached_property
    def _colours(self) -> NDArray[np.bool_]:
        return np.array([token.startswith("#") for token in self.vocabulary.tokens])

    def features(self, ids: NDArray[Any]) -> Features:
        """Count the colours."""
        return Features(values={"colour": np.asarray(ids, np.int64)[self._colours[ids]]})

    def amounts(self, ids: NDArray[Any]) -> dict[str, float]:
        """Return the number of pixels."""
        return {"pixel": float(np.count_nonzero(self._colours[ids]))}

    def baselines(self, train: Sequence[NDArray[Any]], pieces: Sequence[NDArray[Any]]) -> dict[str, float]:
        """Return the nats of pixels that equal the one before, or the one above."""
        return pixels.baselines(train, pieces, self.vocabulary)

    def locate(self, tokens: Sequence[str], index: int) -> str:
        """Return the row of a token, from 1."""
        return f"row {1 + list(tokens[:index]).count(pixels.ROW_END)}"
