"""Filling gaps in tunes: which bars are asked for in training, and which a user means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.infill.abc.gap import Gap
from folkseq.infill.abc.question import MOST_BARS, GapInTune, ask
from folkseq.pairs import Pair, RelativePositions
from folkseq.representations.abc.bar_grammar import Alphabet, BarGrammar
from folkseq.representations.abc.bars import Bars, BarSpan, read_bars
from folkseq.representations.abc.tokens import kind
from folkseq.representations.task import Task

if TYPE_CHECKING:
    from folkseq.representations.abc import AbcCodec

LEFT_ONLY = 0.1
"""Share of the pairs in training whose source has nothing after the gap, so that a tune's end can be filled, too."""
JUDGED = 2
"""How many gaps of a held-out tune are judged."""


class FillTune(Task):
    """Filling a gap of some bars in a tune."""

    outputs = (".abc", ".mid")
    relative_positions = RelativePositions(17, 4)
    """Bars and eighths: a gap's last bar differs from the one before the gap, wherever they are."""
    recipe: Mapping[str, Any] = {"batches": "pairs", "weight_decay": 0.3}

    def __init__(self, codec: AbcCodec) -> None:
        self.codec, self.vocabulary = codec, codec.vocabulary
        self.vocabulary_size = len(self.vocabulary)
        self.source_sizes = (self.vocabulary_size + 1,)  # a tune's own ids, and the slot
        self._alphabet = Alphabet(self.vocabulary)
        self._filler = BarGrammar(self._alphabet)

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a gap of one to sixteen bars, short ones as often as those twice as long."""
        bars = self.bars(ids)
        count = min(int(2 ** random.uniform(0, np.log2(MOST_BARS + 1))), len(bars.spans))
        first = int(random.integers(max(len(bars.spans) - count + 1, 1)))
        hidden = random.random() < LEFT_ONLY
        if not count or not all(self.fillable(bar) for bar in bars.spans[first : first + count]):
            return None
        return self.gap(ids, bars, first, first + count - 1, hidden if left_only is None else left_only).pair()

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return two gaps of a tune."""
        random = np.random.default_rng([piece, turn])
        return self.draw(ids, random, bool(left_only)) if turn < JUDGED else None

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of notes."""
        tokens = self.vocabulary.decode(pair.ids.tolist())
        return {"note": float(sum(kind(token) == "pitch" for token in tokens))}

    def ask(self, data: bytes, file: str, **where: Any) -> GapInTune:
        """Find the gap in a file: `bars` as in 5-8, and `tune`, the number of one of several."""
        if where.get("seconds") is not None:
            raise RequestError(f"--seconds: {file} is a tune; name the bars to be written anew by --bars, as in 5-8")
        return ask(self, data, file, where.get("bars"), where.get("tune"))

    def bars(self, ids: NDArray[Any]) -> Bars:
        """The bars of a tune's ids."""
        return read_bars(self.vocabulary.decode(ids.tolist()))

    def fillable(self, bar: BarSpan) -> bool:
        """Return whether a bar can be filled with the lengths that the model knows."""
        grid = self._alphabet.grid
        return bar.plain and bar.ticks > 0 and bar.ticks % grid == 0 and bar.meter_ticks % grid == 0

    def gap(self, ids: NDArray[Any], bars: Bars, first: int, last: int, left_only: bool = False) -> Gap:
        """Those from `first` to `last`, as indices, as a gap."""
        return Gap(self._filler, ids, bars, first, last, left_only=left_only)
