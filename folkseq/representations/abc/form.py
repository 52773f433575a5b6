"""How a tune is laid out: header, sections, repeats and endings, pickups, and where it may end; as asked, if it is.

A section may begin with a pickup, which its last bar, or that of the section before, completes. Repeats come in pairs.
A section is counted in bars as it is read once: a pickup counts for nothing, and a second ending replaces the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from folkseq.errors import RequestError

FEWEST_BARS = 4  # before a tune whose length is not asked for may end of its own accord
MOST_BARS = 256
MOST_ENDING = 4  # bars of a first ending; of folk.abc's 357 first endings 353 have no more
SECTION = 8  # bars of each section, where a form is asked for and no number of bars
BARS = 16  # that a tune is expected to have where nothing is said

# Where a tune stands in its repeats.
OUTSIDE, INSIDE, FIRST, BETWEEN, SECOND = range(5)  # BETWEEN: after the first ending's `:|`, where `[2` must follow
# Phases of a piece.
BEFORE, AT_RHYTHM, AT_METER, AT_KEY, BODY, CLOSED = range(6)
METER, KEY = 1, 2  # what has changed at a line


@dataclass(frozen=True)
class FormPlan:
    """What is asked of a tune's form; nothing by default."""

    bars: int | None = None
    """Of the whole tune."""
    sections: tuple[bool, ...] = ()
    """Of each section, whether it is repeated; any if empty."""

    @classmethod
    def of(cls, bars: int | None = None, form: str | None = None) -> FormPlan:
        """What `bars`, and a form such as AABB, ask. Raises RequestError for what cannot be met."""
        letters = [match[0] for match in re.finditer(r"(.)\1*", form.strip().upper())] if form else []
        names = "".join(run[0] for run in letters)
        if form is not None and not re.fullmatch("[A-Z]+", names):
            raise RequestError(f"form {form!r} is not one; write a letter for each section, AABB for two with repeats")
        if len(set(names)) < len(names):
            raise RequestError(
                f"form {form} comes back to a section; each is written once, so ask for one such as AABBCC"
            )
        if any(len(run) > 2 for run in letters):
            raise RequestError(f"form {form} plays a section more than twice; a repeat is played twice, as in AABB")
        if bars is not None and not FEWEST_BARS <= bars <= MOST_BARS:
            raise RequestError(f"a tune has {FEWEST_BARS} to {MOST_BARS} bars, got {bars}")
        if bars is not None and letters and bars % len(letters):
            lower = bars // len(letters) * len(letters)
            raise RequestError(
                f"{bars} bars, as they are written, do not divide into the {len(letters)} sections of {form}; "
                f"ask for {lower + len(letters)}"
            )
        return cls(bars or SECTION * len(letters) or None, tuple(len(run) == 2 for run in letters))

    @property
    def target(self) -> int | None:
        """How many bars `Frame.bars` comes to: of each section, if there are some, else of the tune."""
        return self.bars // len(self.sections) if self.bars and self.sections else self.bars


class Frame(NamedTuple):
    """Where a row's bar stands in the tune. Durations are in ticks."""

    phase: int = BEFORE
    bar: int = 0  # of the meter
    compound: bool = False
    pickup: int = 0  # of this section, once its first bar is over
    lead: int = 0  # of the tune, where it stands before the repeat that this section is
    opening: bool = True  # whether this is a section's first bar
    owed: int = 0  # what the section before lacks of its last bar, which this one's first bar must give
    repeat: int = OUTSIDE
    begins: bool = True  # whether this bar's line begins a section
    may_end: bool = False  # … and ends one as a tune may end
    changed: int = 0  # METER and KEY, changed at this line already
    section: int = 0  # of those planned
    bars: int = 0  # complete, of the section if some are planned, else of the tune
    branched: int = 0  # `bars` where the first ending began
    ending: int = 0  # bars of the first ending that are complete


class Form:
    """What may come at a bar line, and where one may be drawn, by a plan."""

    def __init__(self, plan: FormPlan, grid: int) -> None:
        self.plan, self._grid = plan, grid
        self._target, self._sections = plan.target, plan.sections

    def capacity(self, frame: Frame) -> int:
        """How long the bar is that begins here."""
        if frame.opening and frame.owed:
            return frame.owed
        if self._beginning(frame) and frame.repeat == OUTSIDE and self._sections[:1] == (True,):
            return frame.bar - self._grid  # a pickup, after which the repeat begins
        last = self._last(frame) or self._last_of_ending(frame)
        if last and frame.repeat in (INSIDE, FIRST) and not frame.opening:
            return frame.bar - frame.pickup
        return frame.bar

    def short(self, frame: Frame) -> int:
        """How long before this bar's end the section may end."""
        return self.capacity(frame) - frame.bar + frame.pickup if not frame.opening else 0

    def shut(self, frame: Frame) -> bool:
        """Whether no sound may come after this line."""
        return frame.phase != BODY or frame.repeat == BETWEEN or self._done(frame)

    def at_line(self, frame: Frame) -> set[str]:
        """What may come next to a bar line, sounds aside: tokens, and `meter` and `key` for any that changes those."""
        if frame.repeat == BETWEEN:
            return {"[2"}
        if self._done(frame):
            return {"</s>"}
        tokens = set()
        room = MOST_ENDING if self._target is None or not self._sections else self._target - frame.bars
        if frame.repeat == INSIDE and not frame.begins and room <= MOST_ENDING:
            tokens.add("[1")
        if frame.begins:
            beginning = self._beginning(frame)
            if beginning and frame.repeat == OUTSIDE and self._sections[:1] != (False,):
                tokens.add("|:")
            if frame.may_end and frame.bars >= FEWEST_BARS and self._target is None:
                tokens.add("</s>")
            if not beginning and not frame.changed & METER and not frame.owed:
                tokens.add("meter")
            if not beginning and not frame.changed & KEY:
                tokens.add("key")
        return tokens

    def lines(self, frame: Frame, place: int) -> set[str]:
        """The bar lines that may be drawn at so many ticks into the bar."""
        bars, target = self._counted(frame, place), self._target
        goes_on = (target is None or bars < target) and not self._last_of_ending(frame)
        repeated = frame.repeat in (INSIDE, FIRST)
        lines = {"|"} if place == self.capacity(frame) and goes_on else set()
        if self._beginning(frame):  # where any place ends a pickup
            if frame.repeat == OUTSIDE and self._sections[:1] == (True,):
                return {"|:"} if place < frame.bar else set()
            if place < frame.bar or goes_on:
                lines = {"|"} if frame.repeat == INSIDE or self._sections else {"|", "|:"}
        full = place == frame.bar
        completes = not frame.opening and place == frame.bar - frame.pickup
        # The last time round, the last bar may leave what the next section's pickup gives.
        leaves = not frame.opening and not repeated and place == frame.bar - frame.lead
        if completes or leaves or (full and (frame.opening or not repeated)):
            lines |= self._ending(frame, bars)
        return lines

    def draw(self, frame: Frame, place: int, line: str) -> Frame:
        """The frame after a bar line at so many ticks into the bar."""
        lacking, lead = frame.bar - place if place else 0, 0
        if lacking and frame.opening and line == "|:":  # a pickup outside the repeat, which begins with a whole bar
            lacking, lead = frame.bar, place
        pickup = frame.pickup if not frame.opening else place if lacking else 0
        bars = self._counted(frame, place)
        drawn = frame._replace(pickup=pickup, opening=False, owed=0, begins=False, may_end=False, changed=0, bars=bars)
        if line == "|":
            return drawn._replace(ending=frame.ending + (frame.repeat == FIRST))
        if line == ":|" and frame.repeat == FIRST:
            return drawn._replace(repeat=BETWEEN, ending=0)
        if line == "|]":
            return drawn._replace(phase=CLOSED)
        section, bars = self._next_section(frame, line, bars)
        return drawn._replace(
            repeat=INSIDE if line in ("|:", "::") else OUTSIDE,
            pickup=0,
            lead=lead,
            opening=True,
            owed=lacking,
            begins=True,
            may_end=line == ":|",
            section=section,
            bars=bars,
            branched=0,
        )

    def take_ending(self, frame: Frame, token: str) -> Frame:
        """The frame after `[1` or `[2`."""
        if token == "[1":
            return frame._replace(repeat=FIRST, may_end=False, branched=frame.bars)
        return frame._replace(repeat=SECOND, may_end=False, bars=frame.branched, branched=0)

    def way_out_at_line(self, frame: Frame) -> set[str]:
        """What leads from a bar line to the tune's end soonest, sounds aside."""
        if frame.begins and frame.may_end and not self._planned:
            return {"</s>"}
        wanted = {"[2", "</s>"} | ({"|:"} if self._beginning(frame) and self._sections[:1] == (True,) else set())
        return self.at_line(frame) & wanted

    def way_out(self, frame: Frame, place: int) -> set[str]:
        """The lines that lead to the tune's end soonest from so many ticks into the bar; none if sounds do."""
        lines, full = self.lines(frame, place), place == self.capacity(frame)
        if self._beginning(frame) and not full and self._sections[:1] != (True,):
            return set()  # a pickup would be longer
        if not self._planned:
            return lines & {"|]", ":|"} or (lines & {"|"} if full else set())
        ends_now = frame.repeat == FIRST or self._counted(frame, place) == self._target
        ends = lines - {"|"} if ends_now else set()
        if self._beginning(frame) and frame.repeat == OUTSIDE and self._sections[:1] == (True,):
            ends = lines
        return ends or (lines & {"|"} if full else set())

    def bars_left(self, frame: Frame) -> int:
        """How many bars a tune led to its end takes at most from here, beyond the section that it stands in."""
        target = self._target
        if target is None:
            return 0
        after = max(len(self._sections) - 1 - frame.section, 0)
        endings = target - frame.branched if frame.repeat in (FIRST, BETWEEN) else 0
        return max(target - frame.bars, 0) + endings + after * target

    def needed(self) -> set[str]:
        """The tokens without which the plan cannot be met."""
        needed = {"|]"} if self._target is not None and not self._sections else set()
        for place, repeated in enumerate(self._sections):
            last = place == len(self._sections) - 1
            follows = not last and self._sections[place + 1]
            if place == 0 and repeated:
                needed.add("|:")
            if last:
                needed.add(":|" if repeated else "|]")
            elif repeated:
                needed.add("::" if follows else ":|")
            else:
                needed.add("|:" if follows else "||")
        return needed

    @property
    def _planned(self) -> bool:
        return self._target is not None

    def _beginning(self, frame: Frame) -> bool:
        """Whether this is the tune's first bar, which may be a pickup."""
        return frame.opening and not frame.owed and not frame.bars and not frame.section

    def _last(self, frame: Frame) -> bool:
        return self._target is not None and frame.bars == self._target - 1

    def _last_of_ending(self, frame: Frame) -> bool:
        return frame.repeat == FIRST and frame.ending == MOST_ENDING - 1

    def _done(self, frame: Frame) -> bool:
        """Whether nothing but the end may follow this line."""
        if frame.phase == CLOSED:
            return True
        if self._sections:
            return frame.section == len(self._sections)
        return frame.begins and frame.may_end and frame.bars == self._target

    def _counted(self, frame: Frame, place: int) -> int:
        """How many bars are complete if a line is drawn here; without a target no more than what is asked about."""
        bars = frame.bars + (place == frame.bar or not frame.opening)
        return bars if self._target is not None else min(bars, FEWEST_BARS)

    def _ending(self, frame: Frame, bars: int) -> set[str]:
        """The lines that may end the section, where its last bar is as long as it must be."""
        target, closing = self._target, frame.repeat == FIRST
        if self._sections:
            if bars != target:
                return set()
            follows = self._sections[frame.section + 1 : frame.section + 2]
            if frame.repeat == INSIDE:
                return {"::"} if follows == (True,) else {":|"}
            return {":|"} if closing else {"|:"} if follows == (True,) else {"||"} if follows else {"|]"}
        if bars == target:
            return {":|"} if frame.repeat in (INSIDE, FIRST) else {"|]"}
        if frame.repeat in (INSIDE, FIRST):
            return {":|"} if closing else {":|", "::"}
        return {"||", "|:"} | ({"|]"} if target is None and frame.bars >= FEWEST_BARS else set())

    def _next_section(self, frame: Frame, line: str, bars: int) -> tuple[int, int]:
        """The section that a line begins, and its bars so far."""
        if not self._sections:
            return 0, bars
        if line == "|:" and frame.repeat == OUTSIDE and self._beginning(frame):  # the first, after its pickup if any
            return 0, 0
        return frame.section + 1, 0
