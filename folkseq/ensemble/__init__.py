"""Harmonise melodies, and judge ensembles of players."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from folkseq.representations.base import Codec
    from folkseq.representations.task import Task


def harmonise_task(codec: Codec[Any]) -> Task | None:
    """Return the task of harmonising a melody for a codec of chorales; None for other codecs."""
    from folkseq.representations.packed.media.tables import ChoraleCodec

    if not isinstance(codec, ChoraleCodec):
        return None
    from folkseq.ensemble.task import HarmoniseTask

    return HarmoniseTask(codec.layout)
