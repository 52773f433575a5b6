"""`folkseq train`: from files to a run folder that holds a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from folkseq import tokenizers
from folkseq.corpora import BuildReport, Corpus, files, listed, locate
from folkseq.errors import CorpusError, RequestError
from folkseq.pieces import Piece, read
from folkseq.tokenizers.base import Tokenizer
from folkseq.tokenizers.vocabulary import Vocabulary
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.dataset import Split, TokenStore
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
    corpus: Corpus,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    cell: str | None = None,
    layers: int | None = None,
    hidden: int | None = None,
    seed: int | None = None,
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
        minutes: how long to train, 10 by default; the learning rate falls over just that time.
        steps: how many updates to make instead.
        cell: the recurrent cell, `lstm` by default.
        layers: how many of them stand on one another, 2 by default.
        hidden: the width of each, 320 by default.
        seed: of the weights, the order of the pieces and the dropout, 0 by default.
        out: the run folder; `runs/TOKENIZER-N`, the next free one, by default.
        resume: go on with the run in `out` where it was left, as it was begun.
        on_build: called if a named corpus was built.
        on_prepared: called once with what was read, before training.
        on_progress: called as training goes.

    Returns:
        What came of it, with the run.

    Raises:
        FolkseqError: for anything that the user can mend; nothing half-written is left.
    """
    chosen = tokenizers.find(tokenizer)
    asked = {"minutes": minutes, "steps": steps, "cell": cell, "layers": layers, "hidden": hidden, "seed": seed}
    if resume and out is None:
        raise RequestError("which run to go on with? name it: --out RUN --resume")
    given = sorted(name for name, value in asked.items() if value is not None)
    if resume and given:
        raise RequestError(f"a run goes on as it was begun; leave out --{' and --'.join(given)}")
    settings = _settings(minutes=10.0 if minutes is None else minutes, steps=steps)
    paths = [file for path in listed(corpus) for file in files(locate(path, on_build), chosen.suffixes)]
    found = read(chosen, paths)

    from folkseq.models.settings import ModelSettings
    from folkseq.run import CorpusFile, Run, RunConfig

    pieces = found.distinct()
    if len(pieces) < FEWEST_PIECES:
        raise CorpusError(f"{paths[0]}: {len(pieces)} piece to learn from; a model needs at least {FEWEST_PIECES}")
    data = _data(chosen, pieces)
    try:
        sizes: dict[str, Any] = {name: asked[name] for name in ("cell", "layers", "hidden") if name in given}
        model = ModelSettings(len(data.vocabulary), **sizes)
    except ValueError as error:
        raise RequestError(str(error)) from None
    corpus_files = tuple(CorpusFile(name, digest) for name, digest in found.digests)
    folder = Path(out) if out else _next_folder(chosen.name)
    ours = not folder.exists()
    if resume:
        run = _resumable(Run.open(folder), chosen.spec, corpus_files, data.vocabulary)
    else:
        config = RunConfig(chosen.spec, model, settings, corpus_files, __version__, seed=seed or 0)
        run = Run.create(folder, config, data.vocabulary)
    if on_prepared is not None:
        sides = data.split
        on_prepared(
            Prepared(
                pieces=len(pieces),
                repeats=len(found.pieces) - len(pieces),
                twins=data.twins,
                tokens=sum(len(piece.tokens) for piece in pieces),
                vocabulary=len(data.vocabulary),
                split=(len(sides.train), len(sides.valid), len(sides.test)),
                ngram_nll=data.ngram_nll,
                lost=found.lost,
                faults=found.faults,
                folder=run.folder,
            )
        )

    from folkseq.training import fit

    try:
        return fit(data.store, data.split, run, ngram_nll=data.ngram_nll, on_progress=on_progress, resume=resume)
    except (MemoryError, RuntimeError) as error:
        if "alloc" not in str(error) and not isinstance(error, MemoryError):
            raise
        raise RequestError(
            f"{model.layers} layers of {model.hidden} do not fit into this machine's memory; ask for less"
        ) from None
    finally:
        if ours and not (folder / "model.safetensors").exists():
            rmtree(folder, ignore_errors=True)  # a run without weights is none


@dataclass(frozen=True)
class _Data:
    """Pieces as ids, and how they are divided."""

    vocabulary: Vocabulary
    store: TokenStore
    split: Split
    twins: int
    ngram_nll: float | None


def _data(tokenizer: Tokenizer[Any], pieces: Sequence[Piece]) -> _Data:
    """The ids of `pieces`, split with near twins on one side, and the n-gram's loss on the validation side."""
    from folkseq.dataset import TokenStore, cluster, split
    from folkseq.evaluation.ngram import NGram

    vocabulary = tokenizer.learn([piece.tokens for piece in pieces])
    store = TokenStore.of([vocabulary.encode(piece.tokens) for piece in pieces])
    labels = cluster([tokenizer.fingerprint(piece.tokens) for piece in pieces])
    sides = split(labels)
    ngram_nll = None
    if sides.valid:
        ngram = NGram.fit([store[piece] for piece in sides.train], NGRAM_ORDER, len(vocabulary))
        nats, predicted = ngram.nll([store[piece] for piece in sides.valid])
        ngram_nll = nats / predicted
    twins = sum(count for count in Counter(labels.tolist()).values() if count > 1)
    return _Data(vocabulary, store, sides, twins, ngram_nll)


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


def _resumable(run: Run, spec: str, corpus: tuple[Any, ...], vocabulary: Vocabulary) -> Run:
    """The run, if it was trained on just this. Raises RequestError that says what differs."""
    if run.config.tokenizer != spec:
        raise RequestError(f"{run.folder} was trained with the tokenizer {run.config.tokenizer}, not {spec}")
    if [file.sha256 for file in run.config.corpus] != [file.sha256 for file in corpus]:
        raise RequestError(f"{run.folder} was trained on other files than these, or in another order; train anew")
    if run.vocabulary != vocabulary:
        raise RequestError(
            f"{run.folder} was trained by folkseq {run.config.version}, which read these files otherwise"
        )
    return run
