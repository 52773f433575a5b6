"""What training begins from, or goes on with: a run folder that holds its pieces, their split and their index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.reader import TokenizedCorpus
from folkseq.errors import RequestError, RunError
from folkseq.extensions import extension
from folkseq.files import clear_temporary
from folkseq.models.settings import EncoderSettings, ModelSettings, TrainSettings
from folkseq.representations.base import Representation
from folkseq.representations.task import CONTINUE, Task
from folkseq.run import CorpusFile, Run, RunConfig
from folkseq.sampling.overlaps import Overlaps
from folkseq.verbs.trained import find_task
from folkseq.version import __version__

ENCODER = {"encoder": "direction", "attention": "attention"}
"""What a user may ask of an encoder, and what that is among its settings."""
_SHOWN = 3  # changed files that are named


@dataclass(frozen=True)
class Begun:
    """A run that can be trained."""

    run: Run
    store: TokenStore
    sides: Split
    spans: NDArray[np.int64]
    """(pieces, 2) as `Tokenizer.span` gives them."""
    notices: tuple[str, ...] = ()
    """What the user should know of it."""

    @classmethod
    def begin(
        cls,
        folder: Path,
        representation: Representation[Any],
        found: TokenizedCorpus,
        sides: Split,
        asked: Mapping[str, Any],
    ) -> Self:
        """Make a new run of a corpus. Raises RunError if a run stands in `folder` already."""
        task = asked.get("task") or CONTINUE
        if task == CONTINUE:
            sizes, recipe = {"vocabulary_size": len(found.codec.vocabulary)}, found.codec.recipe
        else:
            problem = find_task(task, found.codec)
            sizes, recipe = sizes_for(problem, asked), problem.recipe
        model = _settings(ModelSettings, recipe, **sizes, **_of(ModelSettings, asked))
        open_sized = task == CONTINUE and not asked.keys() & {"hidden", "steps"}
        training = _settings(TrainSettings, recipe, plan_hidden=open_sized, **_of(TrainSettings, asked))
        seed = asked.get("seed") or 0
        config = RunConfig(representation.spec, model, training, _files(found), __version__, seed=seed, task=task)
        return cls._complete(Run.create(folder, config, found.codec.vocabulary), found, sides)

    @classmethod
    def resume(
        cls,
        folder: Path,
        representation: Representation[Any],
        found: TokenizedCorpus,
        sides: Split,
        asked: Mapping[str, Any],
    ) -> Self:
        """Go on with the run in `folder`, as it was begun.

        Raises:
            RequestError: it was begun with something else; the message says with what.
        """
        run = Run.open(folder)
        changed = [
            *_changed_files(run.config.corpus, _files(found)),
            *_changed_settings(run.config, representation, asked),
        ]
        if changed:
            raise RequestError(f"{folder} cannot go on as it was begun: {'; '.join(changed)}; train anew")
        if run.vocabulary != found.codec.vocabulary:
            raise _read_otherwise(run)
        notices: tuple[str, ...] = ()
        if run.config.version != __version__:
            notices = (f"begun by folkseq {run.config.version}, goes on by {__version__}: perhaps not to the bit",)
        clear_temporary(folder)
        return cls._complete(run, found, sides, notices)

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The run that another rank has begun in `folder`."""
        run = Run.open(folder)
        return cls(run, *run.tokens(), run.spans())

    @classmethod
    def _complete(cls, run: Run, found: TokenizedCorpus, sides: Split, notices: tuple[str, ...] = ()) -> Self:
        """Give the run what it does not hold yet, which is all of it unless it goes on."""
        try:
            (store, sides), spans = run.tokens(), run.spans()
        except RunError:  # not there yet, or not whole
            run.keep_tokens(found.folder, sides, found.labels, found.spans)
            store, spans = found.store, found.spans
        if not np.array_equal(store.offsets, found.store.offsets):
            raise _read_otherwise(run)
        overlaps: type[Overlaps] | None = extension("overlap")
        if overlaps is not None:
            overlaps.build(run)
        return cls(run, store, sides, spans, notices)


def sizes_for(task: Task, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a model must know of a task, with an encoder as it is asked for."""
    chosen = {own: asked[name] for name, own in ENCODER.items() if name in asked}
    try:
        reach = task.relative_positions
        encoder = EncoderSettings(task.source_sizes, reach.along, reach.within, **chosen)
    except ValueError as error:
        raise RequestError(str(error)) from None
    return {"vocabulary_size": task.vocabulary_size, "fields": task.fields, "encoder": encoder}


def _read_otherwise(run: Run) -> RequestError:
    return RequestError(
        f"{run.folder} was begun by folkseq {run.config.version}, which read these files otherwise; train anew"
    )


def _files(found: TokenizedCorpus) -> tuple[CorpusFile, ...]:
    return tuple(CorpusFile(name, digest) for name, digest in found.digests)


def _changed_files(before: Sequence[CorpusFile], now: Sequence[CorpusFile]) -> list[str]:
    """What is not as it was about the files, in words."""
    if [file.sha256 for file in before] == [file.sha256 for file in now]:
        return []
    was, is_now = ({(file.name, file.sha256) for file in files} for files in (before, now))
    names_before, names_now = ({file.name for file in files} for files in (before, now))
    lists = {
        "changed": sorted({name for name, _ in was ^ is_now} & names_before & names_now),
        "gone": sorted(names_before - names_now),
        "new": sorted(names_now - names_before),
    }
    found = []
    for kind, names in lists.items():
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            found.append(f"{kind}: {', '.join(names[:_SHOWN])}{more}")
    return found or ["the files come in another order"]


def _changed_settings(config: RunConfig, representation: Representation[Any], asked: Mapping[str, Any]) -> list[str]:
    """What is asked for that is not as it was, in words."""
    was: dict[str, Any] = {"seed": config.seed, "task": config.task}
    if config.model.encoder is not None:
        was |= {name: getattr(config.model.encoder, own) for name, own in ENCODER.items()}
    for settings in (config.model, config.training):
        was |= {name: getattr(settings, name) for name in _of(type(settings), asked)}
    known = {name: value for name, value in asked.items() if name in was}  # what is of another task is told by that
    changed = [f"its --{name} is {was[name]}, not {value}" for name, value in known.items() if value != was[name]]
    if config.representation != representation.spec:
        changed.append(f"its representation is {config.representation}, not {representation.spec}")
    return changed


def _of(kind: type[Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings asked for that are of a kind."""
    names = {field.name for field in fields(kind)} - ENCODER.keys()
    return {name: value for name, value in asked.items() if name in names}


Settings = TypeVar("Settings", "ModelSettings", "TrainSettings")


def _settings(kind: type[Settings], recipe: Mapping[str, Any], **asked: Any) -> Settings:
    """Settings as asked, else as a recipe has them. Raises RequestError for what cannot be."""
    try:
        return kind(**{**_of(kind, recipe), **asked})
    except ValueError as error:
        raise RequestError(str(error)) from None
