"""How far gradients reach back: the length of ∂loss_t/∂h_{t−k} over k, one line a run, on a scale of logarithms.

A line that falls shows gradients that vanish, one that rises gradients that explode (Bengio, Simard and Frasconi,
Learning long-term dependencies with gradient descent is difficult, 1994); a level one is memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.plots.picture import DARK, INK, WARM, legible, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (9.0, 5.2)
"""Inches."""
MOST_NAME, MOST_TITLE = 44, 80
"""Characters."""
_COLOURS = (DARK, WARM, INK, "#7f9fb0", "#c49a7a")
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SIGNS = ("o", "^", "s", "D", "v")


@dataclass(frozen=True, eq=False)
class Reach:
    """How far the gradients of one run reach."""

    name: str
    norms: NDArray[np.float64]
    """(K + 1,) of each k from 0, the mean over t and pieces."""

    @property
    def told(self) -> str:
        """What is left of it at the end."""
        last = len(self.norms) - 1
        return f"{self.norms[0]:.3g} at k = 0, {self.norms[last]:.3g} at k = {last}"


def power(value: float) -> str:
    """A power of ten as it is written.

    >>> power(1e-12), power(1.0), power(100.0)
    ('10⁻¹²', '1', '10²')
    """
    exponent = round(math.log10(value))
    return "1" if not exponent else "10" + str(exponent).translate(_RAISED)


def draw(reaches: Sequence[Reach], unit: str = "tokens") -> Figure:
    """The lines of some runs, which are told apart by their dashes and signs, too.

    Args:
        reaches: one or more.
        unit: what k counts.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullFormatter

    with styled():
        figure = Figure(figsize=SIZE, layout="constrained")
        panel = figure.subplots()
        known = np.concatenate([reach.norms for reach in reaches])
        known = known[np.isfinite(known) & (known > 0)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.1, 1.0)
        panel.set_ylim(low / 2, high * 2)
        panel.set_yscale("log", nonpositive="mask")
        panel.yaxis.set_major_formatter(lambda value, _: power(value))
        panel.yaxis.set_minor_formatter(NullFormatter())  # else those of a short axis have numbers of their own
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        for place, reach in enumerate(reaches):
            steps = np.arange(len(reach.norms))
            every = max(len(steps) // 10, 1)
            name = legible(reach.name, MOST_NAME)
            panel.plot(
                steps,
                reach.norms,
                color=_COLOURS[place % len(_COLOURS)],
                linestyle=_DASHES[place % len(_DASHES)],
                linewidth=1.8,
                marker=_SIGNS[place % len(_SIGNS)],
                markevery=(place * every // max(len(reaches), 1), every),
                markersize=5,
                markerfacecolor="white",
                label=f" {name}" if name.startswith("_") else name,  # a legend leaves out what begins so
            )
        panel.set_xlim(0, max(max(len(reach.norms) for reach in reaches) - 1, 1))
        panel.set_xlabel(f"k, {unit} back from the loss")
        panel.set_ylabel("‖∂loss$_t$/∂h$_{t−k}$‖, mean over t (log scale)", parse_math=True)
        panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3, handlelength=3.2)
    return figure
