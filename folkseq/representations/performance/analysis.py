"""The analysis of performances: validity, features, labels and timing of ids.

`validate` counts notes event by event. It shares no code with the grammar, or with the pairing that ignores faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.music.pitch import MIDDLE_C
from folkseq.representations.capabilities import Analysis, Features, Timing
from folkseq.representations.performance.config import NOTE_OFF, NOTE_ON, PEDAL, Ids, Integers, PerformanceConfig
from folkseq.representations.performance.events import decode, pair

DURATION_BINS = 4  # bins per doubling of the duration; with a bin for each step, histograms would hardly overlap
WINDOW_S = 1.0  # window in which the label `density` counts onsets


class PerformanceAnalysis(Analysis):
    """The analysis of performances. In magenta's order a pitch may sound several times at once."""

    def __init__(self, config: PerformanceConfig) -> None:
        super().__init__(config.layout.vocabulary)
        self.config, self.layout = config, config.layout

    def validate(self, ids: Ids) -> str:
        """Return the first fault of a whole performance, or an empty string."""
        ends = np.flatnonzero((ids == self.layout.start) | (ids == self.layout.end)).tolist()
        whole = ends == [0, len(ids) - 1] and ids[0] == self.layout.start and ids[-1] == self.layout.end
        return self._count_notes(ids)[2] or ("" if whole else "no_end")

    def features(self, ids: Ids) -> Features:
        """Count pitches, durations, velocities, notes per second and simultaneous notes, ignoring faults."""
        length = self.layout.duration(ids)
        notes = pair(decode(ids, self.layout), length, self.config.canonical)
        paired, count, _ = self._count_notes(ids)
        found = note_features(notes.onset, notes.offset - notes.onset, notes.pitch, notes.velocity, self.config, length)
        return replace(found, validity={"note_events_paired": (paired, count)})

    def labels(self, ids: Ids) -> Mapping[str, NDArray[Any]]:
        """Return labels of each id; a label depends only on the ids up to its own.

        Returns:
            Arrays of (T,). `pitch_class` of an onset, 0 (C) to 11, and `hand_register` of an onset, 1 from middle C up,
            else 0; both except for drums. `pedal`, 1 while it is down, if there are pedal tokens. `density`, the number
            of onsets in the last second. `since_onset`, seconds since the last onset.
        """
        rate = self.config.steps_per_second
        begins = ids < self.layout.note_off
        pitch = np.where(begins, ids, 0).astype(np.int64)
        now = np.cumsum(self.layout.steps[ids])  # (T,) step after each id
        onsets = now[begins]
        count = np.cumsum(begins)  # (T,) onsets so far
        before = np.searchsorted(onsets, now - round(WINDOW_S * rate), side="right")
        labels: dict[str, NDArray[Any]] = {}
        if not self.config.drums:
            labels["pitch_class"] = np.where(begins, pitch % 12, -1)
            labels["hand_register"] = np.where(begins, (pitch >= MIDDLE_C).astype(np.int64), -1)
        if self.layout.pedal:
            moves = np.where((ids == self.layout.pedal_down) | (ids == self.layout.pedal_up), np.arange(len(ids)), -1)
            latest = np.maximum.accumulate(moves)
            labels["pedal"] = ((latest >= 0) & (ids[latest] == self.layout.pedal_down)).astype(np.int64)
        labels["density"] = np.asarray((count - np.minimum(before, count)) / WINDOW_S)
        labels["since_onset"] = (now - np.append(np.nan, onsets)[count]) / rate
        return labels

    def timing(self, ids: Ids) -> Timing:
        """Return the time and duration of each id in seconds; only a TIME_SHIFT has a duration."""
        length = self.layout.steps[ids] / self.config.steps_per_second
        return Timing(np.cumsum(length) - length, length)

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the second of each token, from 0."""
        return self.timing(self.vocabulary.array(tuple(tokens))).start.astype(np.int64)

    def span(self, first: int, last: int) -> str:
        """Return times in minutes and seconds: `0:12-0:19`."""
        return "-".join(f"{second // 60}:{second % 60:02d}" for second in dict.fromkeys((first, last)))

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return the number of notes, and of seconds up to the last event."""
        seconds = self.layout.duration(ids) / self.config.steps_per_second
        return {"note": float(len(self.layout.onset_pitches(ids))), "second": seconds}

    def _count_notes(self, ids: Ids) -> tuple[int, int, str]:
        """Return the number of paired onsets and ends, the number of all, and the first fault."""
        sounding, pedal, count, paired, fault = Counter[int](), 0, 0, 0, ""
        events = decode(ids, self.layout)
        for kind, value in zip(events.kind.tolist(), events.value.tolist(), strict=True):
            count += kind in (NOTE_ON, NOTE_OFF)
            if kind == NOTE_ON:
                if sounding[value] and self.config.canonical:
                    fault = fault or "note_begins_that_sounds"
                    continue
                sounding[value] += 1
            elif kind == NOTE_OFF:
                if not sounding[value]:
                    fault = fault or "note_ends_that_is_silent"
                    continue
                sounding[value] -= 1
                paired += 2
            elif kind == PEDAL:
                pedal = value
        left = "note_does_not_end" if +sounding else "pedal_does_not_rise" if pedal else ""
        return paired, count, fault or left


def note_features(
    onset: Integers, length: Integers, pitch: Integers, velocity: Integers, config: PerformanceConfig, last: int = 0
) -> Features:
    """Count pitches, durations, velocities, notes per second and simultaneous notes of (N,) notes in steps."""
    rate = config.steps_per_second
    seconds = max(last, int((onset + length).max(initial=0))) / rate
    values = {"pitch": pitch, "duration": np.floor(np.log2(length) * DURATION_BINS).astype(np.int64)}
    if config.velocity_bins:
        values["velocity"] = velocity
    return Features(
        rates={
            "notes_per_second": (float(len(length)), seconds),
            "notes_at_once": (float(length.sum()) / rate, seconds),
        },
        values=values,
    )
