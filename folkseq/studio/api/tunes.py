"""New tunes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from folkseq.representations.abc.instruments import INSTRUMENTS
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.task import CONTINUE
from folkseq.sampling.overlaps import Copied, Verdict
from folkseq.settings import REQUIRED, setting
from folkseq.studio.operations import operation
from folkseq.studio.workshop import Workshop
from folkseq.verbs.piece import Sampled

MOST_TUNES = 64
LONGEST_TEXT = 100_000
"""Maximum number of characters of a tune in a request."""


@dataclass(frozen=True)
class AskForTunes:
    """The settings of new tunes."""

    model: str = setting(REQUIRED, "One of the models.")
    count: int = setting(1, "Number of tunes.", low=1, high=MOST_TUNES)
    seed: int | None = setting(None, "The same seed gives the same tunes.", low=0, high=2**63 - 1)
    opening: str = setting("", "A beginning to continue, in ABC.")
    temperature: float = setting(1.0, "Above 1 bolder, below 1 plainer.", low=0, high=4)
    top_p: float | None = setting(None, "Draw among the likeliest tokens of this total probability.", low=0, high=1)
    best: int | None = setting(
        None,
        "Maximum number of candidates for each tune; by default as `folkseq sample` has.",
        low=1,
        high=64,
    )
    max_copy: int | None = setting(None, "Most tokens in a row that a tune may share with the books.", low=8)
    rhythm: str | None = setting(None, "Kind of tune.")
    meter: str | None = setting(None, "Meter.")
    mode: str | None = setting(None, "Mode.")
    key: str | None = setting(None, "Key.")
    instrument: str | None = setting(None, "Instrument whose range is kept.", choices=("", *INSTRUMENTS))
    bars: int | None = setting(None, "Number of bars.", low=1, high=256)
    form: str | None = setting(None, "Form, such as AABB.")
    vary: float | None = setting(None, "Share of the bars that change when a section comes back.", low=0, high=1)


@dataclass(frozen=True)
class Candidate:
    """A new tune."""

    index: int
    seed: int
    title: str
    abc: str
    """The tune with its record."""
    nll: float
    """Nats per token under the model."""
    score: float
    """From 0 to 1; the best candidate has the highest."""
    verdict: Verdict | None
    copied: Copied
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """A sentence for the user."""

    text: str


def write_tunes(workshop: Workshop, request: AskForTunes) -> Iterator[Candidate | Notice]:
    """Write new tunes, each as soon as it is finished."""
    model = workshop.model(request.model, CONTINUE)
    names = {field.name for field in fields(AbcOptions)}
    options = {field.name: getattr(request, field.name) for field in fields(request) if field.name in names}
    sampled = model.sample(
        request.count,
        seed=request.seed,
        prime=as_prime(request.opening),
        temperature=request.temperature,
        top_p=request.top_p,
        best=request.best,
        max_copy=request.max_copy,
        **options,
    )
    for piece in sampled:
        yield from map(Notice, piece.notices)
        yield candidate(piece)


def as_prime(text: str) -> str | None:
    """Return the text of a prime with a line feed, so that it is never taken for a file name."""
    return f"{text.strip()}\n" if text.strip() else None


def candidate(piece: Sampled) -> Candidate:
    """Return a sampled tune in the form for the page."""
    return Candidate(
        piece.index,
        piece.seed,
        piece.title,
        piece.format(".abc").decode(),
        piece.nll / max(len(piece.tokens), 1),
        piece.critique.score,
        piece.verdict,
        piece.copied,
        json.loads(piece.record.to_json()),
    )


OPERATIONS = (operation("POST", "/api/tunes", write_tunes),)
