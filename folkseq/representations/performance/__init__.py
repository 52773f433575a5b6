"""Performance RNN's representation: note on, note off, velocity and time shift.

Source: Oore et al., This time with feeling (2018), and magenta's `performance` library.

config, events, quantization    the ids of a configuration, and conversion between ids, events, notes and performances
grammar, conditioning           the ids that may come next; the conditioning of a model
analysis, augmentation, generation, transposition    the capabilities of the codec
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from folkseq.music.performance import Performance
from folkseq.representations.base import Representation
from folkseq.representations.performance.config import PerformanceConfig
from folkseq.representations.performance.options import PerformanceOptions
from folkseq.representations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from folkseq.representations.performance.codec import PerformanceCodec
    from folkseq.representations.performance.files import PerformanceFiles


@dataclass(frozen=True)
class PerformanceRepresentation(PerformanceConfig, Representation[Performance]):
    """Performances as Performance RNN's tokens."""

    name: ClassVar[str] = "performance"
    version: ClassVar[str] = "2"
    options: ClassVar[type[PerformanceOptions]] = PerformanceOptions

    @cached_property
    def files(self) -> PerformanceFiles:
        """Return the input and output files."""
        from folkseq.representations.performance.files import PerformanceFiles

        return PerformanceFiles(self)

    def codec(self, vocabulary: Vocabulary) -> PerformanceCodec:
        """Return the codec over the fixed vocabulary."""
        from folkseq.representations.performance.codec import PerformanceCodec

        return PerformanceCodec(self)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the fixed vocabulary."""
        return self.layout.vocabulary
