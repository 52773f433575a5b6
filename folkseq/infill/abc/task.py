"""Filling gaps in tunes: which bars are asked for in training, and which a user means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.infill.abc.gap import Gap
from folkseq.infill.abc.question import MOST_BARS, AskedBars, ask
from folkseq.pairs import Pair, RelativePositions
from folkseq.representations.abc.alphabet import Alphabet
from folkseq.representations.abc.bars import BarReader, Bars
from folkseq.representations.abc.filling import Filler
from folkseq.representations.abc.spelling import kind
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.representations.abc.codec import AbcCodec

ALONE = 0.1
"""How often nothing is known of what comes after a gap, in training, so that a tune's end can be filled as well."""
JUDGED = 2
"""How many gaps of a held-out tune are judged."""
REACH = RelativePositions(17, 4)
"""Bars and eighths: a gap's last bar can be told from the one before the gap, wherever they stand."""


@dataclass(frozen=True)
class FillTask:
    """A `folkseq.representations.task.Task`: bars that follow one another are written anew."""

    codec: AbcCodec

    outputs: ClassVar[tuple[str, ...]] = (".abc", ".mid")

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tune's own vocabulary."""
        return self.codec.vocabulary

    @property
    def size(self) -> int:
        """The tune's own ids."""
        return len(self.vocabulary)

    @property
    def fields(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As for whole tunes."""
        return {"batches": "pairs", "weight_decay": 0.3}

    @property
    def source(self) -> tuple[int, ...]:
        """The tune's own ids, and the slot."""
        return (len(self.vocabulary) + 1,)

    @property
    def relative_positions(self) -> RelativePositions:
        """In bars, and in eighths within one."""
        return REACH

    def draw(self, ids: NDArray[Any], random: np.random.Generator, alone: bool | None = None) -> Pair | None:
        """A gap of one to sixteen bars, short ones as often as those twice as long."""
        bars = self.bars(ids)
        count = min(int(2 ** random.uniform(0, np.log2(MOST_BARS + 1))), len(bars.bars))
        first = int(random.integers(max(len(bars.bars) - count + 1, 1)))
        hidden = random.random() < ALONE
        if not count or not all(bar.plain for bar in bars.bars[first : first + count]):
            return None
        return self.gap(ids, bars, first, first + count - 1, hidden if alone is None else alone).pair()

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, alone: bool | None = None) -> Pair | None:
        """Two gaps of a tune."""
        random = np.random.default_rng([piece, turn])
        return self.draw(ids, random, bool(alone)) if turn < JUDGED else None

    def plain(self, ids: NDArray[Any]) -> NDArray[Any]:
        """All of it."""
        return ids

    def extent(self, pair: Pair) -> dict[str, float]:
        """The number of notes."""
        tokens = self.vocabulary.decode(pair.ids.tolist())
        return {"note": float(sum(kind(token) == "pitch" for token in tokens))}

    def ask(self, data: bytes, file: str, **asked: Any) -> AskedBars:
        """The bars that a user wants written anew: `bars` as in 5-8, and `tune`, the number of one of several."""
        if asked.get("seconds") is not None:
            raise RequestError(f"--seconds: {file} is a tune; name the bars to be written anew by --bars, as in 5-8")
        return ask(self, data, file, asked.get("bars"), asked.get("tune"))

    def bars(self, ids: NDArray[Any]) -> Bars:
        """The bars of a tune's ids."""
        return self._reader.read(ids.tolist())

    def fits(self, ticks: int) -> bool:
        """Whether bars of this length can be filled with the lengths that the model knows."""
        return ticks > 0 and ticks % self._alphabet.grid == 0

    def gap(self, ids: NDArray[Any], bars: Bars, first: int, last: int, alone: bool = False) -> Gap:
        """Those from `first` to `last`, as indices, as a gap."""
        return Gap(self._filler, ids, bars, first, last, alone=alone)

    @cached_property
    def _alphabet(self) -> Alphabet:
        return Alphabet(self.vocabulary)

    @cached_property
    def _filler(self) -> Filler:
        return Filler(self._alphabet)

    @cached_property
    def _reader(self) -> BarReader:
        return BarReader(self._alphabet)
