"""The entry point of this package for the core."""

from folkseq.novelty.overlap import Overlap

__all__ = ["Overlap"]
