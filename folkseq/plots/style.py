"""The style of all figures: colours, text that is safe to draw, and files with identical bytes on every machine.

Colours differ in lightness as well as in hue, so that a picture can be read in grey.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from folkseq.extras import require
from folkseq.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
DOTS_PER_INCH = 150
FONT = "DejaVu Sans"  # part of matplotlib

INK, GREY, RULE = "#222222", "#8a8a8a", "#e3e3e3"
DARK, LIGHT, WARM = "#14506e", "#a3c6da", "#d9622b"
SIGNS = "o^sDv"
"""Markers that distinguish layers and runs."""

_DIVERGING = ((13, 42, 74), (52, 99, 142), (158, 163, 166), (233, 181, 120), (255, 241, 214))
_SEQUENTIAL = ((212, 232, 245), (107, 168, 204), (20, 79, 110), (8, 26, 41))
_STYLE = ["default", str(Path(__file__).with_name("folkseq.mplstyle"))]

Floats = NDArray[np.float64]


@contextmanager
def styled() -> Iterator[None]:
    """Use this style within the block or function, regardless of the user's matplotlibrc.

    Raises:
        FolkseqError: matplotlib is not installed.
    """
    require("matplotlib")
    from matplotlib import style

    with style.context(_STYLE):
        yield


def figure_of(width: float, height: float, title: str) -> Figure:
    """Return an empty figure with a size in inches and a title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.text(0.12 / width, 1 - 0.12 / height, title, fontsize=13, fontweight="bold", va="top")
    return figure


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes to a figure; positions are inches from its left and top."""
    whole_width, whole_height = figure.get_size_inches()
    bottom = whole_height - top - height
    return figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))


def add_colour_scale(axes: Axes, values: Sequence[float], colours: Floats, title: str) -> None:
    """Draw (N, 3) colours as a horizontal scale with labels at `values`, from the first value to the last."""
    axes.imshow(colours[None], aspect="auto", extent=(values[0], values[-1], 0, 1))
    axes.grid(False)
    axes.set_yticks([])
    axes.set_xticks(values, [f"{value:g}".replace("-", "−") for value in values])
    axes.tick_params(labelsize=8, length=2, pad=1)
    axes.set_title(title, fontsize=8.5, pad=3)


def add_rectangles(axes: Axes, left: ArrayLike, right: ArrayLike, low: ArrayLike, high: ArrayLike, **look: Any) -> None:
    """Add rectangles; each side is an array, or one number for all rectangles."""
    from matplotlib.collections import PolyCollection

    left, right, low, high = np.broadcast_arrays(left, right, low, high)
    corners = np.stack([np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)], 2)  # (N, 4, 2)
    axes.add_collection(PolyCollection(list(corners), **look), autolim=False)


def render(figure: Figure, suffix: str) -> bytes:
    """Return a figure as the bytes of a file; `suffix` is one of `SUFFIXES`."""
    if suffix not in SUFFIXES:
        raise ValueError(f"a figure is rendered as one of {', '.join(SUFFIXES)}, not {suffix!r}")
    creator = f"folkseq {__version__}"
    metadata = {"Software": creator} if suffix == ".png" else {"Creator": creator, "Date": None}
    file = BytesIO()
    with styled():
        figure.savefig(file, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=metadata)
    return file.getvalue()


def shade(values: ArrayLike) -> Floats:
    """Return red, green and blue in [0, 1], (…, 3), for values (…) in [−1, 1]: from dark blue over grey to cream.

    Lightness rises with the value. Most diverging colour maps are dark at both ends, which look alike in grey.
    """
    return _interpolate((np.asarray(values, np.float64) + 1) / 2, _DIVERGING)


def velocity_shade(velocities: ArrayLike) -> Floats:
    """Return red, green and blue in [0, 1], (…, 3), for MIDI velocities (…); louder is darker."""
    return _interpolate(np.asarray(velocities, np.float64) / 127, _SEQUENTIAL)


def _interpolate(values: Floats, stops: Sequence[Sequence[int]]) -> Floats:
    positions = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, positions, channel) / 255 for channel in zip(*stops, strict=True)], axis=-1)


def plain(text: str, most: int) -> str:
    """Return `text` on one line of at most `most` characters, without control characters.

    >>> plain("the name of a run", 8)
    'the nam…'
    """
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def legible(text: str, most: int) -> str:
    """Return `plain(text, most)` with the characters that the font lacks replaced."""
    known = _characters()
    return "".join(c if ord(c) in known else "\N{REPLACEMENT CHARACTER}" for c in plain(text, most))


@cache
def _characters() -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())
