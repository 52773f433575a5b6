"""Write music after some bars of a tune; these bars stay unchanged in its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from folkseq.errors import FolkseqError, RequestError, TokenError
from folkseq.music import Bar, Sound
from folkseq.representations.abc.analysis import sections
from folkseq.representations.task import CONTINUE
from folkseq.studio.api.alternatives import TURNS, Alternative, AskForAlternatives
from folkseq.studio.api.tunes import Notice
from folkseq.studio.open_text import NAME, Beginning, OpenText, excerpt
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import drawn_seed


def continued(workshop: Workshop, request: AskForAlternatives, text: OpenText) -> Iterator[Alternative | Notice]:
    """Continue a tune after its last bar, or within this bar if no bar line ends it."""
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
    # If a model does not accept the whole tune because its parts do not fit together, it reads only the last part.
    begins = dict.fromkeys((0, *parts[-1:]))
    primes = [Beginning((*body[text.lines[bar - 1] + 1 if bar else 0 : end], *between), bar) for bar in begins]
    return write_on(workshop, request, "continue", text, primes, kept)


def second_part(workshop: Workshop, request: AskForAlternatives, text: OpenText) -> Iterator[Alternative | Notice]:
    """Write a repeated second part, as long as the first part, after it."""
    bars = sections(text.tune.body, text.tune.meter)
    if not bars or not text.lines:
        raise FolkseqError(f"{NAME} has no whole part yet; write one that ends with || or :|")
    kept = _bars_of_first_part(text)
    part, line = text.tune.body[: text.lines[kept - 1]], text.tune.body[text.lines[kept - 1]]
    again = isinstance(line, Bar) and line.closes
    repeated = again or any(isinstance(each, Bar) and each.closes for each in part)
    between = Bar(closes=1, opens=True) if again else Bar(opens=True)
    form = {"form": "AABB" if repeated else "ABB", "bars": 2 * bars[0]}
    return write_on(workshop, request, "second_part", text, [Beginning((*part, between))], kept, **form)


def write_on(
    workshop: Workshop,
    request: AskForAlternatives,
    way: str,
    text: OpenText,
    beginnings: Sequence[Beginning],
    kept: int,
    **options: Any,
) -> Iterator[Alternative | Notice]:
    """Continue the first of `beginnings` that the model accepts; the first `kept` bars of the text stay unchanged."""
    if len(text.tune.voices) > 1:
        raise FolkseqError(f"{NAME} has several voices, and the models write one; remove the others first")
    model = workshop.model(request.model, CONTINUE, "abc")
    seed = drawn_seed() if request.seed is None else request.seed
    options["instrument"] = text.instrument
    temperature = 1.0 if request.temperature is None else request.temperature
    found: set[str] = set()
    for turn in range(TURNS * request.count):
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


def _bars_of_first_part(text: OpenText) -> int:
    """Return the number of bars in the first part; a pickup alone is not a part."""
    body, sounds = text.tune.body, list[Sound]()
    for number, line in enumerate(text.lines, 1):
        bar = body[line]
        before = text.lines[number - 2] if number > 1 else 0
        sounds += [each for each in body[before:line] if isinstance(each, Sound)]
        long = number > 1 or sum(each.duration for each in sounds) >= text.tune.meter.bar
        if isinstance(bar, Bar) and bar.ends_section and not bar.endings and long:
            return number
    return len(text.lines)
