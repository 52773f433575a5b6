"""Files of frames: JSON, NumPy archives, and MIDI on a grid.

A JSON file contains a piece (a list of frames, each a list of pitches), a list of pieces, or an object of such lists,
like the sides of the published data sets, which are read one after another. Each array of an `.npz` file is a piece:
(T, 128) flags of sounding pitches, or (T, voices) pitches, −1 for none.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.performance import DEFAULT_BPM, Note, Performance, Track
from folkseq.representations.base import Files, Parsed

MOST_FRAMES = 1_000_000
_FINE = 12  # parts of a step, to distinguish notes on and off the grid
_VELOCITY = 80
Frame = frozenset[int]


@dataclass(frozen=True)
class PianoRoll:
    """The sounding MIDI pitches at each step."""

    frames: tuple[Frame, ...]
    title: str = ""


class RollFiles(Files[PianoRoll]):
    """JSON, `.npz` and MIDI files."""

    suffixes = (".json", ".npz", *midi.SUFFIXES)
    outputs = (".mid", ".json")
    max_bytes = midi.LARGEST

    def __init__(self, steps_per_quarter: int) -> None:
        self.steps_per_quarter = steps_per_quarter

    def parse(self, data: bytes, file: str) -> Parsed[PianoRoll]:
        """Parse the pieces in a file. Raises ParseError if there are none."""
        if midi.is_midi(data):
            performance, lost, _ = midi.parse(data, file)
            return Parsed([_on_grid(performance, self.steps_per_quarter, file, lost)], [+lost])
        pieces, faults, notices = list[PianoRoll](), list[str](), list[str]()
        found = _arrays(data, file) if data[:2] == b"PK" else _lists(data, file, notices)
        for name, frames in found:
            try:
                pieces.append(PianoRoll(tuple(_frames(frames))))
            except ValueError as error:
                faults.append(f"{file}, {name}, {error}")
        if not pieces:
            raise ParseError(faults[0] if faults else f"{file}: holds no piece")
        return Parsed(pieces, faults=faults, notices=notices)

    def format(self, piece: PianoRoll, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the frames as JSON, or as MIDI at the tempo of the options."""
        if suffix == ".json":
            return (json.dumps([sorted(frame) for frame in piece.frames], separators=(",", ":")) + "\n").encode()
        bpm = float((options and options.bpm) or DEFAULT_BPM)
        step_s = 60 / bpm / self.steps_per_quarter
        track = Track.of(list(_notes(piece.frames, step_s)), piece.title)
        length_s = len(piece.frames) * step_s
        return midi.format(Performance((track,), ((0.0, bpm),), name=piece.title, length_s=length_s), comments)

    def title(self, piece: PianoRoll) -> str:
        """Return the title of a piece."""
        return piece.title


def _lists(data: bytes, file: str, notices: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the frames of each piece in a JSON file. Raises ParseError for another structure."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{file}: is not JSON ({error})") from None
    sides = found if isinstance(found, dict) else {"": found}
    if isinstance(found, dict):
        counts = ", ".join(f"{side} {len(pieces)}" for side, pieces in sides.items() if isinstance(pieces, list))
        notices.append(f"all sides are read as one corpus: {counts}")
    for side, pieces in sides.items():
        if not isinstance(pieces, list) or not pieces:
            raise ParseError(f"{file}: {side or 'it'} is not a list of pieces; write [[[60, 64], [62]], …]")
        first: Any = next((each for each in pieces if each != []), [])
        if not isinstance(first, list) or not all(isinstance(each, list) for each in pieces):
            raise ParseError(f"{file}: {side or 'it'} is not a list of pieces; write [[[60, 64], [62]], …]")
        several = isinstance(first[0] if first else None, list)
        for number, piece in enumerate(pieces if several else [pieces], 1):
            yield f"{side} piece {number}".strip(), piece


def _arrays(data: bytes, file: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the frames of each array in an archive. Raises ParseError if it is not an archive."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except (BadZipFile, ValueError, KeyError, EOFError, OSError) as error:
        raise ParseError(f"{file}: cannot be read as arrays ({error}); save plain ones with numpy.savez") from None
    for name, array in arrays.items():
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise ParseError(f"{file}, {name}: is {array.dtype} of {array.shape}; write (T, 128) or (T, voices)")
        yield name, _of_array(array)


def _of_array(array: NDArray[Any]) -> list[list[int]]:
    if array.shape[1] == 128:
        return [np.flatnonzero(row > 0).tolist() for row in array]
    return [[int(pitch) for pitch in dict.fromkeys(row.tolist()) if pitch >= 0] for row in array]


def _frames(frames: Any) -> Iterator[Frame]:
    """Yield validated frames. Raises ValueError with the number of an invalid frame."""
    if not isinstance(frames, list) or not frames:
        raise ValueError("which holds no frame")
    if len(frames) > MOST_FRAMES:
        raise ValueError(f"which has {len(frames):,} frames, more than {MOST_FRAMES:,}")
    for number, frame in enumerate(frames, 1):
        if not isinstance(frame, list):
            raise ValueError(f"frame {number}: {json.dumps(frame)[:40]} is not a list of pitches")
        for pitch in frame:
            if not isinstance(pitch, int) or isinstance(pitch, bool) or not 0 <= pitch < 128:
                raise ValueError(f"frame {number}: {json.dumps(pitch)[:40]} is not a pitch from 0 to 127")
        if len(set(frame)) < len(frame):
            twice = next(pitch for pitch, count in Counter(frame).items() if count > 1)
            raise ValueError(f"frame {number}: the pitch {twice} comes twice")
        yield frozenset(frame)


def _on_grid(performance: Performance, steps_per_quarter: int, file: str, lost: Counter[str]) -> PianoRoll:
    """Return the frames of a performance; count in `lost` what they drop. Raises ParseError if all frames are empty."""
    clock = TempoMap.on_grid(performance.tempos, steps_per_quarter * _FINE)
    spans = []
    for track in performance.tracks:
        if track.drum:
            lost["note among drums"] += len(track)
            continue
        lost["loudness of a note"] += len(track)
        lost["pedal"] += len(track.pedal)
        onsets, offsets = (clock.to_ticks(track.notes[name]) for name in ("onset_s", "offset_s"))
        lost["note moved to the grid"] += int(np.count_nonzero((onsets % _FINE != 0) | (offsets % _FINE != 0)))
        first = (onsets + _FINE // 2) // _FINE
        spans.append(np.stack((first, np.maximum((offsets + _FINE // 2) // _FINE, first + 1), track.notes["pitch"]), 1))
    notes = np.concatenate([np.zeros((0, 3), np.int64), *spans])
    if not len(notes):
        raise ParseError(f"{file}: holds no notes but drums")
    length = int(notes[:, 1].max())
    if length > MOST_FRAMES:
        raise ParseError(f"{file}: has {length:,} steps, more than {MOST_FRAMES:,}; leave it out")
    frames: list[set[int]] = [set() for _ in range(length)]
    for first, stop, pitch in notes[np.argsort(notes[:, 0], kind="stable")].tolist():
        joined = pitch in frames[first] or (first and pitch in frames[first - 1])
        lost["note joined to the one before"] += bool(joined)
        for frame in frames[first:stop]:
            frame.add(pitch)
    return PianoRoll(tuple(map(frozenset, frames)), performance.name)


def _notes(frames: Iterable[Frame], step_s: float) -> Iterator[Note]:
    """Yield the notes of frames; a pitch in consecutive frames is one note."""
    onsets: dict[int, int] = {}
    for step, frame in enumerate([*frames, Frame()]):
        for pitch in sorted(onsets.keys() - frame):
            yield Note(onsets.pop(pitch) * step_s, step * step_s, pitch, _VELOCITY)
        onsets |= dict.fromkeys(frame - onsets.keys(), step)
