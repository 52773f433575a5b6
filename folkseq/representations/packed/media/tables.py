"""Grids of players and of chorales: CSV files with one step per row, and scores in four voices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError
from folkseq.formats import musicxml, table, tunes
from folkseq.formats.table import ColumnOptions
from folkseq.music.chorale import COLUMNS, RANGES, VOICES
from folkseq.music.grid import Grid
from folkseq.music.quartet import to_grid
from folkseq.representations.base import Parsed
from folkseq.representations.capabilities import Transposition
from folkseq.representations.packed.codec import StepCodec
from folkseq.representations.packed.layout import GridLayout
from folkseq.representations.packed.medium import Medium, split_end
from folkseq.representations.vocabulary import Vocabulary

FEWEST_ROWS = 8
"""Minimum number of rows of a performance whose end becomes a separate piece."""
SCORES = (".abc", *musicxml.SUFFIXES)


class TableMedium(Medium):
    """Tables of players' gestures; a file is one performance."""

    name = "table"
    suffixes: Sequence[str] = (".csv",)
    outputs = (".csv",)
    option_names = ("steps", "lead", "lead_column")
    codec_type = StepCodec
    any_leads = True

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """Parse the performance in a file."""
        found = table.parse(data, file, fewest_columns=2, reading=self.reading)
        pieces = split_end(found.grid, FEWEST_ROWS)
        return Parsed(pieces, [found.lost, *[{}] * (len(pieces) - 1)], notices=[found.notice])

    def common_columns(self, files: Sequence[Path]) -> str:
        """Return the columns of most files if the files differ in their columns or in the order; else nothing."""
        beginnings = {file: _beginning(file) for file in files}
        if len({beginning.partition(b"\n")[0].strip() for beginning in beginnings.values()}) < 2:
            return ""
        votes = Counter(table.names(beginning, str(file), self.reading) for file, beginning in beginnings.items())
        del votes[()]
        return table.spelled(votes.most_common(1)[0][0]) if len(votes) > 1 else ""

    def format(self, piece: Grid, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the grid as CSV, which has no comments."""
        return table.format(piece)


class ChoraleCodec(StepCodec):
    """Chorales to ids and back; chorales with largely the same melody, in any key, are near-duplicates."""

    @cached_property
    def transposition(self) -> Transposition:
        """Return the identity of chorales across keys."""
        return SopranoTransposition(self.layout)


class SopranoTransposition(Transposition):
    """Chorales across keys, recognised by their soprano."""

    def __init__(self, layout: GridLayout) -> None:
        self.layout = layout

    def fingerprint(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the soprano's intervals in semitones."""
        column = self.layout.columns.index(VOICES[0])
        labels = [self.layout.labels[column][value] for value in self.layout.values(ids)[:, column].tolist()]
        pitches = np.array([int(label) for label in labels if label.isdecimal()], np.int64)
        return pitches[1:] - pitches[:-1]


class ChoraleMedium(TableMedium):
    """Scores in four voices, or tables with these voices, fermata and position in the bar; see `music.chorale`."""

    name = "chorale"
    suffixes = (".csv", *SCORES)
    codec_type = ChoraleCodec
    any_leads = False
    continuous = False  # whole chorales are held out; chorales of one melody stay together

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """Parse the chorales in a file. Raises ParseError for missing columns, or if no score is a chorale."""
        if Path(file).suffix.lower() not in SCORES:
            found = table.parse(data, file, reading=ColumnOptions(columns=COLUMNS))
            return Parsed([found.grid], [found.lost])
        book = tunes.parse(data, file)
        pieces, lost, faults = [], [], list(map(str, book.faults))
        for tune, unread in zip(book.tunes, book.lost, strict=True):
            try:
                grid, left_out = to_grid(tune)
            except ParseError as error:
                faults.append(f"{file}, X:{tune.number} {tune.title}".rstrip() + f": {error}; leave it out")
            else:
                pieces.append(grid)
                lost.append(left_out + Counter(unread))
        if not pieces:
            raise ParseError(faults[0] + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""))
        return Parsed(pieces, lost, faults, book.stray)

    def common_columns(self, files: Sequence[Path]) -> str:
        """Return nothing: all chorales have the same columns."""
        return ""

    def vocabulary(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary with every pitch in the range of each voice."""
        in_range = [f"{voice}={pitch}" for voice, (low, high) in RANGES.items() for pitch in range(low, high + 1)]
        return super().vocabulary([*tokens, *in_range])  # the pieces' tokens come first, to give the order of columns


def is_chorale(file: Path) -> bool:
    """Return whether a file begins like the table of a chorale, or is a score."""
    if file.suffix.lower() in SCORES:
        return True
    return _beginning(file, 200).partition(b"\n")[0].decode("utf-8-sig", "replace").strip() == ",".join(COLUMNS)


def _beginning(file: Path, most: int = 4096) -> bytes:
    """Return the first bytes of a file; an empty value if it cannot be read."""
    try:
        with file.open("rb") as opened:
            data = opened.read(most)
    except OSError:
        return b""
    return data if len(data) < most else data[: data.rfind(b"\n") + 1]
