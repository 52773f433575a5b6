"""The MIDI files that hold performances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.music.performance import Performance
from folkseq.representations.base import Files, Parsed
from folkseq.representations.performance.config import PerformanceConfig

MAX_SHIFTS = 10_000_000  # maximum in a piece, since the silence of a damaged file would otherwise fill the memory


class PerformanceFiles(Files[Performance]):
    """MIDI files, one performance each."""

    suffixes = midi.SUFFIXES
    outputs = (".mid",)
    max_bytes = midi.LARGEST

    def __init__(self, config: PerformanceConfig, name: str = "performance", tracks: bool = False) -> None:
        """Store the options; `name` is the name of the representation, and `tracks` keeps drums and other notes."""
        self.config, self.name, self.tracks = config, name, tracks

    def parse(self, data: bytes, file: str) -> Parsed[Performance]:
        """Parse the performance in a MIDI file. Raises ParseError if no notes remain."""
        config = self.config
        piece, lost, _ = midi.parse(data, file, shared=config.canonical)
        if not config.canonical:
            piece, more = as_pretty_midi(piece)
            lost += more
        tracks = [track for track in piece.tracks if len(track)]
        if not tracks:
            raise ParseError(f"{file}: holds no notes")
        if config.canonical and not self.tracks and all(track.drum != config.drums for track in tracks):
            found = "no drums" if config.drums else "only drums"
            raise ParseError(f"{file}: holds {found}; {self.name}:drums={str(not config.drums).lower()} reads it")
        shifts = piece.length_s * config.steps_per_second / config.max_shift
        if shifts > MAX_SHIFTS:
            raise ParseError(f"{file}: takes {shifts:,.0f} TIME_SHIFTs, more than {MAX_SHIFTS:,}")
        return Parsed((piece,), (lost,))

    def format(self, piece: Performance, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the performance as MIDI, with comments as text events at the beginning."""
        return midi.format(piece, comments)

    def title(self, piece: Performance) -> str:
        """Return the name of the performance."""
        return piece.name


def as_pretty_midi(piece: Performance) -> tuple[Performance, Counter[str]]:
    """Return the performance with notes as pretty_midi reads them, and counts of lost notes.

    The end of a note ends all notes of its pitch and track that began earlier. Notes without length are dropped.
    """
    lost: Counter[str] = Counter()
    tracks = []
    for track in piece.tracks:
        notes, count = track.notes, len(track)
        pitch, time_s = np.tile(notes["pitch"], 2), np.concatenate([notes["offset_s"], notes["onset_s"]])
        is_onset = np.arange(2 * count) >= count
        order = np.lexsort((is_onset, time_s, pitch))  # ends before simultaneous onsets
        ends = np.where(is_onset[order], 2 * count, np.arange(2 * count))
        following = np.minimum.accumulate(ends[::-1])[::-1]  # (2 N,) index of the next end
        offset_s = np.empty(2 * count)
        offset_s[order] = np.append(time_s[order], np.inf)[following]
        long = notes["offset_s"] > notes["onset_s"]
        kept, offset_s = notes[long], offset_s[count:][long]
        lost["note without length"] += count - len(kept)
        lost["note ended by another's end"] += int(np.count_nonzero(offset_s < kept["offset_s"]))
        kept["offset_s"] = offset_s
        tracks.append(replace(track, notes=kept))
    return replace(piece, tracks=tuple(tracks)), +lost
