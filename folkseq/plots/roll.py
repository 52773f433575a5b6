"""A piano roll: notes over seconds in rows, like lines of a page, with velocity shades, the pedal and bar lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from folkseq.music.performance import PEDAL_DOWN, Performance, Track, bar_lines
from folkseq.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, RIGHT, HEADING, FOOT, GAP = 12.0, 0.75, 0.25, 0.9, 0.45, 0.42
"""Inches: the size of the figure, the margins around its rows, and the space between rows."""
SEMITONE, LEAST_HEIGHT = 0.042, 1.3
"""Inches: the height of a pitch, and the minimum height of a row."""
ROW_S, MOST_ROWS = (20.0, 30.0, 60.0, 90.0, 120.0, 150.0), 8
"""Seconds in a row: the first of these that needs at most this many rows."""
LONGEST_S = 1200.0  # a longer piece is cut to this length
MOST_NAME = 80  # characters
LEAST_PITCHES = 24
_BLACK = (1, 3, 6, 8, 10)


@dataclass(frozen=True, eq=False)
class Roll:
    """The content of a piano roll, in seconds."""

    notes: style.Floats  # (N, 4) onset, offset, pitch, velocity
    pedal: style.Floats  # (K, 2) times at which it goes down and up
    bars_s: style.Floats  # (M,) times at which bars begin
    length_s: float
    drums: bool  # whether pitches are drums, which are drawn only without other notes

    @classmethod
    def of(cls, performance: Performance) -> Self:
        """Return the roll of all pitched tracks together, or of the drums if there are no others."""
        pitched = [track for track in performance.tracks if len(track) and not track.drum]
        tracks = pitched or [track for track in performance.tracks if len(track)]
        fields = ("onset_s", "offset_s", "pitch", "velocity")
        notes = [np.stack([track.notes[field] for field in fields], axis=1) for track in tracks]
        return cls(
            np.concatenate([np.zeros((0, 4)), *notes]),
            np.concatenate([np.zeros((0, 2)), *(_pedal(track, performance.length_s) for track in tracks)]),
            bar_lines(performance),
            performance.length_s,
            bool(tracks) and not pitched,
        )

    @property
    def pitches(self) -> tuple[int, int]:
        """Return the lowest and the highest pitch to draw, at least two octaves apart."""
        if not len(self.notes):
            return 48, 72
        low, high = int(self.notes[:, 2].min()) - 1, int(self.notes[:, 2].max()) + 1
        more = max(LEAST_PITCHES - (high - low), 0)
        return low - more // 2, high + more - more // 2


@style.styled()
def draw(performance: Performance, name: str) -> Figure:
    """Return the piano roll of a performance, which may be empty, titled with its name."""
    roll = Roll.of(performance)
    shown_s = min(roll.length_s, LONGEST_S)
    row_s = next((seconds for seconds in ROW_S if shown_s <= seconds * MOST_ROWS), ROW_S[-1])
    rows = max(math.ceil(shown_s / row_s - 1e-6), 1)
    row_s = row_s if rows > 1 else max(shown_s, 1.0)
    low, high = roll.pitches
    height = max((high - low + 5) * SEMITONE, LEAST_HEIGHT)
    part = f", the first {LONGEST_S / 60:g} of {roll.length_s / 60:,.0f} minutes" if roll.length_s > LONGEST_S else ""
    title = style.legible(name, MOST_NAME - len(part)) + part
    figure = style.figure_of(WIDTH, HEADING + FOOT + rows * height + (rows - 1) * GAP, title)
    for row in range(rows):
        panel = style.add_axes(figure, LEFT, HEADING + row * (height + GAP), WIDTH - LEFT - RIGHT, height)
        paint(panel, roll, row * row_s, (row + 1) * row_s)
        panel.set_ylabel("drum (MIDI)" if roll.drums else "pitch")
    panel.set_xlabel("seconds")
    scale = style.add_axes(figure, 0.72 * WIDTH, 0.51, 0.26 * WIDTH, 0.09)
    style.add_colour_scale(scale, (0, 32, 64, 96, 127), style.velocity_shade(np.arange(128)), "velocity")
    return figure


def paint(panel: Axes, roll: Roll, start_s: float, end_s: float) -> None:
    """Draw the keys, bar lines, notes and pedal between two times into a panel."""
    from matplotlib.ticker import MaxNLocator

    low, high = roll.pitches
    panel.grid(False)
    panel.set_xlim(start_s, end_s)
    panel.set_ylim(low - (3.6 if len(roll.pedal) else 1), high + 0.6)
    panel.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    labels = {low - 2.3: "pedal"} if len(roll.pedal) else {}
    for pitch in range(low, high + 1):
        if pitch % 12 in _BLACK and not roll.drums:
            panel.axhspan(pitch - 0.5, pitch + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
        if pitch % 12 == 0:
            panel.axhline(pitch - 0.5, color=style.RULE, linewidth=0.7, zorder=0.5)
            labels[pitch] = str(pitch) if roll.drums else f"C{pitch // 12 - 1}"
    panel.axhline(low - 1, color=style.RULE, linewidth=0.7)
    panel.set_yticks(list(labels), list(labels.values()))
    panel.tick_params(axis="y", length=0)
    lines = roll.bars_s[(roll.bars_s >= start_s) & (roll.bars_s < end_s)]
    if len(lines) <= 20 * WIDTH:
        panel.vlines(lines, low - 1, high + 0.6, color="#b5b5b5", linewidth=0.8, zorder=1)
    notes = roll.notes[(roll.notes[:, 0] < end_s) & (roll.notes[:, 1] > start_s)]
    onset, offset, pitches, velocity = notes[np.argsort(notes[:, 3], kind="stable")].T  # louder notes in front
    look = {"facecolors": style.velocity_shade(velocity), "edgecolors": "white", "linewidths": 0.25, "zorder": 2}
    style.add_rectangles(panel, onset, offset, pitches - 0.42, pitches + 0.42, **look)
    down, up = roll.pedal[(roll.pedal[:, 0] < end_s) & (roll.pedal[:, 1] > start_s)].T
    style.add_rectangles(panel, down, up, low - 2.9, low - 1.7, facecolors=style.GREY, linewidths=0, zorder=2)
    if roll.length_s < end_s:
        panel.axvspan(roll.length_s, end_s, color="white", linewidth=0, zorder=3)  # beyond the end of the piece


def _pedal(track: Track, end_s: float) -> style.Floats:
    """Return (K, 2) the times at which a track's pedal goes down and up."""
    moves = np.flatnonzero(np.diff(track.pedal["value"] >= PEDAL_DOWN, prepend=False))
    return np.append(track.pedal["time_s"][moves], [end_s] * (len(moves) % 2)).reshape(-1, 2)
