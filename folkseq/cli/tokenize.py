"""The verb `tokenize`."""

from __future__ import annotations

import click

from folkseq.cli.output import inform, show, show_lost
from folkseq.cli.status import QUIET


@click.command()
@click.argument("representation")
@click.argument("corpus", metavar="FILE...", nargs=-1, required=True)
@click.option("--run", help="Use the vocabulary of this run.")
@click.option("--write", help="Decode the tokens again and write the music into this file.")
@QUIET
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per piece, with its ids and what was lost."
)
def tokenize(representation: str, corpus: tuple[str, ...], run: str | None, write: str | None, as_json: bool) -> None:
    """Show files as tokens."""
    from folkseq.verbs.tokenize import tokenize as verb

    found = verb(representation, corpus, run=run, write=write)
    for piece in found.pieces:
        facts = {"file": piece.file, "number": piece.number, "tokens": list(piece.tokens), "ids": list(piece.ids)}
        show(as_json, {**facts, "lost": dict(piece.lost)}, " ".join(piece.tokens))
    if write is not None:
        inform(f"written: {write}")
    show_lost(found.lost, found.faults, found.notices)
