"""Add ends to notes that still sound when a message ends all notes of their channel; few files need this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from folkseq.formats.midi.changes import Changes, Channel
from folkseq.formats.midi.events import NOTE_OFF, NOTE_ON, Events
from folkseq.formats.midi.parts import NOTES_OFF, SOUND_OFF


def silenced(chunks: Sequence[Events], ports: Sequence[int], changes: Mapping[Channel, Changes]) -> list[Events]:
    """Return the tracks with note ends inserted before the messages that end all notes of a channel.

    Args:
        chunks: The events of each track.
        ports: The port of each track.
        changes: The messages that set the state of each channel.
    """
    silences = {channel: each.of(SOUND_OFF, *NOTES_OFF) for channel, each in changes.items()}
    whole = list(chunks)
    for track, events in enumerate(chunks):
        ends = [
            end
            for (port, channel), each in silences.items()
            if port == ports[track] and len(each.ticks)
            for end in _ends(events, track, channel, each)
        ]
        if ends:
            places, ticks, *rows = np.array([(*end, 0) for end in sorted(ends)], np.int64).T
            messages = np.insert(events.messages, places, np.array(rows, np.uint8), axis=1)
            whole[track] = events._replace(ticks=np.insert(events.ticks, places, ticks), messages=messages)
    return whole


def _ends(events: Events, track: int, channel: int, silences: Changes) -> Iterator[tuple[int, int, int, int]]:
    """Yield the missing note ends of a channel: the index to insert each at, its tick, status and pitch."""
    first, after = (np.searchsorted(events.ticks, silences.ticks, side=side) for side in ("left", "right"))
    places = np.where(silences.tracks < track, first, after)  # for messages of other tracks
    places = np.where(silences.tracks == track, silences.places, places)
    at = np.flatnonzero((events.messages[0] & ~np.uint8(NOTE_OFF ^ NOTE_ON)) == NOTE_OFF | channel)
    notes = [*zip(at.tolist(), *events.messages[:, at].tolist(), strict=True)]
    sounding: Counter[int] = Counter()
    place = 0
    for silence, tick in zip(places.tolist(), silences.ticks.tolist(), strict=True):
        while place < len(notes) and notes[place][0] < silence:
            _, status, pitch, velocity = notes[place]
            sounding[pitch] = max(sounding[pitch] + (1 if status >= NOTE_ON and velocity else -1), 0)
            place += 1
        for pitch in sounding.elements():
            yield silence, tick, NOTE_OFF | channel, pitch
        sounding.clear()
