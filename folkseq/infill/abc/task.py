"""The task of filling gaps in tunes: random gaps for training, and the gap of a user's request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.infill.abc.gap import Gap
from folkseq.infill.abc.question import MOST_BARS, GapInTune, find_gap
from folkseq.pairs import Pair, RelativePositions
from folkseq.representations.abc import AbcCodec
from folkseq.representations.abc.bar_grammar import Alphabet, BarGrammar
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.task import Task
from folkseq.settings import parse

LEFT_ONLY = 0.1
"""Share of training pairs whose source ends with the gap, so that the model can also fill the end of a tune."""
HELD_OUT = 2
"""Number of gaps of a held-out tune."""


class FillTune(Task):
    """The task of filling a gap of some bars in a tune."""

    outputs = (".abc", ".mid")
    relative_positions = RelativePositions(17, 4)
    """Distances in bars and eighths: even in the longest gap, the last bar and the bar before the gap differ."""
    recipe: Mapping[str, Any] = {"batches": "pairs", "weight_decay": 0.3}

    def __init__(self, codec: AbcCodec) -> None:
        self.codec, self._grammar = codec, BarGrammar(Alphabet(codec.vocabulary))
        self.vocabulary_size = len(codec.vocabulary)
        self.source_sizes = (self.vocabulary_size + 1,)  # a tune's own ids, and the slot

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Draw a gap of one to sixteen bars with a log-uniform length."""
        bars = read_bars(self.codec.vocabulary.decode(ids.tolist()))
        count = min(int(2 ** random.uniform(0, np.log2(MOST_BARS + 1))), len(bars.spans))
        first = int(random.integers(max(len(bars.spans) - count + 1, 1)))
        hidden = random.random() < LEFT_ONLY
        if not count or not all(map(self._grammar.can_fill, bars.spans[first : first + count])):
            return None
        return Gap(self._grammar, ids, bars, first, count, hidden if left_only is None else left_only).pair()

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return two gaps of a tune."""
        random = np.random.default_rng([piece, turn])
        return self.draw(ids, random, bool(left_only)) if turn < HELD_OUT else None

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of notes."""
        return self.codec.analysis.amounts(pair.ids)

    def ask(self, data: bytes, file: str, **where: Any) -> GapInTune:
        """Find the gap in a file.

        Args:
            data: the bytes of the file.
            file: its name.
            where: `bars`, as in 5-8; `tune`, the number of the tune in a file of several; and `instrument`.
        """
        if where.get("seconds") is not None:
            raise RequestError(f"--seconds: {file} is a tune; name the bars to fill, as in --bars 5-8")
        instrument = parse(AbcOptions, {"instrument": where.get("instrument")}).range
        return find_gap(self.codec, self._grammar, data, file, where.get("bars"), where.get("tune"), instrument)
