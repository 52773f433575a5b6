"""The verb `corpus`."""

from __future__ import annotations

import click

from folkseq.cli.output import inform, say, show, show_written
from folkseq.cli.status import QUIET


@click.command()
@click.argument("name", required=False)
@QUIET
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def corpus(name: str | None, as_json: bool) -> None:
    """List the named corpora, or build one.

    A corpus is built as corpora/NAME.abc or as the folder corpora/NAME.
    """
    from folkseq.corpora.named import FOLDERS
    from folkseq.corpora.named.books import descriptions
    from folkseq.verbs.corpus import corpus as verb

    if name is not None:
        report = verb(name)
        inform(report.summary)
        if report.notice:
            say(report.notice)
        show_written(as_json, {"file": str(report.path), **report.facts}, report.path)
        return
    for description in descriptions().values():
        terms = " (non-commercial use only)" if description.non_commercial else ""
        text = f"corpora/{description.name}.abc  {description.tunes:,} tunes  {description.title}{terms}"
        facts = {"name": description.name, "title": description.title, "tunes": description.tunes}
        show(as_json, {**facts, "licence": description.licence, "credit": description.credit}, text)
    for folder in FOLDERS.values():
        show(as_json, {"name": folder.name, "title": folder.title}, f"corpora/{folder.name}  {folder.title}")
