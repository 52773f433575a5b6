"""Which of the `abc` tokens may come next, so that a tune is valid by construction.

The header comes first. Every bar is exactly full for its meter, but for a section's pickup and the bar that
completes it at the section's end. Repeats and endings match, tuplets close within the bar, ties lead to their own
pitch. A tune ends on `|]` or `:|`. When the limit nears it is led to its end by the shortest way.

What a state allows is worked out once for each state that is met.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.formats.abc.fields import parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_note, parse_tuplet
from folkseq.music import Meter
from folkseq.tokenizers.abc.spelling import UNIT, kind
from folkseq.tokenizers.abc.state import (
    AT_KEY,
    AT_METER,
    AT_RHYTHM,
    BEFORE,
    BETWEEN,
    BODY,
    CLOSED,
    EIGHTH,
    FEWEST_BARS,
    FIRST,
    INSIDE,
    SECOND,
    State,
)
from folkseq.tokenizers.base import END, START
from folkseq.tokenizers.vocabulary import Vocabulary

CLOSING = 80  # ids; more than the longest way from any state to the end of a tune
_MOST_GRACE, _MOST_CHORD = 4, 4  # notes


class AbcGrammar:
    """The grammar over one vocabulary, with what is asked of the header."""

    def __init__(self, vocabulary: Vocabulary, *, rhythm: str = "", meter: str = "", mode: str = "") -> None:
        """Args: the vocabulary, and the tokens that the header must have, such as `R:reel`, `M:4/4` and `K:Cmaj`.

        Raises:
            RequestError: if the vocabulary has no such token.
        """
        self.vocabulary = vocabulary
        self._ids: dict[str, list[int]] = defaultdict(list)
        for token_id, token in enumerate(vocabulary.tokens):
            header = token[:2] if token[:2] in ("R:", "M:", "K:") else ""
            self._ids[header or kind(token) or token].append(token_id)
        self._meters = {i: parse_meter(_value(vocabulary.tokens[i])) for i in self._ids["M:"] + self._ids["meter"]}
        self._lengths = {i: _ticks(vocabulary.tokens[i]) for i in self._ids["length"]}
        self._lengths = {i: ticks for i, ticks in self._lengths.items() if _is_written_by_one_note(ticks)}
        self._grid = min([EIGHTH, *(ticks for ticks in self._lengths.values() if _is_power(ticks))])
        self._lengths = {i: ticks for i, ticks in self._lengths.items() if ticks % self._grid == 0}
        self._sizes = tuple(sorted({EIGHTH, *self._lengths.values()}))
        self._steps = {i: parse_note(vocabulary.tokens[i])[0] for i in self._ids["pitch"]}
        playable = {i for i, each in self._meters.items() if not each.free and _bar(each) % self._grid == 0}
        self._meters = {i: each for i, each in self._meters.items() if i in playable}
        rhythms, meters = self._asked("R:", rhythm), [i for i in self._asked("M:", meter) if i in playable]
        # A meter alone is asked of tunes whose rhythm is unknown, since which rhythm goes with it is unknown too.
        first = rhythms if rhythm else meters if meter else rhythms + meters
        self._outside = {
            BEFORE: self._ids[START],
            AT_RHYTHM: first,
            AT_METER: meters,
            AT_KEY: self._asked("K:", mode),
            CLOSED: self._ids[END],
        }
        self._masks: dict[tuple[State, bool], NDArray[np.bool_]] = {}
        self._advanced: dict[tuple[State, int], State] = {}

    def _asked(self, header: str, token: str) -> list[int]:
        if not token:
            return self._ids[header]
        if token not in self.vocabulary:
            known = ", ".join(self.vocabulary.tokens[i][2:] for i in self._ids[header])
            raise RequestError(f"the model knows no {token}; it has met {known}")
        return [self.vocabulary.id(token)]

    def new_state(self) -> State:
        """The state before `<s>`."""
        return State()

    def advance(self, state: State, id: int) -> State:  # noqa: A002 - the field's own word
        """The state after one more id."""
        found = self._advanced.get((state, id))
        if found is None:
            found = self._advanced[state, id] = self._advance(state, id)
        return found

    def allowed(self, state: State, remaining: int) -> NDArray[np.bool_]:
        """Which ids may come next, (V,) bool; with `remaining` at most `CLOSING`, those of a short way to the end."""
        closing = remaining <= CLOSING
        mask = self._masks.get((state, closing))
        if mask is None:
            mask = np.zeros(len(self.vocabulary), dtype=np.bool_)
            mask[self._allowed(state, closing)] = True
            if not mask.any():  # a vocabulary too small to go on with: any token but the start is better than none
                mask[:] = True
                mask[self._ids[START]] = False
            mask.flags.writeable = False
            self._masks[state, closing] = mask
        return mask

    def _allowed(self, state: State, closing: bool) -> list[int]:
        if state.phase != BODY:
            return self._outside[state.phase]
        if state.inside < 0:
            return self._in_grace(state, closing)
        if state.inside > 0:
            return self._in_chord(state, closing)
        allowed: list[int] = []
        if state.length and not state.sized:
            lengths = {i: ticks for i, ticks in self._lengths.items() if ticks != EIGHTH and self._fits(state, ticks)}
            if closing and not state.actual:
                longest = self._longest_towards_end(state, lengths)
                if longest is not None:
                    return [longest]
            else:
                allowed += lengths
            if not self._fits(state, EIGHTH):
                return allowed
        settled = state.settled()
        if state.length and state.pitch >= 0 and not closing:
            allowed += self._ids["tie"]
        return allowed + self._next(settled, closing)

    def _longest_towards_end(self, state: State, lengths: dict[int, int]) -> int | None:
        """The id of the longest of `lengths` that stops where the section may end; None for an eighth."""
        room = (state.end if state.place < state.end else state.capacity) - state.place
        longest = max((i for i in lengths if lengths[i] <= room), key=lambda i: lengths[i], default=None)
        return longest if longest is None or lengths[longest] > EIGHTH or room < EIGHTH else None

    def _in_grace(self, state: State, closing: bool) -> list[int]:
        met = -state.inside - 1
        if met and (closing or met >= _MOST_GRACE):
            return self._ids["}"]
        return self._ids["pitch"] + (self._ids["}"] if met else [])

    def _in_chord(self, state: State, closing: bool) -> list[int]:
        met = state.inside - 1
        higher = [i for i in self._ids["pitch"] if self._steps[i] > state.highest]
        if met >= 2 and (closing or met >= _MOST_CHORD or not higher):
            return self._ids["]"]
        return higher + (self._ids["]"] if met >= 2 or not higher else [])

    def _next(self, state: State, closing: bool) -> list[int]:
        """What may follow when no sound waits."""
        if state.tied >= 0:
            if state.place < state.capacity:
                return [state.tied]
            return self._ids_of("|")
        if state.repeat == BETWEEN:
            return self._ids_of("[2")
        if state.left or state.grace:
            return self._sounds(state, closing)
        allowed = self._sounds(state, closing) if state.place < state.capacity else []
        lines = state.lines()
        if closing:
            way_out = lines & {"|]", ":|"} if state.place else set()
            if state.may_end and state.at_line:
                return self._ids[END]
            if way_out:
                return [i for line in way_out for i in self._ids_of(line)]
            return allowed or self._ids_of("|")
        if state.bars < FEWEST_BARS:
            lines -= {"|]"}
        for line in lines:
            allowed = allowed + self._ids_of(line)
        if state.at_line and state.repeat == INSIDE and not state.at_section:
            allowed = allowed + self._ids_of("[1")
        if state.at_line and state.at_section:
            if state.may_end and state.bars >= FEWEST_BARS:
                allowed = allowed + self._ids[END]
            if not state.changed & 1 and state.bars and not state.owed:
                allowed = allowed + [i for i in self._ids["meter"] if i in self._meters]
            if not state.changed & 2 and state.bars:
                allowed = allowed + self._ids["key"]
        return allowed

    def _sounds(self, state: State, closing: bool) -> list[int]:
        """Tokens that begin a sound, or what stands before one."""
        if not any(self._fits(state, ticks) for ticks in self._sizes):
            return []
        if closing and not state.grace:
            return self._ids["pitch"]
        if state.actual:  # abc2midi miscounts chords and grace notes within tuplets
            return self._ids["pitch"] + self._ids["rest"]
        allowed = self._ids["pitch"] + self._ids["["]
        if state.grace:
            return allowed
        tuplets = [i for i in self._ids["tuplet"] if self._tuplet_fits(state, i)]
        return allowed + self._ids["rest"] + self._ids["{"] + tuplets

    def _tuplet_fits(self, state: State, token_id: int) -> bool:
        tuplet = parse_tuplet(self.vocabulary.tokens[token_id], state.compound)
        room = state.capacity - state.place
        usual = tuplet.count == tuplet.actual
        return usual and self._completes(0, tuplet.count, tuplet.actual, tuplet.normal, room)

    def _fits(self, state: State, ticks: int) -> bool:
        """Whether a sound of `ticks` (as written) leaves a bar that can be filled."""
        room = state.capacity - state.place
        if state.actual:
            left = state.left if state.length else state.left - 1
            return self._completes(state.written + ticks, left, state.actual, state.normal, room)
        return ticks <= room and (room - ticks) % self._grid == 0

    def _completes(self, written: int, left: int, actual: int, normal: int, room: int) -> bool:
        return _completes(written, left, actual, normal, room, self._sizes)

    def _advance(self, state: State, token_id: int) -> State:
        token = self.vocabulary.tokens[token_id]
        if state.phase != BODY:
            return self._advance_header(state, token_id, token)
        what = kind(token) or token
        if state.inside and what == "pitch":
            step = 1 if state.inside > 0 else -1
            return state._replace(inside=state.inside + step, highest=self._steps[token_id])
        if what == "}":
            return state._replace(inside=0, grace=True)
        if what == "]":
            return state._replace(inside=0, highest=-99).begin_sound(-1)
        if what == "length":
            return state._replace(length=self._lengths.get(token_id, EIGHTH), sized=True)
        if what == "tie":
            return state.settled()._replace(tied=state.pitch)
        state = state.settled()
        if what in ("pitch", "rest"):
            return state.begin_sound(token_id if what == "pitch" else -1)
        if what in ("{", "["):
            return state._replace(inside=-1 if what == "{" else 1, highest=-99, at_line=False)
        if what == "tuplet":
            tuplet = parse_tuplet(token, state.compound)
            return state._replace(
                actual=tuplet.actual, normal=tuplet.normal, left=tuplet.count, written=0, at_line=False
            )
        if what == "bar":
            return state.draw(token)
        if what == "ending":
            return state._replace(repeat=FIRST if token == "[1" else SECOND, may_end=False)
        if what == "meter" and token_id in self._meters:
            meter = self._meters[token_id]
            return state._replace(bar=_bar(meter), compound=meter.compound, changed=state.changed | 1, may_end=False)
        if what == "key":
            return state._replace(changed=state.changed | 2, may_end=False)
        return state._replace(phase=CLOSED) if token == END else state

    def _advance_header(self, state: State, token_id: int, token: str) -> State:
        if token == START:
            return State(phase=AT_RHYTHM)
        if token.startswith("R:"):
            return state._replace(phase=AT_METER)
        if token.startswith("M:") and token_id in self._meters:
            meter = self._meters[token_id]
            return state._replace(phase=AT_KEY, bar=_bar(meter), compound=meter.compound)
        return state._replace(phase=BODY) if token.startswith("K:") else state

    def _ids_of(self, token: str) -> list[int]:
        return [self.vocabulary.id(token)] if token in self.vocabulary else []


def _value(token: str) -> str:
    return token.strip("[]")[2:]


def _ticks(token: str) -> int:
    ticks = parse_length(token) * EIGHTH
    return int(ticks) if ticks.denominator == 1 else 0


def _bar(meter: Meter) -> int:
    ticks = meter.bar / UNIT * EIGHTH
    return int(ticks)


def _is_written_by_one_note(ticks: int) -> bool:
    """Whether a length is a plain, dotted or double-dotted note; 5 or 9 of anything would need a tie."""
    return ticks > 0 and ticks // (ticks & -ticks) in (1, 3, 7)


def _is_power(ticks: int) -> bool:
    return ticks & (ticks - 1) == 0


@lru_cache(maxsize=1 << 16)
def _completes(written: int, left: int, actual: int, normal: int, room: int, sizes: tuple[int, ...]) -> bool:
    """Whether a tuplet can still come out as `actual` times one of `sizes`, within `room`."""
    if left == 0:
        return written % actual == 0 and written // actual in sizes and written * normal // actual <= room
    return any(_completes(written + size, left - 1, actual, normal, room, sizes) for size in sizes)
