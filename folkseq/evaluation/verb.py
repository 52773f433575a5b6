"""The verb `evaluate`: evaluate a run on held-out pieces, compared with n-gram models, and evaluate its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkseq.corpora import beginning
from folkseq.corpora.baseline import JUDGED
from folkseq.corpora.named import Corpus
from folkseq.ensemble.players import Player, players
from folkseq.errors import RequestError
from folkseq.evaluation import loss, targets
from folkseq.evaluation import samples as new_pieces
from folkseq.evaluation.heldout import HeldOutPieces, held_out
from folkseq.evaluation.loss import LossOfPieces, Steps
from folkseq.representations.task import CONTINUE, FILL
from folkseq.run import Run
from folkseq.verbs.model import Model
from folkseq.verbs.sampling_run import check_count
from folkseq.verbs.trained import newest, restore


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a run."""

    run: Path
    held_out: HeldOutPieces
    """The held-out pieces, and counts of those left out."""
    amounts: dict[str, float]
    """The amount of each unit in the pieces, by its singular: `token`, `note`, `second`."""
    first_tokens: int | None = None
    """Number of ids evaluated per piece, if evaluation was limited to the beginning of pieces."""
    losses: tuple[LossOfPieces, ...] = ()
    """Losses of the run's weights, its engines, baselines, and n-grams by rising order."""
    players: tuple[Player, ...] = ()
    """The losses of an ensemble's players."""
    steps: tuple[Steps, ...] = ()
    """The prediction of every id of each piece, if requested."""
    samples: dict[str, Any] | None = None
    """The result of `evaluation.samples.evaluate`."""
    gaps: targets.TargetMetrics | None = None
    """The metrics of a run that fills or harmonises; such a run has no losses, players or samples."""


def evaluate(
    run: Path | str | None = None,
    corpus: Corpus = (),
    *,
    samples: int = 0,
    seed: int = 0,
    per_step: bool = False,
    keep_duplicates: bool = False,
    lead_column: str | None = None,
    on_read: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a run on held-out pieces.

    Args:
        run: the run folder; by default, the newest under `runs` that reads the files.
        corpus: files and folders, of which near-duplicates of training pieces are left out; by default, the test set
            of the run.
        samples: number of new pieces to write and evaluate.
        seed: seed of the new pieces.
        per_step: also return the prediction of every id.
        keep_duplicates: also score near-duplicates of training pieces, as published benchmarks do.
        lead_column: name or number of the leading player of an ensemble; by default, the first.
        on_read: called with the number of files read so far and the number of all files.

    Raises:
        FolkseqError: there is no such run, or no held-out piece.
    """
    if samples:
        check_count(samples)
    files = [Path(corpus)] if isinstance(corpus, str | Path) else map(Path, corpus)
    suffixes = {file.suffix for file in files if file.is_file()}
    found = restore(newest(suffixes=suffixes) if run is None else Run.open(run))
    task = found.config.task
    if task == FILL and samples:
        raise RequestError(f"{found.address}: a model that fills gaps is evaluated without --samples; leave it out")
    judged = held_out(found, corpus, on_read, keep_duplicates)
    store, sides = found.tokens()
    model, pieces, heard = Model(found), judged.pieces, tuple[Player, ...]()
    most = beginning([len(piece) for piece in pieces], JUDGED)
    if task == CONTINUE:
        own = getattr(sides, judged.side) if judged.side else None
        heard = players(model, store, sides, pieces, own, most, lead_column)
    if lead_column is not None and not heard:
        raise RequestError(f"{found.address}: is not a model of players; leave out --lead-column")
    if task != CONTINUE:
        if per_step:
            raise RequestError(f"{found.address}: --per-step is for models that continue pieces; leave it out")
        gaps = targets.evaluate(model, [store[piece] for piece in sides.train], pieces, samples, seed)
        return Evaluation(Path(found.address), judged, gaps.amounts, gaps=gaps)
    first_tokens = most if most < max(map(len, pieces)) else None
    pieces = [piece[:most] for piece in pieces]
    amounts = loss.amounts(model, pieces)
    losses = loss.evaluate(model, pieces, amounts)
    written = new_pieces.evaluate(model, samples, seed) if samples else None
    steps = loss.steps(model, pieces) if per_step else ()
    return Evaluation(Path(found.address), judged, amounts, first_tokens, losses, heard, steps, written)
