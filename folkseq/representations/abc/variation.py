"""Varied repeats: sections of a requested form that return with some new bars, or with a first and a second ending.

A model first writes all sections as ordinary repeats, which it knows best, and then the varied repeats. In these, bars
are copied except for some that the model draws again, close to the original notes. `in_order` moves each varied repeat
behind its original, and merges both into an ordinary repeat if that is equivalent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.lexer import parse_note
from folkseq.grammar import Ids, Rows, Target
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.form import MOST_BARS, MOST_ENDING, FormPlan
from folkseq.representations.abc.tokens import HEADER, header_meter, kind
from folkseq.representations.base import END, START
from folkseq.representations.vocabulary import Vocabulary

# Of the 3,582 repeated sections of folk-open.abc 7.8 % have endings: 214 of one bar, 28 of two, 34 of four.
_WITH_ENDINGS, _ENDINGS = 0.078, (1,) * 214 + (2,) * 28 + (4,) * 34
_NEARER = 0.5  # factor on the probability of a note for each step of distance from the original
_FURTHEST = 4  # maximum distance in steps
_ON_THE_BAR = 0.2  # factor on the probability of a different note at the beginning of a bar
# The factor of a forbidden id. With 0, the candidate would count as more constrained.
_NEVER = 1e-25
_TINY = 1e-9  # whole notes
_KEPT = ("bar", "ending", "meter", *HEADER)
Bars = tuple[tuple[int, ...], ...]
Tokens = Sequence[str]


class Place(NamedTuple):
    """The state of a row: its position in the form."""

    number: float = 0.0
    """The random number of the piece."""
    meter: str = ""
    section: int = -1
    """Index among the planned sections; −1 in the header."""
    sections: tuple[Bars, ...] = ()
    """The complete sections."""
    bars: Bars = ()
    """The bars of the section so far: ids without bar lines, endings, keys and meters."""
    bar: tuple[int, ...] = ()
    """The ids of the bar so far."""
    in_ending: bool = False
    """Whether the row is in a first ending."""


class VariedForm:
    """A `folkseq.grammar.Target` for the varied repeats of a form, alone or combined with another target."""

    def __init__(self, vocabulary: Vocabulary, plan: FormPlan, share: float, within: Target | None) -> None:
        """Vary a share of the returning bars, in addition to those of endings."""
        self._plan, self._share, self._within = plan, share, within
        self._tokens, self._kinds = vocabulary.tokens, [kind(token) for token in vocabulary.tokens]
        self._is_line = np.array([each == "bar" for each in self._kinds])
        self._is_pitch = np.array([each == "pitch" for each in self._kinds])
        self._is_change = np.array([each in ("key", "meter") for each in self._kinds])
        # Without varied repeats, only the first bar matters, since it may be a pickup.
        self._is_kept = np.array([bool(plan.returns) or each in _KEPT for each in self._kinds])
        self._is_tie = np.array([each == "tie" for each in self._kinds])
        notes = (token if pitch else "C" for token, pitch in zip(vocabulary.tokens, self._is_pitch, strict=True))
        self._steps = np.array([parse_note(note)[0] for note in notes])
        self._ids = {token: vocabulary.id(token) for token in ("|", "||", "|]", "[1", END)}
        self._decided = cache(_decide)
        self._onset, self._sounds = lru_cache(1 << 12)(self._find_onset), lru_cache(1 << 12)(self._find_sounds)

    @property
    def version(self) -> int:
        """Return a number that changes whenever the version of the other target changes."""
        return 100 + (self._within.version if self._within else 0)

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        """Return the state of pieces before their start ids."""
        places = np.empty(len(uniforms), object)
        places[:] = [Place(number) for number in uniforms.tolist()]
        return (*(self._within.begin(uniforms) if self._within else ()), places)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row."""
        *inner, places = rows
        after = np.empty(len(places), object)
        after[:] = [
            place if place.bar and place.bars and not kept else self._after(place, token_id)
            for place, token_id, kept in zip(places, ids.tolist(), self._is_kept[ids].tolist(), strict=True)
        ]
        return (*(self._within.advance(tuple(inner), ids) if self._within else ()), after)

    def weights(self, rows: Rows) -> NDArray[np.float32]:
        """Return the factors of the ids that may come next; in a copied bar, practically only one id remains."""
        *inner, places = rows
        shape = (len(places), len(self._tokens))
        weights = self._within.weights(tuple(inner)) if self._within else np.ones(shape, np.float32)
        weights[:, self._ids["[1"]] = _NEVER
        if self._plan.returns:
            weights[:, self._is_change] = _NEVER
            weights[:, self._ids[END]] = _NEVER
        for row, place in zip(weights, places, strict=True):
            if place.section == len(self._plan.sections):
                row[self._ids[END]] = 1
            elif (original := self._plan.original(place.section)) is not None:
                self._weigh_again(row, place, place.sections[original])
            elif self._begins_ending(place):
                row[:] = _NEVER
                row[self._ids["[1"]] = 1
        return weights

    def _after(self, place: Place, token_id: int) -> Place:
        what, token = self._kinds[token_id], self._tokens[token_id]
        if what in ("M:", "meter"):
            place = place._replace(meter=token)
        if what in (START, *HEADER):
            return place._replace(section=0) if what == "K:" else place
        if what == "ending":
            return place._replace(in_ending=token == "[1")
        if what in ("meter", "key"):
            return place
        if what != "bar":
            return place._replace(bar=(*place.bar, token_id))
        if token == "|:" and place.section == 0 and self._plan.sections[:1] == (True,):
            return place._replace(bars=(), bar=())  # a pickup before the repeat is not repeated
        bars = (*place.bars, place.bar) if place.bar else place.bars
        if token == "|" or (token == ":|" and place.in_ending):
            return place._replace(bars=bars, bar=(), in_ending=False)
        return Place(place.number, place.meter, place.section + 1, (*place.sections, bars))

    def _begins_ending(self, place: Place) -> bool:
        """Return whether a first ending begins here, according to the random choices."""
        if place.bar or not place.bars or place.in_ending or self._plan.returns:
            return False
        ending = self._decided(place.number, place.section).ending
        if not (ending and self._plan.target and self._plan.sections[place.section]):
            return False
        pickup = self._onset(place.bars[0], place.meter) < float(header_meter(place.meter).bar) - _TINY
        return len(place.bars) - pickup == self._plan.target - ending

    def _weigh_again(self, weights: NDArray[np.float32], place: Place, section: Bars) -> None:
        """Weight the ids that may come next in a varied repeat."""
        at, bar = len(place.bars), place.bar
        if at >= len(section):
            return
        before, decided = section[at], self._decided(place.number, place.section)
        ends = "||" if place.section + 1 < len(self._plan.sections) else "|]"
        line = self._ids["|" if at + 1 < len(section) else ends]
        if decided.bars[at] >= self._share and at < len(section) - decided.ending:
            weights[:] = _NEVER
            weights[before[len(bar)] if len(bar) < len(before) else line] = 1
            return
        onset, (onsets, steps) = self._onset(bar, place.meter), self._sounds(before, place.meter)
        if len(onsets):
            apart = np.abs(self._steps - steps[max(int(np.searchsorted(onsets, onset + _TINY)) - 1, 0)])
            near = np.where(apart <= _FURTHEST, _NEARER**apart, _NEVER)
            near *= np.where((apart > 0) & (onset == 0), _ON_THE_BAR, 1)
            weights *= np.where(self._is_pitch, near, 1).astype(np.float32)
        weights[self._is_line | self._is_tie | self._is_change] = _NEVER
        weights[line] = 1
        other = min(1 + int(decided.other[at] * (len(before) - 1)), len(before) - 1)  # latest position of a difference
        if len(bar) == other and bar == before[:other]:
            weights[before[other]] = _NEVER

    def _find_onset(self, bar: tuple[int, ...], meter: str) -> float:
        """Return the onset of the next sound in a bar, in whole notes."""
        return float(read_bars([meter, *self._words(bar), "z"]).timing.start[-1])

    def _find_sounds(self, bar: tuple[int, ...], meter: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the onset and the staff position of each pitch of a bar."""
        pitches, steps = self._is_pitch[list(bar)], self._steps[list(bar)]
        return read_bars([meter, *self._words(bar)]).timing.start[1:][pitches], steps[pitches]

    def _words(self, ids: tuple[int, ...]) -> list[str]:
        return [self._tokens[each] for each in ids]


class _Decided(NamedTuple):
    """The random choices about one section of a piece."""

    bars: NDArray[np.float64]
    """A number from 0 to 1 for each bar; a bar is varied if its number is below the share."""
    other: NDArray[np.float64]
    """The latest position of a difference in each varied bar, from 0 to 1."""
    ending: int
    """Number of bars of the ending, or 0."""


def _decide(number: float, section: int) -> _Decided:
    random = np.random.default_rng([int(number * 2**53), section])
    bars, other = random.random((2, MOST_BARS + 1))
    return _Decided(bars, other, int(random.choice(_ENDINGS)) if random.random() < _WITH_ENDINGS else 0)


def in_order(tokens: Tokens, plan: FormPlan) -> Tokens:
    """Return the tokens of a tune with each varied repeat after its original section.

    A varied repeat without differences becomes an ordinary repeat. If only the last bars differ, they become endings.
    """
    body = next((at for at, token in enumerate(tokens) if kind(token) not in (START, *HEADER)), len(tokens))
    begins = tokens.index("|:", body) if plan.sections[:1] == (True,) and "|:" in tokens else body
    sections = _sections(tokens[begins:])
    if not plan.returns or len(sections) != len(plan.sections) or tokens[-1] != END:
        return tokens
    found = [*tokens[:begins]]
    line = "|" if begins > body else ""  # the line at the end of the tokens so far
    for at, section in enumerate(sections):
        if plan.original(at) is not None:
            continue
        again = sections[len(sections) - len(plan.returns) + plan.returns.index(at)] if at in plan.returns else []
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(section, again, strict=False))))
        rest = max(len(section), len(again)) - same  # number of different bars
        repeated = bool(again) and (not rest or (rest <= MOST_ENDING and 2 * rest <= len(section)))
        if line or repeated:
            found.append({"": "|:", ":|": "::"}.get(line, "|:") if repeated else line or "||")
        if repeated and rest:
            found += [*_joined(section[:same]), "|", "[1", *_joined(section[same:]), ":|", "[2", *_joined(again[same:])]
        else:
            found += _joined(section)
        if again and not repeated:
            found += ["||", *_joined(again)]
        line = ":|" if repeated and not rest else "||"
    return [*found, "|]" if line == "||" else line, END]


def _sections(tokens: Tokens) -> list[list[list[str]]]:
    """Return the bars of each section without bar lines; changes of key and meter belong to the following bar."""
    sections: list[list[list[str]]] = [[]]
    bar: list[str] = []
    for token in tokens:
        if kind(token) != "bar":
            bar.append(token)
            continue
        if bar:
            sections[-1].append(bar)
            bar = []
        if token != "|" and sections[-1]:
            sections.append([])
    return sections[:-1]


def _joined(bars: Sequence[Tokens]) -> list[str]:
    """Return bars joined by plain bar lines."""
    return [token for at, bar in enumerate(bars) for token in (("|", *bar) if at else bar)]
