"""Bars of a tune that a user wants written anew: found in the text, asked of the model, and put in their place.

The text stays as it is but for those bars, and so does the music around them: the text is read again with rests in the
bars' place, and with each answer, and what is not as it was is refused. So a tie that carries an accidental out of the
gap, a broken rhythm over its edge, or a change of key in a bar's middle is no matter of luck.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from folkseq.errors import RequestError
from folkseq.formats import abc, midi
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.splice import TextBar, find_bars, replace_bars
from folkseq.formats.abc.writer import format_bars
from folkseq.formats.transcription import transcription_notice
from folkseq.infill.abc.found import Found, bars_of, find, keeps, trial_of
from folkseq.infill.abc.gap import Gap, GapGrammar
from folkseq.music import Element, Key, Tune
from folkseq.music.playback import perform
from folkseq.pairs import Integers
from folkseq.representations.abc.bars import Bars, read_bars
from folkseq.representations.abc.tokens import kind
from folkseq.representations.base import END, START
from folkseq.representations.task import Answer, Question
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.infill.abc.task import FillTune

MOST_BARS = 16
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, kw_only=True, eq=False)
class GapInTune(Question):
    """A gap to fill in a tune."""

    task: FillTune
    found: Found
    read: Tune
    """The tune as the model knows it."""
    places: tuple[TextBar, ...]
    """Of the gap's bars in the text."""
    ids: Integers
    """The tune's."""
    first: int
    """Of the gap's bars."""
    gap: Gap

    def answer(self, ids: Sequence[int]) -> FilledTune:
        """Return the tune with new bars. Raises RequestError if they would change the bars around them."""
        new = np.array([one for one in ids if one not in (*self.opening, self.end_id)], np.int64)
        codec, found = self.task.codec, self.found
        decoded = codec.decode(np.concatenate([self.ids[: self.gap.start], new, self.ids[self.gap.stop :]]))
        tune = decoded.transposed(-codec.representation.interval(self.read))
        elements = bars_of(tune.body)[self.first : self.first + len(self.places)]
        bars = [_written(each, place) for each, place in zip(elements, self.places, strict=True)]
        text = replace_bars(found.text, self.places, bars) if found.text else ""
        if found.text and not keeps(found, text, self.first, len(self.places), elements):
            raise RequestError("an answer would change the bars around it; ask for others, or with another --seed")
        kinds = (kind(codec.vocabulary.tokens[one]) for one in new.tolist())
        return FilledTune(
            title=found.tune.title,
            summary=" | ".join(bars),
            compared=new,
            choices=sum(each not in ("bar", "ending", "meter", "key") for each in kinds),
            found=found,
            decoded=replace(tune, titles=found.tune.titles, rhythm=found.tune.rhythm),
            text=text,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FilledTune(Answer):
    """A tune with new bars in a gap."""

    found: Found
    decoded: Tune
    text: str

    @cached_property
    def tune(self) -> Tune:
        """Return the tune as its text reads, or as its ids decode."""
        as_read = self.found.with_text(self.text) if self.found.text else None
        return as_read or self.decoded

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the tune as ABC, in which nothing else is new, or as MIDI with the comments."""
        if suffix == ".mid":
            return midi.format(perform(self.tune), comments)
        if not self.found.text:
            return abc.format(self.tune, comments).encode()
        return self.text.removeprefix(self.found.added).encode(self.found.encoding)


def ask(task: FillTune, data: bytes, file: str, bars: str | None, number: int | None) -> GapInTune:
    """The bars `bars` of a tune in a file of ABC, or of the melody in a MIDI file, as a gap.

    Raises:
        FolkseqError: there is no such tune, or no such bars; the model does not know their meter; or they cannot be
            written anew without changing what is around them.
    """
    found = find(data, file, number)
    first_number, last_number = _numbers(bars)
    read = _respelt(found.tune, task)
    tokens = task.codec.representation.tokenize(read)
    ids = np.array(_known(tokens, task.vocabulary, file), np.int64)
    measured = _measured(task, tokens, ids, file)
    lowest = measured.first_number
    highest = lowest + len(measured.spans) - 1
    if not measured.spans:
        raise RequestError(f"{file}: has no bars")
    if not lowest <= first_number <= last_number <= highest:
        raise RequestError(f"--bars {bars}: the tune has bars {lowest} to {highest}, endings counted as they stand")
    if last_number - first_number >= MOST_BARS:
        raise RequestError(f"--bars {bars}: ask for at most {MOST_BARS} bars at a time")
    first, last = first_number - lowest, last_number - lowest
    for number, bar in enumerate(measured.spans[first : last + 1], first_number):
        if not task.fillable(bar):
            why = "its meter or key changes within it, or it has no meter"
            raise RequestError(f"{file}: bar {number} cannot be filled, since {why}")
    gap = task.gap(ids, measured, first, last)
    if not found.text:
        places = [TextBar((), found.tune.key, found.tune.meter, found.tune.unit)] * (last + 1 - first)
        notices = [transcription_notice(file, found.lost or Counter())]
        return _question(task, found, read, places, ids, first, gap, notices)
    text_bars, words = find_bars(found.text, found.index)
    own = text_bars[first : last + 1]
    trial = [trial_of(bar) for bar in bars_of(found.tune.body)[first : last + 1]]
    pairs = zip(trial, own, strict=False)
    if len(text_bars) != len(measured.spans):
        raise RequestError(f"{file}: its bars cannot be told apart; write rests of several bars (Z) bar by bar")
    if any(place.overlay for place in own):
        raise RequestError(f"{file}: bars {bars} have a second line (&), which cannot be written; ask for others")
    written = [format_bars(bar, place.key, place.meter, place.unit) for bar, place in pairs]
    tried = replace_bars(found.text, own, written)
    if not keeps(found, tried, first, len(own), trial):
        raise RequestError(
            f"{file}: bars {bars} cannot be written anew and leave the rest as it is: something in them (a tie with an "
            "accidental, a broken rhythm, a field) reaches out of them; ask for others"
        )
    notices = []
    if symbols := sum(place.symbols for place in own):
        notices.append(f"{symbols} chord symbol{'s' * (symbols != 1)} or other text over these bars will be gone")
    if words:
        notices.append("the words under the tune stay as they are, and may not fit the new notes")
    return _question(task, found, read, own, ids, first, gap, notices)


def _question(
    task: FillTune,
    found: Found,
    read: Tune,
    places: Sequence[TextBar],
    ids: Integers,
    first: int,
    gap: Gap,
    notices: Sequence[str],
) -> GapInTune:
    return GapInTune(
        task=task,
        found=found,
        read=read,
        places=tuple(places),
        ids=ids,
        first=first,
        gap=gap,
        source=gap.source,
        grammar=GapGrammar(gap),
        opening=(task.vocabulary.id(START),),
        end_id=task.vocabulary.id(END),
        limit=gap.limit,
        notices=tuple(notices),
    )


def _numbers(bars: str | None) -> tuple[int, int]:
    """The first and the last bar of a range."""
    match = _RANGE.fullmatch((bars or "").strip())
    if match is None:
        asked = f"--bars {bars}: " if bars else ""
        raise RequestError(f"{asked}which bars? write --bars 5, or two with a dash between, as in --bars 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise RequestError(f"--bars {bars}: goes backwards; write {last}-{first}")
    return first, last


def _measured(task: FillTune, tokens: Sequence[str], ids: Integers, file: str) -> Bars:
    """The bars of the ids, as long as those of all tokens, some of which the model may not know."""
    bars, known = read_bars(tokens), task.bars(ids)
    if len(bars.spans) != len(known.spans):
        raise RequestError(f"{file}: the model has not met what parts its bars; train one on such tunes")
    both = zip(bars.spans, known.spans, strict=True)
    own = tuple(one._replace(start=other.start, stop=other.stop) for one, other in both)
    return replace(known, spans=own)


def _respelt(tune: Tune, task: FillTune) -> Tune:
    """The tune in major with as many sharps or flats, where the model has not met its keys."""
    keys = [token for token in task.codec.representation.tokenize(tune) if token[:2] == "K:" or kind(token) == "key"]
    if all(key in task.vocabulary for key in keys):
        return tune
    voices = tuple(tuple(each for each in voice if not isinstance(each, Key)) for voice in tune.voices)
    sharps = tune.key.sharps
    return replace(tune, key=Key(4 * sharps % 7, (sharps + 1) // 7), voices=voices)


def _known(tokens: Sequence[str], vocabulary: Vocabulary, file: str) -> list[int]:
    """The ids of a tune's tokens; what the model has not met is left out where it is only read.

    Raises:
        RequestError: it has not met the tune's meter.
    """
    ids = []
    for token in tokens:
        if token in vocabulary:
            ids.append(vocabulary.id(token))
        elif token[:2] == "M:" or kind(token) == "meter":
            known = ", ".join(each[2:] for each in vocabulary.tokens if each[:2] == token.strip("[]")[:2])
            raise RequestError(f"{file}: the model knows no {token.strip('[]')}; it has met {known}")
        elif kind(token) == "pitch" and token.strip("^_=,'") in vocabulary:
            ids.append(vocabulary.id(token.strip("^_=,'")))
    return ids


def _written(elements: Sequence[Element], place: TextBar) -> str:
    """A bar as text, in which slurs end that have begun before it, and begin that end after it."""
    text = format_bars(elements, place.key, place.meter, place.unit)
    sounds = [match for match in SYMBOL.finditer(text) if KINDS[match.lastindex or 0] in ("note", "chord", "rest")]
    if not sounds:
        return text
    first, last = sounds[0].end(), sounds[-1].start()
    if last < first:
        return "(" * place.opens + text + ")" * place.closes
    return text[:first] + ")" * place.closes + text[first:last] + "(" * place.opens + text[last:]
