"""The grammar of the lower voices of a chorale: one step of three cells for each step of the melody.

Voices stay within their ranges. By default they also obey two textbook rules. No two voices move in parallel fifths or
octaves; a held note is always possible instead. No voice crosses another, with a new or a held note, if there is an
alternative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.compound import CompoundLayout
from folkseq.ensemble.cells import HOLD, REST, WRITTEN
from folkseq.grammar import Ids, Rows
from folkseq.music.chorale import RANGES, VOICES
from folkseq.pairs import Integers

SILENT = -1
PARALLEL = (0, 7)
"""Forbidden parallel intervals in semitones, modulo octaves."""
_RANKS = np.array([VOICES.index(voice) for voice in WRITTEN])  # from the highest voice down


class VoiceGrammar:
    """A `folkseq.grammar.PlacedGrammar` of voices below a melody.

    The state of a row is the number of ids so far, and the sounding pitches of the voices, (B, F), now and a step ago.
    """

    def __init__(self, cells: tuple[Integers, ...], melody: Integers, strict: bool = True) -> None:
        """Build the grammar.

        Args:
            cells: cells of each voice of `WRITTEN`, in the order of their ids.
            melody: (steps,) sounding pitch of the melody; negative in a rest, during which the other voices may rest.
            strict: whether to enforce the rules about parallels and crossings.
        """
        self.melody, self.strict = melody, strict
        self.compound = CompoundLayout(tuple(map(len, cells)))
        self.limit = (len(melody) + 2) * self.compound.width
        given = np.full(self.compound.width + 1, REST - 1)  # placeholder cells of start and end ids
        by_id = np.concatenate([given, *cells])  # (V,)
        self._holds, self._rests, self._pitches = by_id == HOLD, by_id == REST, np.maximum(by_id, SILENT)
        low, high = np.array([RANGES[voice] for voice in WRITTEN]).T[:, :, None]  # (F, 1) each
        own = self.compound.kinds == np.arange(len(WRITTEN))[:, None] + self.compound.width + 1  # (F, V)
        self._in_range: NDArray[np.bool_] = own & (
            (self._pitches >= low) & (self._pitches <= high) | (self._pitches < 0)
        )

    @property
    def fewest(self) -> int:
        return self.limit

    def begin(self, rows: int) -> Rows:
        silence = np.full((rows, self.compound.width), SILENT)
        return np.zeros(rows, np.int64), silence, silence

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        count, sounds, before = rows
        field, every = count % self.compound.width, np.arange(len(count))
        before = np.where(field[:, None] == 0, sounds, before)  # (B, F), at the first field of a step
        sounds = sounds.copy()
        sounds[every, field] = np.where(self._holds[ids], sounds[every, field], self._pitches[ids])
        return count + 1, sounds, before

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        count, sounds, before = rows
        step, field = np.divmod(count, self.compound.width)
        step = step - 1  # after the start ids
        now = self.at(rows)
        own = sounds[np.arange(len(count)), field]  # (B,) the pitch of the voice, a step ago
        mask = self._in_range[field]  # (B, V), a copy
        mask[(own < 0)[:, None] & self._holds] = False
        mask[(self.melody[now] >= 0)[:, None] & self._rests] = False
        if self.strict:
            crosses = np.zeros_like(mask)
            others = [(self.melody[np.maximum(now - 1, 0)], self.melody[now], -1, np.full(len(count), True))]
            others += [(before[:, each], sounds[:, each], _RANKS[each], each < field) for each in range(len(_RANKS))]
            for was, sounding, rank, known in others:
                below = _RANKS[field] > rank
                mask &= ~(self._in_parallel(own, was, sounding, below) & known[:, None])
                crosses |= self._crossing(own, sounding, below) & known[:, None]
            choice = (mask & ~crosses).any(axis=1)
            mask[choice] &= ~crosses[choice]
        mask[step < 0] = np.arange(self.compound.size) == 0
        mask[step >= len(self.melody)] = np.arange(self.compound.size) == self.compound.end
        return mask

    def given(self, rows: Rows) -> Rows:
        return rows

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        return np.clip(rows[0] / self.limit, 0.0, 1.0)

    def at(self, rows: Rows) -> Ids:
        return np.asarray(np.clip(rows[0] // self.compound.width - 1, 0, len(self.melody) - 1))

    def _in_parallel(self, own: Ids, was: Ids, sounding: Ids, below: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask of ids that move in parallel with another voice, (B, V).

        Args:
            own: (B,) previous pitch of the voice.
            was: (B,) previous pitch of the other voice.
            sounding: (B,) new pitch of the other voice.
            below: (B,) whether the voice is the lower of the two.
        """
        direction, sign = np.sign(sounding - was), np.where(below, -1, 1)
        interval = sign * (own - was) % 12
        moves = (own >= 0) & (was >= 0) & (sounding >= 0) & (direction != 0) & np.isin(interval, PARALLEL)
        same_way = np.sign(self._pitches - own[:, None]) == direction[:, None]
        same_interval = sign[:, None] * (self._pitches - sounding[:, None]) % 12 == interval[:, None]
        return np.asarray(moves[:, None] & same_way & same_interval & (self._pitches >= 0))

    def _crossing(self, own: Ids, sounding: Ids, below: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask of ids that cross another voice, (B, V); see `_in_parallel`."""
        pitches = np.where(self._holds, own[:, None], self._pitches)  # (B, V)
        beyond = np.where(below[:, None], pitches > sounding[:, None], pitches < sounding[:, None])
        return np.asarray(beyond & (sounding >= 0)[:, None] & (pitches >= 0))
