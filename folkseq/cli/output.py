"""Output: results go to stdout, one per line, and everything else goes to stderr."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from folkseq.cli.status import current
from folkseq.errors import in_words

if TYPE_CHECKING:
    from folkseq.corpora.named.folders import BuildReport

_MOST_FAULTS = 10  # shown one by one; the rest are counted


def show(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    """Print facts as one JSON object, or as lines of text."""
    current().clear()
    for line in [json.dumps(facts, ensure_ascii=False)] if as_json else lines:
        click.echo(line)


def show_lost(lost: Counter[str], faults: Iterable[str], notices: Iterable[str] = ()) -> None:
    """Print how files were read, what was lost, by kind and count, and what could not be read."""
    for notice in notices:
        say(notice)
    if lost:
        say(f"lost: {in_words(lost)}")
    faults = list(faults)
    for fault in faults[:_MOST_FAULTS]:
        say(f"not read: {fault}")
    if len(faults) > _MOST_FAULTS:
        say(f"not read: {len(faults) - _MOST_FAULTS} more")


def show_files(as_json: bool, facts: Mapping[str, Any], files: Sequence[Path], out: str | None = None) -> None:
    """Print the files of a piece, and that `out` stays as it is if it was there with other contents."""
    show_written(as_json, facts, *files)
    if out is not None and files and Path(out).is_file() and Path(out) not in files:
        say(f"  {out}: is left as it is, since it exists already")


def chosen(run: str | None, model: str | None) -> str | None:
    """Return the run that was named as RUN or with --model. Raises UsageError for both."""
    if run and model:
        raise click.UsageError("RUN and --model both name a model; leave one of them out")
    return run or model


def show_written(as_json: bool, facts: Mapping[str, Any], *paths: Path) -> None:
    """Print facts as one JSON object, or what was written, unless --quiet is given."""
    if as_json or not current().quiet:
        show(as_json, facts, *map(str, paths))


def say(text: str) -> None:
    """Print a line to stderr."""
    current().clear()
    click.echo(text, err=True)


def inform(text: str) -> None:
    """Print a line to stderr that a user can do without, unless --quiet is given."""
    if not current().quiet:
        say(text)


def show_built(report: BuildReport) -> None:
    """Report that a named corpus was built."""
    inform(f"built {report.path}: {report.summary}")
    if report.notice:
        say(report.notice)
