"""The choice of each piece among its candidates, by the ranker if the run has one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from folkseq.ranking import Ranker, accepts, choose, likeness
from folkseq.sampling.batch import Request, Sample

InOrder = Callable[[Sequence[int]], Sequence[int]]
"""Returns the ids of a sample in the order of a piece."""


class Choice:
    """The choice for one process; scores are kept from `accept` to `shortlist`."""

    def __init__(self, request: Request, ranker: Ranker | None, best: int, in_order: InOrder) -> None:
        """Prepare the choice.

        Args:
            request: constraints and settings.
            ranker: scores candidates; None to leave the choice to the caller.
            best: maximum number of candidates to rank.
            in_order: returns the ids of a sample in the order of a piece.
        """
        self._request, self._ranker, self._best, self._in_order = request, ranker, best, in_order
        self._scores: dict[int, float] = {}  # by the index of the sample
        self.one_by_one = ranker is not None and request.candidates == 1
        """Whether candidates are drawn until one is accepted. Those of a form are all drawn, to compare their fit."""

    def accept(self, samples: Sequence[Sample]) -> list[bool]:
        """Return whether each sample makes further candidates unnecessary."""
        scores = self._score(samples)
        self._scores.update(zip((sample.index for sample in samples), scores, strict=True))
        return [self._accepts(sample, score) for sample, score in zip(samples, scores, strict=True)]

    def shortlist(self, samples: Sequence[Sample]) -> list[tuple[Sample, float | None]]:
        """Return the chosen candidate of a piece with its likeness, or without a ranker the ones that remain.

        Among candidates for one form, the ones that the masks constrained least are preferred.
        """
        size = self._request.candidates
        if self._ranker is None:
            groups = [samples[start : start + size] for start in range(0, len(samples), size)]
            return [(self._ordered(max(group, key=_fit)), None) for group in groups]
        if self.one_by_one:
            scores = [self._scores.pop(sample.index) for sample in samples]
        else:
            samples = sorted(samples, key=_fit, reverse=True)[: self._best]
            scores = self._score(samples)
        if self.one_by_one and self._accepts(samples[-1], scores[-1]):
            chosen = len(samples) - 1
        else:
            draws = [self._request.asked(sample.index) for sample in samples]
            chosen = choose(np.array(scores), self._request.seed, draws)
        return [(self._ordered(samples[chosen]), float(likeness(np.array(scores[chosen]))))]

    def _score(self, samples: Sequence[Sample]) -> list[float]:
        assert self._ranker is not None
        return list(map(float, self._ranker.scores([np.array(self._in_order(sample.ids)) for sample in samples])))

    def _accepts(self, sample: Sample, score: float) -> bool:
        return accepts(score, self._request.seed, self._request.asked(sample.index))

    def _ordered(self, sample: Sample) -> Sample:
        return replace(sample, ids=tuple(self._in_order(sample.ids)))


def _fit(sample: Sample) -> float:
    return sample.fit
