"""The novelty of a tune: its overlap with the books that a model was trained on, side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

from folkseq import pretrained
from folkseq.errors import FolkseqError, RequestError
from folkseq.extras import require
from folkseq.formats import abc
from folkseq.formats.abc.lexer import parse_note
from folkseq.music import Interval
from folkseq.novelty.known import KnownPieces
from folkseq.novelty.verb import compare
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import kind
from folkseq.representations.task import CONTINUE
from folkseq.sampling.overlaps import Copied, Verdict
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.reading import ReadBar, reading
from folkseq.studio.api.tunes import LONGEST_TEXT
from folkseq.studio.errors import BusyError
from folkseq.studio.operations import operation
from folkseq.studio.takeaway import read_tune
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import Model
from folkseq.verbs.trained import restore

_TURN_S = 0.2
_LABEL = re.compile(r".*?X:\S+ (.+)")
_building = Lock()


@dataclass(frozen=True)
class AskForOverlap:
    """A tune to compare with the books of a model."""

    abc: str = setting(REQUIRED, "The tune.", longest=LONGEST_TEXT)
    model: str = setting("", "One of the models; the first that writes tunes by default.")


@dataclass(frozen=True)
class Side:
    """A tune, and the bars that it shares with the other tune."""

    title: str
    abc: str
    bars: tuple[ReadBar, ...]


@dataclass(frozen=True)
class SharedBars:
    """The novelty of a tune."""

    model: str
    verdict: Verdict
    copied: Copied
    """The longest shared passage."""
    here: Side | None
    there: Side | None
    """The tune from the book, transposed to the same tonic; None if the books are missing or nothing is shared."""
    can_build: bool
    """Whether the books can be built on this machine."""
    hint: str
    """How to get the books, if they are missing."""


@dataclass(frozen=True)
class AskForBooks:
    """A request for the books of a model."""

    model: str = setting("", "One of the models; the first that writes tunes by default.")


@dataclass(frozen=True)
class Building:
    """The books are being built."""

    seconds: float


@dataclass(frozen=True)
class Books:
    """The books are ready."""

    model: str


def compare_tune(workshop: Workshop, request: AskForOverlap) -> SharedBars:
    """Compare a tune with the books that a model was trained on, in any key."""
    model = workshop.model(request.model, CONTINUE, "abc")
    spelling, known = model.representation, model.overlaps
    if not isinstance(known, KnownPieces) or not isinstance(spelling, Spelling):
        raise RequestError(f"{model.run.name}: cannot compare tunes; choose another model")
    tune = read_tune(request.abc)
    (found,) = compare(spelling.matching(model.run.vocabulary), known, [tune])
    here = there = None
    source, shared = known.source(found.shared), found.shared
    if source is not None and found.verdict.kind != "new":
        in_key = -spelling.interval(tune)
        here = _side(tune.title, request.abc, found.tokens, shared.start, shared.length, spelling, in_key)
        label = _LABEL.fullmatch(found.copied.source)
        title = label[1] if label else found.copied.source
        steps = _first_step(found.tokens, shared.start) - _first_step(source, shared.source_start)
        in_octave = in_key.octaves(round(steps / 7))
        there = _side(title, "", source, shared.source_start, shared.length, spelling, in_octave)
    hint, can_build = ("", False) if known.has_corpus else _hint(model)
    return SharedBars(model.run.name, found.verdict, found.copied, here, there, can_build, hint)


def build_books(workshop: Workshop, request: AskForBooks) -> Iterator[Building | Books]:
    """Build the books of a pretrained model from an installed package, which takes a while."""
    model = workshop.model(request.model, CONTINUE, "abc")
    if not _building.acquire(blocking=False):
        raise BusyError("the books are being built already; wait until they are there")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(restore, model.run)
        future.add_done_callback(lambda _: _building.release())
        begin = monotonic()
        while True:
            with suppress(NotYetError):
                future.result(_TURN_S)
                break
            yield Building(round(monotonic() - begin, 1))
    workshop.forget(model)
    yield Books(model.run.name)


def _side(
    title: str, text: str, tokens: Sequence[str], start: int, length: int, spelling: Spelling, in_key: Interval
) -> Side:
    """Return a text with the bars that hold some tokens; if its bars differ, use the tune of the tokens instead."""
    bars = read_bars(tokens)
    found = reading(text).bars if text else ()
    if len(found) != len(bars.spans):
        text = abc.format(replace(spelling.detokenize(tokens).transposed(in_key), titles=(title,)))
        found = reading(text).bars
    places = bars.positions[start : start + length, 0]
    return Side(title, text, found[places[0] : places[-1] + 1])


def _first_step(tokens: Sequence[str], start: int) -> int:
    """Return the staff position of the first note of a passage; 0 if it has none."""
    return next((parse_note(token)[0] for token in tokens[start:] if kind(token) == "pitch"), 0)


def _hint(model: Model) -> tuple[str, bool]:
    """Return a hint on how to get the books of a model, and whether they can be built now."""
    if not pretrained.includes(model.run.folder) or model.run.name not in pretrained.CORPORA:
        return "this model comes without its books, so the other tune cannot be shown", False
    try:
        require("music21")
    except FolkseqError as error:
        return f"to see the other tune, its book is needed: {error}", False
    return "to see the other tune, its book has to be built first, which takes some seconds", True


OPERATIONS = (
    operation("POST", "/api/overlap", compare_tune),
    operation("POST", "/api/books", build_books),
)
