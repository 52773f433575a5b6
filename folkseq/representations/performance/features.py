"""What can be counted in a performance, and whether it is whole: every note that begins ends, and nothing else ends.

Notes are paired by plain counting, event by event, which shares nothing with the grammar that masks nor with
`decoding`, which mends what it is given. In magenta's order a pitch may sound several times at once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Features
from folkseq.representations.performance import events
from folkseq.representations.performance.decoding import pair, pair_in_turn
from folkseq.representations.performance.events import OFF, ON, PEDAL, Layout

DURATIONS_AN_OCTAVE = 4
"""Durations within so many parts of a doubling count as equal; to the step, hardly two histograms would overlap."""


class Pairing(NamedTuple):
    """What became of the events of notes."""

    events: int
    """NOTE_ONs and NOTE_OFFs."""
    paired: int
    """Those of them that begin and end one note."""
    fault: str
    """The first that is wrong; empty if none is."""


def pairing(ids: NDArray[Any], layout: Layout, *, several: bool) -> Pairing:
    """Follow the notes of (T,) ids; `several` of one pitch may sound at once, or one."""
    rows = events.to_rows(ids, layout)
    sounding, pedal, count, paired, fault = Counter[int](), 0, 0, 0, ""
    for kind, value in zip(rows.kind.tolist(), rows.value.tolist(), strict=True):
        count += kind in (ON, OFF)
        if kind == ON:
            if sounding[value] and not several:
                fault = fault or "note_begins_that_sounds"
                continue
            sounding[value] += 1
        elif kind == OFF:
            if not sounding[value]:
                fault = fault or "note_ends_that_is_silent"
                continue
            sounding[value] -= 1
            paired += 2
        elif kind == PEDAL:
            pedal = value
    left = "note_does_not_end" if +sounding else "pedal_does_not_rise" if pedal else ""
    return Pairing(count, paired, fault or left)


def fault(ids: NDArray[Any], layout: Layout, *, several: bool) -> str:
    """What is wrong with a whole performance's (T,) ids, the first thing that is; nothing if nothing is."""
    ends = np.flatnonzero((ids == layout.start) | (ids == layout.end)).tolist()
    whole = ends == [0, len(ids) - 1] and ids[0] == layout.start and ids[-1] == layout.end
    return pairing(ids, layout, several=several).fault or ("" if whole else "no_end")


def features(ids: NDArray[Any], layout: Layout, steps_per_second: int, *, several: bool) -> Features:
    """The traits of a performance of (T,) ids; notes as they are heard, with what is wrong mended."""
    length = events.length(ids, layout)
    notes = (pair_in_turn if several else pair)(events.to_rows(ids, layout), length)
    durations = notes.offset - notes.onset  # steps, above 0
    seconds = length / steps_per_second
    found = pairing(ids, layout, several=several)
    values = {"pitch": notes.pitch, "duration": np.floor(np.log2(durations) * DURATIONS_AN_OCTAVE).astype(np.int64)}
    if layout.velocity_bins:
        values["velocity"] = notes.velocity
    return Features(
        shares={"note_events_paired": (found.paired, found.events)},
        rates={
            "notes_per_second": (float(len(durations)), seconds),
            "notes_at_once": (float(durations.sum()) / steps_per_second, seconds),
        },
        values=values,
    )
