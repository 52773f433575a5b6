"""Which of the `abc` tokens may come next, so that a tune is valid by construction.

This is a `folkseq.grammar.Grammar`. The header comes first. Every bar is exactly full for its meter, but for a
pickup and the bar that completes it. Repeats and endings match, tuplets close within the bar, ties lead to their own
pitch. A tune ends on `|]` or `:|`, in the form that was asked for; when the limit nears it is led there by the shortest
way.

Where a row stands is two small numbers: one of a `Filling`, for what is in its bar, and one of a `Frame`, for what is
around it. What may come is what the filling allows and the lines that the frame allows at that place, both taken from
`Tables` for all rows at once; after a tie, and within a chord, it depends on the row's last pitch besides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.representations.abc.alphabet import Alphabet, bar_ticks
from folkseq.representations.abc.filling import AT_LINE, IN_CHORD, TIEABLE, TIED, TIED_OVER, Filler
from folkseq.representations.abc.form import (
    AT_KEY,
    AT_METER,
    AT_RHYTHM,
    BARS,
    BEFORE,
    BODY,
    CLOSED,
    Form,
    FormPlan,
    Frame,
)
from folkseq.representations.abc.tables import Ids, Mask, Tables
from folkseq.representations.base import START
from folkseq.representations.vocabulary import Vocabulary

CLOSING, CLOSING_BARS = 40, 6
"""Ids, and bars filled the shortest way; together more than the way from any state to its section's second ending."""
_NO_PLAN = FormPlan()

Rows = tuple[NDArray[Any], ...]


class AbcGrammar:
    """The grammar over one vocabulary, with what is asked of header and form."""

    def __init__(
        self, vocabulary: Vocabulary, *, rhythm: str = "", meter: str = "", mode: str = "", plan: FormPlan = _NO_PLAN
    ) -> None:
        """Look the vocabulary through.

        Args:
            vocabulary: of `abc` tokens.
            rhythm: the token that the header must have, such as `R:reel`.
            meter: the same, such as `M:4/4`.
            mode: the same, such as `K:Cmaj`.
            plan: the form asked for.

        Raises:
            RequestError: the vocabulary has no such token, or lacks what the form needs.
        """
        self.vocabulary = vocabulary
        alphabet, self._plan = Alphabet(vocabulary), plan
        self._form = Form(plan, alphabet.grid)
        missing = sorted(token for token in self._form.needed() if token not in vocabulary)
        if missing:
            raise RequestError(f"the model knows no {missing[0]}, which such a form needs; ask for another")
        meters = [i for i in alphabet.asked("M:", meter) if i in alphabet.meters]
        if not meters:
            asked = f"{meter[2:]} has no bars that" if meter else "the model knows no meter whose bars"
            raise RequestError(f"{asked} could be filled; use --no-grammar")
        rhythms = alphabet.asked("R:", rhythm)
        header = {
            BEFORE: alphabet.ids[START],
            # A meter alone is asked of tunes whose rhythm is unknown, since which rhythm goes with it is unknown too.
            AT_RHYTHM: rhythms if rhythm else meters if meter else rhythms + meters,
            AT_METER: meters,
            AT_KEY: alphabet.asked("K:", mode),
        }
        longest_bar = max(map(bar_ticks, alphabet.meters.values()), default=alphabet.grid)
        rooms = range(alphabet.grid, longest_bar + 1, alphabet.grid)
        self._ids_a_bar = 1 + max((alphabet.shortest_fill(room) for room in rooms), default=0)
        self._tables = tables = Tables(alphabet, Filler(alphabet), self._form, header, longest_bar)
        self._tied, self._in_chord = tables.codes[TIED], tables.codes[IN_CHORD]
        self._is_pitch, self._chord_end = tables.mask(alphabet.ids["pitch"]), tables.mask(alphabet.ids["]"])
        steps = np.array([alphabet.steps.get(i, -(10**6)) for i in range(len(vocabulary))])
        self._higher = (steps[None, :] > steps[:, None]) & self._is_pitch  # (V, V)
        # A frame within a first ending has to write what is left of its section twice.
        self._nearing = self._margin(Frame()) + self._form.bars_left(Frame()) * self._ids_a_bar
        self._closings: dict[tuple[int, int], tuple[Mask, Mask]] = {}

    @property
    def fewest(self) -> int:
        """How many ids a limit must leave room for, so that a tune of the form asked for can be led to its end."""
        return self._margin(Frame()) + AT_KEY

    def begin(self, rows: int) -> Rows:
        """Where `rows` tunes stand before `<s>`: their fillings, frames, last pitches and bars, (B,) each."""
        return tuple(np.full(rows, value, np.int32) for value in (*self._tables.begin(), 0, 0))

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Where they stand after one more id in each."""
        filling, frame, pitch, bars = rows
        filling, frame, counted = self._tables.advance(filling, frame, ids)
        pitch = np.where(self._is_pitch[ids], ids, pitch)
        return filling, frame, pitch, bars if counted is None else bars + counted

    def allowed(self, rows: Rows, remaining: Ids) -> Mask:
        """Which ids may come next, (B, V)."""
        filling, frame, pitch, _ = rows
        code = self._tables.code[filling]
        mask = self._tables.allowed(filling, frame, code)
        if code.max(initial=0) >= self._tied:
            tied, chord = np.flatnonzero(code == self._tied), np.flatnonzero(code == self._in_chord)
            mask[tied] = False
            mask[tied, pitch[tied]] = True
            mask[chord] &= self._higher[pitch[chord]] | self._chord_end
        if remaining.min() <= self._nearing:
            for row, left in enumerate(remaining.tolist()):
                if left <= self._margin(self._tables.frame_of[frame[row]]):
                    mask[row] = self._closing(int(filling[row]), int(frame[row]), int(pitch[row]))
        return mask

    def given(self, rows: Rows) -> Rows:
        """With a last note that has no length written as long as it stands there: an eighth."""
        filling, *others = rows
        return (self._tables.settled(filling), *others)

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """The share of the bars asked for, or of a usual tune's, that are written, (B,)."""
        return np.minimum(rows[3] / (self._plan.bars or BARS), 1.0)

    def _margin(self, frame: Frame) -> int:
        """How many ids lead a tune to its end from any place in a frame's bar."""
        return CLOSING + (CLOSING_BARS + self._form.bars_left(frame)) * self._ids_a_bar

    def _closing(self, filling: int, frame: int, pitch: int) -> Mask:
        """What leads one row to its end by the shortest way, (V,)."""
        tables = self._tables
        found = self._closings.get((filling, frame))
        if found is None:
            state, around = tables.filling_of[filling], tables.frame_of[frame]
            lines = tables.at_line(around, self._way_out(tables.filler.line_room(state), around))
            sounds = [] if lines else tables.filler.closing(state, self._form.short(around))
            found = self._closings[filling, frame] = tables.mask(lines), tables.mask(sounds)
        lines_, sounds_ = found
        if tables.code[filling] == self._tied:
            return tables.mask([pitch])
        if tables.code[filling] == self._in_chord:
            sounds_ = sounds_ & (self._higher[pitch] | self._chord_end)
        return tables.or_anything(lines_ | sounds_)

    def _way_out(self, room: int, frame: Frame) -> set[str]:
        """The lines, or what stands at one, that lead to the end soonest, at what `Filler.line_room` says."""
        if room == TIED_OVER:
            return {"|"}
        if room == AT_LINE:
            return self._form.way_out_at_line(frame) if frame.phase in (BODY, CLOSED) else set()
        if room < TIED_OVER and room != TIEABLE:
            return set()
        return self._form.way_out(frame, self._form.capacity(frame) - max(room, 0))
