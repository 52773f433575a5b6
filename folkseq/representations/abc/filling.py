"""How a bar is filled, sound by sound, so that it comes out exactly full.

A state knows how much room the bar still has, and nothing of meters, sections or tunes; so there are few of them, and
what each allows is worked out once. Which pitch a tie leads to, and above which one a chord goes on, is not part of a
state either: the row's last pitch says it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from folkseq.formats.abc.lexer import parse_tuplet
from folkseq.representations.abc.alphabet import EIGHTH, Alphabet

_MOST_GRACE, _MOST_CHORD = 4, 4  # notes
AT_LINE, TIED_OVER, TIEABLE, NOWHERE, TIED, IN_CHORD = range(-1, -7, -1)
"""In place of the room at which a bar line is drawn: right after one; where a plain one must follow a tie; where the
bar is full, and could be tied over a plain one; where none can be drawn, and, of those, where the row's last pitch must
come again, and where a chord goes on above it."""


class Filling(NamedTuple):
    """Where a row stands in its bar. Durations are in ticks."""

    room: int  # that is left, of the bar, after the sounds that are complete
    compound: bool = False  # whether the meter is
    at_line: bool = False  # nothing has come since the bar line
    shut: bool = False  # no sound may come here
    waits: bool = False  # a sound that is an eighth so far waits for its length
    single: bool = False  # that sound, or the one just complete, is one pitch, which could be tied
    tied: bool = False  # the row's last pitch must come next
    inside: int = 0  # notes met in an open brace (negative) or bracket (positive), plus one
    grace: bool = False  # grace notes wait for their note
    actual: int = 0  # of the open tuplet
    normal: int = 0
    left: int = 0  # its sounds to come, the waiting one not among them
    written: int = 0  # the ticks of those so far, as they are written

    def taken(self, ticks: int) -> Filling:
        """The state once a sound is complete, which is written as `ticks` long."""
        if not self.actual:
            return self._replace(room=max(self.room - ticks, 0), waits=False)
        written = self.written + ticks
        if self.left:
            return self._replace(written=written, waits=False)
        room = max(self.room - written * self.normal // self.actual, 0)
        return self._replace(room=room, actual=0, normal=0, written=0, waits=False)

    def begun(self, single: bool) -> Filling:
        """The state once a sound has begun."""
        left = max(0, self.left - 1)
        return self._replace(waits=True, single=single, tied=False, grace=False, left=left, at_line=False, inside=0)


class Filler:
    """What may come in a bar, over one alphabet."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self._ids = alphabet.ids
        steps = set(alphabet.steps.values())
        # A chord has at least two notes, upwards, so it does not begin at the top.
        self._chord_begins = [i for i, step in alphabet.steps.items() if step < max(steps)]

    def allowed(self, state: Filling) -> list[int]:
        """The ids of what may come next in the bar; bar lines aside."""
        if state.shut:
            return []
        if state.inside:
            return self._inside(state, closing=False)
        allowed: list[int] = []
        if state.waits:
            lengths = self.alphabet.lengths.items()
            allowed += [i for i, ticks in lengths if ticks != EIGHTH and self._fits(state, ticks)]
            if not self._fits(state, EIGHTH):
                return allowed
        settled = self.settled(state)
        if state.single and (settled.room or settled.actual):
            allowed += self._ids["tie"]
        return allowed + self._sounds(settled)

    def closing(self, state: Filling, short: int) -> list[int]:
        """The ids of what fills the bar soonest, to `short` ticks before its end if those are not yet reached."""
        if state.shut:
            return []
        if state.inside:
            return self._inside(state, closing=True)
        if state.waits:
            lengths = {i: t for i, t in self.alphabet.lengths.items() if t != EIGHTH and self._fits(state, t)}
            if not state.actual:
                room = state.room - short if state.room > short else state.room
                longest = max((i for i in lengths if lengths[i] <= room), key=lambda i: lengths[i], default=None)
                if longest is not None and (lengths[longest] > EIGHTH or room < EIGHTH):
                    return [longest]
            elif not self._fits(state, EIGHTH):
                return list(lengths)
            if not self._fits(state, EIGHTH):
                return list(lengths)
        settled = self.settled(state)
        if settled.tied or settled.grace:
            return self._sounds(settled)
        if not any(self._fits(settled, ticks) for ticks in self.alphabet.sizes):
            return []
        return self._ids["pitch"] or self._ids["rest"]

    def settled(self, state: Filling) -> Filling:
        """The state with its waiting sound complete, as an eighth."""
        return state.taken(EIGHTH) if state.waits else state

    def unlengthened(self, state: Filling) -> Filling:
        """The same, if what waits can be an eighth."""
        return self.settled(state) if state.waits and self._fits(state, EIGHTH) else state

    def line_room(self, state: Filling) -> int:
        """At how much room a bar line would be drawn now: ticks, or one of the names above."""
        if state.tied:
            return TIED if state.room else TIED_OVER
        if state.inside > 1:
            return IN_CHORD
        if state.at_line:
            return AT_LINE
        if state.inside or state.grace or (state.waits and not self._fits(state, EIGHTH)):
            return NOWHERE
        settled = self.settled(state)
        if settled.actual:
            return NOWHERE
        return settled.room or (TIEABLE if state.single else 0)

    def advance(self, state: Filling, token_id: int) -> Filling:
        """The state after one more id that may come in a bar."""
        what = self.alphabet.kinds[token_id]
        if state.inside and what == "pitch":
            return state._replace(inside=state.inside + (1 if state.inside > 0 else -1))
        if what == "}":
            return state._replace(inside=0, grace=True)
        if what == "]":
            return state.begun(single=False)
        if what == "length":
            return state.taken(self.alphabet.lengths.get(token_id, EIGHTH))
        if what == "tie":
            return self.settled(state)._replace(tied=True, single=False)
        state = self.settled(state)._replace(single=False)
        if what in ("pitch", "rest"):
            return state.begun(single=what == "pitch")
        if what in ("{", "["):
            return state._replace(inside=-1 if what == "{" else 1, at_line=False)
        if what == "tuplet":
            tuplet = parse_tuplet(self.alphabet.vocabulary.tokens[token_id], state.compound)
            return state._replace(
                actual=tuplet.actual, normal=tuplet.normal, left=tuplet.count, written=0, at_line=False
            )
        return state

    def _inside(self, state: Filling, closing: bool) -> list[int]:
        """What may come in a brace or bracket; that a chord goes upwards is left to the row's last pitch."""
        met = abs(state.inside) - 1
        if state.inside < 0:
            if met and (closing or met >= _MOST_GRACE):
                return self._ids["}"]
            return self._ids["pitch"] + (self._ids["}"] if met else [])
        if met >= 2 and (closing or met >= _MOST_CHORD):
            return self._ids["]"]
        return (self._ids["pitch"] if met else self._chord_begins) + (self._ids["]"] if met >= 2 else [])

    def _sounds(self, state: Filling) -> list[int]:
        """Tokens that begin a sound, or what stands before one, when none waits."""
        if not any(self._fits(state, ticks) for ticks in self.alphabet.sizes):
            return []
        if state.tied:  # of which the row's last is meant
            return self._ids["pitch"]
        if state.actual:  # abc2midi miscounts chords and grace notes within tuplets
            return self._ids["pitch"] + self._ids["rest"]
        allowed = self._ids["pitch"] + (self._ids["["] if self._chord_begins else [])
        if state.grace:
            return allowed
        tuplets = [i for i in self._ids["tuplet"] if self._tuplet_fits(state, i)]
        return allowed + self._ids["rest"] + self._ids["{"] + tuplets

    def _tuplet_fits(self, state: Filling, token_id: int) -> bool:
        tuplet = parse_tuplet(self.alphabet.vocabulary.tokens[token_id], state.compound)
        usual = tuplet.count == tuplet.actual
        return usual and self._completes(0, tuplet.count, tuplet.actual, tuplet.normal, state.room)

    def _fits(self, state: Filling, ticks: int) -> bool:
        """Whether a sound of `ticks` (as written), the waiting one or a new one, leaves a bar that can be filled."""
        if state.actual:
            left = state.left if state.waits else state.left - 1
            return self._completes(state.written + ticks, left, state.actual, state.normal, state.room)
        return ticks <= state.room and (state.room - ticks) % self.alphabet.grid == 0

    def _completes(self, written: int, left: int, actual: int, normal: int, room: int) -> bool:
        return _completes(written, left, actual, normal, room, self.alphabet.sizes)


@lru_cache(maxsize=1 << 16)
def _completes(written: int, left: int, actual: int, normal: int, room: int, sizes: tuple[int, ...]) -> bool:
    """Whether a tuplet can still come out as `actual` times one of `sizes`, within `room`."""
    if left == 0:
        return written % actual == 0 and written // actual in sizes and written * normal // actual <= room
    return any(_completes(written + size, left - 1, actual, normal, room, sizes) for size in sizes)
