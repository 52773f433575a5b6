"""The `abc` tokens that may come next, so that a tune is valid by construction: a `folkseq.grammar.Grammar`.

The header comes first. Every bar is exactly full for its meter, except for a pickup and the bar that completes it.
Repeats and endings match, tuplets close within the bar, ties lead to their own pitch. A tune ends on `|]` or `:|`, in
the requested form; near the limit it is led to its end by the shortest way.

The state of a row is the number of a `BarState`, the number of a `FormState`, its last pitch and its bars so far. The
allowed ids are those of the bar state, and the bar lines of the form state at that place. `Tables` has both for all
rows at once; after a tie, and within a chord, they also depend on the row's last pitch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.grammar import Rows
from folkseq.representations.abc.alphabet import Alphabet
from folkseq.representations.abc.bar_grammar import AT_LINE, IN_CHORD, TIEABLE, TIED, TIED_OVER, BarGrammar
from folkseq.representations.abc.bars import bar_ticks
from folkseq.representations.abc.form import (
    AT_KEY,
    AT_METER,
    AT_RHYTHM,
    BARS,
    BEFORE,
    FormGrammar,
    FormPlan,
    FormState,
)
from folkseq.representations.abc.tables import Ids, Mask, Tables
from folkseq.representations.base import START
from folkseq.representations.vocabulary import Vocabulary

CLOSING, CLOSING_BARS = 40, 6
"""Ids, and bars filled the shortest way; together more than the way from any state to its section's second ending."""
_NO_PLAN = FormPlan()


class AbcGrammar:
    """The grammar over one vocabulary, with a requested header and form."""

    def __init__(
        self, vocabulary: Vocabulary, *, rhythm: str = "", meter: str = "", mode: str = "", plan: FormPlan = _NO_PLAN
    ) -> None:
        """Build the grammar.

        Args:
            vocabulary: of `abc` tokens.
            rhythm: the token that the header must have, such as `R:reel`.
            meter: the same, such as `M:4/4`.
            mode: the same, such as `K:Cmaj`.
            plan: the requested form.

        Raises:
            RequestError: the vocabulary has no such token, or lacks one that the form needs.
        """
        self.vocabulary, self._plan = vocabulary, plan
        alphabet = Alphabet(vocabulary)
        meters = [i for i in alphabet.header_ids("M:", meter) if i in alphabet.meters]
        if not meters:
            asked = f"{meter[2:]} has no bars that" if meter else "the model knows no meter whose bars"
            raise RequestError(f"{asked} could be filled; use --no-grammar")
        rhythms = alphabet.header_ids("R:", rhythm)
        # A requested meter goes with tunes of unknown rhythm, since the rhythms that go with it are unknown, too.
        first = rhythms if rhythm else meters if meter else rhythms + meters
        phases = {AT_RHYTHM: first, AT_METER: meters, AT_KEY: alphabet.header_ids("K:", mode)}
        header = {phase: set(vocabulary.decode(ids)) for phase, ids in phases.items()}
        self._form = FormGrammar(plan, alphabet, {BEFORE: {START}, **header})
        missing = sorted(token for token in self._form.needed() if token not in vocabulary)
        if missing:
            raise RequestError(f"the model knows no {missing[0]}, which such a form needs; ask for another")
        longest_bar = max(map(bar_ticks, alphabet.meters.values()), default=alphabet.grid)
        rooms = range(alphabet.grid, longest_bar + 1, alphabet.grid)
        self._ids_per_bar = 1 + max((alphabet.shortest_fill(room) for room in rooms), default=0)
        self._bars = BarGrammar(alphabet)
        self._tables = Tables(alphabet, self._bars, self._form, longest_bar)
        self._is_pitch = self._tables.mask(alphabet.ids["pitch"])
        self._chord_end = self._tables.mask(alphabet.ids["]"])
        steps = np.array([alphabet.steps.get(i, -(10**6)) for i in range(len(vocabulary))])
        self._higher = (steps[None, :] > steps[:, None]) & self._is_pitch  # (V, V)
        # A tune in a first ending has to write the rest of its section twice.
        self._nearing = self._margin(FormState()) + self._form.bars_left(FormState()) * self._ids_per_bar
        self._closings: dict[tuple[int, int], Mask] = {}

    @property
    def fewest(self) -> int:
        """Return the number of ids that a limit must leave so that a tune of the requested form can end."""
        return self._margin(FormState()) + AT_KEY

    def begin(self, rows: int) -> Rows:
        """Return the state before the start ids: bar states, form states, last pitches and bars, (B,) each."""
        return tuple(np.full(rows, value, np.int32) for value in (*self._tables.begin(), 0, 0))

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row."""
        bar, form, pitch, bars = rows
        bar, form, completed = self._tables.advance(bar, form, ids)
        pitch = np.where(self._is_pitch[ids], ids, pitch)
        return bar, form, pitch, bars if completed is None else bars + completed

    def allowed(self, rows: Rows, remaining: Ids) -> Mask:
        """Mask the ids that may come next, (B, V)."""
        bar, form, pitch, _ = rows
        mask = self._tables.allowed(bar, form)
        if remaining.min() <= self._nearing:
            for row, left in enumerate(remaining.tolist()):
                if left <= self._margin(self._tables.form_states[form[row]]):
                    mask[row] = self._closing(int(bar[row]), int(form[row]))
        line = self._tables.line[bar]
        if line.min(initial=0) <= TIED:
            tied, chord = np.flatnonzero(line == TIED), np.flatnonzero(line == IN_CHORD)
            mask[tied] = False
            mask[tied, pitch[tied]] = True
            mask[chord] &= self._higher[pitch[chord]] | self._chord_end
        return mask

    def given(self, rows: Rows) -> Rows:
        """Return the state in which a last note without a length is an eighth."""
        bar, *others = rows
        return (self._tables.given(bar), *others)

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the share of the requested bars, or of a usual tune's, that are written, (B,)."""
        return np.minimum(rows[3] / (self._plan.bars or BARS), 1.0)

    def _margin(self, state: FormState) -> int:
        """Return the number of ids that lead a tune to its end from anywhere in a bar."""
        return CLOSING + (CLOSING_BARS + self._form.bars_left(state)) * self._ids_per_bar

    def _closing(self, bar: int, form: int) -> Mask:
        """Return the mask of the ids that lead to the end by the shortest way, apart from the last pitch."""
        mask = self._closings.get((bar, form))
        if mask is None:
            state, around = self._tables.bar_states[bar], self._tables.form_states[form]
            lines = self._tables.alphabet.of(self._way_out(self._bars.room(state), around))
            ids = lines or self._bars.closing(state, self._form.short(around))
            mask = self._closings[bar, form] = self._tables.or_anything(self._tables.mask(ids))
        return mask

    def _way_out(self, room: int, state: FormState) -> set[str]:
        """Return the lines, or the tokens at one, that lead to the end soonest."""
        if room == TIED_OVER:
            return {"|"}
        if room == AT_LINE:
            return self._form.way_out_at_line(state)
        if room >= 0 or room == TIEABLE:
            return self._form.way_out(state, self._form.capacity(state) - max(room, 0))
        return set()
