"""A question to a model: to write a part of a piece, given the rest. Its answers are values, not files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from folkseq.representations.task import Answer, Question
from folkseq.sampling.batch import Request, Sample
from folkseq.sampling.generate import generate
from folkseq.sampling.overlaps import Copied, SharedPassage
from folkseq.verbs.model import Model
from folkseq.verbs.record import Record
from folkseq.verbs.sampling_run import copy_limiter
from folkseq.verbs.trained import check_task


@dataclass(frozen=True)
class NewAnswer:
    """An answer with its metrics and its record."""

    answer: Answer
    nll: float
    """Negative log likelihood of the new part under the model, in nats."""
    copied: Copied
    """Its longest overlap with the training set."""
    record: Record

    @property
    def comments(self) -> list[str]:
        """Return the record as comments for a file."""
        return [self.record.describe(), self.record.to_json()]


@dataclass(frozen=True, eq=False)
class Asked:
    """A question to a model, and the sampling settings for its answers."""

    model: Model
    question: Question
    request: Request
    record: Record

    @classmethod
    def of(
        cls, model: Model, task: str, data: bytes, name: str, seed: int | None = None, *, where: Any, **settings: Any
    ) -> Self:
        """Ask a model to write a part of the piece in a file.

        Args:
            model: a model trained for the task.
            task: a task such as `fill`.
            data: the bytes of the file.
            name: name of the file in errors.
            seed: the same seed gives the same answers.
            where: the part to write, by options of the task such as `bars`.
            settings: fields of `SamplingSettings`.

        Raises:
            FolkseqError: the request is impossible.
        """
        check_task(model.run, task)
        question = model.task.ask(data, name, **where)
        if settings.get("temperature") is None:
            settings["temperature"] = model.task.temperature
        record = model.record(seed=seed, task=task, **settings, **where)
        record = replace(record, target=question.target.version if question.target else None)
        max_copy = record.settings.max_copy
        request = Request(
            opening=question.opening,
            end_id=question.end_id,
            seed=record.seed,
            limit=question.limit,
            strategy=record.settings,
            grammar=question.grammar,
            place=question.grammar,
            target=question.target,
            copies=None if max_copy is None else copy_limiter(model, max_copy),
        )
        return cls(model, question, request, record)

    def samples(self, draws: Iterable[int]) -> Iterator[Sample]:
        """Sample the target of each answer; `draws` are the numbers of answers, from 0."""
        engine = self.model.engine(self.record.settings.precision)
        return generate(engine.with_memory(self.model.encoder.read(self.question.source)), self.request, list(draws))

    def answer(self, sample: Sample) -> NewAnswer:
        """Return the answer with a sampled target. Raises RequestError if the target does not fit its surroundings."""
        answer, overlaps = self.question.answer(sample.ids), self.model.overlaps
        ids = np.asarray(answer.compared)
        shared = SharedPassage()
        if len(ids) and overlaps:
            (shared,) = overlaps.longest([ids])
        copied = replace(self.model.copied(self.model.run.vocabulary.decode(ids), shared), at="", span="")
        return NewAnswer(answer, sample.nll, copied, replace(self.record, index=sample.index + 1))
