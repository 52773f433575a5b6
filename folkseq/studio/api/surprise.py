"""The surprise of each note under a model, the most likely notes in its place, and tunes that branch from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError, TokenError
from folkseq.grammar import Ids
from folkseq.representations.abc.tokens import kind
from folkseq.representations.task import CONTINUE
from folkseq.sampling.engine import Logits
from folkseq.sampling.scoring import id_nll, scores
from folkseq.sampling.settings import INT8
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.alternatives import Alternative, AskForAlternatives
from folkseq.studio.api.following import write_on
from folkseq.studio.api.reading import in_utf16
from folkseq.studio.api.tunes import LONGEST_TEXT, Notice
from folkseq.studio.notes import LEAST, ReadTune, shares
from folkseq.studio.open_text import Beginning, OpenText, plainly
from folkseq.studio.operations import operation
from folkseq.studio.workshop import Workshop

SHOWN = 5
"""Number of choices at a note."""


@dataclass(frozen=True)
class AskForSurprise:
    """A request for the surprise of a tune's notes."""

    abc: str = setting(REQUIRED, "The tune in ABC.", longest=LONGEST_TEXT)
    model: str = setting("", "One of the models; the first that writes tunes by default.")


@dataclass(frozen=True)
class AskForChoices(AskForSurprise):
    """A note to find alternatives for."""

    at: int = setting(0, "The index of the note among those of `/api/read`.", low=0)


@dataclass(frozen=True)
class AskToBranch(AskForAlternatives):
    """A note from which to rewrite the tune."""

    at: int = setting(0, "The index of the note among those of `/api/read`.", low=0)
    choice: str = setting("", "What is to stand there instead, in ABC.")


@dataclass(frozen=True)
class NoteSurprise:
    """The surprise of a written note."""

    note: int
    """Its index among the notes of `/api/read`."""
    start: int
    """Its place in the text."""
    stop: int
    bits: float | None
    """−log2 of its probability, given everything before it; None if it is not in the model's vocabulary."""


@dataclass(frozen=True)
class Surprise:
    """The surprise of each note, chord and rest of the first voice."""

    notes: tuple[NoteSurprise, ...]
    mean: float
    """Mean number of bits per note."""
    notice: str
    """A sentence about the tokens that the model does not know; empty if it knows all."""


@dataclass(frozen=True)
class NoteChoice:
    """A note that may replace another one."""

    text: str
    """Its spelling in ABC at that place."""
    pitch: int | None
    """MIDI number; None for a rest."""
    probability: float
    is_present: bool
    """Whether it is the present note."""


@dataclass(frozen=True)
class NoteChoices:
    """The most likely notes at a place, most likely first, then the present note if it is not among them."""

    choices: tuple[NoteChoice, ...]


def surprise(workshop: Workshop, request: AskForSurprise) -> Surprise:
    """Return the surprise of each note of a tune, given the music before it, under a model."""
    read = ReadTune.of(workshop.model(request.model, CONTINUE, "abc"), request.abc)
    at, found, bits = in_utf16(request.abc), list[NoteSurprise](), _bits(read)
    for note in read.notes:
        place, tokens = read.placed.symbols[note.symbol], range(note.start, note.stop)
        total = max(sum(bits[each] for each in tokens), 0.0) if all(each in bits for each in tokens) else None
        found.append(NoteSurprise(note.symbol, at(place.start), at(place.stop), total))
    judged = [each.bits for each in found if each.bits is not None]
    return Surprise(tuple(found), sum(judged) / max(len(judged), 1), read.unknown)


def _bits(read: ReadTune) -> dict[int, float]:
    """Return the bits of each token that the model knows, by its index in the tune's tokens.

    A note of one unit has no length token. The surprise of this absence counts towards the note, not the next one.
    """
    lengths = np.array([kind(token) == "length" for token in read.model.run.vocabulary.tokens])

    def score(logits: Logits, ids: Ids) -> NDArray[np.float64]:
        without = 1 - shares(logits)[:, lengths].sum(axis=1)
        return np.stack([id_nll(logits, ids), -np.log(np.maximum(without, LEAST))], axis=1) / log(2)

    (found,) = scores(read.model.engine(INT8), [np.array(read.ids)], score)
    bits = dict(zip(read.known[1:], found[:, 0].tolist(), strict=True))
    for (one, other), without in zip(pairwise(read.known), found[:, 1].tolist(), strict=True):
        if kind(read.tokens[one]) in ("pitch", "rest", "]") and kind(read.tokens[other]) != "length":
            bits[one] += without
            bits[other] -= without
    return bits


def list_choices(workshop: Workshop, request: AskForChoices) -> NoteChoices:
    """Return the most likely notes in the place of a note, given everything before it."""
    read = ReadTune.of(workshop.model(request.model, CONTINUE, "abc"), request.abc)
    note = read.note(request.at)
    choices = read.choices(note, SHOWN)
    return NoteChoices(
        tuple(
            NoteChoice(
                read.spell(note, each.sound),
                each.sound.pitches[-1].midi if each.sound.pitches else None,
                each.probability,
                each.is_present,
            )
            for each in choices
        )
    )


def branch(workshop: Workshop, request: AskToBranch) -> Iterator[Alternative | Notice]:
    """Replace a note and rewrite the tune from there, in several different ways."""
    read = ReadTune.of(workshop.model(request.model, CONTINUE, "abc"), request.abc)
    note = read.note(request.at)
    chosen, text = read.parse(note, request.choice), OpenText.read(request.abc)
    before = text.tune.body[: note.element]
    lines = [line for line in text.lines if line < note.element]
    parts = [bar for bar, line in enumerate(lines, 1) if getattr(before[line], "ends_section", False)]
    begins = dict.fromkeys((0, *parts[-1:]))
    beginnings = [Beginning((*before[lines[bar - 1] + 1 if bar else 0 :], chosen), bar) for bar in begins]
    try:
        yield from write_on(workshop, request, "branch", text, beginnings, len(lines))
    except (RequestError, TokenError) as error:
        raise plainly(error) from None


OPERATIONS = (
    operation("POST", "/api/surprise", surprise),
    operation("POST", "/api/alternatives", list_choices),
    operation("POST", "/api/branch", branch),
)
