"""Infilling: an encoder reads the piece outside a gap, and a decoder writes the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from folkseq.representations.base import Codec
    from folkseq.representations.task import Task


def fill_task(codec: Codec[Any]) -> Task | None:
    """Return the task of filling gaps in the pieces of a codec; None if there is none."""
    from folkseq.representations.abc import AbcCodec
    from folkseq.representations.performance.codec import PerformanceCodec

    if isinstance(codec, AbcCodec):
        from folkseq.infill.abc.task import FillTune

        return FillTune(codec)
    if isinstance(codec, PerformanceCodec):
        from folkseq.infill.performance.task import FillPerformance

        return FillPerformance(codec)
    return None
