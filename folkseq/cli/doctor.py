"""The verb `doctor`."""

from __future__ import annotations

import click

from folkseq.cli.output import show


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def doctor(as_json: bool) -> None:
    """Show the installed components and whether they work, for bug reports."""
    from folkseq.verbs.doctor import doctor as verb

    facts = verb()
    width = max(map(len, facts))
    show(as_json, facts, *(f"{topic:<{width}}  {fact}" for topic, fact in facts.items()))
