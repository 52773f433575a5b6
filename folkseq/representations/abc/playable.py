"""A grammar that keeps tunes playable: some allowed transposition puts all notes within the range of an instrument.

The key and octave of a tune are chosen after sampling, so there is no fixed range of tokens. An id is allowed if some
transposition still puts the lowest and the highest note so far within the range of the instrument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.fields import parse_key
from folkseq.formats.abc.lexer import parse_note
from folkseq.grammar import Ids, PlacedGrammar, Rows
from folkseq.music import Key
from folkseq.music.pitch import natural_midi
from folkseq.representations.abc.instruments import Instrument
from folkseq.representations.abc.tokens import kind
from folkseq.representations.vocabulary import Vocabulary

_OWN = 5  # number of arrays that this grammar adds to the state
_NONE_LOW, _NONE_HIGH = 1 << 20, -1 << 20  # lowest and highest note without any notes


class PlayableGrammar:
    """A `folkseq.grammar.PlacedGrammar` that allows the playable ids among those of another grammar.

    The state of a row ends with the numbers of its current key and its header's key, its lowest and its highest note as
    MIDI numbers, and whether a chord has just begun.
    """

    def __init__(
        self,
        grammar: Any,
        vocabulary: Vocabulary,
        instrument: Instrument,
        shifts: Callable[[Key], Iterable[int]],
        key: Key | None = None,
    ) -> None:
        """Restrict another grammar to the range of an instrument.

        Args:
            grammar: grammar of tunes or of a gap.
            vocabulary: vocabulary of `abc` tokens.
            instrument: range of the notes.
            shifts: function that returns the possible transpositions in semitones, given the key in the header.
            key: initial key, if there is no header.
        """
        self._grammar: PlacedGrammar = grammar
        self._instrument, self._shifts = instrument, cache(lambda key: np.array(sorted({*shifts(key)})))
        kinds = [kind(token) for token in vocabulary.tokens]
        self._is_pitch = np.array([each == "pitch" for each in kinds])
        self._chord = kinds.index("[") if "[" in kinds else -1
        keys = [key or Key()]
        self._key_of, self._is_header = np.full(len(kinds), -1), np.array([each == "K:" for each in kinds])
        for token_id, (token, what) in enumerate(zip(vocabulary.tokens, kinds, strict=True)):
            if what in ("K:", "key"):
                self._key_of[token_id] = len(keys)
                keys.append(parse_key(token.strip("[]")[2:])[0] or Key())
        notes = [
            parse_note(token if what == "pitch" else "C") for token, what in zip(vocabulary.tokens, kinds, strict=True)
        ]
        self._steps = np.array([note[0] for note in notes])
        heights = [
            [natural_midi(step) + (key.alters[step % 7] if alter is None else alter) for step, alter, _ in notes]
            for key in keys
        ]
        self._heights = np.array(heights)  # (keys, V) MIDI numbers
        self._keys = keys
        self._mask = cache(self._mask_of)

    @property
    def fewest(self) -> int:
        """Return the number of ids that a limit must leave."""
        return self._grammar.fewest

    def begin(self, rows: int) -> Rows:
        """Return the state before the start ids."""
        own = (np.full(rows, value) for value in (0, 0, _NONE_LOW, _NONE_HIGH, False))
        return (*self._grammar.begin(rows), *own)

    def advance(self, rows: Rows, ids: Ids) -> Rows:
        """Return the state after one more id per row."""
        signature, header, low, high, _ = rows[-_OWN:]
        pitched, changed = self._is_pitch[ids], self._key_of[ids]
        signature = np.where(changed >= 0, changed, signature)
        header = np.where(self._is_header[ids], changed, header)
        heights = self._heights[signature, ids]
        low = np.where(pitched, np.minimum(low, heights), low)
        high = np.where(pitched, np.maximum(high, heights), high)
        return (*self._grammar.advance(rows[:-_OWN], ids), signature, header, low, high, ids == self._chord)

    def allowed(self, rows: Rows, remaining: Ids) -> NDArray[np.bool_]:
        """Mask the ids that may come next; a pitch tied into a gap is allowed even outside the instrument's range."""
        mask = self._grammar.allowed(rows[:-_OWN], remaining)
        states = zip(*(each.tolist() for each in rows[-_OWN:]), strict=True)
        playable = np.stack([self._mask(*state) for state in states]) & mask
        stuck = ~playable.any(axis=1)
        playable[stuck] = mask[stuck]
        return playable

    def given(self, rows: Rows) -> Rows:
        """Return the state in which the ids so far are fixed."""
        return (*self._grammar.given(rows[:-_OWN]), *rows[-_OWN:])

    def progress(self, rows: Rows) -> NDArray[np.float64]:
        """Return the estimated written share of each piece."""
        return self._grammar.progress(rows[:-_OWN])

    def at(self, rows: Rows) -> Ids:
        """Return the position of each piece in the source of a gap."""
        return self._grammar.at(rows[:-_OWN])

    def _mask_of(self, signature: int, header: int, low: int, high: int, in_chord: bool) -> NDArray[np.bool_]:
        """Return the mask of playable ids, (V,); the first note of a chord needs a playable note above it."""
        if low <= high and not self._fits(header, np.array(low), np.array(high)):  # after a tie into a gap
            low, high = _NONE_LOW, _NONE_HIGH
        heights = self._heights[signature]
        pitches = np.flatnonzero(self._is_pitch)
        lows, highs = np.minimum(low, heights[pitches]), np.maximum(high, heights[pitches])
        chords = self._fits(header, lows[:, None], highs[None, :])
        chords &= self._steps[pitches][:, None] < self._steps[pitches][None, :]  # (first note, another)
        first = chords.any(axis=1)
        mask = ~self._is_pitch
        mask[pitches] = self._fits(header, lows, highs) & (first | (not in_chord))
        if self._chord >= 0:
            mask[self._chord] = first.any()
        return mask

    def _fits(self, header: int, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.bool_]:
        """Return whether a possible transposition puts the notes from `low` to `high` within the range."""
        shifts = self._shifts(self._keys[header])
        least, most = self._instrument.lowest - low, self._instrument.highest - high
        places = np.searchsorted(shifts, least)
        found: NDArray[np.bool_] = shifts[np.minimum(places, len(shifts) - 1)] <= most
        return found & (places < len(shifts))
