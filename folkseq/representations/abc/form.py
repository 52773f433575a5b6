"""The grammar of form: header, sections, repeats and endings, pickups, and possible ends, according to a plan.

A section may begin with a pickup, which the last bar of this or the previous section completes. Repeats come in pairs.
Bars of a section are counted in one pass: a pickup does not count, and a second ending replaces the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.representations.abc.bar_grammar import AT_LINE, IN_CHORD, NO_LINE, TIED, TIED_OVER, Alphabet, BarState
from folkseq.representations.abc.bars import bar_ticks
from folkseq.representations.abc.tables import Form
from folkseq.representations.abc.tokens import HEADER, kind
from folkseq.representations.base import END, START

FEWEST_BARS = 4  # minimum number of bars without a requested length
MOST_BARS = 256
MOST_ENDING = 4  # maximum number of bars of a first ending; 353 of folk.abc's 357 first endings have no more
SECTION = 8  # bars of each section of a requested form without a number of bars
BARS = 16  # estimated number of bars of a tune without a requested length

Phase = IntEnum("Phase", "START RHYTHM METER KEY BODY CLOSED")
"""The next token: a token of the header or of the body, or only the end."""
_PHASE_AFTER = {START: Phase.RHYTHM, **dict(zip(HEADER, (Phase.METER, Phase.KEY, Phase.BODY), strict=True))}
OUTSIDE, INSIDE, FIRST, BETWEEN, SECOND = range(5)
"""The position of a bar: outside or inside a repeat, in a first or second ending, or after the `:|` of a first ending,
where `[2` must follow."""


@dataclass(frozen=True)
class FormPlan:
    """The requested form of a tune; by default, any form."""

    bars: int | None = None
    """Number of bars of the whole tune as written."""
    sections: tuple[bool, ...] = ()
    """Whether each section is repeated; empty for any sections."""
    returns: tuple[int, ...] = ()
    """The sections with a varied repeat; the last entries of `sections` are these repeats."""

    @classmethod
    def of(cls, bars: int | None = None, form: str | None = None, *, varied: bool = False) -> FormPlan:
        """Return the plan for a number of bars and a form such as AABB. Raises RequestError for an impossible form.

        A varied repeat is a separate section, whose bars do not count towards the requested number.
        """
        letters = "" if form is None else form.strip().upper()
        if form is not None and not re.fullmatch("[A-Z]+", letters):
            raise RequestError(f"form {form!r}: write each section as one letter, or two if it is repeated: AABB")
        runs = [match[0] for match in re.finditer(r"(.)\1*", letters)]
        if len({run[0] for run in runs}) < len(runs):
            raise RequestError(f"form {form} comes back to a section; each is written once, so ask for one like AABBCC")
        if any(len(run) > 2 for run in runs):
            raise RequestError(f"form {form} plays a section more than twice; a repeat is played twice, as in AABB")
        sections = tuple(len(run) == 2 for run in runs)
        if bars is not None and not FEWEST_BARS <= bars <= MOST_BARS:
            raise RequestError(f"a tune has {FEWEST_BARS} to {MOST_BARS} bars, got {bars}")
        if bars is not None and sections and bars % len(sections):
            possible = (bars // len(sections) + 1) * len(sections)
            raise RequestError(f"{bars} bars do not divide into {len(sections)} sections ({form}); ask for {possible}")
        if not varied:
            return cls(bars or SECTION * len(sections) or None, sections)
        returns = tuple(at for at, repeated in enumerate(sections) if repeated)
        if not returns:
            raise RequestError("--vary varies what comes back; ask for a form in which a section does, as in AABB")
        each = (bars or SECTION * len(sections)) // len(sections)
        return cls(each * (len(sections) + len(returns)), (*sections, *(False for _ in returns)), returns)

    def original(self, section: int) -> int | None:
        """Return the section that a planned section repeats with variation, or None."""
        at = section - len(self.sections) + len(self.returns)
        return self.returns[at] if 0 <= at < len(self.returns) else None

    @property
    def target(self) -> int | None:
        """Return the target of `FormState.bars`: bars per section, or bars of the tune if there are no sections."""
        return self.bars // len(self.sections) if self.bars and self.sections else self.bars


class FormState(NamedTuple):
    """The position of a bar in the tune. Durations are in ticks."""

    phase: Phase = Phase.START
    bar: int = 0  # length of a bar in the meter
    compound: bool = False
    pickup: int = 0  # pickup of this section, known after its first bar
    lead: int = 0  # pickup of the tune, if it precedes the repeat that is this section
    opening: bool = True  # whether this is a section's first bar
    owed: int = 0  # missing length of the previous section's last bar, which this section's first bar must complete
    repeat: int = OUTSIDE
    begins: bool = True  # whether the last line begins a section
    may_end: bool = False  # whether it also ends a section, so that the tune may end
    changed: frozenset[str] = frozenset()  # `meter` and `key`, if they changed at the last line
    section: int = 0  # index among the planned sections
    bars: int = 0  # complete bars of the section if there is a plan of sections, else of the tune
    branched: int = 0  # `bars` where the first ending began
    ending: int = 0  # complete bars of the first ending

    @property
    def first(self) -> bool:
        """Return whether this is the first bar of the tune, which may be a pickup."""
        return self.opening and not (self.owed or self.bars or self.section)


class FormGrammar(Form[FormState]):
    """The form of a tune according to a plan."""

    start = FormState()

    def __init__(self, plan: FormPlan, alphabet: Alphabet, header: Mapping[Phase, set[str]]) -> None:
        """Store the plan, and the tokens that may come in each phase of the header."""
        self.plan, self._alphabet, self._header = plan, alphabet, header
        self._target, self._sections = plan.target, plan.sections
        self._begins_repeated = plan.sections[:1] == (True,)

    def open_bar(self, state: FormState) -> BarState:
        """Return the state of the bar that begins here."""
        return BarState(self.capacity(state), state.compound, at_line=True)

    def capacity(self, state: FormState) -> int:
        """Return the length of the bar that begins here; 0 if no sound may come."""
        if state.phase != Phase.BODY or state.repeat == BETWEEN or self._done(state):
            return 0
        if state.opening and state.owed:
            return state.owed
        if self._must_lead(state):
            return state.bar - self._alphabet.grid
        last = self._target is not None and state.bars == self._target - 1
        if (last or self._ending_is_full(state)) and self._leads_back(state) and not state.opening:
            return state.bar - state.pickup
        return state.bar

    def short(self, state: FormState) -> int:
        """Return the length by which this bar may be short at the end of the section."""
        return self.capacity(state) - state.bar + state.pickup if not state.opening else 0

    def completes(self, state: FormState, place: int) -> bool:
        """Return whether a bar line completes a bar; a pickup does not count."""
        return place == state.bar or not state.opening

    def at_line(self, state: FormState) -> set[str]:
        """Return the tokens other than sounds that may follow a bar line; `meter` and `key` stand for any change."""
        if state.phase in self._header:
            return self._header[state.phase]
        if state.repeat == BETWEEN:
            return {"[2"}
        if self._done(state):
            return {END}
        tokens = set()
        room = MOST_ENDING if self._target is None or not self._sections else self._target - state.bars
        if state.repeat == INSIDE and not state.begins and room <= MOST_ENDING:
            tokens.add("[1")
        if state.begins and state.first:
            if state.repeat == OUTSIDE and self._sections[:1] != (False,):
                tokens.add("|:")
        elif state.begins:
            if self.plan.returns and state.section == len(self._sections) - len(self.plan.returns):
                tokens.add(END)  # only a `Target` requires the varied repeats
            if state.may_end and state.bars >= FEWEST_BARS and self._target is None:
                tokens.add(END)
            tokens |= {"key"} if state.owed else {"meter", "key"}
        return tokens - state.changed

    def lines(self, state: FormState, place: int) -> set[str]:
        """Return the bar lines that may come at a number of ticks from the beginning of the bar."""
        bars, target = self._count(state, place), self._target
        goes_on = (target is None or bars < target) and not self._ending_is_full(state)
        repeated = self._leads_back(state)
        lines = {"|"} if place == self.capacity(state) and goes_on else set()
        if self._must_lead(state):
            return {"|:"} if place < state.bar else set()
        if state.first and (place < state.bar or goes_on):  # any place ends a pickup
            lines = {"|"} if state.repeat == INSIDE or self._sections else {"|", "|:"}
        full = place == state.bar and (state.opening or not repeated)
        # A section's last bar may be short by its own pickup; outside repeats, also by the next section's pickup.
        leaves = (state.pickup,) if repeated else (state.pickup, state.lead)
        if full or (not state.opening and state.bar - place in leaves):
            lines |= self._section_ends(state, bars)
        return lines

    def way_out(self, state: FormState, room: int) -> set[str]:
        """Return the tokens on the shortest way to the end at a `room` of `BarGrammar.room`; none if sounds are."""
        if room == TIED_OVER:
            return {"|"}
        if room == AT_LINE:
            return self._way_out_at_line(state)
        if room in (NO_LINE, TIED, IN_CHORD):
            return set()
        place = self.capacity(state) - max(room, 0)
        lines, full = self.lines(state, place), place == self.capacity(state)
        if state.first and not full and not self._begins_repeated:
            return set()  # a pickup would be longer
        plain = lines & {"|"} if full else set()
        if self._target is None:
            return lines & {"|]", ":|"} or plain
        if self._must_lead(state):
            return lines
        ends_now = state.repeat == FIRST or self._count(state, place) == self._target
        return (lines - {"|"} if ends_now else set()) or plain

    def _way_out_at_line(self, state: FormState) -> set[str]:
        if state.phase in self._header:
            return self._header[state.phase]
        if state.begins and state.may_end and self._target is None:
            return {END}
        wanted = {"[2", END} | ({"|:"} if state.first and self._begins_repeated else set())
        return self.at_line(state) & wanted

    def bars_left(self, state: FormState) -> int:
        """Return the maximum number of bars on the way to the end, in addition to those of a tune without a plan."""
        target = self._target
        if target is None:
            return 0
        after = max(len(self._sections) - 1 - state.section, 0)
        endings = target - state.branched if state.repeat in (FIRST, BETWEEN) else 0
        return max(target - state.bars, 0) + endings + after * target

    def needed(self) -> set[str]:
        """Return the tokens that the plan requires."""
        needed = {self._section_end(place, repeated) for place, repeated in enumerate(self._sections)}
        if self._begins_repeated:
            needed.add("|:")
        return needed or ({"|]"} if self._target is not None else set())

    def advance(self, state: FormState, place: int, token: str) -> FormState:
        """Return the state after a token that is not part of a sound, at a number of ticks into the bar."""
        what = kind(token)
        if what in ("M:", "meter"):
            meter = self._alphabet.meters.get(self._alphabet.vocabulary.id(token))
            if meter is None:
                return state
            state = state._replace(bar=bar_ticks(meter), compound=meter.compound)
        if what in _PHASE_AFTER:
            return state._replace(phase=_PHASE_AFTER[what])
        if what == END:
            return state._replace(phase=Phase.CLOSED)
        if what in ("meter", "key"):
            return state._replace(changed=state.changed | {what}, may_end=False)
        if token == "[1":
            return state._replace(repeat=FIRST, may_end=False, branched=state.bars)
        if what == "ending":
            return state._replace(repeat=SECOND, may_end=False, bars=state.branched, branched=0)
        return self._draw(state, place, token)

    def _draw(self, state: FormState, place: int, line: str) -> FormState:
        """Return the state after a bar line."""
        lacking, lead = state.bar - place if place else 0, 0
        if lacking and state.opening and line == "|:":  # a pickup before a repeat that begins with a whole bar
            lacking, lead = state.bar, place
        pickup = state.pickup if not state.opening else place if lacking else 0
        bars = self._count(state, place)
        drawn = state._replace(
            pickup=pickup, opening=False, owed=0, begins=False, may_end=False, changed=frozenset(), bars=bars
        )
        if line == "|":
            return drawn._replace(ending=state.ending + (state.repeat == FIRST))
        if line == "|]":
            return drawn._replace(phase=Phase.CLOSED)
        if line == ":|" and state.repeat == FIRST:
            return drawn._replace(repeat=BETWEEN, ending=0)
        section = 0
        if self._sections:
            # The first section may begin with its repeat, after its pickup if any.
            first = line == "|:" and state.repeat == OUTSIDE and state.first
            section, bars = (0 if first else state.section + 1), 0
        repeat = INSIDE if line in ("|:", "::") else OUTSIDE
        begun = FormState(state.phase, state.bar, state.compound, lead=lead, owed=lacking, repeat=repeat)
        return begun._replace(may_end=line == ":|", section=section, bars=bars)

    def _leads_back(self, state: FormState) -> bool:
        """Return whether the section ends like a repeated section, so that its last bar is short by its own pickup.

        If there are varied repeats, all sections have the pickup of the first.
        """
        return state.repeat in (INSIDE, FIRST) or bool(self.plan.returns)

    def _must_lead(self, state: FormState) -> bool:
        """Return whether this bar must be a pickup before a planned repeat."""
        return state.first and state.repeat == OUTSIDE and self._begins_repeated

    def _ending_is_full(self, state: FormState) -> bool:
        return state.repeat == FIRST and state.ending == MOST_ENDING - 1

    def _done(self, state: FormState) -> bool:
        """Return whether only the end may follow this line."""
        if state.phase == Phase.CLOSED:
            return True
        if self._sections:
            return state.section == len(self._sections)
        return state.begins and state.may_end and state.bars == self._target

    def _count(self, state: FormState, place: int) -> int:
        """Return the number of complete bars after a bar line here; without a target, at most `FEWEST_BARS`."""
        bars = state.bars + self.completes(state, place)
        return bars if self._target is not None else min(bars, FEWEST_BARS)

    def _section_end(self, section: int, inside: bool) -> str:
        """Return the bar line that ends a planned section, inside a repeat or not."""
        follows = self._sections[section + 1 : section + 2]
        if inside:
            return "::" if follows == (True,) else ":|"
        return "|:" if follows == (True,) else "||" if follows else "|]"

    def _section_ends(self, state: FormState, bars: int) -> set[str]:
        """Return the bar lines that may end the section if its last bar is long enough."""
        first_ending, inside = state.repeat == FIRST, state.repeat == INSIDE
        if self._sections:
            if bars != self._target:
                return set()
            back = {"|]"} if self.plan.original(state.section) is not None else set()
            return {":|"} if first_ending else {self._section_end(state.section, inside)} | back
        if first_ending or (inside and bars == self._target):
            return {":|"}
        if inside:
            return {":|", "::"}
        if bars == self._target:
            return {"|]"}
        return {"||", "|:"} | ({"|]"} if self._target is None and state.bars >= FEWEST_BARS else set())
