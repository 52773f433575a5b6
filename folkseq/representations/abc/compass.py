"""The compass of new tunes: each has the range of a random tune of the corpus, in the octave of its tokens.

Without it every third tune spans two octaves or more, while every tenth of the corpus does; in any key, such a tune is
too low for a flute or too high for a fiddler in first position. A mask alone does not suffice: of the tunes within a
range, a third never reach its lowest note.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_key
from folkseq.formats.abc.lexer import parse_note
from folkseq.grammar import Ids, Rows
from folkseq.music import Key
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.abc.instruments import Instrument
from folkseq.representations.abc.tokens import kind
from folkseq.representations.vocabulary import START, Vocabulary

_OCTAVE = 7
# After n notes, one beyond all notes so far is (1 + n / 4)² times as likely until the end of the range is reached.
_PATIENCE = 4
_SURELY = 1e9  # a weight that no probability makes up for
Choice = TypeVar("Choice")


class Compass:
    """A `folkseq.grammar.Target`.

    The state of a row is its random number, the id of its rhythm, the ends of its range and of its notes so far, the
    last note and the number of notes. Notes are steps from one below the lowest of the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        conventions: Conventions,
        key: Key | None,
        instrument: Instrument | None = None,
        has_header: bool = False,
    ) -> None:
        """Take ranges from the tunes that are like a new one: in rhythm, mode and, if it is requested, key.

        Of these, those that fit a requested instrument count, if there are any. The rhythm is one of the key's, unless
        the request decides it, or a meter.
        """
        self.version = 4 if has_header else 3
        self._tokens, self._conventions, self._key = vocabulary.tokens, conventions, key
        self._instrument = instrument
        kinds = np.array([kind(token) for token in vocabulary.tokens])
        self._is_rhythm, self._is_mode, self._is_pitch = kinds == "R:", kinds == "K:", kinds == "pitch"
        self._is_header = self._is_rhythm | self._is_mode
        pitches = zip(vocabulary.tokens, self._is_pitch.tolist(), strict=True)
        steps = np.array([parse_note(token)[0] if pitched else 0 for token, pitched in pitches])
        self._none = min(steps[self._is_pitch], default=0) - 1
        self._steps = np.where(self._is_pitch, steps - self._none, 0)
        self._top = int(self._steps.max()) + 1
        least, most = np.ogrid[: self._top + 1, : self._top + 1]
        low, high = least[:, :, None], most[:, :, None]
        self._between = self._is_pitch & (low <= self._steps) & (self._steps <= high)  # (S, S, V)
        self._no_rhythm = vocabulary.id(START)
        self._rhythms = Counter[int]()  # of the tunes in the requested key
        for each in conventions.known:
            if each.key == key and not has_header:
                token = f"R:{each.rhythm}"
                self._rhythms[vocabulary.id(token) if token in vocabulary else self._no_rhythm] += each.tunes
        self._ranges = cache(self._ranges_like)

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        """Return the state of pieces before their start ids, with a random number for each."""
        rhythms = np.full(len(uniforms), self._no_rhythm)
        if self._rhythms:
            drawn = [_draw(self._rhythms, uniform) for uniform in uniforms.tolist()]
            rhythms, uniforms = np.array([each for each, _ in drawn]), np.array([rest for _, rest in drawn])
        none = np.zeros(len(uniforms), np.int64)
        return (
            uniforms,
            rhythms,
            none,
            none + self._top,
            none,
            none + self._top,
            none,
            none,
        )  # all is allowed and reached

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row; the mode, at the end of the header, decides the range."""
        uniforms, rhythms, low, high, lowest, highest, last, notes = rows
        pitched = self._is_pitch[ids]
        last = np.where(pitched, self._steps[ids], last)
        lowest = np.where(pitched, np.minimum(lowest, last), lowest)
        highest, notes = np.maximum(highest, self._steps[ids]), notes + pitched
        if self._is_header[ids].any():
            rhythms, low, high = np.where(self._is_rhythm[ids], ids, rhythms), low.copy(), high.copy()
            for row in np.flatnonzero(self._is_mode[ids]).tolist():
                if ranges := self._ranges(int(rhythms[row]), int(ids[row])):
                    ends, _ = _draw(ranges, uniforms[row])
                    low[row], high[row] = np.clip(np.array(ends) - self._none, 0, self._top)
                    lowest[row], highest[row] = self._top, 0
        return uniforms, rhythms, low, high, lowest, highest, last, notes

    def weights(self, rows: Rows) -> NDArray[np.float32]:
        """Return 0 for ids outside the range of a row, and more than 1 for those that bring it nearer to its range."""
        _, rhythms, low, high, lowest, highest, last, notes = rows
        further = self._between[np.maximum(low, last - _OCTAVE), np.maximum(lowest - 1, 0)]  # (B, V)
        further |= self._between[np.minimum(highest + 1, self._top), np.minimum(high, last + _OCTAVE)]
        eagerness = ((1 + notes / _PATIENCE) ** 2).astype(np.float32)  # (B,)
        weights: NDArray[np.float32] = (self._between[low, high] | ~self._is_pitch) + further * (eagerness - 1)[:, None]
        if self._rhythms and not notes.all():
            new = np.flatnonzero(notes == 0)
            weights[np.ix_(new, self._is_rhythm)] = 0
            weights[new, rhythms[new]] = _SURELY
        return weights

    def _ranges_like(self, rhythm: int, mode: int) -> Counter[tuple[int, int]]:
        """Return the number of tunes of a rhythm and mode that have each range; none if the corpus lacks the mode."""
        name = self._tokens[rhythm][2:] if self._is_rhythm[rhythm] else ""
        key = parse_key(self._tokens[mode][2:])[0] or Key()
        ranges = Counter[tuple[int, int]]()
        if any(each.key.mode == key.mode for each in self._conventions.known):
            like = self._conventions.like(name, key.mode, self._key)
            if self._instrument is not None:
                like = [each for each in like if each.fits(self._instrument)] or like
            for each in sorted(like, key=lambda each: each.low):  # so that evenly spread numbers give all heights
                ranges[each.in_tokens] += each.tunes
        return ranges


def _draw(counts: Counter[Choice], uniform: float) -> tuple[Choice, float]:
    """Return a choice in proportion to its count, and a random number that does not depend on it."""
    totals = list(accumulate(counts.values()))
    place = bisect(totals, uniform * totals[-1], hi=len(totals) - 1)
    choice, count = list(counts.items())[place]
    return choice, (uniform * totals[-1] - totals[place] + count) / count
