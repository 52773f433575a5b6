"""Generation of performances note by note: the grammar and the primes; everything else is the same as for events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from folkseq.grammar import Grammar
from folkseq.music.performance import Performance
from folkseq.representations.base import Codec
from folkseq.representations.notes.grammar import NotesGrammar
from folkseq.representations.performance.generation import PerformanceGeneration

if TYPE_CHECKING:
    from folkseq.representations.capabilities import Prime
    from folkseq.representations.notes import NotesRepresentation


class NotesGeneration(PerformanceGeneration):
    """The limits of new performances, and their primes."""

    longest_note_s, most_notes = 1e6, 1 << 30

    def __init__(self, representation: NotesRepresentation, codec: Codec[Performance]) -> None:
        super().__init__(representation.config, codec)
        self.files, self.tracks = representation.files, representation.tracks
        self.layout = self._layout = representation.layout
        self.width = self._layout.width

    def grammar(self, *, end: int, earliest: int, longest: int, most: int, prime: int) -> Grammar:
        """Return the grammar with these limits, in steps."""
        return NotesGrammar(self._layout, end=end, earliest=earliest, longest=longest, most=most, prime=prime)

    def opening(self, piece: Performance, quantized: Performance) -> list[int]:
        """Return the ids of a prime without its end."""
        return list(map(int, self.codec.encode(piece if self.tracks else quantized)[: -self.width]))

    def steps(self, prime: Prime[Performance] | None) -> int:
        """Return the step after the last onset of a prime, at which new notes begin."""
        return super().steps(prime) + 1 if prime else 0
