"""Tartans that are made up: pictures with a rule, so that it can be seen whether a model has found it.

A tartan is a sequence of stripes, mirrored, that is the same across and down; its threads cross in a twill, so that two
of every four pixels along a diagonal show the thread across and two the thread down.
"""

from __future__ import annotations

import numpy as np

from folkseq.corpus.named.made import Made
from folkseq.formats import picture
from folkseq.formats.picture import Cells

COLOURS = ("#101418", "#f4f1e8", "#8c1c13", "#14532d", "#1e3a5f", "#d9a441", "#5b3a64", "#6c757d")
PICTURES, SIZE = 64, 48
_SEED = 5


def tartan(random: np.random.Generator) -> Cells:
    """A square piece of one."""
    stripes = int(random.integers(3, 6))
    colours = random.choice(len(COLOURS), stripes, replace=False)
    widths = random.integers(1, 7, stripes)
    half = np.repeat(colours, widths)
    sett = np.concatenate([half, half[::-1]])
    threads = np.resize(sett, SIZE)
    across, down = np.meshgrid(threads, threads)
    shown = (np.add.outer(np.arange(SIZE), np.arange(SIZE)) % 4) < 2
    cells = np.where(shown, across, down)
    return tuple(tuple(COLOURS[cell] for cell in row) for row in cells.tolist())


def make() -> dict[str, bytes]:
    """The pictures as PNG files, by name."""
    random = np.random.default_rng(_SEED)
    return {f"{number:02d}.png": picture.format(tartan(random)) for number in range(1, PICTURES + 1)}


MADE = Made("picture", "Tartans of 48 x 48 pixels and eight colours (made up)", "pictures, made up", make)
