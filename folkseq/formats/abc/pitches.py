"""Determine the pitches of notes from the accidentals and ties before them.

Accidentals apply to the end of the bar in every octave, and a tie carries them over the bar line (ABC 2.1, sections 4.2
and 11.3); `%%propagate-accidentals` changes this scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from folkseq.formats.abc.lexer import NOTE, SYMBOL, parse_note
from folkseq.music.pitch import Pitch
from folkseq.music.signature import Key


class PitchReader:
    """Reads the pitches of one voice.

    Attributes:
        key: The current key.
        reach: The scope of an accidental; see `folkseq.formats.abc.settings.Settings`.
        accidentals: The alteration of each letter or step until the end of the bar.
        tied: The alteration of each step whose pitch is tied to the next sound.
    """

    def __init__(self, key: Key, lost: Counter[str]) -> None:
        self.key, self.reach = key, "pitch"
        self.accidentals: dict[int, int] = {}
        self.tied: dict[int, int] = {}
        self._lost = lost

    def pitch(self, step: int, accidental: int | None) -> Pitch:
        """Return the pitch of a note, and remember its accidental."""
        letter = step % 7
        place = step if self.reach == "octave" else letter
        if accidental is not None:
            if self.reach != "not":
                self.accidentals[place] = accidental
            return Pitch(step, accidental)
        if step in self.tied:
            return Pitch(step, self.tied[step])
        return Pitch(step, self.accidentals.get(place, self.key.alters[letter]))

    def notes(self, symbols: Iterable[tuple[str | None, str]]) -> list[tuple[Pitch, Fraction]]:
        """Return the pitch and the length, in units, of each note among symbols."""
        text = "".join(symbol for kind, symbol in symbols if kind in ("note", "length"))  # folk-rnn's "G 2" is G2
        notes = (parse_note(match[0]) for match in NOTE.finditer(text))
        return [(self.pitch(step, accidental), factor) for step, accidental, factor in notes]

    def symbols(self, text: str) -> list[tuple[str | None, str]]:
        """Return the kind and text of the symbols within a chord or grace notes, with microtones as notes."""
        found = [(match.lastgroup, match[0]) for match in SYMBOL.finditer(text)]
        return [("note", self.without_microtone(each)) if kind == "microtone" else (kind, each) for kind, each in found]

    def without_microtone(self, text: str) -> str:
        """Return a note with its microtone replaced by the nearest accidental, and count the microtone as lost."""
        self._lost["microtone, read as the nearest written accidental"] += 1
        return text[0] + text.lstrip("^_=0123456789/")
