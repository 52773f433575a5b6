"""Drum tablature: lines such as `HH|x-x-x-x-|` for each drum, one token per step with all drums that sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from folkseq.errors import ParseError
from folkseq.representations.base import END, START, Files, Parsed, Representation

Groove = tuple[frozenset[str], ...]  # the drums of each step


class DrumTabFiles(Files[Groove]):
    """Text files of patterns, with an empty line between two patterns."""

    suffixes = outputs = collections = (".drumtab",)

    def parse(self, data: bytes, file: str) -> Parsed[Groove]:
        """Parse the patterns of a file."""
        pieces, faults = [], []
        for number, text in enumerate(data.decode().strip().split("\n\n"), 1):
            lines = [line.partition("|") for line in text.splitlines()]
            rows = {drum.strip(): marks.replace("|", "").strip() for drum, _, marks in lines}
            if len(set(map(len, rows.values()))) > 1:
                faults.append(f"{file}, pattern {number}: its lines are not equally long")
                continue
            steps = range(len(next(iter(rows.values()))))
            pieces.append(tuple(frozenset(drum for drum, marks in rows.items() if marks[at] != "-") for at in steps))
        if not pieces:
            raise ParseError(faults[0])
        return Parsed(pieces, faults=faults)

    def format(self, piece: Groove, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format a pattern, with a bar line after 16 steps."""
        lines = []
        for drum in sorted(frozenset().union(*piece)) or ["HH"]:
            marks = "".join("x" if drum in step else "-" for step in piece)
            lines.append(f"{drum}|{'|'.join(marks[at : at + 16] for at in range(0, len(marks), 16))}|")
        return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class DrumTab(Representation[Groove]):
    """A token for each step, such as `BD+HH`, or `-` for a rest."""

    name = "drumtab"
    version = "1"
    files = DrumTabFiles()

    def tokenize(self, piece: Groove) -> list[str]:
        """Return the drums of each step, joined by `+`."""
        return [START, *("+".join(sorted(step)) or "-" for step in piece), END]

    def detokenize(self, tokens: Sequence[str]) -> Groove:
        """Return the steps of any tokens."""
        return tuple(frozenset(token.split("+")) - {"-"} for token in tokens if token not in (START, END))
