"""Write alternatives: rewrite bars of a tune, continue the tune, or harmonise it for four voices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from folkseq.errors import FolkseqError, RequestError, TokenError
from folkseq.infill.abc.question import GapInTune
from folkseq.infill.asked import Asked, NewAnswer
from folkseq.representations.task import FILL, HARMONISE
from folkseq.sampling.batch import Sample
from folkseq.settings import setting
from folkseq.studio.api.alternatives import TURNS, Alternative, AskForAlternatives
from folkseq.studio.api.following import continued, second_part
from folkseq.studio.api.tunes import Notice
from folkseq.studio.open_text import NAME, OpenText, excerpt, plainly
from folkseq.studio.operations import operation
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import drawn_seed

AGAIN, PLAINER, BOLDER, VARY, ON, SECOND = WAYS = ("again", "plainer", "bolder", "vary", "continue", "second_part")
_ROUNDS = 16  # maximum number of draws per alternative, since some draws are equal
_HEADINGS = re.compile(r"(?m)^(?:[A-HNOPQRSTZ]:|%).*\n")
_LIKE = 24  # draws of a varied bar; the one most similar to the present bar is kept


@dataclass(frozen=True)
class AskToRewrite(AskForAlternatives):
    """The bars of a tune to rewrite, or the way to continue the tune."""

    way: str = setting(AGAIN, "What is to be written, and how.", choices=WAYS)
    first: int = setting(1, "The first bar, as engravers count.", low=0, high=9999)
    last: int | None = setting(None, "The last bar; the first by default.", low=0, high=9999)
    plainer: float = setting(0.6, "Temperature of plainer bars.", low=0, high=4)
    bolder: float = setting(1.4, "Temperature of bolder bars.", low=0, high=4)


def rewrite(workshop: Workshop, request: AskToRewrite) -> Iterator[Alternative | Notice]:
    """Rewrite some bars of a tune, or continue it, in several different ways.

    `again`, `plainer` and `bolder` rewrite the bars. `vary` rewrites every second bar, so that the last one stays, and
    keeps the versions most similar to the present bars. `continue` continues from the end of the tune; `second_part`
    replaces the music after the first part. A tune for an instrument stays within its range.
    """
    text = OpenText.read(request.abc)
    try:
        if request.way == ON:
            yield from continued(workshop, request, text)
        elif request.way == SECOND:
            yield from second_part(workshop, request, text)
        else:
            yield from _filled(workshop, request, text)
    except (RequestError, TokenError) as error:
        raise plainly(error) from None


def harmonise(workshop: Workshop, request: AskForAlternatives) -> Iterator[Alternative | Notice]:
    """Write alto, tenor and bass to a tune, in several different ways."""
    data, model = OpenText.read(request.abc).data, workshop.model(request.model, HARMONISE)
    try:
        asked = Asked.of(model, HARMONISE, data, NAME, request.seed, where={}, temperature=request.temperature)
    except RequestError as error:
        raise plainly(error) from None
    yield from map(Notice, asked.question.notices)
    for new in _different(asked, request.count, set()):
        if isinstance(new, Notice):
            yield new
            continue
        abc = _abc(new)
        numbers = OpenText.read(abc).numbers
        score = _HEADINGS.sub("", abc)
        yield Alternative(abc, "", score, "harmonise", numbers[0], numbers[-1], _rate([new]), new.copied)


def _filled(workshop: Workshop, request: AskToRewrite, text: OpenText) -> Iterator[Alternative | Notice]:
    model = workshop.model(request.model, FILL, "abc")
    first, last = request.first, request.first if request.last is None else request.last
    usual = {PLAINER: request.plainer, BOLDER: request.bolder}.get(request.way, 1.0)
    temperature = usual if request.temperature is None else request.temperature
    seed = drawn_seed() if request.seed is None else request.seed

    def ask(data: bytes, bars: str) -> Asked:
        where = {"bars": bars} | ({"instrument": text.instrument} if text.instrument else {})
        return Asked.of(model, FILL, data, NAME, seed, where=where, temperature=temperature)

    def alternative(parts: Sequence[NewAnswer], at: int, bars: int) -> Alternative:
        abc = _abc(parts[-1])
        summary = " | ".join(each.answer.summary for each in parts)
        score = excerpt(OpenText.read(abc).tune, at, at + bars - 1)
        copied = max((each.copied for each in parts), key=lambda copied: copied.tokens)
        return Alternative(abc, summary, score, request.way, first, last, _rate(parts), copied)

    whole = ask(text.data, f"{first}-{last}")
    yield from map(Notice, whole.question.notices)
    gap = whole.question
    assert isinstance(gap, GapInTune)
    passage = gap.gap.first, len(gap.bars)
    if request.way != VARY:
        for new in _different(whole, request.count, {_ids(gap.gap.inside)}):
            yield new if isinstance(new, Notice) else alternative([new], *passage)
        return
    varied = range(last - 1, first - 1, -2)[::-1] or [first]
    variations: set[bytes] = set()
    for turn in range(TURNS * request.count):
        data, parts = text.data, list[NewAnswer]()
        for number in varied:
            one = ask(data, str(number))
            parts.append(_most_like(one, range(_LIKE * turn, _LIKE * (turn + 1))))
            data = parts[-1].answer.format(".abc", parts[-1].comments)
        key = b"|".join(_ids(each.answer.compared) for each in parts)
        if key not in variations:
            variations.add(key)
            yield alternative(parts, *passage)
        if len(variations) == request.count:
            return


def _different(asked: Asked, wanted: int, found: set[bytes]) -> Iterator[NewAnswer | Notice]:
    """Yield up to `wanted` answers that differ from each other and from those in `found`."""
    missing, first, last = wanted, 0, wanted
    while missing and first < _ROUNDS * wanted:
        for sample in asked.samples(range(first, last)):
            key = _ids(sample.ids[len(asked.question.opening) : -1])
            if key in found or not missing:
                continue
            found.add(key)
            with suppress(RequestError):  # it would change the bars around it
                yield asked.answer(sample)
                missing -= 1
        first, last = last, min(3 * last, _ROUNDS * wanted)
    if missing == wanted:
        raise FolkseqError("nothing else comes that fits there; try bolder, or other bars")
    if missing:
        yield Notice(f"no more than {wanted - missing} came that differ; try bolder")


def _most_like(asked: Asked, draws: Sequence[int]) -> NewAnswer:
    """Return the answer that is most similar to the present bars; an identical one comes last."""
    assert isinstance(asked.question, GapInTune)
    present = asked.question.gap.inside.tolist()

    def likeness(sample: Sample) -> float:
        ids = list(sample.ids[len(asked.question.opening) : -1])
        return -1.0 if ids == present else SequenceMatcher(None, present, ids, autojunk=False).ratio()

    for sample in sorted(asked.samples(draws), key=likeness, reverse=True):
        with suppress(RequestError):  # it would change the bars around it
            return asked.answer(sample)
    raise FolkseqError("nothing else came that fits there; choose other bars")


def _ids(ids: Any) -> bytes:
    return np.asarray(ids, np.int64).tobytes()


def _abc(new: NewAnswer) -> str:
    return new.answer.format(".abc", new.comments).decode()


def _rate(answers: Sequence[NewAnswer]) -> float:
    return sum(each.nll for each in answers) / max(sum(each.answer.choices for each in answers), 1)


OPERATIONS = (operation("POST", "/api/rewrite", rewrite), operation("POST", "/api/harmonise", harmonise))
