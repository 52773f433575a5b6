"""A trained run with its codec, its network, and the index of its training set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq import pretrained, representations
from folkseq.errors import RequestError, RunError
from folkseq.extensions import extension, installed
from folkseq.formats import derived
from folkseq.machine import cores
from folkseq.ranking import Ranker
from folkseq.representations.base import Codec, Representation
from folkseq.representations.task import CONTINUE, FILL, Task
from folkseq.run import Run, RunConfig
from folkseq.sampling.overlaps import Copied, Overlaps, SharedPassage
from folkseq.sampling.settings import FLOAT32

if TYPE_CHECKING:
    from folkseq.models.language_model import LanguageModel
    from folkseq.sampling.engine import Engine
    from folkseq.sampling.memory import EncoderSession


@dataclass(frozen=True)
class TrainedRun:
    """A run with everything that was trained or built for it, loaded when it is used."""

    run: Run

    @cached_property
    def representation(self) -> Representation[Any]:
        """Return the representation that it was trained in."""
        return representations.find(self.run.config.representation)

    @cached_property
    def codec(self) -> Codec[Any]:
        """Return the codec over the run's vocabulary."""
        return self.representation.codec(self.run.vocabulary)

    @cached_property
    def overlaps(self) -> Overlaps | None:
        """Return the index of the training set; None if the extension is not installed."""
        kind: type[Overlaps] | None = extension("novelty")
        return None if kind is None else kind.open(self.run)

    @cached_property
    def ranker(self) -> Ranker | None:
        """Return the ranker, which compares sampled pieces with the corpus; None if the run has none."""
        if self.codec.transposition is None or (profile := self.codec.transposition.profile) is None:
            return None
        return Ranker.open(self.run.folder, profile, self.run.config.model)

    @cached_property
    def network(self) -> LanguageModel:
        """Return its network in PyTorch, with the best weights."""
        import torch

        from folkseq.models.make import make_model

        model = make_model(self.run.config.model)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in self.run.weights().items()})
        return model

    @cached_property
    def engines(self) -> dict[tuple[str, int], Engine]:
        """Return the loaded networks, by precision and number of threads."""
        return {}

    def engine(self, precision: str, threads: int | None = None) -> Engine:
        """Return its network with a precision and a number of threads, all cores by default."""
        from folkseq.sampling.engine import Engine

        threads = threads or cores()
        if (precision, threads) not in self.engines:
            graph: Path | bytes = self.run.file("model.onnx")
            if precision == FLOAT32:
                from folkseq.models.export.step import build_step

                graph = build_step(self.run.weights(), self.run.config.model, int8=False)
            self.engines[precision, threads] = Engine(graph, threads)
        return self.engines[precision, threads]

    @cached_property
    def encoder(self) -> EncoderSession:
        """Return the encoder, which reads the rest of a piece for a task that writes a part of it."""
        from folkseq.sampling.memory import EncoderSession

        return EncoderSession(self.run.file("encoder.onnx"))

    @cached_property
    def task(self) -> Task:
        """Return the task that it was trained for, other than to continue."""
        return find_task(self.run.config.task, self.codec)

    def as_trained(self, ids: Sequence[int]) -> NDArray[Any]:
        """Return ids in the order of the training set: compound tokens with the first field leading."""
        layout = self.run.config.model.compound
        return np.array(ids) if layout is None else layout.in_order(np.array(ids))

    def copied(self, tokens: Sequence[str], shared: SharedPassage) -> Copied:
        """Describe a passage of tokens that also occurs in the training set."""
        if self.overlaps is None:
            return Copied(0, 0, self.codec.analysis.locate(tokens, 0), "", "")
        return self.overlaps.describe(tokens, shared)


def newest(task: str | None = None, options: Iterable[str] = (), suffixes: Iterable[str] = ()) -> Run:
    """Open the newest run under `runs` that fits a request.

    Args:
        task: the task that it was trained for; any by default.
        options: sampling options that its representation must have.
        suffixes: suffixes of files that its representation must read or write.

    Raises:
        RunError: no run fits.
    """
    options, suffixes = set(options), {suffix.lower() for suffix in suffixes}

    def fits(config: RunConfig) -> bool:
        try:
            found = representations.find(config.representation)
        except RequestError:  # it is not installed
            return False
        known = {field.name for field in fields(found.options)}
        return (
            task in (None, config.task)
            and options <= known
            and suffixes <= {*found.files.suffixes, *derived.possible(found.files.outputs)}
        )

    needs = [f"--{name.replace('_', '-')}" for name in sorted(options)] + sorted(suffixes)
    wanted = f"of task {task}" if task not in (None, CONTINUE) else ""
    return Run.latest(fits=fits, wanted=f"{wanted} for {', '.join(needs)}" if needs else wanted)


def restore(run: Run) -> Run:
    """Build the pieces of a pretrained model again, if they are missing, and return the run.

    Raises:
        FolkseqError: folkseq cannot build its corpus, or builds another one.
    """
    if not pretrained.includes(run.folder) or run.token_folder.exists():
        return run
    from folkseq.corpora.sides import rebuilt, sides

    name = pretrained.CORPORA.get(run.name)
    if name is None:
        raise RunError(f"{run.name}: comes without its corpus, which this needs; train a run of your own")
    representation = representations.find(run.config.representation)
    found = rebuilt(representation, name)
    digests = [digest for _, digest in found.digests]
    if digests != [file.sha256 for file in run.config.corpus] or found.codec.vocabulary != run.vocabulary:
        raise RunError(
            f"{run.name}: was trained on another version of {name}, which this needs; train a run of your own"
        )
    run.write_tokens(found.folder, sides(representation, found)[1], found.labels)
    return run


def find_task(name: str, codec: Codec[Any]) -> Task:
    """Return a task for a codec. Raises RequestError if no installed task of that name suits it."""
    point = installed("tasks").get(name)
    task: Task | None = None if point is None else point.load()(codec)
    if task is None:
        known = ", ".join([CONTINUE, *installed("tasks")])
        raise RequestError(
            f"--task {name}: is not for this representation; tasks are {known}: "
            "fill is for abc and performance, harmonise for packed (chorales) and abc:chords=true (chords over tunes)"
        )
    return task


def check_task(run: Run, wanted: str) -> None:
    """Raise RequestError with the right commands if a run was trained for another task."""
    task = run.config.task
    if task == wanted:
        return
    representation = run.config.representation
    does = "folkseq sample RUN" if task == CONTINUE else f"folkseq {task} RUN FILE"
    if wanted == CONTINUE:
        other = f"folkseq train {representation} CORPUS"
    else:
        harmonises = "abc:chords=true" if representation.startswith("abc") else "packed"
        other = f"folkseq train {representation if wanted == FILL else harmonises} CORPUS --task {wanted}"
    raise RequestError(f"{run.address} was trained to {task}: use `{does}`, or train another run with `{other}`")
