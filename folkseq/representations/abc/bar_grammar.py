"""The grammar of a bar, which is filled sound by sound until it is exactly full.

A state contains the remaining room in the bar, but not the meter, section or tune, so there are few states, and each is
computed once. Ties and chords depend on the last pitch of the tune, which is not part of a state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.formats.abc.lexer import parse_length, parse_note, parse_tuplet
from folkseq.music import Tuplet
from folkseq.representations.abc.bars import EIGHTH, BarSpan, bar_ticks
from folkseq.representations.abc.tokens import header_meter, kind
from folkseq.representations.vocabulary import Vocabulary

_MOST_GRACE, _MOST_CHORD = 4, 4  # notes
AT_LINE, TIED_OVER, TIEABLE, NO_LINE, TIED, IN_CHORD = range(-1, -7, -1)
"""Values of `BarGrammar.room` at which a bar line does not depend on the remaining room, in this order: right after a
bar line; after a tie, which needs a plain bar line; in a full bar whose last note could be tied over a plain bar line;
without a possible bar line; without one, and the last pitch must be repeated; without one, and a chord continues above
the last pitch."""


class Alphabet:
    """The ids of a vocabulary by their meaning.

    Attributes:
        kinds: kind of each id.
        ids: ids of each kind.
        steps: staff position of each pitch.
        lengths: ticks of each length that is a single plain, dotted or double-dotted note.
        sizes: these ticks and an eighth, rising.
        grid: number of ticks that divides every length.
        meters: meters, in header and body, whose bars can be filled.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.kinds = [kind(token) for token in vocabulary.tokens]
        self.ids: dict[str, list[int]] = defaultdict(list)
        for token_id, each in enumerate(self.kinds):
            self.ids[each].append(token_id)
        self.steps = {i: parse_note(vocabulary.tokens[i])[0] for i in self.ids["pitch"]}
        lengths = {i: _ticks(vocabulary.tokens[i]) for i in self.ids["length"]}
        lengths = {i: ticks for i, ticks in lengths.items() if _is_one_note(ticks)}
        self.grid = min([EIGHTH, *(ticks for ticks in lengths.values() if not ticks & (ticks - 1))])
        self.lengths = {i: ticks for i, ticks in lengths.items() if ticks % self.grid == 0}
        self.sizes = tuple(sorted({EIGHTH, *self.lengths.values()}))
        meters = {i: header_meter(vocabulary.tokens[i]) for i in self.ids["M:"] + self.ids["meter"]}
        self.meters = {i: each for i, each in meters.items() if not each.free and bar_ticks(each) % self.grid == 0}

    def of(self, names: Collection[str]) -> list[int]:
        """Return the ids of those tokens that exist; `meter` and `key` stand for all changes of meter or key."""
        found = [self.vocabulary.id(name) for name in names if name in self.vocabulary]
        found += [i for i in self.ids["meter"] if i in self.meters] if "meter" in names else []
        return found + (self.ids["key"] if "key" in names else [])

    def header_ids(self, kind: str, token: str) -> list[int]:
        """Return the ids of a kind of header token, or of a requested one. Raises RequestError if there is none."""
        if not token:
            return self.ids[kind]
        if token not in self.vocabulary:
            known = ", ".join(self.vocabulary.tokens[i][2:] for i in self.ids[kind])
            raise RequestError(f"the model knows no {token}; it has met {known}")
        return [self.vocabulary.id(token)]

    def shortest_fill(self, room: int) -> int:
        """Return the number of ids that fill `room` ticks with sounds as long as possible."""
        count = 0
        while room > 0:
            longest = max((size for size in self.sizes if size <= room), default=room)
            count += 1 if longest == EIGHTH else 2
            room -= longest
        return count


class BarState(NamedTuple):
    """The state of a bar. Durations are in ticks."""

    left: int  # remaining in the bar after the complete sounds
    compound: bool = False  # whether the meter is compound
    at_line: bool = False  # right after a bar line
    pending: bool = False  # a sound, an eighth so far, may get a length
    single: bool = False  # the pending or last sound is one pitch, which could be tied
    tied: bool = False  # the last pitch must follow
    inside: int = 0  # notes in an open brace (negative) or bracket (positive), plus one
    grace: bool = False  # grace notes wait for their note
    harmony: bool = False  # a chord symbol waits for its sound
    tuplet: Tuplet | None = None  # the open tuplet
    to_come: int = 0  # its remaining sounds, without the pending one
    written: int = 0  # written ticks of its sounds so far

    def with_length(self, ticks: int) -> BarState:
        """Return the state after the pending sound, written with a length."""
        if not self.tuplet:
            return self._replace(left=max(self.left - ticks, 0), pending=False)
        written = self.written + ticks
        if self.to_come:
            return self._replace(written=written, pending=False)
        left = max(self.left - written * self.tuplet.normal // self.tuplet.actual, 0)
        return self._replace(left=left, tuplet=None, written=0, pending=False)

    def with_sound(self, single: bool) -> BarState:
        """Return the state after the pitch or the chord of a sound."""
        to_come = max(0, self.to_come - 1)
        return self._replace(
            pending=True,
            single=single,
            tied=False,
            grace=False,
            harmony=False,
            to_come=to_come,
            at_line=False,
            inside=0,
        )

    @property
    def settled(self) -> BarState:
        """Return the state in which the pending sound, if any, is an eighth."""
        return self.with_length(EIGHTH) if self.pending else self


class BarGrammar:
    """The grammar of bars over one alphabet."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self._ids = alphabet.ids
        top = max(alphabet.steps.values(), default=0)
        # A chord has at least two rising notes, so it cannot begin with the highest one.
        self._chord_begins = [i for i, step in alphabet.steps.items() if step < top]
        tuplets = {i: alphabet.vocabulary.tokens[i] for i in self._ids["tuplet"]}
        simple, compound = ({i: parse_tuplet(token, each) for i, token in tuplets.items()} for each in (False, True))
        self._tuplets = simple, compound

    def can_fill(self, span: BarSpan) -> bool:
        """Return whether a bar can be filled with the lengths of the alphabet."""
        grid = self.alphabet.grid
        return span.plain and span.ticks > 0 and span.ticks % grid == 0 and span.meter_ticks % grid == 0

    def allowed(self, state: BarState) -> list[int]:
        """Return the ids that may come next, except bar lines."""
        if state.inside:
            return self._allowed_inside(state, closing=False)
        allowed: list[int] = []
        if state.pending:
            allowed += self._lengths(state)
            if not self._fits(state, EIGHTH):
                return allowed
        settled = state.settled
        if state.single and (settled.left or settled.tuplet):
            allowed += self._ids["tie"]
        return allowed + self._allowed_sounds(settled)

    def closing(self, state: BarState, short: int) -> list[int]:
        """Return the ids on the shortest way to a full bar, or to a bar that lacks only its last `short` ticks."""
        if state.inside:
            return self._allowed_inside(state, closing=True)
        if state.pending:
            lengths = self._lengths(state)
            if not state.tuplet:
                left = state.left - short if state.left > short else state.left
                ticks = self.alphabet.lengths
                longest = max((i for i in lengths if ticks[i] <= left), key=lambda i: ticks[i], default=None)
                if longest is not None and (ticks[longest] > EIGHTH or left < EIGHTH):
                    return [longest]
            if not self._fits(state, EIGHTH):
                return lengths
        settled = state.settled
        if settled.tied or settled.grace:
            return self._allowed_sounds(settled._replace(harmony=True))
        return (self._ids["pitch"] or self._ids["rest"]) if self._has_room(settled) else []

    def given(self, state: BarState) -> BarState:
        """Return the state in which the pending sound remains an eighth, if an eighth fits."""
        return state.settled if state.pending and self._fits(state, EIGHTH) else state

    def room(self, state: BarState) -> int:
        """Return the ticks left in the bar if a bar line comes next, or one of `AT_LINE` … `IN_CHORD`."""
        if state.tied:
            return TIED if state.left else TIED_OVER
        if state.inside > 1:
            return IN_CHORD
        if state.at_line:
            return AT_LINE
        if (
            state.inside
            or state.grace
            or state.harmony
            or (state.pending and not self._fits(state, EIGHTH))
            or state.settled.tuplet
        ):
            return NO_LINE
        return state.settled.left or (TIEABLE if state.single else 0)

    def advance(self, state: BarState, token_id: int) -> BarState:
        """Return the state after one of the allowed ids."""
        what = self.alphabet.kinds[token_id]
        if state.inside and what == "pitch":
            return state._replace(inside=state.inside + (1 if state.inside > 0 else -1))
        if what == "}":
            return state._replace(inside=0, grace=True)
        if what == "]":
            return state.with_sound(single=False)
        if what == "length":
            return state.with_length(self.alphabet.lengths.get(token_id, EIGHTH))
        if what == "tie":
            return state.settled._replace(tied=True, single=False)
        state = state.settled._replace(single=False)
        if what in ("pitch", "rest"):
            return state.with_sound(single=what == "pitch")
        if what in ("{", "["):
            return state._replace(inside=-1 if what == "{" else 1, at_line=False)
        if what == "harmony":
            return state._replace(harmony=True, at_line=False)
        if what == "tuplet":
            tuplet = self._tuplets[state.compound][token_id]
            return state._replace(tuplet=tuplet, to_come=tuplet.count, written=0, at_line=False)
        return state

    def _lengths(self, state: BarState) -> list[int]:
        """Return the lengths that the pending sound may get."""
        return [i for i, ticks in self.alphabet.lengths.items() if ticks != EIGHTH and self._fits(state, ticks)]

    def _allowed_inside(self, state: BarState, closing: bool) -> list[int]:
        """Return the ids in a brace or bracket; the notes of a chord rise from the last pitch."""
        notes = abs(state.inside) - 1
        fewest, most, end = (1, _MOST_GRACE, "}") if state.inside < 0 else (2, _MOST_CHORD, "]")
        if notes >= (fewest if closing else most):
            return self._ids[end]
        pitches = self._chord_begins if end == "]" and not notes else self._ids["pitch"]
        return pitches + (self._ids[end] if notes >= fewest else [])

    def _allowed_sounds(self, state: BarState) -> list[int]:
        """Return the ids that begin a sound or a sign before it, if no sound is pending."""
        if not self._has_room(state):
            return []
        symbols = [] if state.harmony else self._ids["harmony"]
        if state.tied:  # the last pitch is tied
            return self._ids["pitch"] + symbols
        if state.tuplet:  # abc2midi miscounts chords and grace notes in tuplets
            return self._ids["pitch"] + self._ids["rest"] + symbols
        allowed = self._ids["pitch"] + (self._ids["["] if self._chord_begins else [])
        if state.grace:
            return allowed
        if state.harmony:
            return allowed + self._ids["rest"] + self._ids["{"]
        tuplets = self._tuplets[state.compound].items()
        usual = ((i, each) for i, each in tuplets if each.count == each.actual)
        fitting = [i for i, each in usual if _completes(0, each.count, each, state.left, self.alphabet.sizes)]
        return allowed + self._ids["rest"] + self._ids["{"] + symbols + fitting

    def _has_room(self, state: BarState) -> bool:
        return any(self._fits(state, ticks) for ticks in self.alphabet.sizes)

    def _fits(self, state: BarState, ticks: int) -> bool:
        """Return whether the bar can still be filled after the pending or a new sound of `ticks` as written."""
        if state.tuplet:
            to_come = state.to_come if state.pending else state.to_come - 1
            return _completes(state.written + ticks, to_come, state.tuplet, state.left, self.alphabet.sizes)
        return ticks <= state.left and (state.left - ticks) % self.alphabet.grid == 0


@lru_cache(maxsize=1 << 16)
def _completes(written: int, to_come: int, tuplet: Tuplet, room: int, sizes: tuple[int, ...]) -> bool:
    """Return whether a tuplet can still have a written length of `actual` times one of `sizes`, and fit into `room`."""
    if to_come == 0:
        size, rest = divmod(written, tuplet.actual)
        return not rest and size in sizes and size * tuplet.normal <= room
    return any(_completes(written + size, to_come - 1, tuplet, room, sizes) for size in sizes)


def _ticks(length: str) -> int:
    ticks = parse_length(length) * EIGHTH
    return int(ticks) if ticks.denominator == 1 else 0


def _is_one_note(ticks: int) -> bool:
    """Return whether a length is that of a plain, dotted or double-dotted note; 5 or 9 units would need a tie."""
    return ticks > 0 and ticks // (ticks & -ticks) in (1, 3, 7)
