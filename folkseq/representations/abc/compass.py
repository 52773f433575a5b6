"""The compass of new tunes: each gets the header of a random tune of the corpus and the range of a similar tune.

Without a header, redrawing long tunes would leave too few hornpipes and strathspeys. Without a range, every third tune
would span two octaves or more, against every tenth tune of the corpus; in any key, such a tune is too low for a flute
or too high for a fiddler in first position. A mask is not sufficient: a third of the tunes within a range never reach
its lowest note. Ranges are in the octave of the tokens.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
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
from folkseq.representations.abc.tokens import HEADER, kind
from folkseq.representations.vocabulary import START, Vocabulary

_OCTAVE = 7
# After n notes, a note beyond all previous notes is (1 + n / 4)² times as likely until the range is complete.
_PATIENCE = 4
Choice = TypeVar("Choice")


class Compass:
    """A `folkseq.grammar.Target`.

    The state of a row is its random number, the index of its header, the number of header ids so far, the id of its
    rhythm, the ends of its range and of its notes so far, the last note and the number of notes. Notes are counted in
    steps from one below the lowest note of the vocabulary.
    """

    version = 5

    def __init__(
        self,
        vocabulary: Vocabulary,
        conventions: Conventions,
        key: Key | None = None,
        *,
        rhythm: str = "",
        meters: Sequence[str] = (),
        mode: str = "",
        instrument: Instrument | None = None,
    ) -> None:
        """Collect headers and ranges from the tunes of the corpus that match the request.

        Args:
            vocabulary: vocabulary of `abc` tokens.
            conventions: conventions of the corpus.
            key: requested key.
            rhythm: requested token; if only meters are requested, tunes get no rhythm.
            meters: possible meter tokens; any meter if empty.
            mode: requested token.
            instrument: instrument whose range tunes should fit; if no tune of the corpus fits, all tunes count.
        """
        self._tokens, self._conventions, self._key = vocabulary.tokens, conventions, key
        self._instrument = instrument
        kinds = np.array([kind(token) for token in vocabulary.tokens])
        self._is_rhythm, self._is_mode, self._is_pitch = kinds == "R:", kinds == "K:", kinds == "pitch"
        self._is_header = np.isin(kinds, HEADER)
        pitches = zip(vocabulary.tokens, self._is_pitch.tolist(), strict=True)
        steps = np.array([parse_note(token)[0] if pitched else 0 for token, pitched in pitches])
        self._none = min(steps[self._is_pitch], default=0) - 1
        self._steps = np.where(self._is_pitch, steps - self._none, 0)
        self._top = int(self._steps.max()) + 1
        least, most = np.ogrid[: self._top + 1, : self._top + 1]
        low, high = least[:, :, None], most[:, :, None]
        self._between = self._is_pitch & (low <= self._steps) & (self._steps <= high)  # (S, S, V)
        self._no_rhythm = vocabulary.id(START)
        self._headers = Counter[tuple[int, ...]]()
        for each in conventions.known:
            header = "" if meters and not rhythm else f"R:{each.rhythm}", f"M:{each.meter}", f"K:C{each.key.mode}"
            as_asked = rhythm in ("", header[0]) and mode in ("", header[2]) and key in (None, each.key)
            if as_asked and (not meters or header[1] in meters) and {*header[1:]} <= {*self._tokens}:
                self._headers[tuple(vocabulary.id(token) for token in header if token in vocabulary)] += each.tunes
        self._written = [np.array(header) for header in self._headers]
        self._ranges = cache(self._ranges_like)

    def begin(self, uniforms: NDArray[np.float64]) -> Rows:
        """Return the state of pieces before their start ids, with a random number for each; any note is allowed."""
        headers = none = np.zeros(len(uniforms), np.int64)
        if self._headers:
            places = Counter(dict(enumerate(self._headers.values())))
            drawn = [_draw(places, uniform) for uniform in uniforms.tolist()]
            headers, uniforms = np.array([each for each, _ in drawn]), np.array([rest for _, rest in drawn])
        rhythms, top = none + self._no_rhythm, none + self._top
        return uniforms, headers, none - 1, rhythms, none, top, none, top, none, none

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row; the range is chosen at the mode, the last token of the header."""
        uniforms, headers, written, rhythms, low, high, lowest, highest, last, notes = rows
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
        return uniforms, headers, written + 1, rhythms, low, high, lowest, highest, last, notes

    def weights(self, rows: Rows) -> NDArray[np.float32]:
        """Return 0 for ids outside the range of a row, and more than 1 for ids that bring it closer to its range."""
        _, headers, written, _, low, high, lowest, highest, last, notes = rows
        further = self._between[np.maximum(low, last - _OCTAVE), np.maximum(lowest - 1, 0)]  # (B, V)
        further |= self._between[np.minimum(highest + 1, self._top), np.minimum(high, last + _OCTAVE)]
        eagerness = ((1 + notes / _PATIENCE) ** 2).astype(np.float32)  # (B,)
        weights: NDArray[np.float32] = (self._between[low, high] | ~self._is_pitch) + further * (eagerness - 1)[:, None]
        for row in np.flatnonzero(written < len(HEADER)).tolist() if self._headers else ():
            header = self._written[headers[row]]
            if 0 <= written[row] < len(header):
                weights[row, self._is_header] = 0
                weights[row, header[written[row]]] = 1
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
            for each in sorted(like, key=lambda each: each.low):  # so that even random numbers cover all heights
                ranges[each.in_tokens] += each.tunes
        return ranges


def _draw(counts: Counter[Choice], uniform: float) -> tuple[Choice, float]:
    """Return a choice in proportion to its count, and a random number that does not depend on it."""
    totals = list(accumulate(counts.values()))
    place = bisect(totals, uniform * totals[-1], hi=len(totals) - 1)
    choice, count = list(counts.items())[place]
    return choice, (uniform * totals[-1] - totals[place] + count) / count
