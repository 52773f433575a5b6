"""Gradient flow: ‖∂loss_t/∂h_{t−k}‖ over k on a log scale, and ‖∂loss_t/∂c_{t−k}‖ for cells that have c.

A falling line shows vanishing gradients, and a rising line exploding gradients (Bengio, Simard and Frasconi, Learning
long-term dependencies with gradient descent is difficult, 1994). A level line shows memory. To compare cells, use the
line of c for an LSTM and the line of h for the other cells, since these carry the memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from folkseq.plots.style import DARK, INK, SIGNS, WARM, add_axes, figure_of, legible, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from folkseq.analysis.gradient_flow import GradientFlow

SIZE, LEFT, RIGHT, TOP, FOOT = (9.0, 5.2), 0.75, 0.2, 0.15, 0.5
"""Inches: the size of the figure with a legend of one row, and the margins around its panel and legend."""
COLUMNS, ROW = 2, 0.2  # of the legend: number of columns, and height of a row in inches
MOST_NAME = 44  # characters
_COLOURS = (DARK, WARM, INK, "#7f9fb0", "#c49a7a")
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@styled()
def draw(flows: Sequence[GradientFlow], unit: str = "tokens") -> Figure:
    """Return one figure of one or more runs; `unit` is the unit of k.

    The lines of two runs differ in colour, dashes and markers; the markers of h are hollow, those of c are filled.
    """
    from matplotlib.ticker import MaxNLocator, NullFormatter

    lines = [(place, flow.name, *line) for place, flow in enumerate(flows) for line in flow.lines.items()]
    top = TOP + ROW * math.ceil(len(lines) / COLUMNS)
    figure = figure_of(SIZE[0], SIZE[1] - TOP - ROW + top, "")
    panel = add_axes(figure, LEFT, top, SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - ROW - FOOT)
    known = np.concatenate([norms for flow in flows for norms in flow.lines.values()])
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (known.min(), known.max()) if known.size else (0.1, 1.0)
    panel.set_ylim(low / 2, high * 2)
    panel.set_yscale("log", nonpositive="mask")
    panel.yaxis.set_major_formatter(lambda value, _: power(value))
    panel.yaxis.set_minor_formatter(NullFormatter())  # otherwise, matplotlib labels the minor ticks of a short axis
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for place, name, letter, norms in lines:
        every, colour = max(len(norms) // 10, 1), _COLOURS[place % len(_COLOURS)]
        panel.plot(
            norms,
            color=colour,
            linestyle=_DASHES[place % len(_DASHES)],
            linewidth=1.8,
            marker=SIGNS[place % len(SIGNS)],
            markevery=(place * every // len(flows), every),
            markersize=5,
            markerfacecolor="white" if letter == "h" else colour,
            label=f"∂/∂{letter}  {legible(name, MOST_NAME)}",
        )
    panel.set_xlim(0, max(max(len(flow.norms) for flow in flows) - 1, 1))
    panel.set_xlabel(f"k, {unit} back from the loss")
    panel.set_ylabel("‖∂loss$_t$/∂h$_{t−k}$‖, ‖∂loss$_t$/∂c$_{t−k}$‖, mean over t (log scale)", parse_math=True)
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=COLUMNS, borderaxespad=0.3, handlelength=3.2)
    return figure


def power(value: float) -> str:
    """Return a power of ten as a label.

    >>> power(1e-12), power(1.0), power(100.0)
    ('10⁻¹²', '1', '10²')
    """
    exponent = round(math.log10(value))
    return "1" if not exponent else "10" + str(exponent).translate(_RAISED)
