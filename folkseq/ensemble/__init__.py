"""Harmonisation of melodies, and evaluation of ensembles of players."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from folkseq.representations.base import Codec
    from folkseq.representations.task import Task


def harmonise_task(codec: Codec[Any]) -> Task | None:
    """Return the task of harmonising for a codec of chorales, or of tunes on C with chords; None for other codecs."""
    from folkseq.representations.abc import AbcCodec
    from folkseq.representations.packed.media.tables import ChoraleCodec

    if isinstance(codec, AbcCodec) and codec.representation.chords and codec.representation.transpose:
        from folkseq.ensemble.chord_task import ChordTask

        return ChordTask(codec)
    if not isinstance(codec, ChoraleCodec):
        return None
    from folkseq.ensemble.task import HarmoniseTask

    return HarmoniseTask(codec.layout)
