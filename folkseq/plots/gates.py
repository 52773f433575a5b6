"""Gate saturation: for each unit, the share of time that its gate is open over the share of time that it is shut.

Source: Karpathy, Johnson and Li, Visualizing and understanding recurrent networks (2015), figure 3. A gate at the lower
right is shut nearly all the time, a gate at the upper left is open nearly all the time, and a gate near the origin is
mostly in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from folkseq.analysis.reading import OPEN, SHUT, GateSaturation
from folkseq.plots.style import DARK, GREY, LIGHT, SIGNS, WARM, add_axes, figure_of, legible, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE, APART, HEADING, LEFT, FOOT = 2.9, 0.5, 0.8, 0.75, 0.6
"""Inches: the side of a panel, and the space between panels, above them, to their left and below them."""
MOST_NAME = 90  # characters
_COLOURS = (DARK, WARM, LIGHT)


@styled()
def draw(gates: Sequence[GateSaturation], name: str) -> Figure:
    """Return a figure of a run's gates, with a panel for each kind and a marker for each layer."""
    kinds = list(dict.fromkeys(gate.name for gate in gates))
    width = max(LEFT + len(kinds) * (SIDE + APART) + 0.3, 7.5)
    figure = figure_of(width, HEADING + SIDE + FOOT, legible(name, MOST_NAME))
    panels = {kind: add_axes(figure, LEFT + i * (SIDE + APART), HEADING, SIDE, SIDE) for i, kind in enumerate(kinds)}
    for gate in gates:
        sign, colour = SIGNS[(gate.layer - 1) % len(SIGNS)], _COLOURS[(gate.layer - 1) % len(_COLOURS)]
        look: dict[str, Any] = {"markersize": 4, "markerfacecolor": "none", "markeredgecolor": colour, "clip_on": False}
        panels[gate.name].plot(gate.shut, gate.open, sign, label=f"layer {gate.layer}", zorder=3, **look)
    for kind, panel in panels.items():
        panel.plot([0, 1], [1, 0], color=GREY, linewidth=0.8, zorder=1)  # the shares add up to at most 1
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1)
        panel.set_title(f"{kind} gate", fontsize=10)
        panel.set_xlabel(f"share of time below {SHUT:g} (shut)")
    panels[kinds[0]].set_ylabel(f"share of time above {OPEN:g} (open)")
    panels[kinds[-1]].legend(loc="upper right", handletextpad=0.2, markerscale=1.3)
    return figure
