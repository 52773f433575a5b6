"""How a pitch of the keyboard is spelt in a key."""

from __future__ import annotations

from folkseq.music.pitch import Pitch, natural_midi
from folkseq.music.signature import Key

_FIFTHS = (0, 2, 4, -1, 1, 3, 5)  # of C D E F G A B


def spelt(midi: int, key: Key) -> Pitch:
    """The spelling of a pitch nearest to the key on the line of fifths, sharps before flats."""
    ways = []
    for letter in range(7):
        for alter in (0, 1, -1):
            octave, rest = divmod(midi - alter - natural_midi(letter), 12)
            if rest == 0:
                distance = abs(_FIFTHS[letter] + 7 * alter - key.sharps - 2)
                ways.append((distance, -alter, Pitch(7 * octave + letter, alter)))
    return min(ways)[2]
