"""`folkseq train`: from files to a run folder that holds a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkseq import tokenizers
from folkseq.corpora import BuildReport, files, locate
from folkseq.errors import CorpusError, RequestError
from folkseq.pieces import Piece, read
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.run import Run
    from folkseq.training import Progress, TrainResult

NGRAM_ORDER = 5
FEWEST_PIECES = 2


@dataclass(frozen=True)
class Prepared:
    """What training is about to learn from."""

    pieces: int
    repeats: int  # pieces left out because others have the same tokens
    twins: int  # pieces that have a near twin
    tokens: int
    vocabulary: int
    split: tuple[int, int, int]  # pieces to train, validate and test on
    ngram_nll: float | None  # nats a token of the n-gram on the validation side
    lost: Counter[str]
    faults: tuple[str, ...]
    folder: Path


def train(
    tokenizer: str,
    corpus: Sequence[Path | str],
    *,
    minutes: float = 10.0,
    steps: int | None = None,
    cell: str = "lstm",
    layers: int = 2,
    hidden: int = 320,
    seed: int = 0,
    out: Path | str | None = None,
    resume: bool = False,
    on_build: Callable[[BuildReport], None] | None = None,
    on_prepared: Callable[[Prepared], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainResult:
    """Trains a model on `corpus` and leaves the best in a run folder.

    Args:
        tokenizer: a representation, as `abc` or `abc:grace=false`.
        corpus: files and folders; a named corpus such as `corpora/folk.abc` is built if it is not there.
        minutes: how long to train; the learning rate falls over just that time.
        steps: how many updates to make instead.
        cell: the recurrent cell.
        layers: how many of them stand on one another.
        hidden: the width of each.
        seed: of the weights, the order of the pieces and the dropout.
        out: the run folder; `runs/TOKENIZER-N`, the next free one, by default.
        resume: go on with the run in `out` where it was left.
        on_build: called if a named corpus was built.
        on_prepared: called once with what was read, before training.
        on_progress: called as training goes.

    Returns:
        What came of it, with the run.

    Raises:
        FolkseqError: for anything that the user can mend; nothing half-written is left.
    """
    chosen = tokenizers.find(tokenizer)
    settings = _settings(minutes=minutes, steps=steps)
    paths = [file for path in corpus for file in files(locate(Path(path), on_build), chosen.suffixes)]
    if resume and out is None:
        raise RequestError("which run to go on with? name it: --out RUN --resume")
    found = read(chosen, paths)

    from folkseq.dataset import TokenStore, cluster, split
    from folkseq.evaluation.ngram import NGram
    from folkseq.models.settings import ModelSettings
    from folkseq.run import CorpusFile, Run, RunConfig

    pieces = found.distinct()
    if len(pieces) < FEWEST_PIECES:
        raise CorpusError(f"{paths[0]}: {len(pieces)} piece to learn from; a model needs at least {FEWEST_PIECES}")
    vocabulary = chosen.learn([piece.tokens for piece in pieces])
    store = TokenStore.of([vocabulary.encode(piece.tokens) for piece in pieces])
    labels = cluster([chosen.fingerprint(piece.tokens) for piece in pieces])
    sides = split(labels)
    ngram_nll = None
    if sides.valid:
        ngram = NGram.fit([store[piece] for piece in sides.train], NGRAM_ORDER, len(vocabulary))
        nats, predicted = ngram.nll([store[piece] for piece in sides.valid])
        ngram_nll = nats / predicted
    try:
        model = ModelSettings(len(vocabulary), cell=cell, layers=layers, hidden=hidden)
    except ValueError as error:
        raise RequestError(str(error)) from None
    corpus_files = tuple(CorpusFile(name, digest) for name, digest in found.digests)
    if resume:
        run = _resumable(Run.open(Path(str(out))), chosen.spec, corpus_files)
    else:
        config = RunConfig(chosen.spec, model, settings, corpus_files, __version__, seed=seed)
        run = Run.create(Path(out) if out else _next_folder(chosen.name), config, vocabulary)
    if on_prepared is not None:
        counts = Counter(labels.tolist())
        on_prepared(
            Prepared(
                pieces=len(pieces),
                repeats=len(found.pieces) - len(pieces),
                twins=sum(count for count in counts.values() if count > 1),
                tokens=sum(len(piece.tokens) for piece in pieces),
                vocabulary=len(vocabulary),
                split=(len(sides.train), len(sides.valid), len(sides.test)),
                ngram_nll=ngram_nll,
                lost=found.lost,
                faults=found.faults,
                folder=run.folder,
            )
        )

    from folkseq.training import fit

    return fit(store, sides, run, ngram_nll=ngram_nll, on_progress=on_progress, resume=resume)


def _settings(minutes: float, steps: int | None) -> Any:
    from folkseq.models.settings import TrainSettings

    try:
        return TrainSettings(minutes=minutes, steps=steps)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _next_folder(name: str) -> Path:
    """`runs/NAME-1`, or the next number that is free."""
    number = 1
    while (folder := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return folder


def _resumable(run: Run, spec: str, corpus: tuple[Any, ...]) -> Run:
    """The run, if it was trained on just this. Raises RequestError that says what differs."""
    if run.config.tokenizer != spec:
        raise RequestError(f"{run.folder} was trained with the tokenizer {run.config.tokenizer}, not {spec}")
    if {file.sha256 for file in run.config.corpus} != {file.sha256 for file in corpus}:
        raise RequestError(f"{run.folder} was trained on other files than these; train anew without --resume")
    return run


__all__ = ["Piece", "Prepared", "train"]
