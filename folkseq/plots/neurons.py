"""Neurons while a network reads a piece: one row per neuron in musical time, with the surprise beneath.

Source: Karpathy, Johnson and Li, Visualizing and understanding recurrent networks (2015), who colour text by tanh(c).
Deviation: tunes are shown in bars, and performances below their piano roll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from folkseq.analysis.reading import Floats, NeuronReading
from folkseq.plots import style
from folkseq.plots.layout import LINE_S, WIDTH, Layout, lay_out
from folkseq.plots.roll import Roll, paint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT, FOOT, GAP = 1.35, 0.25, 0.5, 0.34
"""Inches: the margins beside and below the music, and the space between its lines."""
TITLE, SUMMARY, HEADING = 0.5, 0.2, 0.3
"""Inches: the heights of the title and of a neuron's summary, and the space below the summaries."""
TEXT, ROLL, ROW, SURPRISE = 0.24, 1.7, 0.17, 0.45
"""Inches: the heights of a line's tokens or piano roll, of a neuron's row, and of the surprise."""
EVENT = 0.03  # width in inches of a token without duration
SIZE, LEAST_SIZE = 8.0, 5.0  # font sizes of the tokens in points; tokens that need a smaller font are left out
MOST_NAME, MOST_SUMMARY, MOST_LABEL, MOST_TOKEN = 70, 110, 20, 12  # characters
HIGHEST = 0.99  # the quantile of the surprise at the top of its scale


def line_box(reading: NeuronReading, line: int) -> tuple[float, float]:
    """Return the top and the height of a line of music in the figure, in inches from its top."""
    height = (TEXT if reading.performance is None else ROLL) + ROW * len(reading.neurons) + SURPRISE
    return TITLE + SUMMARY * len(reading.neurons) + HEADING + line * (height + GAP), height


@style.styled()
def draw(reading: NeuronReading) -> Figure:
    """Return the figure of a reading.

    The heading has the label and the scores of each neuron. Each line of music has its tokens or its piano roll, a row
    for every neuron, and the surprise in bits of each token, or of all simultaneous tokens.
    """
    layout = lay_out(reading.tokens, reading.timing)
    roll = None if reading.performance is None else Roll.of(reading.performance)
    top, height = line_box(reading, layout.lines - 1)
    part = f", its {reading.part}" if reading.part else ""
    title = style.legible(f"{style.legible(reading.name, MOST_NAME)}{part}, read by {reading.about}", MOST_SUMMARY)
    figure = style.figure_of(LEFT + WIDTH + RIGHT, top + height + FOOT, title)
    width, whole_height = figure.get_size_inches()
    for place, neuron in enumerate(reading.neurons):
        y = 1 - (TITLE + SUMMARY * place) / whole_height
        figure.text(0.12 / width, y, style.legible(neuron.summary, MOST_SUMMARY), fontsize=9, va="top")
    scale = style.add_axes(figure, width - 3.4, 0.86, 3.0, 0.12)
    style.add_colour_scale(scale, (-1, 0, 1), style.shade(np.linspace(-1, 1, 101)), f"{reading.shown} after each token")
    bits = np.concatenate([surprise(reading, layout, line)[1] for line in range(layout.lines)])
    highest = max(float(np.ceil(np.quantile(bits, HIGHEST))), 1.0)
    for line in range(layout.lines):
        top, height = line_box(reading, line)
        above = TEXT if roll is None else ROLL
        over = style.add_axes(figure, LEFT, top, WIDTH, above)
        panel = style.add_axes(figure, LEFT, top + above, WIDTH, height - above)
        _rows(panel, reading, layout, line, highest)
        if roll is None:
            _tokens(over, reading, layout, line)
            boxes = layout.on(line)
            panel.set_xticks([])
            panel.spines["bottom"].set_bounds(layout.left[boxes].min(initial=0), layout.right[boxes].max(initial=0))
        else:
            paint(over, roll, line * LINE_S, (line + 1) * LINE_S)
            over.tick_params(axis="x", bottom=False, labelbottom=False)
            over.tick_params(axis="y", labelsize=7)
            seconds = np.arange(LINE_S + 1)
            panel.set_xticks(seconds * WIDTH / LINE_S, [f"{line * LINE_S + second:g}" for second in seconds])
            panel.set_xlabel("seconds" if line == layout.lines - 1 else "")
    return figure


def surprise(reading: NeuronReading, layout: Layout, line: int) -> tuple[Floats, Floats, Floats]:
    """Return the bars of the surprise along a line: left edges in inches, heights in bits and widths in inches.

    If time is in seconds, simultaneous tokens share one bar.
    """
    boxes = layout.on(line)
    left, right = layout.left[boxes], layout.right[boxes]
    bits = np.nan_to_num(reading.surprise[layout.token[boxes]])
    if reading.timing.bar is not None:
        return left, bits, np.maximum(right - left - EVENT / 2, EVENT / 3)
    moments, which = np.unique(left, return_inverse=True)
    return moments, np.bincount(which, bits, len(moments)).astype(np.float64), np.full(len(moments), EVENT)


def _rows(panel: Axes, reading: NeuronReading, layout: Layout, line: int, highest: float) -> None:
    """Draw a row for each neuron, one unit high from 0 downwards, and the surprise beneath."""
    boxes = layout.on(line)
    boxes = boxes[np.argsort(layout.left[boxes] == layout.right[boxes], kind="stable")]  # events in front
    left, token = layout.left[boxes], layout.token[boxes]
    right = np.maximum(layout.right[boxes], left + EVENT)
    labels = {}
    for row, neuron in enumerate(reading.neurons):
        colours = style.shade(neuron.values[token])
        look = {"facecolors": colours, "edgecolors": colours, "linewidths": 0.2, "clip_on": False}
        style.add_rectangles(panel, left, right, -row - 0.94, -row - 0.06, **look)
        labels[-row - 0.5] = style.legible(neuron.label, MOST_LABEL)
    room = SURPRISE / ROW - 0.35
    foot = -len(reading.neurons) - SURPRISE / ROW
    labels[foot + room / 2] = f"surprise\n(≤{highest:.0f} bits)"
    x, bits, width = surprise(reading, layout, line)
    panel.bar(x, np.minimum(bits / highest, 1) * room, width, bottom=foot, align="edge", color=style.WARM, linewidth=0)
    panel.grid(False)
    panel.set_xlim(0, WIDTH)
    panel.set_ylim(foot, 0)
    panel.set_yticks(list(labels), list(labels.values()), fontsize=7.5)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)


def _tokens(panel: Axes, reading: NeuronReading, layout: Layout, line: int) -> None:
    """Write each token over its box, in a font size that fits."""
    panel.set_axis_off()
    panel.set_xlim(0, WIDTH)
    panel.set_ylim(0, 1)
    for box in layout.on(line).tolist():
        text = style.legible(reading.tokens[layout.token[box]], MOST_TOKEN)
        left, right = layout.left[box], layout.right[box]
        size = min(SIZE, SIZE * (right - left) / (0.068 * max(len(text), 1) + 0.02))
        if size >= LEAST_SIZE:
            panel.text((left + right) / 2, 0.4, text, fontsize=size, ha="center", va="center", color=style.INK)
