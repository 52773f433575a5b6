"""A question to a model: a part of a piece is to be written, given the rest. Its answers are values, not files."""

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
    """An answer with its figures and its record."""

    answer: Answer
    nll: float
    """Negative log likelihood of the new part under the model, in nats."""
    copied: Copied
    """Its longest overlap with the training set."""
    record: Record

    @property
    def comments(self) -> list[str]:
        """Return the record as comments of a file."""
        return [self.record.describe(), self.record.to_json()]


@dataclass(frozen=True, eq=False)
class Asked:
    """A question that was put to a model, and the settings with which it answers."""

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
            model: trained for the task.
            task: such as `fill`.
            data: the bytes of the file.
            name: what errors call the file.
            seed: the same seed gives the same answers.
            where: the part to write, as the representation names it, such as `bars`.
            settings: fields of `SamplingSettings`.

        Raises:
            FolkseqError: something cannot be met.
        """
        check_task(model.run, task)
        question = model.task.ask(data, name, **where)
        if settings.get("temperature") is None:
            settings["temperature"] = model.task.temperature
        record = model.record(seed=seed, task=task, **settings, **where)
        max_copy = record.settings.max_copy
        request = Request(
            opening=question.opening,
            end_id=question.end_id,
            seed=record.seed,
            limit=question.limit,
            strategy=record.settings,
            grammar=question.grammar,
            place=question.grammar,
            copies=None if max_copy is None else copy_limiter(model, max_copy),
        )
        return cls(model, question, request, record)

    def samples(self, draws: Iterable[int]) -> Iterator[Sample]:
        """Draw targets, each of which makes an answer; a draw is the number of an answer, from 0."""
        engine = self.model.engine(self.record.settings.precision)
        return generate(engine.with_memory(self.model.encoder.read(self.question.source)), self.request, list(draws))

    def answer(self, sample: Sample) -> NewAnswer:
        """Return the answer that a target makes. Raises RequestError if it does not fit what is around it."""
        answer, overlaps = self.question.answer(sample.ids), self.model.overlaps
        ids = np.asarray(answer.compared)
        shared = SharedPassage()
        if len(ids) and overlaps:
            (shared,) = overlaps.longest([ids])
        copied = replace(self.model.copied(self.model.run.vocabulary.decode(ids), shared), at="", span="")
        return NewAnswer(answer, sample.nll, copied, replace(self.record, index=sample.index + 1))
