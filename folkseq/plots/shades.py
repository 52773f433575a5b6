"""The shades of a value between −1 and 1, told apart by hue and, for those who print in grey, by lightness alone.

Most diverging maps are dark at both ends, which grey confuses. Here −1 is a dark blue, 0 grey and 1 a light cream, ever
lighter on the way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_VALUES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_STOPS = ((13, 42, 74), (52, 99, 142), (158, 163, 166), (233, 181, 120), (255, 241, 214))
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue in lightness (ITU-R BT.709)


def shade(values: ArrayLike) -> NDArray[np.float64]:
    """Red, green and blue from 0 to 1, (…, 3), of values (…) in [−1, 1]."""
    values = np.asarray(values, np.float64)
    channels = [np.interp(values, _VALUES, channel) / 255 for channel in zip(*_STOPS, strict=True)]
    return np.stack(channels, axis=-1)


def lightness(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """How light colours are, (…) from 0 to 1 of (…, 3)."""
    return np.asarray(colours @ _WEIGHTS)


def hexadecimal(colour: NDArray[np.float64]) -> str:
    """A colour as `#rrggbb`."""
    return "#" + "".join(f"{round(float(channel) * 255):02x}" for channel in colour)
