"""Gradient flow: ‖∂loss_t/∂h_{t−k}‖ over k on a log scale, one line per run.

A falling line shows vanishing gradients, a rising one exploding gradients (Bengio, Simard and Frasconi, Learning
long-term dependencies with gradient descent is difficult, 1994); a level line is memory.
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

SIZE, LEFT, RIGHT, TOP, FOOT = (9.0, 5.2), 0.75, 0.2, 0.35, 0.5
"""Inches: of the figure, and around its panel."""
MOST_NAME = 44  # characters
_COLOURS = (DARK, WARM, INK, "#7f9fb0", "#c49a7a")
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@styled()
def draw(flows: Sequence[GradientFlow], unit: str = "tokens") -> Figure:
    """Return one figure of one or more runs; `unit` is what k counts. Lines also differ in their dashes and markers."""
    from matplotlib.ticker import MaxNLocator, NullFormatter

    figure = figure_of(*SIZE, "")
    panel = add_axes(figure, LEFT, TOP, SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - FOOT)
    known = np.concatenate([flow.norms for flow in flows])
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (known.min(), known.max()) if known.size else (0.1, 1.0)
    panel.set_ylim(low / 2, high * 2)
    panel.set_yscale("log", nonpositive="mask")
    panel.yaxis.set_major_formatter(lambda value, _: power(value))
    panel.yaxis.set_minor_formatter(NullFormatter())  # else a short axis labels its minor ticks
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for place, flow in enumerate(flows):
        every = max(len(flow.norms) // 10, 1)
        panel.plot(
            flow.norms,
            color=_COLOURS[place % len(_COLOURS)],
            linestyle=_DASHES[place % len(_DASHES)],
            linewidth=1.8,
            marker=SIGNS[place % len(SIGNS)],
            markevery=(place * every // len(flows), every),
            markersize=5,
            markerfacecolor="white",
            label=f" {legible(flow.name, MOST_NAME)}",  # a legend leaves out names that begin with _
        )
    panel.set_xlim(0, max(max(len(flow.norms) for flow in flows) - 1, 1))
    panel.set_xlabel(f"k, {unit} back from the loss")
    panel.set_ylabel("‖∂loss$_t$/∂h$_{t−k}$‖, mean over t (log scale)", parse_math=True)
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3, handlelength=3.2)
    return figure


def power(value: float) -> str:
    """Return a power of ten as a label.

    >>> power(1e-12), power(1.0), power(100.0)
    ('10⁻¹²', '1', '10²')
    """
    exponent = round(math.log10(value))
    return "1" if not exponent else "10" + str(exponent).translate(_RAISED)
