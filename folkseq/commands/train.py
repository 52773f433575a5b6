"""`folkseq train`: from files to a run folder that holds a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq import tokenizers
from folkseq.corpora import BuildReport, Corpus, files, listed, locate
from folkseq.dataset import Split, TokenStore, cluster, split
from folkseq.errors import CorpusError, RequestError
from folkseq.evaluation.baseline import Baseline
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.run import CorpusFile, Run, RunConfig
from folkseq.sampling.novelty import Novelty
from folkseq.tokenized import tokenize_corpus
from folkseq.tokenizers.base import Tokenizer
from folkseq.tokenizers.vocabulary import Vocabulary
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.training import Progress, TrainResult

FEWEST_PIECES = 2


@dataclass(frozen=True)
class Prepared:
    """What training is about to learn from."""

    pieces: int
    repeats: int  # pieces left out because others have the same tokens
    twins: int  # pieces that have a near twin
    tokens: int
    amounts: Mapping[str, float]  # of what a listener counts: notes, seconds; by their singulars
    vocabulary: int
    split: tuple[int, int, int]  # pieces to train, validate and test on
    ngram_nll: float | None  # nats a token of the n-gram on the validation side
    ngram_order: int
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
    on_read: Callable[[int, int], None] | None = None,
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
        on_read: called with the number of files read and that of all, as they are.
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
    paths = [file for path in listed(corpus) for file in files(locate(path, on_build), chosen.suffixes)]
    settings = _settings(TrainSettings, chosen, minutes=minutes, steps=steps)
    found = tokenize_corpus(chosen, paths, on_read=on_read)
    if len(found.store) < FEWEST_PIECES:
        raise CorpusError(f"{paths[0]}: {len(found.store)} piece to learn from; a model needs {FEWEST_PIECES} or more")
    sizes = {"vocabulary_size": len(found.vocabulary), "controls": chosen.control_size}
    model = _settings(ModelSettings, chosen, **sizes, cell=cell, layers=layers, hidden=hidden)
    labels = cluster(found.fingerprints, chosen.figure, chosen.twin_share)
    sides = split(labels)
    corpus_files = tuple(CorpusFile(name, digest) for name, digest in found.digests)
    folder = Path(out) if out else _next_folder(chosen.name)
    ours = not folder.exists()
    if resume:
        run = _resumable(Run.open(folder), chosen.spec, corpus_files, found.vocabulary)
        sides = _kept_sides(run, found.store)
    try:
        if not resume:
            config = RunConfig(chosen.spec, model, settings, corpus_files, __version__, seed=seed or 0)
            run = Run.create(folder, config, found.vocabulary)
            run.keep_tokens(found.folder, sides, found.labels)
            Novelty.build(found.store, sides.train, chosen.profile(found.vocabulary)).write(run.folder)
        baseline = Baseline.fit(found.store, sides, len(found.vocabulary), settings.look)
        if on_prepared is not None:
            on_prepared(
                Prepared(
                    pieces=len(found.store),
                    repeats=found.repeats,
                    twins=sum(count for count in Counter(labels.tolist()).values() if count > 1),
                    tokens=len(found.store.ids),
                    amounts={kind: float(amounts.sum()) for kind, amounts in found.extents.items()},
                    vocabulary=len(found.vocabulary),
                    split=(len(sides.train), len(sides.valid), len(sides.test)),
                    ngram_nll=baseline.heldout_nll if baseline else None,
                    ngram_order=baseline.order if baseline else 0,
                    lost=found.lost,
                    faults=found.faults,
                    folder=run.folder,
                )
            )

        from folkseq.training import fit

        cut = _Cut(chosen, found.spans)
        ngram = (baseline.looked_at_nll, baseline.heldout_nll) if baseline else None
        return fit(found.store, sides, run, cut=cut, ngram_nll=ngram, on_progress=on_progress, resume=resume)
    except (MemoryError, RuntimeError) as error:
        if "alloc" not in str(error) and not isinstance(error, MemoryError):
            raise
        raise RequestError(
            f"{model.layers} layers of {model.hidden} do not fit into this machine's memory; ask for less"
        ) from None
    finally:
        if ours and not (folder / "model.safetensors").exists():
            rmtree(folder, ignore_errors=True)  # a run without weights is none


class _Cut:
    """The tokenizer's excerpts, as the dataset asks for them."""

    def __init__(self, tokenizer: Tokenizer[Any], spans: NDArray[np.int64]) -> None:
        self.lookahead, self.controls = tokenizer.lookahead, tokenizer.control_size
        self._excerpt, self._spans = tokenizer.excerpt, spans.tolist()

    def __call__(
        self, ids: NDArray[Any], piece: int, length: int, random: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        return self._excerpt(ids, length, self._spans[piece], random)


Settings = TypeVar("Settings", "ModelSettings", "TrainSettings")


def _settings(kind: type[Settings], tokenizer: Tokenizer[Any], **asked: Any) -> Settings:
    """Settings as asked, else as the representation's recipe has them. Raises RequestError for what cannot be."""
    names = {field.name for field in fields(kind)}
    recipe = {name: value for name, value in tokenizer.recipe.items() if name in names}
    try:
        return kind(**{**recipe, **{name: value for name, value in asked.items() if value is not None}})
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


def _kept_sides(run: Run, store: TokenStore) -> Split:
    """The split that the run was begun with. Raises RequestError if its pieces are not those of `store`."""
    kept, sides = run.tokens()
    if not np.array_equal(kept.offsets, store.offsets):
        raise RequestError(
            f"{run.folder} was trained by folkseq {run.config.version}, which read these files otherwise"
        )
    return sides
