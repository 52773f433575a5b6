"""Writing of pieces: draws from the model, choice of the best, metrics, and postprocessing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np

from folkseq.machine import cores
from folkseq.representations.base import Files
from folkseq.representations.capabilities import Prime
from folkseq.sampling.batch import Request, Sample
from folkseq.sampling.engine import Engine
from folkseq.sampling.generate import write
from folkseq.sampling.overlaps import SharedPassage
from folkseq.sampling.rerank import Critique
from folkseq.verbs.choice import Choice
from folkseq.verbs.piece import Sampled
from folkseq.verbs.record import Record
from folkseq.verbs.trained import TrainedRun
from folkseq.workers import processes, spread

Result = TypeVar("Result")
_BATCH = 16  # pieces compared with the training set at once, which is faster than one by one


class Titles:
    """New titles by number of the piece, which depend only on the seed."""

    def __init__(self, titles: Iterator[str]) -> None:
        self._left, self._known = titles, list[str]()

    def __getitem__(self, number: int) -> str:
        """Return the title of a piece, numbered from 1, or an empty string if there are no more titles."""
        self._known += islice(self._left, max(number - len(self._known), 0))
        return self._known[number - 1] if number <= len(self._known) else ""


@dataclass(frozen=True)
class Order:
    """A piece to write: the best of some draws."""

    number: int
    draws: Sequence[int]
    title: str
    notices: tuple[str, ...] = ()


_Choosable = tuple[int, Order, list[tuple[Sample, float | None]]]
"""The position of an order, the order, and the samples of its shortlist with their likeness."""


class _Candidate(NamedTuple):
    sample: Sample
    tokens: tuple[str, ...]
    compared: Any
    """The ids to compare with the training set, without the opening, which is given."""
    passage: SharedPassage
    critique: Critique


@dataclass(frozen=True)
class Writer:
    """The writer of one request's pieces, in one or several processes; a `folkseq.verbs.piece.PieceMaker`."""

    model: TrainedRun
    record: Record
    """The settings; each piece gets a separate record with its number and draw."""
    request: Request
    options: Any
    prime: Prime[Any] | None
    titles: Titles
    best: int
    """Number of draws from which each piece is chosen."""

    @property
    def files(self) -> Files[Any]:
        """Return the input and output files of the representation."""
        return self.model.representation.files

    def make(self, tokens: Sequence[str], record: Record) -> Any:
        """Return the piece for tokens in its final form."""
        return self._make(self.model.codec.vocabulary.encode(tokens), record, self.titles[record.index])

    def write(
        self, orders: Iterable[Order], count: int, format: Callable[[int, Sampled], Result]
    ) -> Iterator[tuple[Sampled, Result]]:
        """Write one piece for each order, and return them in the same sequence.

        Args:
            orders: orders with distinct draws.
            count: number of orders.
            format: function of the position of an order, from 0, and its piece; called in the process that wrote it.

        Returns:
            Each piece with the result of `format`.
        """
        team, precision = min(processes(), count), self.record.settings.precision
        _ = self.model.codec, self.model.overlaps, self.model.ranker  # load once, before starting processes

        def work(orders: Iterator[tuple[int, Order]]) -> Generator[tuple[int, tuple[Sampled, Result]]]:
            engine = self.model.engine(precision, 1 if team > 1 else cores())
            with closing(self._pieces(engine, orders)) as pieces:
                for place, piece in pieces:
                    yield place, (piece, format(place, piece))

        for piece, result in spread(work, orders, team):
            yield piece if piece.maker is self else replace(piece, maker=self), result

    def _pieces(self, engine: Engine, orders: Iterator[tuple[int, Order]]) -> Generator[tuple[int, Sampled]]:
        """Yield pieces with the positions of their orders; pieces are judged in batches, in the order of completion."""
        in_order = partial(self.model.codec.generation.in_order, options=self.options)
        choice = Choice(self.request, self.model.ranker, self.best, in_order)
        begun: dict[int, tuple[int, Order]] = {}  # by the first draw

        def draws() -> Iterator[Sequence[int]]:
            for place, order in orders:
                begun[order.draws[0]] = place, order
                yield order.draws

        ready: list[_Choosable] = []
        size = 1  # size of the next batch; it grows, so that the first pieces come at once
        with closing(write(engine, self.request, draws(), choice.accept if choice.one_by_one else None)) as pieces:
            for samples in pieces:
                place, order = begun.pop(self.request.asked(samples[0].index))
                ready.append((place, order, choice.shortlist(samples)))
                if len(ready) >= size:
                    yield from self._finish(ready)
                    ready, size = [], min(2 * size, _BATCH)
        yield from self._finish(ready)

    def _finish(self, ready: Sequence[_Choosable]) -> Iterator[tuple[int, Sampled]]:
        """Yield the best piece of each order with the position of the order."""
        judged = iter(self._judge([sample for _, _, shortlist in ready for sample in shortlist]))
        for place, order, shortlist in ready:
            yield place, self._sampled(order, max(islice(judged, len(shortlist)), key=lambda each: each.critique.score))

    def _judge(self, samples: Sequence[tuple[Sample, float | None]]) -> list[_Candidate]:
        given, codec, overlaps = len(self.request.opening), self.model.codec, self.model.overlaps
        compared = [self.model.as_trained(sample.ids)[given:] for sample, _ in samples]
        shared = overlaps.longest(compared) if overlaps else [SharedPassage()] * len(samples)
        found = []
        for (sample, like), ids, passage in zip(samples, compared, shared, strict=True):
            tokens = tuple(codec.vocabulary.decode(sample.ids))
            drawn = max(len(tokens) - given, 1)
            if like is None:
                critique = Critique.of(sample.nll / drawn, passage.length, drawn, codec.generation.merits(tokens))
            else:
                critique = Critique({"likeness": like})
            found.append(_Candidate(sample, tokens, ids, passage, critique))
        return found

    def _sampled(self, order: Order, best: _Candidate) -> Sampled:
        sample, tokens, ids, passage, critique = best
        draw, overlaps = sample.index + 1, self.model.overlaps
        record = replace(self.record, index=order.number, draw=None if draw == order.number else draw)
        piece = self._make(sample.ids, record, order.title)
        copied = self.model.copied(tokens, passage._replace(start=passage.start + len(self.request.opening)))
        verdict = overlaps.judge(ids, copied) if overlaps else None
        figures = sample.nll, copied, critique, record, self, order.notices, verdict
        return Sampled(tokens, self.files.title(piece), *figures, made=piece)

    def _make(self, ids: Sequence[int], record: Record, title: str) -> Any:
        codec = self.model.codec
        decoded, name = codec.decode(np.array(ids)), f"{record.seed}-{record.index}"
        piece = codec.generation.postprocess(decoded, name, self.options, self.prime)
        return codec.generation.entitled(piece, title) if title else piece
