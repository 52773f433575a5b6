"""Generated tartans: pictures with a known rule, which show whether a model has learnt it.

A tartan is a sequence of stripes and its mirror image, the same across and down. Its threads cross in a twill: along a
diagonal, two pixels of four show the thread across, and two the thread down.
"""

from __future__ import annotations

import numpy as np

from folkseq.formats import picture
from folkseq.formats.picture import Cells

COLOURS = ("#101418", "#f4f1e8", "#8c1c13", "#14532d", "#1e3a5f", "#d9a441", "#5b3a64", "#6c757d")
PICTURES, SIZE = 64, 48
_SEED = 5


def make() -> dict[str, bytes]:
    """Return the pictures as PNG files, by name."""
    random = np.random.default_rng(_SEED)
    return {f"{number:02d}.png": picture.format(tartan(random)) for number in range(1, PICTURES + 1)}


def tartan(random: np.random.Generator) -> Cells:
    """Return a square piece of a tartan."""
    stripes = int(random.integers(3, 6))
    colours = random.choice(len(COLOURS), stripes, replace=False)
    half = np.repeat(colours, random.integers(1, 7, stripes))
    threads = np.resize(np.concatenate([half, half[::-1]]), SIZE)
    shows_across = np.add.outer(np.arange(SIZE), np.arange(SIZE)) % 4 < 2
    cells = np.where(shows_across, *np.meshgrid(threads, threads))
    return tuple(tuple(COLOURS[cell] for cell in row) for row in cells.tolist())
