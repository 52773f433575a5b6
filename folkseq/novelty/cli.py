"""The command `check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from folkseq.cli.options import JSON
from folkseq.cli.output import say, show, show_lost
from folkseq.cli.status import QUIET, reading

if TYPE_CHECKING:
    from folkseq.novelty.verb import CheckedPiece


@click.command()
@click.argument("file")
@click.option(
    "--against", metavar="RUN|CORPUS", help="Run or files to compare with.  [default: the newest suitable run]"
)
@JSON
@QUIET
def check(file: str, against: str | None, as_json: bool) -> None:
    """Check whether a tune or a performance is a copy.

    folkseq compares each piece in FILE, in any key, with all training pieces of a run or with a corpus. It prints the
    longest shared passage, its place, and a verdict relative to what the pieces of the corpus share with each other.
    """
    from folkseq.novelty.verb import check as verb

    found = verb(file, against, on_read=reading())
    for piece in found.pieces:
        here, there = piece.excerpts or (None, None)
        facts = {
            "piece": piece.label,
            "against": found.against,
            "verdict": asdict(piece.verdict),
            "copied": asdict(piece.copied),
            "excerpt": here,
            "source_excerpt": there,
        }
        show(as_json, facts, f"{piece.label}: {piece.verdict.words}", *_side_by_side(piece))
    if not found.has_corpus and any(piece.copied.source for piece in found.pieces):
        say(f"{found.against} comes without its corpus: to see the shared bars, name the corpus with --against")
    show_lost(found.lost, found.faults, found.notices)


def _side_by_side(piece: CheckedPiece) -> Iterator[str]:
    """Yield the shared part of a piece, and below it the shared part of the known piece."""
    if piece.excerpts is not None:
        names = "", f"{piece.copied.source}, "
        for name, span, text in zip(names, (piece.copied.span, piece.copied.source_span), piece.excerpts, strict=True):
            yield f"  {name}{span}:"
            yield from (f"    {line}" for line in text.splitlines())
