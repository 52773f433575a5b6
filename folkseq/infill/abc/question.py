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
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.formats import abc, midi
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.splice import TextBar, find_tune, put
from folkseq.formats.abc.writer import format_bars
from folkseq.formats.transcription import written_down
from folkseq.infill.abc.found import Found, bars_of, find, keeps, trial_of
from folkseq.infill.abc.gap import Gap
from folkseq.music import Element, Key, Tune
from folkseq.music.playback import perform
from folkseq.pairs import EncoderSource, Integers
from folkseq.representations.abc.alphabet import Alphabet
from folkseq.representations.abc.bars import BarReader, Bars
from folkseq.representations.abc.spelling import kind
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.infill.abc.task import FillTask

MOST_BARS = 16
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True)
class AskedBars:
    """A gap in a tune (`folkseq.representations.task.Asked`)."""

    task: FillTask
    found: Found
    read: Tune
    """The tune as the model knows it."""
    places: tuple[TextBar, ...]
    """Of the gap's bars in the text."""
    ids: Integers
    """The tune's."""
    first: int
    """Of the gap's bars."""
    grammar: Gap
    notices: tuple[str, ...] = ()

    @property
    def source(self) -> EncoderSource:
        """See the protocol."""
        return self.grammar.source

    @property
    def opening(self) -> tuple[int, ...]:
        """See the protocol."""
        return (self.task.vocabulary.id(START),)

    @property
    def end(self) -> int:
        """See the protocol."""
        return self.task.vocabulary.id(END)

    @property
    def limit(self) -> int:
        """See the protocol."""
        return self.grammar.limit

    def finish(self, ids: Sequence[int]) -> FilledTune:
        """See the protocol."""
        new = np.array([one for one in ids if one not in (*self.opening, self.end)], np.int64)
        filled = FilledTune(self, new)
        if self.found.text and not keeps(self.found, filled.text, self.first, len(self.places), filled.elements):
            raise RequestError("an answer would change the bars around it; ask for others, or with another --seed")
        return filled


@dataclass(frozen=True)
class FilledTune:
    """A tune with new bars (`folkseq.representations.task.Finished`)."""

    asked: AskedBars
    new: Integers

    @property
    def title(self) -> str:
        """See the protocol."""
        return self.asked.found.tune.title

    @property
    def compared(self) -> NDArray[Any]:
        """See the protocol."""
        return self.new

    @property
    def free(self) -> int:
        """See the protocol."""
        kinds = (kind(self.asked.task.vocabulary.tokens[one]) for one in self.new.tolist())
        return sum(each not in ("bar", "ending", "meter", "key") for each in kinds)

    @property
    def written(self) -> str:
        """See the protocol."""
        return " | ".join(self.bars)

    @cached_property
    def bars(self) -> list[str]:
        """The new bars, in the tune's own key and unit, with slurs that lead into and out of them."""
        return [_written(each, place) for each, place in zip(self.elements, self.asked.places, strict=True)]

    @cached_property
    def elements(self) -> list[list[Element]]:
        """The elements of the new bars."""
        bars = bars_of(self._decoded.body)
        return bars[self.asked.first : self.asked.first + len(self.asked.places)]

    @cached_property
    def tune(self) -> Tune:
        """All of it."""
        found = self.asked.found
        as_read = found.with_text(self.text) if found.text else None
        return as_read or replace(self._decoded, titles=found.tune.titles, rhythm=found.tune.rhythm)

    @cached_property
    def text(self) -> str:
        """The text with the bars in their place."""
        return put(self.asked.found.text, self.asked.places, self.bars)

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """As ABC, in which nothing else is new, or as MIDI with the comments."""
        found = self.asked.found
        if suffix == ".mid":
            return midi.format(perform(self.tune), comments)
        if not found.text:
            return abc.format(self.tune, comments).encode()
        return self.text.removeprefix(found.added).encode(found.encoding)

    @cached_property
    def _decoded(self) -> Tune:
        """The tune that the ids stand for, in its own key."""
        asked = self.asked
        ids = np.concatenate([asked.ids[: asked.grammar.start], self.new, asked.ids[asked.grammar.stop :]])
        tune = asked.task.codec.decode(ids)
        return tune.transposed(-asked.task.codec.representation.interval(asked.read))


def ask(task: FillTask, data: bytes, file: str, bars: str | None, number: int | None) -> AskedBars:
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
    names = [bar.number for bar in measured.bars]
    if not names:
        raise RequestError(f"{file}: has no bars")
    if not names[0] <= first_number <= last_number <= names[-1]:
        raise RequestError(f"--bars {bars}: the tune has bars {names[0]} to {names[-1]}, endings counted as they stand")
    if last_number - first_number >= MOST_BARS:
        raise RequestError(f"--bars {bars}: ask for at most {MOST_BARS} bars at a time")
    first, last = names.index(first_number), names.index(last_number)
    for bar in measured.bars[first : last + 1]:
        if not bar.plain:
            why = "its meter or key changes within it, or it has no meter"
            raise RequestError(f"{file}: bar {bar.number} cannot be filled, since {why}")
    gap = task.gap(ids, measured, first, last)
    if not found.text:
        places = [TextBar((), found.tune.key, found.tune.meter, found.tune.unit)] * (last + 1 - first)
        notices = [written_down(file, found.lost or Counter())]
        return AskedBars(task, found, read, tuple(places), ids, first, gap, tuple(notices))
    text = find_tune(found.text, found.index)
    own = text.bars[first : last + 1]
    trial = [trial_of(bar) for bar in bars_of(found.tune.body)[first : last + 1]]
    pairs = zip(trial, own, strict=False)
    if len(text.bars) != len(measured.bars):
        raise RequestError(f"{file}: its bars cannot be told apart; write rests of several bars (Z) bar by bar")
    if any(place.overlay for place in own):
        raise RequestError(f"{file}: bars {bars} have a second line (&), which cannot be written; ask for others")
    tried = put(found.text, own, [format_bars(bar, place.key, place.meter, place.unit) for bar, place in pairs])
    if not keeps(found, tried, first, len(own), trial):
        raise RequestError(
            f"{file}: bars {bars} cannot be written anew and leave the rest as it is: something in them (a tie with an "
            "accidental, a broken rhythm, a field) reaches out of them; ask for others"
        )
    notices = []
    if symbols := sum(place.symbols for place in own):
        notices.append(f"{symbols} chord symbol{'s' * (symbols != 1)} or other text over these bars will be gone")
    if text.words:
        notices.append("the words under the tune stay as they are, and may not fit the new notes")
    return AskedBars(task, found, read, tuple(own), ids, first, gap, tuple(notices))


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


def _measured(task: FillTask, tokens: Sequence[str], ids: Integers, file: str) -> Bars:
    """The bars of the ids, as long as those of all tokens, some of which the model may not know."""
    every = Vocabulary.learn([tokens, *([token] for token in ("|", "[1", START, END))])
    bars = BarReader(Alphabet(every)).read(every.encode(tokens))
    known = task.bars(ids)
    if len(bars.bars) != len(known.bars):
        raise RequestError(f"{file}: the model has not met what parts its bars; train one on such tunes")
    both = zip(bars.bars, known.bars, strict=True)
    fits = task.fits
    own = (replace(one, start=other.start, stop=other.stop, plain=one.plain and fits(one.ticks)) for one, other in both)
    return Bars(tuple(own), known.places)


def _respelt(tune: Tune, task: FillTask) -> Tune:
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
