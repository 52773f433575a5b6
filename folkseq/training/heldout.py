"""The held-out pieces: how well a model foretells them, and the best weights so far, which are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.baseline import JUDGED
from folkseq.corpus.store import Ids
from folkseq.errors import CorpusError
from folkseq.files import write_atomically
from folkseq.models.export.step import build_step
from folkseq.run import Run
from folkseq.training import plan, state
from folkseq.training.ranks import Ranks
from folkseq.training.trainer import Trainer
from folkseq.training.validate import nll, nll_of_pairs

if TYPE_CHECKING:
    from folkseq.corpus.pairs import Draw
    from folkseq.pairs import Pair

WEIGHTS, STEP, ENCODER = "model.safetensors", "model.onnx", "encoder.onnx"
OVERFIT, OVERFIT_LOOKS = 1.01, 3
"""A loss so many times the best, and so many looks after it, is worth a word."""
TURNS = 2
"""How many pairs of a held-out piece are judged."""


class HeldOut:
    """Those that choose the best weights, and those that are only looked at in the end."""

    def __init__(
        self, store: TokenStore, split: Split, look: int, run: Run, ranks: Ranks, draw: Draw | None = None
    ) -> None:
        """Without a valid side the training pieces choose; of more than `look` ids, so many are looked at.

        With `draw` it is pairs that are judged, the same ones each time.

        Raises:
            CorpusError: it makes a pair of no piece.
        """
        self.run, self.ranks = run, ranks

        chosen = split.valid or split.train
        if draw is not None and not pairs_of(store, chosen, 1, draw):
            chosen = split.train
        sides = ((chosen, look), (chosen, JUDGED), (split.test, JUDGED))
        self.looked_at, self.judged, self.tested = (
            store.some(side, most) if draw is None else pairs_of(store, side, most, draw) for side, most in sides
        )
        if not self.looked_at:
            raise CorpusError("nothing of any piece can be asked for, so there is nothing to learn; bring other pieces")

    @property
    def looks_at_the_end(self) -> float:
        """How many looks judging in the end is worth."""
        looked_at, judged = (sum(map(_size, of_them)) for of_them in (self.looked_at, [*self.judged, *self.tested]))
        return judged / looked_at

    def try_look(self, trainer: Trainer) -> float:
        """All of a look, and of what it may lead to, but the writing."""
        self._built(trainer)
        return self.look(trainer)

    def look(self, trainer: Trainer) -> float:
        """The model's nats an id, on what is looked at while training."""
        return self._judge(trainer, self.looked_at)

    def keep_if_best(self, trainer: Trainer, heldout_nll: float) -> bool:
        """Whether the nats an id are the fewest so far; then the weights go into the run's folder."""
        if trainer.best is not None and heldout_nll >= trainer.best:
            return False
        if self.ranks.first:
            state.write_weights(trainer, self.run.folder / WEIGHTS, heldout_nll)
            self._export(trainer)
        trainer.best, trainer.best_step = heldout_nll, trainer.step
        return True

    def warning(self, trainer: Trainer, heldout_nll: float) -> str:
        """A word if the model has begun to learn the training pieces by heart; once."""
        looks = (trainer.step - trainer.best_step) / plan.check_every(trainer.settings)
        if trainer.warned or trainer.best is None or heldout_nll < OVERFIT * trainer.best or looks < OVERFIT_LOOKS:
            return ""
        trainer.warned = True
        return (
            f"overfits: {trainer.best:.3f} on the held-out pieces at step {trainer.best_step:,}, {heldout_nll:.3f} "
            "now; the best is kept. More music, a smaller model or fewer minutes would do"
        )

    def judge_best(self, trainer: Trainer) -> tuple[float, float | None]:
        """The nats an id of the weights kept, on both sides, whole; the trainer has them from then on."""
        self.ranks.share()  # the others wait until the first has written
        state.read_weights(trainer, self.run.folder / WEIGHTS)
        if self.ranks.first:
            self._export(trainer)  # once more, since an end may have come between the weights and their step
        return self._judge(trainer, self.judged), self._judge(trainer, self.tested) if self.tested else None

    def _export(self, trainer: Trainer) -> None:
        """Write the step of the best weights, so that the run can be sampled from while it still trains."""
        for name, data in self._built(trainer).items():
            write_atomically(self.run.folder / name, data)

    def _built(self, trainer: Trainer) -> dict[str, bytes]:
        """The model as it samples, by the names of its files."""
        weights, settings = trainer.weights(), trainer.model.settings
        built = {STEP: build_step(weights, settings)}
        if settings.encoder is not None:
            from folkseq.models.export.encoder_decoder import build_encoder

            built = {ENCODER: build_encoder(weights, settings), **built}
        return built

    def _judge(self, trainer: Trainer, pieces: Sequence[Ids] | Sequence[Pair]) -> float:
        """The model's nats an id, each rank reading some of the pieces."""
        judge: Any = nll if trainer.model.settings.encoder is None else nll_of_pairs
        total, predicted = self.ranks.sum(judge(trainer.model, pieces[self.ranks.rank :: self.ranks.count]))
        return total / predicted if predicted else math.nan


def pairs_of(store: TokenStore, pieces: Sequence[int], most: int, draw: Draw) -> list[Pair]:
    """Pairs of `pieces`, `TURNS` of each, as long as they hold no more than `most` ids to be foretold; always the same.

    Args:
        store: the pieces' ids.
        pieces: of which pairs are made.
        most: after so many ids there are no more.
        draw: makes them.
    """
    found: list[Pair] = []
    held = 0
    order = np.random.default_rng(0).permutation(np.asarray(pieces, np.int64)).tolist()  # so that all are represented
    for turn, piece in product(range(TURNS), order):
        if held >= most:
            break
        pair = draw.hold_out(store[piece], piece, turn)
        if pair is not None:
            found.append(pair)
            held += _size(pair)
    return found


def _size(example: Ids | Pair) -> int:
    return len(example if isinstance(example, np.ndarray) else example.ids)
