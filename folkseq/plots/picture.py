"""A figure as the bytes of a file: the same figure gives the same bytes, whatever a user's matplotlib is set to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from folkseq.plots.history import plain
from folkseq.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
DOTS_PER_INCH = 150
FONT = "DejaVu Sans"  # comes with matplotlib

INK = "#222222"
"""Of text and of lines to hold others against."""
DARK = "#14506e"
"""Of what is looked at first. Colours differ in lightness too, so that a picture can be read in grey."""
LIGHT = "#a3c6da"
WARM = "#d9622b"
RULE = "#e3e3e3"

_STOPS = ((0.83, 0.91, 0.96), (0.42, 0.66, 0.80), (0.08, 0.31, 0.43), (0.03, 0.10, 0.16))  # lighter to darker
SHADES = np.stack(
    [np.interp(np.linspace(0, 3, 32), range(4), channel) for channel in zip(*_STOPS, strict=True)], axis=1
)
"""(32, 3) red, green and blue from the softest to the loudest, ever darker."""

_STYLE = {
    "font.family": FONT,
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": "#8a8a8a",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.xmargin": 0,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.color": "#8a8a8a",
    "ytick.color": "#8a8a8a",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "svg.fonttype": "path",  # a reader need not have the font
    "svg.hashsalt": "folkseq",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the house's style within."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def render(figure: Figure, suffix: str) -> bytes:
    """A file of the figure.

    Args:
        figure: drawn within `styled`.
        suffix: one of `SUFFIXES`.
    """
    if suffix not in SUFFIXES:
        raise ValueError(f"there are: {', '.join(SUFFIXES)}; got {suffix!r}")
    maker = f"folkseq {__version__}"
    made = {"Software": maker} if suffix == ".png" else {"Creator": maker, "Date": None}
    file = BytesIO()
    with styled():
        figure.savefig(file, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=made)
    return file.getvalue()


def legible(text: str, most: int) -> str:
    """`text` on one line of at most `most` characters, each of which the font holds."""
    known = _characters()
    return "".join(c if ord(c) in known else "\N{REPLACEMENT CHARACTER}" for c in plain(text, most))


@cache
def _characters() -> frozenset[int]:
    """What the font holds."""
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())
