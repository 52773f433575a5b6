"""Some bars of a tune written again, the tune continued, and the tune for four voices: alternatives to choose among."""

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
from folkseq.music import Bar, Sound
from folkseq.representations.abc.analysis import sections
from folkseq.representations.task import CONTINUE, FILL, HARMONISE
from folkseq.sampling.batch import Sample
from folkseq.sampling.overlaps import Copied
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.tunes import LONGEST_TEXT, Notice
from folkseq.studio.continuation import NAME, Beginning, OpenText, excerpt, plainly
from folkseq.studio.operations import operation
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import drawn_seed

AGAIN, PLAINER, BOLDER, VARY, ON, SECOND_PART = WAYS = ("again", "plainer", "bolder", "vary", "continue", "second_part")
MOST_ALTERNATIVES = 16
_ROUNDS = 16  # times as many draws as alternatives at most, since some come out alike
_HEADINGS = re.compile(r"(?m)^(?:[A-HNOPQRSTZ]:|%).*\n")
_TURNS = 2  # the same of variations and continuations, which are seldom alike
_LIKE = 24  # draws of a varied bar, of which the one most like the present bar is kept


@dataclass(frozen=True)
class AskForAlternatives:
    """A tune in which something is to be new."""

    abc: str = setting(REQUIRED, "The tune in ABC.")
    count: int = setting(4, "Number of alternatives.", low=1, high=MOST_ALTERNATIVES)
    seed: int | None = setting(None, "The same seed gives the same alternatives.", low=0, high=2**62)
    model: str = setting("", "One of the models; the first that suits by default.")
    temperature: float | None = setting(None, "Above 1 bolder, below 1 plainer.", low=0, high=4)

    def __post_init__(self) -> None:
        check_length(self.abc)


@dataclass(frozen=True)
class AskToRewrite(AskForAlternatives):
    """The bars of a tune to write again, or the way in which the tune is to go on."""

    way: str = setting(AGAIN, "What is to be written, and how.", choices=WAYS)
    first: int = setting(1, "The first bar, as engravers count.", low=0, high=9999)
    last: int | None = setting(None, "The last bar; the first by default.", low=0, high=9999)
    plainer: float = setting(0.6, "Temperature of plainer bars.", low=0, high=4)
    bolder: float = setting(1.4, "Temperature of bolder bars.", low=0, high=4)


@dataclass(frozen=True)
class Alternative:
    """The tune with something new in it."""

    abc: str
    """The whole tune with its record; all other bars are the same, byte for byte."""
    summary: str
    """The new bars as text."""
    score: str
    """The new bars as a tune of their own, to be drawn."""
    way: str
    first: int
    """The number of the first bar of the passage that was written."""
    last: int
    nll: float
    """Nats per token of the new music under the model."""
    copied: Copied


def check_length(abc: str) -> None:
    """Raise ValueError if a text is too long for a request."""
    if isinstance(abc, str) and len(abc) > LONGEST_TEXT:
        raise ValueError(f"the tune has more than {LONGEST_TEXT:,} characters; shorten it")


def rewrite(workshop: Workshop, request: AskToRewrite) -> Iterator[Alternative | Notice]:
    """Write some bars of a tune again, or continue it, in several ways that differ.

    `again`, `plainer` and `bolder` write the bars anew. `vary` writes every second bar, so that the last one stays, and
    takes those most like the present ones. `continue` writes on from the end of the tune; `second_part` from the end of
    the first part, in place of what follows there.
    """
    text = OpenText.read(request.abc)
    try:
        if request.way == ON:
            yield from _continued(workshop, request, text)
        elif request.way == SECOND_PART:
            yield from _second_part(workshop, request, text)
        else:
            yield from _filled(workshop, request, text)
    except (RequestError, TokenError) as error:
        raise plainly(error) from None


def harmonise(workshop: Workshop, request: AskForAlternatives) -> Iterator[Alternative | Notice]:
    """Write alto, tenor and bass to a tune, in several ways that differ."""
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
        return Asked.of(model, FILL, data, NAME, seed, where={"bars": bars}, temperature=temperature)

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
    for turn in range(_TURNS * request.count):
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


def _continued(workshop: Workshop, request: AskToRewrite, text: OpenText) -> Iterator[Alternative | Notice]:
    """Continue a tune after its last bar, or within it if no line ends it."""
    body, kept = text.tune.body, len(text.lines)
    end = max((place for place, each in enumerate(body) if isinstance(each, Sound)), default=-1) + 1
    lines = [each for each in body[end:] if isinstance(each, Bar) and each.style]
    repeats = any(isinstance(each, Bar) and each.closes for each in body)
    if any(line.closes for line in lines):
        between = [Bar(closes=1, opens=True)]
    elif any(line.ends_section for line in lines):
        between = [Bar(opens=True) if repeats else Bar("||")]
    else:
        between = [Bar()] if lines else []
    parts = [bar for bar, line in enumerate(text.lines[:-1], 1) if getattr(body[line], "ends_section", False)]
    # A model that does not accept the whole tune, since its parts do not fit together, reads the last part alone.
    begins = dict.fromkeys((0, *parts[-1:]))
    primes = [Beginning((*body[text.lines[bar - 1] + 1 if bar else 0 : end], *between), bar) for bar in begins]
    return write_on(workshop, request, request.way, text, primes, kept)


def _second_part(workshop: Workshop, request: AskToRewrite, text: OpenText) -> Iterator[Alternative | Notice]:
    """Write a repeated part as long as the first one, after it."""
    bars = sections(text.tune.body, text.tune.meter)
    if not bars or not text.lines:
        raise FolkseqError(f"{NAME} has no whole part yet; write one that ends with || or :|")
    kept = _bars_of_first_part(text)
    part, line = text.tune.body[: text.lines[kept - 1]], text.tune.body[text.lines[kept - 1]]
    again = isinstance(line, Bar) and line.closes
    repeated = again or any(isinstance(each, Bar) and each.closes for each in part)
    between = Bar(closes=1, opens=True) if again else Bar(opens=True)
    form = {"form": "AABB" if repeated else "ABB", "bars": 2 * bars[0]}
    return write_on(workshop, request, request.way, text, [Beginning((*part, between))], kept, **form)


def _bars_of_first_part(text: OpenText) -> int:
    """Return the number of bars up to the line that ends the first part, which a pickup alone is not."""
    body, sounds = text.tune.body, list[Sound]()
    for number, line in enumerate(text.lines, 1):
        bar = body[line]
        before = text.lines[number - 2] if number > 1 else 0
        sounds += [each for each in body[before:line] if isinstance(each, Sound)]
        long = number > 1 or sum(each.duration for each in sounds) >= text.tune.meter.bar
        if isinstance(bar, Bar) and bar.ends_section and not bar.endings and long:
            return number
    return len(text.lines)


def write_on(
    workshop: Workshop,
    request: AskForAlternatives,
    way: str,
    text: OpenText,
    beginnings: Sequence[Beginning],
    kept: int,
    **options: Any,
) -> Iterator[Alternative | Notice]:
    """Write on from the first of some beginnings that the model accepts; so many bars of the text stay as they are."""
    if len(text.tune.voices) > 1:
        raise FolkseqError(f"{NAME} has several voices, and the models write one; remove the others first")
    model = workshop.model(request.model, CONTINUE, "abc")
    seed = drawn_seed() if request.seed is None else request.seed
    temperature = 1.0 if request.temperature is None else request.temperature
    found: set[str] = set()
    for turn in range(_TURNS * request.count):
        for beginning in beginnings:
            prime = text.prime(beginning, model.run.vocabulary)
            try:
                pieces = model.sample(1, seed=seed + turn, prime=prime, temperature=temperature, **options)
                break
            except (RequestError, TokenError):
                if beginning is beginnings[-1]:
                    raise
        (piece,) = pieces
        comments = [piece.record.describe(), piece.record.to_json()]
        abc = text.going_on(kept, piece.piece, comments, after=kept - beginning.bar)
        if abc is None:
            continue
        grown = OpenText.read(abc)
        score = excerpt(grown.tune, kept, len(grown.lines))
        if score not in found:
            found.add(score)
            given = len(model.codec.generation.prime(prime, model.representation.options()).ids)
            rate, summary = piece.nll / max(len(piece.tokens) - given, 1), " ".join(score.splitlines()[3:])
            yield Alternative(abc, summary, score, way, grown.numbers[kept], grown.numbers[-1], rate, piece.copied)
        if len(found) == request.count:
            return
    if not found:
        raise FolkseqError(f"nothing that could be written follows {NAME}; end it with a bar line and try again")


def _different(asked: Asked, wanted: int, found: set[bytes]) -> Iterator[NewAnswer | Notice]:
    """Yield answers that differ from each other and from those found, as many as are wanted if there are so many."""
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
    """Return the answer that is most like the present bars, and not the same if there is another."""
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
