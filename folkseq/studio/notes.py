"""The notes of a text as a model reads them: the ids of each note, and the spelling of alternatives to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import FolkseqError, few
from folkseq.formats import abc
from folkseq.formats.abc.lexer import parse_length, parse_note
from folkseq.formats.abc.places import PlacedTune, read_first, symbol_of
from folkseq.formats.abc.writer import format_bars
from folkseq.grammar import Grammar, Rows, take
from folkseq.music import Bar, Key, Pitch, Sound, Tune, Tuplet
from folkseq.representations.abc import AbcCodec
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import UNIT, SoundTokens, kind, read_sounds
from folkseq.sampling.settings import INT8
from folkseq.studio.open_text import in_force
from folkseq.verbs.model import Model

MOST_TOKENS = 5000
_CHOICE = re.compile(r"[\^_=A-Ga-gz,'0-9/\[\]{}]{1,40}")
_FAR = np.array([1 << 20])  # ids left before the length limit
LEAST = 1e-9  # smallest probability to divide by
_SHOWN = 4  # unknown tokens to name


class WrittenNote(NamedTuple):
    """A sound of the first voice, and its index in the tune's body, the text's symbols and the tokens."""

    element: int
    symbol: int
    start: int
    stop: int


class Choice(NamedTuple):
    """A sound that may replace a note."""

    sound: Sound
    probability: float
    is_present: bool


@dataclass(frozen=True, eq=False)
class ReadTune:
    """A tune as a model reads it."""

    model: Model
    spelling: Spelling
    placed: PlacedTune
    tune: Tune
    tokens: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, text: str) -> ReadTune:
        """Read a text. Raises FolkseqError if it holds no tune, or is too long."""
        placed = read_first(text)
        if placed.tune is None:
            raise FolkseqError(placed.faults[-1].text)
        assert isinstance(model.codec, AbcCodec)
        tokens = model.codec.representation.tokenize(placed.tune)
        if len(tokens) > MOST_TOKENS:
            raise FolkseqError(f"the tune has {len(tokens):,} tokens; this is shown for tunes of up to {MOST_TOKENS:,}")
        return cls(model, model.codec.representation, placed, placed.tune, tuple(tokens))

    @cached_property
    def known(self) -> list[int]:
        """Return the index of each token in the model's vocabulary."""
        vocabulary = self.model.run.vocabulary
        return [place for place, token in enumerate(self.tokens) if token in vocabulary]

    @property
    def ids(self) -> list[int]:
        """Return the ids of the known tokens."""
        return self.model.run.vocabulary.encode([self.tokens[place] for place in self.known])

    @property
    def unknown(self) -> str:
        """Return a sentence about the tokens outside of the model's vocabulary; return "" if there are none."""
        known = set(self.known)
        names = list(dict.fromkeys(token for place, token in enumerate(self.tokens) if place not in known))
        if not names:
            return ""
        return f"the model has not met {few(names, _SHOWN)}, and reads the tune without"

    @cached_property
    def notes(self) -> list[WrittenNote]:
        """Return the sounds of the first voice that occur in the text."""
        sounds = [(place, each) for place, each in enumerate(self.tune.body) if isinstance(each, Sound)]
        ranges, end = list[tuple[int, int]](), 0
        for item in read_sounds(self.tokens):
            if isinstance(item, SoundTokens):
                ranges.append((end, item.stop))
                end = item.stop
            else:
                end = item.place + 1
        found = zip(sounds, ranges, strict=True)
        return [
            WrittenNote(place, symbol, start, stop)
            for (place, sound), (start, stop) in found
            if (symbol := symbol_of(sound)) is not None
        ]

    def note(self, symbol: int) -> WrittenNote:
        """Return the sound of a symbol. Raises FolkseqError if it is not in the first voice."""
        found = next((note for note in self.notes if note.symbol == symbol), None)
        if found is None:
            raise FolkseqError("the model reads the first voice alone; choose one of its notes")
        return found

    def choices(self, note: WrittenNote, count: int) -> list[Choice]:
        """Return the most likely single notes or rests in the place of a note, and the note itself."""
        vocabulary, engine = self.model.run.vocabulary, self.model.engine(INT8)
        ids = [vocabulary.id(self.tokens[place]) for place in self.known if place < note.start]
        stepper = engine.stepper(engine.read(ids[:-1]))
        first = shares(stepper.step(np.array(ids[-1:])))[0]
        kinds = np.array([kind(token) for token in vocabulary.tokens])
        lengths = kinds == "length"
        first /= max(1 - first[lengths].sum(), LEAST)  # the previous note has its length
        state = take(stepper.state, [0])
        grammar = _Allowed.after(self.model, ids)
        may = np.flatnonzero(np.isin(kinds, ("pitch", "rest")) & grammar.now)
        begins = may[np.argsort(-first[may])][: 2 * count]
        after = shares(engine.stepper(take(state, [0] * len(begins))).step(begins)) if len(begins) else begins
        found: dict[tuple[str, ...], float] = {}
        for one, following in zip(begins.tolist(), after, strict=True):
            then, token = grammar.then(one).now, vocabulary.tokens[one]
            if (then & ~lengths).any():
                found[(token,)] = first[one] * (1 - following[lengths].sum())
            for each in np.flatnonzero(then & lengths).tolist():
                found[token, vocabulary.tokens[each]] = first[one] * following[each]
        best = sorted(found, key=lambda tokens: found[tokens], reverse=True)[:count]
        present = tuple(token for token in self.tokens[note.start : note.stop] if token != "-")
        choices = [Choice(self._sound(note, each), float(found[each]), each == present) for each in best]
        if present not in best and all(token in vocabulary for token in present):
            share = first[vocabulary.id(present[0])]
            stepper = engine.stepper(state)
            for one, other in pairwise(vocabulary.encode(present)):
                share *= shares(stepper.step(np.array([one])))[0, other]
            if kind(present[-1]) != "length":
                last = np.array([vocabulary.id(present[-1])])
                share *= 1 - shares(stepper.step(last))[0, lengths].sum()
            choices.append(Choice(self._plain(note), float(found.get(present, share)), True))
        return choices

    def spell(self, note: WrittenNote, sound: Sound) -> str:
        """Return the spelling of a sound in the place of a note."""
        before = self._before(note)
        sound = replace(sound, duration=sound.duration / self._factor(note))
        text, given = (
            format_bars(each, *in_force(self.tune, note.element), self.tune.unit) for each in ([*before, sound], before)
        )
        return text.removeprefix(given).strip()

    def parse(self, note: WrittenNote, choice: str) -> Sound:
        """Return the sound that a text denotes in the place of a note. Raises FolkseqError if it denotes none."""
        key, meter = in_force(self.tune, note.element)
        body = (*self._before(note),)
        header = abc.format(Tune((body,), key, meter, unit=self.tune.unit)).rstrip("\n")
        found = abc.parse(f"{header} {choice}\n" if body else f"{header}\n{choice}\n")
        sounds = list(found.tunes[0].sounds()) if found.tunes and _CHOICE.fullmatch(choice) else []
        if len(sounds) != len(body) + 1:
            raise FolkseqError(f"{choice[:40]!r} is not one note; choose one of the list")
        return replace(sounds[-1], duration=sounds[-1].duration * self._factor(note), marks=())

    def _before(self, note: WrittenNote) -> list[Sound]:
        """Return the sounds before a note in its bar, each one unit long; they determine accidentals and ties."""
        body = self.tune.body[: note.element]
        line = max((place for place, each in enumerate(body) if isinstance(each, Bar | Key)), default=-1)
        return [
            Sound(each.pitches, self.tune.unit, each.tied, untied=each.untied)
            for each in body[line + 1 :]
            if isinstance(each, Sound)
        ]

    def _factor(self, note: WrittenNote) -> Fraction:
        """Return the length factor of a note's tuplet."""
        factor, left = Fraction(1), 0
        for element in self.tune.body[: note.element]:
            if isinstance(element, Tuplet):
                factor, left = Fraction(element.normal, element.actual), element.count
            elif isinstance(element, Sound):
                left = max(left - 1, 0)
        return factor if left else Fraction(1)

    def _sound(self, note: WrittenNote, tokens: Sequence[str]) -> Sound:
        """Return the sound of a pitch or rest token, with an optional length token, in the tune's key."""
        interval = self.spelling.interval(self.tune)
        key, _ = in_force(self.tune, note.element)
        pitches: tuple[Pitch, ...] = ()
        if kind(tokens[0]) == "pitch":
            step, accidental, _ = parse_note(tokens[0])
            alter = key.moved(interval).alters[step % 7] if accidental is None else accidental
            pitches = ((-interval).apply(Pitch(step, alter)),)
        length = parse_length(tokens[1]) if len(tokens) > 1 else Fraction(1)
        return Sound(pitches, UNIT * length * self._factor(note))

    def _plain(self, note: WrittenNote) -> Sound:
        """Return a note without marks and ties."""
        sound = self.tune.body[note.element]
        assert isinstance(sound, Sound)
        return Sound(sound.pitches, sound.duration, grace=sound.grace)


@dataclass(frozen=True, eq=False)
class _Allowed:
    """The ids that may follow a beginning; all ids if the beginning itself breaks the grammar."""

    grammar: Grammar | None
    rows: Rows
    size: int

    @classmethod
    def after(cls, model: Model, ids: Sequence[int]) -> _Allowed:
        grammar = model.codec.generation.plan(model.representation.options()).grammar
        rows = grammar.begin(1) if grammar else ()
        for one in ids:
            if grammar is None or not grammar.allowed(rows, _FAR)[0, one]:
                return cls(None, (), len(model.run.vocabulary))
            rows = grammar.advance(rows, np.array([one]))
        return cls(grammar, rows, len(model.run.vocabulary))

    @property
    def now(self) -> NDArray[np.bool_]:
        every = np.ones(self.size, np.bool_)
        return every if self.grammar is None else every & self.grammar.allowed(self.rows, _FAR)[0]

    def then(self, one: int) -> _Allowed:
        """Return the ids allowed after one more id."""
        if self.grammar is None:
            return self
        return replace(self, rows=self.grammar.advance(self.rows, np.array([one])))


def shares(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities of (B, V) logits."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
