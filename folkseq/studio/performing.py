"""Convert a MIDI file to the form that the page shows and plays."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from folkseq.errors import FolkseqError
from folkseq.files import file_stem
from folkseq.formats import midi
from folkseq.formats.midi.events import PRESSURE, PROGRAM
from folkseq.music.sustain import last_event_s, presses
from folkseq.sampling.overlaps import Verdict

LONGEST_MIDI = 3 << 20
"""Maximum size of a file in bytes; in base64 it fits into a request."""
MOST_NOTES = MOST_CHANGES = 100_000
LONGEST_S = 4 * 3600.0
_LONGEST_TITLE = 200
_OF_ONE_BYTE = (PROGRAM, PRESSURE)  # statuses
_SILENT = {"text", "copyright"}  # kept in the file, but inaudible


@dataclass(frozen=True)
class PlayedNote:
    """A note."""

    onset_s: float
    duration_s: float
    pitch: int
    velocity: int
    channel: int
    """Counted from 0; each port has 16 channels, of which number 9 plays drums."""


@dataclass(frozen=True)
class Press:
    """A press of the sustain pedal."""

    start_s: float
    stop_s: float
    channel: int


@dataclass(frozen=True)
class SoundChange:
    """Another change to the sound of a channel: a controller, a pitch bend, pressure, or a later program."""

    time_s: float
    channel: int
    data: tuple[int, ...]
    """The bytes of the MIDI message, for channel 0."""


@dataclass(frozen=True)
class ShownPerformance:
    """A MIDI file, and its audible contents."""

    title: str
    midi: str
    """The file in base64."""
    notes: tuple[PlayedNote, ...]
    """Sorted by onset; each note ends when its key is released."""
    pedal: tuple[Press, ...]
    changes: tuple[SoundChange, ...]
    programs: Mapping[int, int]
    """The General MIDI program of each channel."""
    duration_s: float
    lost: Mapping[str, int]
    """The number of items of each kind in the file that are neither shown nor heard."""
    index: int = 0
    """Its number among the new performances, from 1."""
    seed: int | None = None
    verdict: Verdict | None = None
    notices: tuple[str, ...] = ()


def shown(data: bytes, name: str, title: str = "") -> ShownPerformance:
    """Return a MIDI file in the form for the page.

    Args:
        data: the file.
        name: its name in errors.
        title: the title for a file without one.

    Raises:
        FolkseqError: the file is broken or too long.
    """
    read = midi.parse(data, name, whole=True)
    piece = read.performance
    count = sum(map(len, piece.tracks))
    if count > MOST_NOTES:
        raise FolkseqError(f"{name}: has {count:,} notes; the studio opens at most {MOST_NOTES:,}")
    if piece.length_s > LONGEST_S:
        raise FolkseqError(
            f"{name}: lasts {piece.length_s / 3600:.1f} hours; the studio opens at most {LONGEST_S / 3600:g}"
        )
    last_s = last_event_s(piece.tracks)
    notes: list[PlayedNote] = []
    pedal: dict[int, list[Press]] = {}
    changes: dict[int, list[SoundChange]] = {}
    programs: dict[int, int] = {}
    for (port, own), track in zip(read.channels, piece.tracks, strict=True):
        channel = 16 * port + own
        programs.setdefault(channel, track.program)
        for each in track:
            duration_s = round(each.offset_s - each.onset_s, 4)
            notes.append(PlayedNote(round(each.onset_s, 4), duration_s, each.pitch, each.velocity, channel))
        if not track.drum:
            spans = np.stack(presses(track.pedal, last_s), axis=1).round(4).tolist()
            pedal[channel] = [Press(start_s, stop_s, channel) for start_s, stop_s in spans if start_s < stop_s]
        changes[channel] = [
            SoundChange(round(time_s, 4), channel, (status, *bytes_[: 1 if status in _OF_ONE_BYTE else 2]))
            for time_s, status, *bytes_ in track.changes.tolist()
        ]
    lost = Counter({kind: number for kind, number in read.lost.items() if kind not in _SILENT})
    if (number := sum(map(len, changes.values()))) > MOST_CHANGES:
        lost["change of the sound"] = number
        changes.clear()
    notes.sort(key=lambda note: (note.onset_s, note.pitch))
    return ShownPerformance(
        (piece.name or title)[:_LONGEST_TITLE],
        b64encode(data).decode(),
        tuple(notes),
        tuple(each for spans in pedal.values() for each in spans),
        tuple(each for found in changes.values() for each in found),
        programs,
        round(piece.length_s, 4),
        lost,
    )


def decoded(text: str, name: str, most: int = LONGEST_MIDI) -> bytes:
    """Return the bytes of a file in base64. Raises FolkseqError if the text is not base64 or too long."""
    if len(text) > most * 4 // 3 + 4:
        raise FolkseqError(f"{name}: is larger than {most >> 20} MB; give a shorter one")
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise FolkseqError(f"{name}: did not arrive whole (it is no base64); open it again") from None


def stem_of(name: str) -> str:
    """Return the last part of a file's name, without its suffix."""
    return PurePosixPath(name.replace("\\", "/")).stem[:_LONGEST_TITLE]


def plain_name(name: str, suffix: str) -> str:
    """Return a file's name for messages and records: its last part, restricted to plain letters."""
    return (file_stem(stem_of(name), "") or "performance") + suffix
