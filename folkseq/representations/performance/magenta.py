"""Events in the order, and with the losses, of note-seq (commit 3582550) on top of pretty_midi, so that ids are equal.

Conventions: as a file is read, the end of a note ends every note of its pitch and track that began at an earlier
instant, and notes without length are dropped (`as_read`). The pedal is baked in per track. Tracks, drums too, lie on
top of each other, so that a pitch may sound several times at once. Within a step ends come before beginnings, each in
the order of the notes' onsets in seconds and then of their pitches. A pedal that a file keeps apart from its notes is
lost, as there. Deviations: a note that nothing ends is lost there and kept here; and a tempo holds here in whichever
track it stands, there in the first alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from folkseq.formats.midi import Reading
from folkseq.music.performance import NOTE, Notes, Performance, Track
from folkseq.music.sustain import last_event_s, sounding
from folkseq.representations.performance.events import BEGIN, FINISH, OFF, ON, PEDAL, Layout, Rows
from folkseq.representations.performance.grid import check_length, pedal_steps, pressed_in, to_steps


def as_read(reading: Reading) -> tuple[Performance, Counter[str]]:
    """The performance that pretty_midi would have read from the same file, and what of it that would not have been."""
    piece, lost = reading.performance, Counter(reading.lost)
    tracks = []
    for track, pedal in zip(piece.tracks, reading.own_pedals, strict=True):
        lost["pedal of another track"] += len(track.pedal) - len(pedal)
        tracks.append(replace(track, notes=_ended_together(track.notes, lost), pedal=pedal))
    return replace(piece, tracks=tuple(tracks)), +lost


def rows_of(piece: Performance, layout: Layout, steps_per_second: int) -> tuple[Rows, Counter[str]]:
    """The rows of a performance, and what they do not hold of it."""
    check_length(piece, steps_per_second)
    tracks = [track for track in piece.tracks if len(track)]
    lost = Counter({"track merged into another": max(0, len(tracks) - 1)})
    pedal = np.zeros(0, np.int64)
    parts = [track.notes for track in tracks]
    if layout.pedal:
        pedal = pedal_steps(tracks, pressed_in(tracks), steps_per_second, lost)
    else:
        last_s = last_event_s(tracks)
        parts = [track.notes if track.drum else _baked(track, last_s, lost) for track in tracks]
    notes = np.concatenate([np.empty(0, NOTE), *parts])
    notes = notes[np.lexsort((notes["pitch"], notes["onset_s"]))]
    onset, offset = to_steps(notes["onset_s"], steps_per_second), to_steps(notes["offset_s"], steps_per_second)
    lost["note lengthened to one step"] = int(np.count_nonzero(offset == onset))
    offset += offset == onset
    pitch, bins = notes["pitch"].astype(np.int64), layout.bins(notes["velocity"])
    last = max(int(offset.max(initial=0)), int(pedal.max(initial=0)))
    number, nothing = np.arange(len(notes)), np.zeros(2 + len(pedal), np.int64)
    step = np.concatenate([[0, last], pedal, offset, onset])  # (R,)
    kind = np.repeat([BEGIN, FINISH, PEDAL, OFF, ON], [1, 1, len(pedal), len(notes), len(notes)])
    value = np.concatenate([[0, 0], 1 - np.arange(len(pedal)) % 2, pitch, pitch])
    velocity = np.concatenate([nothing, np.zeros_like(bins), bins])
    order = np.lexsort((np.concatenate([nothing, number, number]), kind, step))
    return Rows(step[order], kind[order], value[order], velocity[order]), +lost


def _ended_together(notes: Notes, lost: Counter[str]) -> Notes:
    """The notes of a track, each ending at the first end of its pitch; those without length are left out."""
    pitch, time_s = np.tile(notes["pitch"], 2), np.concatenate([notes["offset_s"], notes["onset_s"]])
    is_on = np.arange(2 * len(notes)) >= len(notes)
    order = np.lexsort((is_on, time_s, pitch))  # ends before beginnings at one instant
    places = np.where(is_on[order], 2 * len(notes), np.arange(2 * len(notes)))
    following = np.minimum.accumulate(places[::-1])[::-1]  # (2 N,) where the next end is
    ends_s = np.append(time_s[order], np.inf)[following]
    first_s = np.empty(2 * len(notes))
    first_s[order] = ends_s
    long = notes["offset_s"] > notes["onset_s"]
    lost["note without length"] += int(np.count_nonzero(~long))
    lost["note ended by another's end"] += int(np.count_nonzero(first_s[len(notes) :][long] < notes["offset_s"][long]))
    kept = notes[long]
    kept["offset_s"] = first_s[len(notes) :][long]
    return kept


def _baked(track: Track, last_s: float, lost: Counter[str]) -> Notes:
    """The notes of a track as long as they sound."""
    index, offset_s = sounding(track, last_s)
    notes = track.notes[index]
    lost["note merged with its double"] += len(track) - len(notes)
    lost["note shortened by its repeat"] += int(np.count_nonzero(offset_s < notes["offset_s"]))
    notes["offset_s"] = offset_s
    return notes
