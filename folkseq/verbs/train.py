"""`folkseq train`: from files to a run folder that holds a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.corpus import Variation, cluster, split, split_in_order
from folkseq.corpus.baseline import Baseline
from folkseq.corpus.named import Corpus, files, listed, locate
from folkseq.corpus.named.folders import BuildReport
from folkseq.corpus.reader import tokenize_corpus
from folkseq.errors import CorpusError, FolkseqError, RequestError
from folkseq.extras import require
from folkseq.machine import ranks
from folkseq.representations.base import Codec, Representation
from folkseq.representations.task import CONTINUE, TASKS, Task
from folkseq.run import Run
from folkseq.verbs.begun import Begun
from folkseq.verbs.trained import find_task

if TYPE_CHECKING:
    from folkseq.corpus.pairs import Draw
    from folkseq.pairs import Pair
    from folkseq.training import Progress, Ranks, TrainResult

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
    notices: tuple[str, ...]  # of a run that goes on
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
    precision: str | None = None,
    task: str | None = None,
    encoder: str | None = None,
    attention: str | None = None,
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
        hidden: the width of each; planned from the minutes by default, or 320 where steps or a task is given, and 256
            to harmonise.
        precision: `float32`, or `bfloat16` for the products in training; whichever is faster here by default.
        task: what the model is to do: `continue`, the default; to `fill` gaps; to `harmonise` a melody.
        encoder: for the latter, how it reads what is known: `both` ways, the default, or only `forward`.
        attention: and how it looks at it while it writes: `dot`, the default, or `additive`.
        seed: of the weights, the order of the pieces and the dropout, 0 by default.
        out: the run folder; `runs/TOKENIZER-N`, the next free one, by default.
        resume: go on with the run in `out` where it was left; or begin it, if there is none yet. What else is given
            must be as it was begun.
        on_build: called if a named corpus was built.
        on_read: called with the number of files read and that of all, as they are.
        on_prepared: called once with what was read, before training.
        on_progress: called as training goes.

    Returns:
        What came of it, with the run.

    Raises:
        FolkseqError: for anything that the user can mend; nothing half-written is left.
    """
    asked = {"minutes": minutes, "steps": steps, "cell": cell, "layers": layers, "hidden": hidden, "seed": seed}
    asked |= {"precision": precision, "task": task, "encoder": encoder, "attention": attention}
    require("torch", "onnx")
    _check_task(task, encoder, attention)
    job = _Job(
        representations.find(tokenizer),
        corpus,
        {name: value for name, value in asked.items() if value is not None},
        Path(out) if out is not None else None,
        resume,
        on_progress,
    )
    if resume and out is None:
        raise RequestError("which run to go on with? name it: --out RUN --resume")
    if ranks()[1] == 1:
        return job.train(job.prepare(on_build, on_read, on_prepared))

    from folkseq.training import joined

    with joined() as together:
        if not together.first:
            return job.train(Begun.of(Path(together.share().decode())), ranks=together)
        begun = job.prepare(on_build, on_read, on_prepared)
        together.share(str(begun.run.folder).encode())
        return job.train(begun, ranks=together)


@dataclass
class _Job:
    """One call of `train`."""

    representation: Representation[Any]
    corpus: Corpus
    asked: Mapping[str, Any]
    out: Path | None
    resume: bool
    on_progress: Callable[[Progress], None] | None
    ngram: tuple[float, float] | None = None
    made: tuple[Path, ...] = ()  # the run folder and those around it, as far as they were not there before

    def prepare(
        self,
        on_build: Callable[[BuildReport], None] | None,
        on_read: Callable[[int, int], None] | None,
        on_prepared: Callable[[Prepared], None] | None,
    ) -> Begun:
        """Read the corpus and lay out the run."""
        suffixes = self.representation.files.suffixes
        paths = [file for path in listed(self.corpus) for file in files(locate(path, on_build), suffixes)]
        chosen = self.representation.suited_to(paths)
        found = tokenize_corpus(chosen, paths, on_read=on_read)
        if len(found.store) < FEWEST_PIECES:
            few = f"{len(found.store)} piece to learn from; a model needs {FEWEST_PIECES} or more"
            raise CorpusError(f"{paths[0]}: {few}")
        similar = found.codec.transposition
        if chosen.files.continuous:
            labels, sides = np.arange(len(found.store)), split_in_order(found.sources, np.diff(found.store.offsets))
        else:
            figure, share = (similar.figure, similar.twin_share) if similar else (9, 0.5)
            labels = cluster(found.fingerprints, figure, share)
            sides = split(labels)
        folder = self.out or self._next_folder(chosen.name)
        if self.out:
            self.made = _claim(folder)
        goes_on = self.resume and (folder / "config.json").exists()
        with self._cleared():
            begun = (Begun.resume if goes_on else Begun.begin)(folder, chosen, found, sides, self.asked)
            sides = begun.sides
            baseline = None  # an n-gram does not know what comes after a gap
            if begun.run.config.task == CONTINUE:
                baseline = Baseline.fit(
                    found.store, sides, len(found.codec.vocabulary), begun.run.config.training.validation_ids
                )
            if baseline is not None:
                self.ngram = (baseline.validation_nll, baseline.heldout_nll)
                figures = {**begun.run.config.figures, "ngram_order": baseline.order}
                begun = replace(begun, run=begun.run.with_config(figures=figures))
            if on_prepared is not None:
                on_prepared(
                    Prepared(
                        pieces=len(found.store),
                        repeats=found.repeats,
                        twins=sum(count for count in Counter(labels.tolist()).values() if count > 1),
                        tokens=len(found.store.ids),
                        amounts={kind: float(amounts.sum()) for kind, amounts in found.amounts.items()},
                        vocabulary=len(found.codec.vocabulary),
                        split=(len(sides.train), len(sides.valid), len(sides.test)),
                        ngram_nll=baseline.heldout_nll if baseline else None,
                        ngram_order=baseline.order if baseline else 0,
                        lost=found.lost,
                        faults=found.faults,
                        notices=begun.notices,
                        folder=begun.run.folder,
                    )
                )
        return begun

    def train(self, begun: Begun, ranks: Ranks | None = None) -> TrainResult:
        """Train the run."""
        from folkseq.training import fit

        model = begun.run.config.model
        codec = representations.find(begun.run.config.representation).codec(begun.run.vocabulary)
        try:
            with self._cleared():
                return fit(
                    begun.store,
                    begun.sides,
                    begun.run,
                    variation=Excerpts(codec, begun.spans),
                    draw=drawn(codec, begun.run),
                    ngram_nll=self.ngram,
                    on_progress=self.on_progress if ranks is None or ranks.first else None,
                    resume=self.resume,
                    ranks=ranks,
                )
        except (MemoryError, RuntimeError) as error:
            if not _is_of_memory(error):
                raise
            sizes = f"{model.layers} layers of {model.hidden}"
            raise RequestError(f"{sizes} do not fit into this machine's memory; ask for less") from None

    @contextmanager
    def _cleared(self) -> Iterator[None]:
        """Leave no folder of a run that has learnt nothing, if it ends here."""
        try:
            yield
        except BaseException:
            if self.made and not _has_learnt(self.made[0]):
                rmtree(self.made[0], ignore_errors=True)
                for around in self.made[1:]:
                    with suppress(OSError):  # another run may be in it
                        around.rmdir()
            raise

    def _next_folder(self, name: str) -> Path:
        """`runs/NAME-1`, or the next number that is free, which it is no longer."""
        number = 0
        while not self.made:
            number += 1
            self.made = _claim(Path("runs") / f"{name}-{number}")
        return self.made[0]


def _has_learnt(folder: Path) -> bool:
    """Whether a run has weights, or a state to go on from that is not its very beginning."""
    from folkseq.training import state

    return (folder / "model.safetensors").exists() or state.step(folder) > 0


class Excerpts(Variation):
    """The variants of passages that a representation draws."""

    def __init__(self, codec: Codec[Any], spans: NDArray[np.int64]) -> None:
        self.augmentation = codec.augmentation
        self.lookahead = self.augmentation.lookahead if self.augmentation else 0
        self._spans = spans.tolist()

    def __call__(
        self, ids: NDArray[Any], piece: int, length: int, random: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Return a variant of a passage; see `Variation`."""
        if self.augmentation is None:
            return ids[: length + 1], None
        return self.augmentation.excerpt(ids, length, self._spans[piece], random)


def drawn(codec: Codec[Any], run: Run) -> Draw | None:
    """The task's pairs, as the dataset asks for them, where the run has a task but to continue."""
    encoder = run.config.model.encoder
    if encoder is None:
        return None
    return Drawn(find_task(run.config.task, codec), True if encoder.causal else None)


@dataclass(frozen=True)
class Drawn:
    """A task's pairs, as the dataset asks for them; `left_only` as the task has it."""

    task: Task
    left_only: bool | None = None

    def __call__(self, ids: NDArray[Any], piece: int, random: np.random.Generator) -> Pair | None:
        """To learn from."""
        return self.task.draw(ids, random, self.left_only)

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int) -> Pair | None:
        """To judge by."""
        return self.task.hold_out(ids, piece, turn, self.left_only)


def _check_task(task: str | None, encoder: str | None, attention: str | None) -> None:
    """Raise RequestError for what is not there, or means nothing."""
    if task is not None and task not in TASKS:
        raise RequestError(f"there is no --task {task}; there are: {', '.join(TASKS)}")
    for name, value in (("encoder", encoder), ("attention", attention)):
        if value is not None and task in (None, CONTINUE):
            raise RequestError(f"--{name} is of a model that fills or harmonises; ask for --task fill, or leave it out")


def _is_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether an error tells that there is no memory, in the words of PyTorch, CUDA or one of its libraries."""
    from torch.distributed import DistBackendError

    told = any(words in str(error).lower() for words in ("alloc", "out of memory"))
    return isinstance(error, MemoryError) or (told and not isinstance(error, DistBackendError))


def _claim(folder: Path) -> tuple[Path, ...]:
    """Make a folder, which is then this process's own, whoever else begins a run; what was made for it, if it was."""
    missing = tuple(each for each in (folder, *folder.parents) if not each.exists())
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return ()
    except OSError as error:
        raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return missing
