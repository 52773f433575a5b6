"""Pictures, read pixel by pixel and row by row: a demonstration that any grid of symbols is a sequence like another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.formats.picture import HIGHEST, WIDEST
from folkseq.music.grid import Grid
from folkseq.representations.base import END, START, Prime
from folkseq.representations.packed import PICTURE, PackedTokenizer, pixels
from folkseq.representations.traits import Traits
from folkseq.representations.vocabulary import Vocabulary


@dataclass(frozen=True)
class PictureTokenizer(PackedTokenizer):
    """A token a pixel, its colour, and one after each row."""

    grid: str = PICTURE

    @property
    def spec(self) -> str:
        """As the command line names it, the grid always said."""
        rest = super().spec.removeprefix(self.name).removeprefix(":")
        return f"{self.name}:grid={PICTURE}" + (f",{rest}" if rest else "")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Pictures are read whole, and beside each pixel those above it and its column."""
        return {"lookback_bars": (1, 2, 3, 4), "lookback_bar_length": WIDEST, "lookback_position": True}

    def tokenize(self, piece: Grid) -> list[str]:
        """Its pixels' and rows' tokens."""
        return pixels.tokenize(piece)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """The picture that any tokens stand for."""
        return pixels.detokenize(tokens)

    def learn(self, pieces: Sequence[Sequence[str]]) -> Vocabulary:
        """The colours of these pieces."""
        return Vocabulary.learn([*pieces, (START, END, pixels.ROW_END)])

    def shape(self, piece: Grid) -> str:
        """Nothing: pictures may be of several sizes."""
        return ""

    def shape_of(self, vocabulary: Vocabulary) -> str:
        """Nothing, too."""
        return ""

    def fields(self, vocabulary: Vocabulary) -> tuple[int, ...]:
        """Nothing: a pixel is one value."""
        return ()

    def bar_ends(self, vocabulary: Vocabulary) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The end of a row, and the size, after which the first begins."""
        ends = [token == pixels.ROW_END or pixels.size_of(token) is not None for token in vocabulary.tokens]
        return np.array(ends), np.zeros(len(vocabulary), np.bool_)

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """The number of pixels."""
        drawn = np.array([token.startswith("#") for token in vocabulary.tokens])
        return {"pixel": float(np.count_nonzero(drawn[ids]))}

    def excerpt(
        self,
        ids: NDArray[Any],
        length: int,
        span: tuple[int, int],
        vocabulary: Vocabulary,
        random: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """A passage as it stands."""
        return ids[: length + 1], None

    def baselines(
        self, trained: Sequence[NDArray[Any]], pieces: Sequence[NDArray[Any]], vocabulary: Vocabulary
    ) -> dict[str, float]:
        """Pixels that are as the one before, or as the one above."""
        return pixels.baselines(trained, pieces, vocabulary)

    def traits(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Traits:
        """Which colours there are."""
        colours = np.array([token.startswith("#") for token in vocabulary.tokens])
        return Traits(values={"colour": np.asarray(ids, np.int64)[colours[ids]]})

    def prime_file(self, data: bytes, file: str, **controls: Any) -> Prime[Grid]:
        """Raises RequestError: a picture says its size at its beginning."""
        raise RequestError(f"{file}: pictures take no prime")

    def opening(self, vocabulary: Vocabulary, **controls: Any) -> tuple[str, ...]:
        """The start."""
        return (START,)

    def grammar(self, vocabulary: Vocabulary, prime: Prime[Grid] | None = None, **controls: Any) -> Any:
        """Rows of one width, and as many as are asked for."""
        asked = str(controls["size"]) if controls.get("size") else ""
        size = pixels.size_of(asked)
        if asked and size is None:
            raise RequestError(f"--size {asked}: not a width and a height as in 48x32")
        return pixels.RowGrammar(vocabulary, size)

    def limit(self, prime: Prime[Grid] | None = None, **controls: Any) -> int:
        """As many as the largest has."""
        return (WIDEST + 1) * (HIGHEST + 1)

    def place(self, tokens: Sequence[str], index: int) -> str:
        """The row, from 1."""
        return f"row {1 + list(tokens[:index]).count(pixels.ROW_END)}"

    def teller(self) -> Callable[[str], str]:
        """Shows each token as it is, a row a line."""
        return lambda token: "\n" if token == pixels.ROW_END else f"{token} "
