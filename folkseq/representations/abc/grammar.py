"""The grammar of `abc` tokens, a `folkseq.grammar.Grammar`, which makes every tune valid by construction.

The header comes first. Every bar is exactly full in its meter, except for a pickup and the bar that completes it.
Repeats and endings match, tuplets close within the bar, and ties connect equal pitches. A tune ends with `|]` or `:|`,
in the requested form. Near the limit, only the shortest ending is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.grammar import Rows
from folkseq.representations.abc.bar_grammar import Alphabet, BarGrammar
from folkseq.representations.abc.bars import bar_ticks
from folkseq.representations.abc.form import BARS, FormGrammar, FormPlan, FormState, Phase
from folkseq.representations.abc.tables import Ids, Mask, TableGrammar
from folkseq.representations.abc.tokens import HEADER
from folkseq.representations.base import START
from folkseq.representations.vocabulary import Vocabulary

CLOSING, CLOSING_BARS = 40, 6
"""Numbers of ids and of bars with the fewest ids; together an upper bound on the way to a section's second ending."""
_NO_PLAN = FormPlan()


class AbcGrammar(TableGrammar[FormState]):
    """The grammar of tunes over one vocabulary, with a requested header and form."""

    form: FormGrammar

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        rhythm: str = "",
        meters: Sequence[str] = (),
        mode: str = "",
        plan: FormPlan = _NO_PLAN,
    ) -> None:
        """Build the grammar.

        Args:
            vocabulary: vocabulary of `abc` tokens.
            rhythm: required header token such as `R:reel`; by default, any.
            meters: header tokens such as `M:4/4`, of which one is required; by default, any.
            mode: required header token such as `K:Cmaj`; by default, any.
            plan: requested form.

        Raises:
            RequestError: the vocabulary has no such token, or lacks one that the form needs.
        """
        alphabet = Alphabet(vocabulary)
        known = [token for token in meters if token in vocabulary] or meters[:1] or [""]
        wanted = [i for token in known for i in alphabet.header_ids("M:", token) if i in alphabet.meters]
        if not wanted:
            asked = f"{known[0][2:]} has no bars that" if meters else "the model knows no meter whose bars"
            raise RequestError(f"{asked} could be filled; use --no-grammar")
        rhythms = alphabet.header_ids("R:", rhythm)
        # A requested meter goes with tunes of unknown rhythm, since the rhythms that go with it are unknown, too.
        first = rhythms if rhythm else wanted if meters else rhythms + wanted
        header = {Phase.RHYTHM: first, Phase.METER: wanted, Phase.KEY: alphabet.header_ids("K:", mode)}
        names = {Phase.START: {START}, **{phase: set(vocabulary.decode(ids)) for phase, ids in header.items()}}
        form = FormGrammar(plan, alphabet, names)
        missing = sorted(token for token in form.needed() if token not in vocabulary)
        if missing:
            raise RequestError(f"the model knows no {missing[0]}, which such a form needs; ask for another")
        longest_bar = max(map(bar_ticks, alphabet.meters.values()), default=alphabet.grid)
        super().__init__(BarGrammar(alphabet), form, longest_bar)
        rooms = range(alphabet.grid, longest_bar + 1, alphabet.grid)
        self._ids_per_bar = 1 + max((alphabet.shortest_fill(room) for room in rooms), default=0)
        # A tune in a first ending has to write the rest of its section twice.
        self._nearing = self._margin(form.start) + form.bars_left(form.start) * self._ids_per_bar
        self._closings: dict[tuple[int, int], Mask] = {}

    @property
    def fewest(self) -> int:
        """Return the number of ids that a limit must leave so that a tune of the requested form can end."""
        return self._margin(self.form.start) + len(HEADER)

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the written share of the requested bars, or of the bars of an average tune, (B,)."""
        return np.minimum(rows[3] / (self.form.plan.bars or BARS), 1.0)

    def _margin(self, state: FormState) -> int:
        """Return an upper bound on the number of ids to the end of the tune from anywhere in a bar."""
        return CLOSING + (CLOSING_BARS + self.form.bars_left(state)) * self._ids_per_bar

    def _close(self, mask: Mask, rows: Rows, remaining: Ids) -> None:
        """Narrow the mask of rows near their limit to the ids on the shortest way to the end."""
        if remaining.min() > self._nearing:
            return
        bar, form, *_ = rows
        for row, left in enumerate(remaining.tolist()):
            if left <= self._margin(self.form_states[form[row]]):
                mask[row] = self._closing(int(bar[row]), int(form[row]))

    def _closing(self, bar: int, form: int) -> Mask:
        mask = self._closings.get((bar, form))
        if mask is None:
            state, around = self.bar_states[bar], self.form_states[form]
            ids = self.alphabet.of(self.form.way_out(around, self.bars.room(state)))
            ids = ids or self.bars.closing(state, self.form.short(around))
            mask = self._closings[bar, form] = self.or_anything(self.mask(ids))
        return mask
