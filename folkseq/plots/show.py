"""`folkseq.show`: a piece or a file as a notebook shows it, with its sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from folkseq.music.performance import Performance
from folkseq.music.tune import Tune


@dataclass(frozen=True)
class Shown:
    """A piece that shows itself where it is the value of a notebook's cell."""

    piece: Tune | Performance = field(repr=False)
    name: str = ""

    def _repr_html_(self) -> str:
        from folkseq.plots.notebook import html

        return html(self.piece, self.name)


def show(piece: Tune | Performance | Path | str, number: int | None = None) -> Shown:
    """A piece as a notebook shows it: its score or piano roll, and its sound; nothing is fetched from anywhere.

    Args:
        piece: a tune, a performance, or a file of ABC or MIDI.
        number: which piece of the file, by its `X:`; the first by default.

    Raises:
        FolkseqError: the file cannot be read.
    """
    if isinstance(piece, Tune | Performance):
        return Shown(piece)
    from folkseq.verbs.opened import music

    file = Path(piece)
    tune, performance = music(file, number)
    return Shown(tune or performance, "" if tune or performance.name else file.stem)
