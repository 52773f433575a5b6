"""Where a tune stands while it is written token by token: what the grammar of `abc` tokens goes by.

Durations are in ticks, of which an eighth note has `EIGHTH`, so that a state is a tuple of small integers.
"""

from __future__ import annotations

from typing import NamedTuple

EIGHTH = 128  # ticks; lengths that are no whole number of them stand only where tuplets made them, and are not sampled
FEWEST_BARS = 4  # before a tune may end of its own accord

# Where a tune stands in its repeats.
OUTSIDE, INSIDE, FIRST, BETWEEN, SECOND = range(5)  # BETWEEN: after the first ending's `:|`, where `[2` must follow
# Phases of a piece.
BEFORE, AT_RHYTHM, AT_METER, AT_KEY, BODY, CLOSED = range(6)


class State(NamedTuple):
    """One row's place in a piece. Durations are in ticks; ids are −1 where there is none."""

    phase: int = BEFORE
    bar: int = 0  # of the meter
    compound: bool = False
    place: int = 0  # since the bar line, of the sounds that are complete
    pickup: int = 0  # of this section, once its first bar is over
    lead: int = 0  # of the tune, where it stands before the repeat that this section is
    opening: bool = True  # whether this is a section's first bar
    owed: int = 0  # what the section before lacks of its last bar, which this one's first bar must give
    repeat: int = OUTSIDE
    at_line: bool = True  # nothing has come since the bar line
    at_section: bool = True  # … and that line begins a section
    may_end: bool = False  # … and it ends one as a tune may end
    changed: int = 0  # meter (1) and key (2) changed at this line already
    bars: int = 0  # up to the fewest before an end
    inside: int = 0  # notes met in an open brace (negative) or bracket (positive), plus one
    highest: int = -99  # step of the bracket's last pitch
    grace: bool = False  # grace notes wait for their note
    length: int = 0  # of the sound that waits for what comes next; 0 if none waits
    sized: bool = False  # whether that sound's length was written
    pitch: int = -1  # id of that sound's one pitch, which could be tied
    tied: int = -1  # id of the pitch that must come next
    actual: int = 0  # of the open tuplet
    normal: int = 0
    left: int = 0  # its sounds to come, the waiting one not among them
    written: int = 0  # its sounds so far

    @property
    def capacity(self) -> int:
        """How long the bar is that the state stands in."""
        return self.owed if self.opening and self.owed else self.bar

    @property
    def end(self) -> int:
        """How far into this bar the section may end."""
        return self.capacity - (0 if self.opening else self.pickup)

    def lines(self) -> set[str]:
        """The bar lines that may be drawn here."""
        if self.at_line:
            return {"|:"} if self.at_section and self.repeat == OUTSIDE and not self.bars else set()
        full, repeated = self.place == self.bar, self.repeat in (INSIDE, FIRST)
        lines = {"|"} if self.place == self.capacity else set()
        if self.opening and not self.owed and not self.bars:  # a pickup
            lines = {"|"} if self.repeat == INSIDE else {"|", "|:"}
        completes = not self.opening and self.place == self.bar - self.pickup
        # The last time round, the last bar may leave what the next section's pickup gives.
        leaves = not self.opening and not repeated and self.place == self.bar - self.lead
        ends = completes or leaves or (full and (self.opening or not repeated))
        if ends:
            lines |= {INSIDE: {":|", "::"}, FIRST: {":|"}}.get(self.repeat, {"||", "|]", "|:"})
        return lines

    def settled(self) -> State:
        """The state with its waiting sound complete."""
        if not self.length:
            return self
        place, written, actual, normal = self.place, self.written, self.actual, self.normal
        if actual:
            written += self.length
            if not self.left:
                place += written * normal // actual
                actual = normal = written = 0
        else:
            place += self.length
        return self._replace(
            place=place, written=written, actual=actual, normal=normal, length=0, sized=False, pitch=-1
        )

    def begin_sound(self, pitch: int) -> State:
        """The state once a sound has begun; `pitch` is the id of its one pitch, else −1."""
        return self._replace(
            length=EIGHTH,
            sized=False,
            pitch=pitch,
            tied=-1,
            grace=False,
            left=max(0, self.left - 1),
            at_line=False,
            at_section=False,
            may_end=False,
        )

    def draw(self, line: str) -> State:
        """The state after a bar line."""
        lacking, lead = self.bar - self.place if self.place else 0, 0
        if lacking and self.opening and line == "|:":  # a pickup outside the repeat, which begins with a whole bar
            lacking, lead = self.bar, self.place
        pickup = self.pickup if not self.opening else self.place if lacking else 0
        bars = min(self.bars + (self.place == self.bar or not self.opening), FEWEST_BARS)
        drawn = self._replace(
            place=0,
            pickup=pickup,
            opening=False,
            owed=0,
            at_line=True,
            at_section=False,
            may_end=False,
            changed=0,
            bars=bars,
        )
        if line == "|":
            return drawn
        if line == ":|" and self.repeat == FIRST:
            return drawn._replace(repeat=BETWEEN)
        if line == "|]":
            return drawn._replace(phase=CLOSED)
        repeat = INSIDE if line in ("|:", "::") else OUTSIDE
        return drawn._replace(
            repeat=repeat, pickup=0, lead=lead, opening=True, owed=lacking, at_section=True, may_end=line == ":|"
        )
