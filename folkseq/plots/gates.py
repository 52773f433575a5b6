"""How a network's gates stand: of each unit, the share of time its gate is shut against the share it is open.

Source: Karpathy, Johnson and Li, Visualizing and understanding recurrent networks (2015), figure 3. A gate at the lower
right hardly ever lets anything through, one at the upper left nearly always, and one near the origin is never sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from folkseq.plots.picture import DARK, LIGHT, WARM, legible, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE, HEADING, LEFT, FOOT = 3.4, 0.8, 0.75, 0.6
"""Inches."""
MOST_NAME = 90  # characters
_COLOURS = (DARK, WARM, LIGHT)  # of layers, told apart by their signs too
_SIGNS = ("o", "^", "s", "D", "v")


@dataclass(frozen=True, eq=False)
class Gate:
    """One gate of one layer, unit by unit."""

    name: str
    """Such as `forget`."""
    layer: int
    """From 1, the lowest."""
    shut: NDArray[np.float64]
    """(H,) the share of time it is shut."""
    open: NDArray[np.float64]
    """(H,) the share of time it is open."""


def draw(gates: tuple[Gate, ...], name: str, shut: float, opened: float) -> Figure:
    """The gates of a run: a panel for each kind, a sign for each layer.

    Args:
        gates: of all kinds and layers, one or more.
        name: what the run is called.
        shut: what a gate is below when it is shut.
        opened: what it is above when it is open.
    """
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(gate.name for gate in gates))
    size = (max(LEFT + len(kinds) * SIDE + 0.3, 7.5), HEADING + SIDE - 0.5 + FOOT)
    with styled():
        figure = Figure(figsize=size)
        figure.text(
            0.12 / size[0], 1 - 0.12 / size[1], legible(name, MOST_NAME), fontsize=13, fontweight="bold", va="top"
        )
        for place, kind in enumerate(kinds):
            left, side = LEFT + place * SIDE, SIDE - 0.5
            panel = figure.add_axes((left / size[0], FOOT / size[1], side / size[0], side / size[1]))
            for gate in (gate for gate in gates if gate.name == kind):
                sign, colour = _SIGNS[(gate.layer - 1) % len(_SIGNS)], _COLOURS[(gate.layer - 1) % len(_COLOURS)]
                panel.scatter(
                    gate.shut,
                    gate.open,
                    s=14,
                    marker=sign,
                    facecolors="none",
                    edgecolors=colour,
                    linewidths=0.9,
                    label=f"layer {gate.layer}",
                    clip_on=False,
                    zorder=3,
                )
            panel.plot([0, 1], [1, 0], color="#8a8a8a", linewidth=0.8, zorder=1)  # beyond which no unit can be
            panel.set_xlim(0, 1)
            panel.set_ylim(0, 1)
            panel.set_title(f"{kind} gate", fontsize=10)
            panel.set_xlabel(f"share of time below {shut:g} (shut)")
            if not place:
                panel.set_ylabel(f"share of time above {opened:g} (open)")
        panel.legend(*panel.get_legend_handles_labels(), loc="upper right", handletextpad=0.2, markerscale=1.3)
    return figure
