"""The compass of new tunes: each keeps within the range of a random tune of the corpus, in the octave of its tokens.

Without it every third tune spans two octaves or more, while every tenth of the corpus does; in any key, such a tune is
too low for a flute or too high for a fiddler in first position.
"""

from __future__ import annotations

from bisect import bisect
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_key
from folkseq.formats.abc.lexer import parse_note
from folkseq.grammar import Ids, Rows
from folkseq.music import Key
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.abc.tokens import kind
from folkseq.representations.vocabulary import Vocabulary

# Of ten tunes, three do not reach the bottom of their range. To make up for them, three may go one step below it.
_EXACT, _LOWER = 7, 3
_HIGHEST = 99  # above every staff position


class Compass:
    """A `folkseq.grammar.Target`. The state of a row is its random number, the id of its rhythm, and its range."""

    def __init__(self, vocabulary: Vocabulary, conventions: Conventions, key: Key | None) -> None:
        """Take ranges from the tunes that are like a new one: in rhythm, mode and, if it is requested, key."""
        self._tokens, self._conventions, self._key = vocabulary.tokens, conventions, key
        kinds = np.array([kind(token) for token in vocabulary.tokens])
        self._is_rhythm, self._is_mode, is_pitch = kinds == "R:", kinds == "K:", kinds == "pitch"
        self._is_header = self._is_rhythm | self._is_mode
        pitches = zip(vocabulary.tokens, is_pitch.tolist(), strict=True)
        steps = np.array([parse_note(token)[0] if pitched else 0 for token, pitched in pitches])
        ranges = {
            (low - lower, high) for low, high in (each.in_tokens for each in conventions.known) for lower in (0, 1)
        }
        self._numbers = {each: number for number, each in enumerate(sorted(ranges), 1)}
        low, high = np.array([(-_HIGHEST, _HIGHEST), *self._numbers]).T[:, :, None]  # (M, 1); the first allows all
        self._masks = ~is_pitch | ((low <= steps) & (steps <= high))  # (M, V)
        self._ranges = cache(self._ranges_like)

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        """Return the state of pieces before their start ids, with a random number for each."""
        return uniforms, *np.zeros((2, len(uniforms)), np.int64)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row; the mode, at the end of the header, decides the range."""
        if not self._is_header[ids].any():
            return rows
        uniforms, rhythms, ranges = rows
        rhythms, ranges = np.where(self._is_rhythm[ids], ids, rhythms), ranges.copy()
        for row in np.flatnonzero(self._is_mode[ids]).tolist():
            numbers, shares = self._ranges(int(rhythms[row]), int(ids[row]))
            ranges[row] = numbers[bisect(shares, uniforms[row] * shares[-1])]
        return uniforms, rhythms, ranges

    def allowed(self, rows: Rows) -> NDArray[np.bool_]:
        """Mask the ids within the range of each row, (B, V)."""
        masks: NDArray[np.bool_] = self._masks.take(rows[2], axis=0)
        return masks

    def _ranges_like(self, rhythm: int, mode: int) -> tuple[list[int], list[int]]:
        """Return the ranges for tunes of a rhythm and mode, and the sum of the weights of each and all before it."""
        name = self._tokens[rhythm][2:] if self._is_rhythm[rhythm] else ""
        key = parse_key(self._tokens[mode][2:])[0] or Key()
        numbers, weights = [], []
        for each in self._conventions.like(name, key.mode, self._key):
            low, high = each.in_tokens
            numbers += [self._numbers.get((low, high), 0), self._numbers.get((low - 1, high), 0)]
            weights += [_EXACT * each.tunes, _LOWER * each.tunes]
        return numbers, list(accumulate(weights))
