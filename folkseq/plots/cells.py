"""What a network's cells hold while it reads a piece: one row a cell, in musical time, with the surprise beneath.

Source: Karpathy, Johnson and Li, Visualizing and understanding recurrent networks (2015), who colour text by tanh(c).
Here tunes stand in their bars, and performances under their piano roll, with time shifts at their real length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from folkseq.plots import roll as rolls
from folkseq.plots.layout import LINE_S, WIDTH, Layout, lay_out
from folkseq.plots.picture import INK, WARM, legible, styled
from folkseq.plots.reading import Reading
from folkseq.plots.shades import shade
from folkseq.plots.strips import EVENT, costs, most_bits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT, FOOT, GAP = 1.35, 0.25, 0.5, 0.34
"""Inches: beside the music, below it, and between its lines."""
TITLE, TOLD = 0.5, 0.2
"""Inches: of the title, and of each cell's line below it."""
TEXT, ROW, SURPRISE, ROLL = 0.24, 0.17, 0.45, 1.7
"""Inches of a line's rows: of its tokens, of a cell, of the surprise, and of the roll, where there is one."""
MOST_LINES = 14
SIZE, LEAST_SIZE = 8.0, 5.0
"""Points of the tokens' letters; what would be smaller is left out."""
MOST_NAME, MOST_TOLD = 70, 110  # characters


def draw(reading: Reading) -> Figure:
    """The cells of a reading.

    Above stands what each cell tells, and how well; below, on each line of the music, its tokens or its piano roll, a
    row for every cell, and what each token, or all tokens of one moment, cost in bits.
    """
    from matplotlib.figure import Figure

    layout = lay_out(reading.tokens, reading.places)
    rolled = rolls.Roll.of(reading.performance) if reading.performance is not None else None
    top = ROLL if rolled is not None else TEXT
    line = top + ROW * len(reading.cells) + SURPRISE
    lines = min(layout.lines, MOST_LINES)
    heading = TITLE + TOLD * len(reading.cells) + 0.3
    size = (LEFT + WIDTH + RIGHT, heading + lines * line + (lines - 1) * GAP + FOOT)
    with styled():
        figure = Figure(figsize=size)
        _heading(figure, reading, layout, size)
        for number in range(lines):
            y = size[1] - heading - (number + 1) * line - number * GAP  # inches from the foot
            box = (LEFT / size[0], y / size[1], WIDTH / size[0], (line - top) / size[1])
            panel = figure.add_axes(box)
            _strips(panel, reading, layout, number)
            over = figure.add_axes((box[0], box[1] + box[3], box[2], top / size[1]))
            if rolled is not None:
                rolls.paint(over, rolled, number * LINE_S, (number + 1) * LINE_S)
                over.tick_params(axis="x", bottom=False, labelbottom=False)
                over.tick_params(axis="y", labelsize=7)
                over.set_ylabel("")
                scale = WIDTH / LINE_S
                ticks = np.arange(0, LINE_S + 1)
                panel.set_xticks(ticks * scale, [f"{number * LINE_S + tick:g}" for tick in ticks])
            else:
                _tokens(over, reading, layout, number)
        if rolled is not None:
            panel.set_xlabel("seconds")
    return figure


def _heading(figure: Figure, reading: Reading, layout: Layout, size: tuple[float, float]) -> None:
    left, y = 0.12 / size[0], size[1] - 0.12
    part = f", its {reading.part}" if reading.part else ""
    title = legible(f"{legible(reading.name, MOST_NAME)}{part}, read by {reading.about}", MOST_TOLD)
    figure.text(left, y / size[1], title, fontsize=13, fontweight="bold", va="top")
    for place, cell in enumerate(reading.cells):
        y = size[1] - TITLE - TOLD * place
        figure.text(left, y / size[1], legible(cell.told, MOST_TOLD), fontsize=9, va="top")
    scale = figure.add_axes((1 - 3.4 / size[0], 1 - 0.98 / size[1], 3.0 / size[0], 0.12 / size[1]))
    scale.imshow(shade(np.linspace(-1, 1, 101))[None], aspect="auto", extent=(-1, 1, 0, 1))
    scale.grid(False)
    scale.set_yticks([])
    scale.set_xticks([-1, 0, 1], ["−1", "0", "1"])
    scale.tick_params(labelsize=8, length=2, pad=1)
    scale.set_title(f"{reading.shown} after each token", fontsize=8.5, pad=3)


def _strips(panel: Axes, reading: Reading, layout: Layout, line: int) -> None:
    """A row for each cell, and the surprise beneath; a row is one unit high, from 0 downwards."""
    from matplotlib.collections import PolyCollection

    boxes = layout.on(line)
    boxes = boxes[np.argsort(layout.left[boxes] == layout.right[boxes], kind="stable")]  # events in front of time
    left, token = layout.left[boxes], layout.token[boxes]
    right = np.maximum(layout.right[boxes], left + EVENT)
    count = len(reading.cells)
    deep = SURPRISE / ROW  # rows that the surprise takes
    panel.grid(False)
    panel.set_xlim(0, WIDTH)
    panel.set_ylim(-count - deep, 0)
    for row, cell in enumerate(reading.cells):
        high, low = np.full(len(boxes), -row - 0.06), np.full(len(boxes), -row - 0.94)
        panel.add_collection(
            PolyCollection(
                rolls.rectangles(left, right, low, high),
                facecolors=shade(cell.values[token]),
                edgecolors="face",
                linewidths=0.2,
            ),
            autolim=False,
        )
    most = most_bits(reading, layout)
    x, bits, width = costs(reading, layout, line)
    floor, room = -count - deep, deep - 0.35
    heights = np.clip(bits / most, 0, 1) * room
    panel.bar(x, heights, width, bottom=floor, align="edge", color=WARM, linewidth=0)
    names = [legible(cell.label, 20) for cell in reading.cells]
    places = [-row - 0.5 for row in range(count)]
    panel.set_yticks([*places, floor + room / 2], [*names, f"surprise\n(≤{most:.0f} bits)"], fontsize=7.5)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    if reading.performance is None:
        panel.set_xticks([])
        panel.spines["bottom"].set_bounds(left.min(initial=0), right.max(initial=0))


def _tokens(panel: Axes, reading: Reading, layout: Layout, line: int) -> None:
    """The tokens as text, each over its box, in letters that fit."""
    panel.set_axis_off()
    panel.set_xlim(0, WIDTH)
    panel.set_ylim(0, 1)
    for box in layout.on(line).tolist():
        text = legible(reading.tokens[layout.token[box]], 12)
        room = layout.right[box] - layout.left[box]
        size = min(SIZE, SIZE * room / (0.068 * max(len(text), 1) + 0.02))
        if size >= LEAST_SIZE:
            middle = (layout.left[box] + layout.right[box]) / 2
            panel.text(middle, 0.4, text, fontsize=size, ha="center", va="center", color=INK)
