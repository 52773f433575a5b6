"""Bars of a tune that a user wants written anew: found in the text, asked of the model, and put in their place.

The text stays as it is but for those bars. Where it cannot be told which of its signs are which bars, as where a bar is
broken off in one voice and goes on lines later, the whole tune is written in one normal form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.splice import TextBar, find_tune, put
from folkseq.formats.abc.writer import format_bars
from folkseq.formats.transcription import transcribe
from folkseq.music import Bar, Element, Key, Meter, Sound, Tune
from folkseq.music.playback import perform
from folkseq.pairs import Integers, Source
from folkseq.tokenizers.abc.gap import Gap
from folkseq.tokenizers.abc.spelling import kind
from folkseq.tokenizers.base import END, START
from folkseq.tokenizers.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.tokenizers.abc.fill import FillTask

MOST_BARS = 16
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True)
class AskedBars:
    """A gap in a tune (`folkseq.tokenizers.task.Asked`)."""

    task: FillTask
    tune: Tune
    text: str
    """In which the tune stands, or nothing if it is to be written in normal form."""
    encoding: str
    places: tuple[TextBar, ...]
    """Of the gap's bars in the text."""
    ids: Integers
    """The tune's."""
    first: int
    """Of the gap's bars."""
    grammar: Gap
    notices: tuple[str, ...] = ()

    @property
    def source(self) -> Source:
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
        return FilledTune(self, new)


@dataclass(frozen=True)
class FilledTune:
    """A tune with new bars (`folkseq.tokenizers.task.Finished`)."""

    asked: AskedBars
    new: Integers

    @property
    def title(self) -> str:
        """See the protocol."""
        return self.asked.tune.title

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
        asked = self.asked
        return [
            _slurred(format_bars(elements, place.key, place.meter, place.unit), place)
            for elements, place in zip(self._elements, asked.places, strict=True)
        ]

    @cached_property
    def tune(self) -> Tune:
        """All of it."""
        if not self.asked.text:
            return replace(self._decoded, titles=self.asked.tune.titles, rhythm=self.asked.tune.rhythm)
        return abc.parse(self.text).tunes[0]

    @cached_property
    def text(self) -> str:
        """The text with the bars in their place."""
        return put(self.asked.text, self.asked.places, self.bars)

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """As ABC, in which nothing else is new, or as MIDI with the comments."""
        if suffix == ".mid":
            return midi.format(perform(self.tune), comments)
        if not self.asked.text:
            return abc.format(self.tune, comments).encode()
        return self.text.encode(self.asked.encoding)

    @cached_property
    def _decoded(self) -> Tune:
        """The tune that the ids stand for, in its own key."""
        asked = self.asked
        gap = asked.grammar
        ids = np.concatenate([asked.ids[: gap.start], self.new, asked.ids[gap.stop :]])
        tune = asked.task.tokenizer.detokenize(asked.task.vocabulary.decode(ids))
        return tune.transposed(-asked.task.tokenizer.interval(asked.tune))

    @property
    def _elements(self) -> list[list[Element]]:
        """The elements of the gap's bars."""
        bars = _bars_of(self._decoded.body)
        return bars[self.asked.first : self.asked.first + len(self.asked.places)]


def ask(task: FillTask, data: bytes, file: str, bars: str | None, number: int | None) -> AskedBars:
    """The bars `bars` of a tune in a file of ABC, or of the melody in a MIDI file, as a gap.

    Raises:
        FolkseqError: there is no such tune, or no such bars; or the model does not know their meter.
    """
    tune, text, encoding, lost = _read(data, file, number)
    first_number, last_number = _numbers(bars)
    tune = _respelt(tune, task)
    tokens = task.tokenizer.tokenize(tune)
    ids = np.array(_known(tokens, task.vocabulary, file), np.int64)
    found = task.bars(ids)
    names = [bar.number for bar in found.bars]
    if not names:
        raise RequestError(f"{file}: has no bars")
    if not names[0] <= first_number <= last_number <= names[-1]:
        raise RequestError(f"--bars {bars}: the tune has bars {names[0]} to {names[-1]}, endings counted as they stand")
    if last_number - first_number >= MOST_BARS:
        raise RequestError(f"--bars {bars}: ask for at most {MOST_BARS} bars at a time")
    first, last = names.index(first_number), names.index(last_number)
    for bar in found.bars[first : last + 1]:
        if not bar.plain:
            raise RequestError(f"{file}: bar {bar.number} cannot be filled, since its meter or key changes within it")
    places = _places(text, number, len(found.bars))
    notices = [f"lost: {kind} {count}" for kind, count in lost.items()] if not places else []
    if text and not places:
        notices.append(f"{file}: its bars cannot be told apart in the text, so the whole tune is written anew")
    gap = task.gap(ids, found, first, last)
    own = places[first : last + 1] or [_bare(tune)] * (last + 1 - first)
    kept = text if places else ""
    return AskedBars(task, tune, kept, encoding, tuple(own), ids, first, gap, tuple(notices))


def _read(data: bytes, file: str, number: int | None) -> tuple[Tune, str, str, dict[str, int]]:
    """The tune, the text that it stands in and its encoding, and what of it is not read."""
    if midi.is_midi(data):
        try:
            tune, lost = transcribe(midi.parse(data, file)[0])
        except ParseError as error:
            raise RequestError(f"{file}: {error}") from None
        return tune, "", "", dict(lost)
    encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = data.decode(encoding)
    if re.search(r"(?m)^\ufeff?K:", text) is None:
        text = f"K:C\n{text}" if re.search("(?m)^[XTML]:", text) is None else text
    book = abc.parse(text.removeprefix("\ufeff"), file)
    named = [tune for tune in book.tunes if number is None or tune.number == number]
    if not named and book.faults:
        raise RequestError(str(book.faults[0]))
    if len(named) != 1:
        find_tune(text, number)  # which says what there is
        raise RequestError(f"{file}: {len(named)} tunes can be read; name one with --tune")
    return named[0], text, encoding, {}


def _numbers(bars: str | None) -> tuple[int, int]:
    """The first and the last bar of a range."""
    match = _RANGE.fullmatch((bars or "").strip())
    if match is None:
        raise RequestError(f"--bars {bars or ''}: which? write one bar, or two with a dash between, as in 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise RequestError(f"--bars {bars}: goes backwards; write {last}-{first}")
    return first, last


def _respelt(tune: Tune, task: FillTask) -> Tune:
    """The tune in major with as many sharps or flats, where the model has not met its keys."""
    keys = [token for token in task.tokenizer.tokenize(tune) if token[:2] == "K:" or kind(token) == "key"]
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


def _places(text: str, number: int | None, count: int) -> list[TextBar]:
    """The bars in a text, if they are as many as the tune has."""
    places = find_tune(text, number) if text else []
    return places if len(places) == count else []


def _bare(tune: Tune) -> TextBar:
    return TextBar((), tune.key, tune.meter, tune.unit, 0, 0)


def _slurred(text: str, place: TextBar) -> str:
    """The text of a bar in which slurs end that have begun before it, and begin that end after it."""
    sounds = [match for match in SYMBOL.finditer(text) if KINDS[match.lastindex or 0] in ("note", "chord", "rest")]
    if not sounds:
        return text
    first, last = sounds[0].end(), sounds[-1].start()
    if last < first:
        return "(" * place.opens + text + ")" * place.closes
    return text[:first] + ")" * place.closes + text[first:last] + "(" * place.opens + text[last:]


def _bars_of(body: Sequence[Element]) -> list[list[Element]]:
    """The elements of each bar that holds sounds, without what stands at its lines."""
    bars: list[list[Element]] = [[]]
    for element in body:
        if isinstance(element, Bar) and element.style:
            if any(isinstance(each, Sound) for each in bars[-1]):
                bars.append([])
            else:
                bars[-1] = []
        elif not isinstance(element, Bar | Key | Meter):
            bars[-1].append(element)
    return bars
