"""A piano roll: notes over seconds, velocity as shade, the pedal below, bar lines where the file has them.

A piece of some length is drawn in rows, one below another, as on a page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from folkseq.music.bars import bar_lines
from folkseq.music.performance import PEDAL_DOWN, Performance, Track
from folkseq.plots.picture import INK, RULE, SHADES, legible, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEADING, FOOT = 12.0, 0.9, 0.45
"""Inches: of the figure, above its rows, and below them."""
SEMITONE, GAP = 0.042, 0.42
"""Inches: of a pitch's height, and between two rows."""
ROW_S, MOST_ROWS = 20.0, 8
"""Seconds in a row, or more where there would be more rows than so many."""
LONGEST_S = 1200.0
"""Of more, so much of the beginning is drawn."""
MOST_NAME = 80  # characters

_NICE_S = (20.0, 30.0, 60.0, 90.0, 120.0, 150.0)
_BLACK = (1, 3, 6, 8, 10)
_PEDAL = "#8a8a8a"
_LEAST_PITCHES = 24
_LEAST_HEIGHT = 1.3  # inches of a row


@dataclass(frozen=True, eq=False)
class Roll:
    """What is drawn of a performance, all of it in seconds."""

    notes: NDArray[np.float64]
    """(N, 4) onset, offset, pitch, velocity."""
    pedal: NDArray[np.float64]
    """(K, 2) from when to when it is down."""
    bars_s: NDArray[np.float64]
    """(M,) when bars begin."""
    length_s: float
    drums: bool = False
    """Whether pitches are drums; else drums are left out."""

    @classmethod
    def of(cls, performance: Performance) -> Roll:
        """The roll of all tracks together; of the drums, if there is nothing else."""
        pitched = [track for track in performance.tracks if len(track) and not track.drum]
        tracks = pitched or [track for track in performance.tracks if len(track)]
        rows = [
            np.stack([track.notes[name] for name in ("onset_s", "offset_s", "pitch", "velocity")]) for track in tracks
        ]
        notes = np.concatenate(rows, axis=1).T.astype(np.float64) if rows else np.zeros((0, 4))
        pedal = [down for track in tracks for down in _presses(track, performance.length_s)]
        presses = np.array(pedal, np.float64).reshape(-1, 2)
        return cls(notes, presses, bar_lines(performance), performance.length_s, bool(tracks) and not pitched)

    @property
    def pitches(self) -> tuple[int, int]:
        """The lowest and the highest pitch drawn, two octaves apart at least."""
        if not len(self.notes):
            return 48, 72
        low, high = int(self.notes[:, 2].min()) - 1, int(self.notes[:, 2].max()) + 1
        more = max(_LEAST_PITCHES - (high - low), 0)
        return low - more // 2, high + more - more // 2


def draw(performance: Performance, name: str) -> Figure:
    """The piano roll of a performance.

    Args:
        performance: any; one without notes has an empty roll.
        name: what it is called.
    """
    from matplotlib.figure import Figure

    roll = Roll.of(performance)
    shown_s = min(roll.length_s, LONGEST_S)
    row_s = next((nice for nice in _NICE_S if shown_s <= nice * MOST_ROWS), _NICE_S[-1])
    rows = max(math.ceil(shown_s / row_s - 1e-6), 1)
    row_s = row_s if rows > 1 else max(shown_s, 1.0)
    low, high = roll.pitches
    height = max((high - low + 5) * SEMITONE, _LEAST_HEIGHT)
    size = (WIDTH, HEADING + FOOT + rows * height + (rows - 1) * GAP)
    with styled():
        figure = Figure(figsize=size)
        panels = figure.subplots(rows, 1, squeeze=False)[:, 0]
        figure.subplots_adjust(
            left=0.75 / WIDTH,
            right=1 - 0.25 / WIDTH,
            top=1 - HEADING / size[1],
            bottom=FOOT / size[1],
            hspace=GAP / height,
        )
        figure.text(0.12 / WIDTH, 1 - 0.12 / size[1], _title(roll, name), fontsize=13, fontweight="bold", va="top")
        for row, panel in enumerate(panels):
            paint(panel, roll, row * row_s, (row + 1) * row_s)
        panels[-1].set_xlabel("seconds")
        velocities(figure, (0.72, 1 - 0.6 / size[1], 0.26, 0.09 / size[1]))
    return figure


def paint(panel: Axes, roll: Roll, start_s: float, end_s: float) -> None:
    """Draw what lies between two times into a panel: keys, bar lines, notes, the pedal."""
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import MaxNLocator

    low, high = roll.pitches
    foot = low - (3.6 if len(roll.pedal) else 1)
    panel.grid(False)
    panel.set_xlim(start_s, end_s)
    panel.set_ylim(foot, high + 0.6)
    panel.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if not roll.drums:
        for pitch in range(low, high + 1):
            if pitch % 12 in _BLACK:
                panel.axhspan(pitch - 0.5, pitch + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    for pitch in octaves:
        panel.axhline(pitch - 0.5, color=RULE, linewidth=0.7, zorder=0.5)
    named = {float(pitch): str(pitch) if roll.drums else f"C{pitch // 12 - 1}" for pitch in octaves}
    if len(roll.pedal):
        named[low - 2.3] = "pedal"
    panel.set_yticks(list(named), list(named.values()))
    panel.tick_params(axis="y", length=0)
    panel.set_ylabel("drum (MIDI)" if roll.drums else "pitch")
    lines = roll.bars_s[(roll.bars_s >= start_s) & (roll.bars_s < end_s)]
    if len(lines) <= 4 * WIDTH * 5:
        panel.vlines(lines, low - 1, high + 0.6, color="#b5b5b5", linewidth=0.8, zorder=1)
    notes = roll.notes[(roll.notes[:, 0] < end_s) & (roll.notes[:, 1] > start_s)]
    notes = notes[np.argsort(notes[:, 3], kind="stable")]  # the loudest in front
    shade = SHADES[np.clip(notes[:, 3] * len(SHADES) / 128, 0, len(SHADES) - 1).astype(np.int64)]
    corners = rectangles(notes[:, 0], notes[:, 1], notes[:, 2] - 0.42, notes[:, 2] + 0.42)
    panel.add_collection(
        PolyCollection(corners, facecolors=shade, edgecolors="white", linewidths=0.25, zorder=2), autolim=False
    )
    panel.axhline(low - 1, color=RULE, linewidth=0.7)
    down = roll.pedal[(roll.pedal[:, 0] < end_s) & (roll.pedal[:, 1] > start_s)]
    corners = rectangles(down[:, 0], down[:, 1], np.full(len(down), low - 2.9), np.full(len(down), low - 1.7))
    panel.add_collection(PolyCollection(corners, facecolors=_PEDAL, linewidths=0, zorder=2), autolim=False)
    if roll.length_s < end_s:  # nothing can sound there
        panel.axvspan(roll.length_s, end_s, color="white", linewidth=0, zorder=3)


def velocities(figure: Figure, place: tuple[float, float, float, float]) -> None:
    """The scale of shades: which velocity each stands for. `place` is left, bottom, width, height, in figures."""
    scale = figure.add_axes(place)
    scale.imshow(np.array(SHADES)[None, :, :], aspect="auto", extent=(0, 128, 0, 1))
    scale.set_yticks([])
    scale.set_xticks([1, 32, 64, 96, 127])
    scale.tick_params(labelsize=7.5, length=2, pad=1)
    scale.grid(False)
    scale.set_title("velocity", fontsize=8, pad=2, color=INK)
    for spine in scale.spines.values():
        spine.set_visible(False)


def _title(roll: Roll, name: str) -> str:
    if roll.length_s > LONGEST_S:
        part = f", the first {LONGEST_S / 60:g} of {roll.length_s / 60:,.0f} minutes"
        return legible(name, MOST_NAME - len(part)) + part
    return legible(name, MOST_NAME)


def _presses(track: Track, end_s: float) -> Sequence[tuple[float, float]]:
    """From when to when a track's pedal is down."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for time_s, value in track.pedal.tolist():
        down = value >= PEDAL_DOWN
        if down and since is None:
            since = time_s
        elif not down and since is not None:
            found.append((since, time_s))
            since = None
    return found if since is None else [*found, (since, end_s)]


def rectangles(
    left: NDArray[np.float64], right: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """The corners of N rectangles, (4, 2) each."""
    return list(np.stack([np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)], 2))
