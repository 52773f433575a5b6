"""Drums and voices in MIDI files.

A step is a fraction of a quarter note, by the beats of the file, whatever its tempo. Notes are moved to the nearest
step, and their velocities are not kept. A grid begins at the start of the file and ends at the end of a bar.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError
from folkseq.formats import midi
from folkseq.formats.ticks import TempoMap
from folkseq.music.chorale import HOLD, REST
from folkseq.music.grid import Grid
from folkseq.music.performance import DEFAULT_BPM, Note, Performance, Track
from folkseq.music.signature import Meter
from folkseq.representations.base import Parsed
from folkseq.representations.packed.codec import StepCodec
from folkseq.representations.packed.layout import POSITION, GridLayout, Values
from folkseq.representations.packed.medium import Medium, steps_of

MOST_STEPS = 1_000_000
_METER = re.compile(rb"\xff\x58\x04(.[\x00-\x06])", re.DOTALL)
FINE = 12
"""Parts of a step, to distinguish notes on and off the grid."""
CLASSES = {
    "kick": (36, 35),
    "snare": (38, 37, 39, 40),
    "closed_hat": (42, 22, 44),
    "open_hat": (46, 26),
    "low_tom": (43, 41, 58),
    "mid_tom": (47, 45),
    "high_tom": (50, 48),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 59),
}
"""Drums of General MIDI and of Roland's kits in nine classes; files are written with the first drum of each class."""
_OTHERS = (
    "tambourine,splash cymbal,cowbell,crash cymbal,vibraslap,ride cymbal,high bongo,low bongo,muted high conga,"
    "open high conga,low conga,high timbale,low timbale,high agogo,low agogo,cabasa,maracas,short whistle,"
    "long whistle,short guiro,long guiro,claves,high woodblock,low woodblock,muted cuica,open cuica,"
    "muted triangle,open triangle,shaker,jingle bell,bell tree,castanets,muted surdo,open surdo"
)
_NAME_OF = dict(enumerate(_OTHERS.split(","), 54))
"""Names of other drums, in General MIDI 2."""
_CLASS_OF = {pitch: place for place, pitches in enumerate(CLASSES.values()) for pitch in pitches}
AGAIN = "'"
"""The mark of a sounding pitch that is struck again."""
_SHIFTS = range(-6, 7)  # transpositions in semitones
ON_BEAT, OFF_BEAT, VOICE = 100, 80, 80
"""Velocities of strokes on the beat, of other strokes, and of the notes of voices."""


class MidiMedium(Medium):
    """Steps in MIDI files."""

    suffixes = midi.SUFFIXES
    outputs = (".mid",)
    option_names = ("steps", "bars", "bpm")
    codec_type = StepCodec

    @abstractmethod
    def to_grid(self, performance: Performance, file: str, lost: Counter[str]) -> Grid:
        """Return the grid of a performance, and count in `lost` what it drops. Raises ParseError."""

    def common_meter(self, files: Sequence[Path]) -> str:
        """Return the most common first meter of the files; an empty string for 4/4."""
        meters = Counter(filter(None, map(_first_meter, files)))
        common = meters.most_common(1)[0][0] if meters else Meter(4, 4)
        return str(common) if common != Meter(4, 4) else ""

    @abstractmethod
    def to_tracks(self, grid: Grid, step_s: float) -> list[Track]:
        """Return the tracks that play a grid."""

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """Parse the grid in a file."""
        performance, lost, _ = midi.parse(data, file)
        return Parsed([self.to_grid(performance, file, lost)], [+lost])

    def format(self, piece: Grid, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the grid as a MIDI file of type 1."""
        bpm = float((options and options.bpm) or DEFAULT_BPM)
        step_s = 60 / bpm / self.division
        tracks, meters = tuple(self.to_tracks(piece, step_s)), ((0.0, self.meter),)
        length_s = len(piece.rows) * step_s
        return midi.format(Performance(tracks, ((0.0, bpm),), meters, name=piece.title, length_s=length_s), comments)

    def clock(self, performance: Performance, parts: int = 1) -> TempoMap:
        """Return the map from seconds to steps, or to parts of a step."""
        return TempoMap.on_grid(performance.tempos, self.division * parts)

    def whole_bars(self, steps: int, performance: Performance, file: str) -> tuple[int, int]:
        """Return a number of steps, rounded up to whole bars of the first meter, and the number of steps in a bar.

        Raises:
            ParseError: there are too many.
        """
        meter = performance.meters[0][1] if performance.meters else Meter()
        bar = steps_of(meter, self.division)
        length = -(-steps // bar) * bar
        if length > MOST_STEPS:
            raise ParseError(f"{file}: has {length:,} steps, and the limit is {MOST_STEPS:,}; leave it out")
        return length, bar


def _first_meter(file: Path) -> Meter | None:
    """Return the first meter of a MIDI file, 4/4 without one; None if the file cannot be read.

    To save time, this only searches for the event and does not parse the whole file.
    """
    try:
        event = _METER.search(file.read_bytes()) if file.stat().st_size <= midi.LARGEST else None
        return Meter(event[1][0], 2 ** event[1][1]) if event else Meter(4, 4)
    except (OSError, ValueError):
        return None


class DrumMedium(MidiMedium):
    """Whether each class of drums is struck at each step; with `position`, the position in the bar comes first."""

    name = "drums"

    def to_grid(self, performance: Performance, file: str, lost: Counter[str]) -> Grid:
        """Return the grid of all drum tracks. Raises ParseError if there are none."""
        tracks = [track.notes for track in performance.tracks if track.drum and len(track)]
        if not tracks:
            raise ParseError(f"{file}: has no drums, which are on channel 10 in MIDI")
        notes = np.concatenate(tracks)
        steps, offsets = np.divmod(self.clock(performance, FINE).to_ticks(notes["onset_s"]) + FINE // 2, FINE)
        length, bar = self.whole_bars(int(steps.max()) + 1, performance, file)
        cells = np.zeros((length, len(CLASSES)), np.int64)
        lost["stroke moved to the grid"] += int(np.count_nonzero(offsets != FINE // 2))
        lost["loudness of a stroke"] += len(notes)
        for step, pitch in zip(steps.tolist(), notes["pitch"].tolist(), strict=True):
            if pitch not in _CLASS_OF:
                lost[f"{_NAME_OF.get(pitch, f'drum {pitch}')}, of no class"] += 1
                continue
            lost["stroke beside another of its class"] += int(cells[step, _CLASS_OF[pitch]])
            cells[step, _CLASS_OF[pitch]] = 1
        columns = tuple(CLASSES)
        if self.position:
            columns, cells = (POSITION, *columns), np.column_stack([np.arange(length) % bar, cells])
        return Grid(columns, tuple(tuple(map(str, row)) for row in cells.tolist()))

    def to_tracks(self, grid: Grid, step_s: float) -> list[Track]:
        """Return a track of the strokes."""
        division = self.division
        notes = [
            Note(step * step_s, (step + 1) * step_s, CLASSES[column][0], OFF_BEAT if step % division else ON_BEAT)
            for step, row in enumerate(grid.rows)
            for column, cell in zip(grid.columns, row, strict=True)
            if cell == "1" and column != POSITION
        ]
        return [Track.of(notes, "Drums", drum=True)]

    def amounts(self, values: Values) -> dict[str, float]:
        """Return the number of strokes."""
        return {"stroke": float(values[:, int(self.position) :].sum())}


class VoiceMedium(MidiMedium):
    """The sounding pitch, or a rest, of each track except drums at each step.

    With `position`, the position in the bar comes first. A held pitch is repeated at every step, so that a model always
    sees the whole chord; a pitch that is struck again has a mark. A track is one voice: of simultaneous onsets only the
    highest is kept, and a note ends where the next begins.
    """

    name = "voices"

    def to_grid(self, performance: Performance, file: str, lost: Counter[str]) -> Grid:
        """Return the voices. Raises ParseError if there are fewer than two."""
        tracks = [track for track in performance.tracks if len(track) and not track.drum]
        if len(tracks) < 2:
            raise ParseError(f"{file}: has {len(tracks)} track with notes; there must be two or more, one per voice")
        clock, fine_clock = self.clock(performance), self.clock(performance, FINE)
        steps = max(int(clock.to_ticks(track.notes["offset_s"].max())) for track in tracks)
        length, bar = self.whole_bars(max(steps, 1), performance, file)
        for track in tracks:
            moved = [fine_clock.to_ticks(track.notes[name]) % FINE != 0 for name in ("onset_s", "offset_s")]
            lost["note moved to the grid"] += int(np.logical_or(*moved).sum())
            lost["loudness of a note"] += len(track)
            lost["pedal of a voice"] += len(track.pedal)
        lost["note among drums"] += sum(len(track) for track in performance.tracks if track.drum)
        voices = [_cells(track, clock, length, lost) for track in tracks]
        columns = tuple(map(str, range(1, len(voices) + 1)))
        if self.position:
            columns, voices = (POSITION, *columns), [[str(step % bar) for step in range(length)], *voices]
        return Grid(columns, tuple(zip(*voices, strict=True)), named=self.position)

    def to_tracks(self, grid: Grid, step_s: float) -> list[Track]:
        """Return a track per voice."""
        voices = enumerate((grid.column(column) for column in grid.columns if column != POSITION), 1)
        return [Track.of(_notes(cells, step_s), f"Voice {number}") for number, cells in voices]

    def amounts(self, values: Values) -> dict[str, float]:
        """Return the number of cells of all voices."""
        return {"gesture": float(values[:, int(self.position) :].size)}

    def heights(self, layout: GridLayout) -> tuple[tuple[int, ...], ...]:
        """Return the pitch of each value of each column, −1 for values without pitch."""
        return tuple(
            tuple(
                int(label.removesuffix(AGAIN)) if column != POSITION and label.removesuffix(AGAIN).isdecimal() else -1
                for label in labels
            )
            for column, labels in zip(layout.columns, layout.labels, strict=True)
        )

    def shifts(self, layout: GridLayout) -> NDArray[np.int64]:
        """Return the values after each transposition of up to half an octave; −1 if the vocabulary lacks the pitch."""
        found = np.full((len(_SHIFTS), len(layout.columns), max(layout.radices)), -1)
        for place, (column, labels) in enumerate(zip(layout.columns, layout.labels, strict=True)):
            for value, label in enumerate(labels):
                pitch = label.removesuffix(AGAIN)
                moves = column != POSITION and pitch.isdecimal()
                for shift, semitones in enumerate(_SHIFTS):
                    moved = f"{int(pitch) + semitones}{label[len(pitch) :]}" if moves else label
                    found[shift, place, value] = labels.index(moved) if moved in labels else -1
        return found


def _cells(track: Track, clock: TempoMap, length: int, lost: Counter[str]) -> list[str]:
    """Return the cells of a voice."""
    onsets, offsets = clock.to_ticks(track.notes["onset_s"]), clock.to_ticks(track.notes["offset_s"])
    notes: dict[int, tuple[int, int]] = {}  # offset and pitch by onset
    for note in np.lexsort((track.notes["pitch"], onsets)).tolist():  # the highest simultaneous note comes last
        onset = min(int(onsets[note]), length - 1)
        lost["note beside another of its voice"] += onset in notes
        notes[onset] = int(offsets[note]), int(track.notes["pitch"][note])
    cells = [REST] * length
    for onset, following in pairwise([*sorted(notes), length]):
        offset, pitch = notes[onset]
        lost["note cut where another begins"] += offset > following
        stop = max(min(offset, following), onset + 1)
        sounds = onset and cells[onset - 1].removesuffix(AGAIN) == str(pitch)
        cells[onset:stop] = [f"{pitch}{AGAIN}" if sounds else str(pitch), *[str(pitch)] * (stop - onset - 1)]
    return cells


def _notes(cells: Sequence[str], step_s: float) -> list[Note]:
    """Return the notes of a voice."""
    notes: list[Note] = []
    sounding, onset = REST, 0
    for step, cell in enumerate([*cells, REST]):
        if cell in (sounding, HOLD):  # older runs write `HOLD`
            continue
        if sounding != REST:
            notes.append(Note(onset * step_s, step * step_s, int(sounding), VOICE))
        sounding, onset = cell.removesuffix(AGAIN), step
    return notes
