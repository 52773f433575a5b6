"""The verb `convert`."""

from __future__ import annotations

from typing import Any

import click

from folkseq.cli.options import GroupedCommand, options_of
from folkseq.cli.output import show_lost, show_written
from folkseq.cli.status import QUIET


def _groups() -> dict[str, list[click.Option]]:
    from folkseq.verbs.convert import ConversionSettings

    return {"To MIDI or sound": options_of(ConversionSettings)}


@click.command(cls=GroupedCommand, groups=_groups)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@QUIET
def convert(source: str, target: str, **asked: Any) -> None:
    """Convert a file to another format, which the suffix of OUT determines.

    folkseq converts .abc, .musicxml, .mxl and .mid files to each other, to scores (.pdf, .svg, .png) and to sound.
    """
    from folkseq.verbs.convert import convert as verb

    done = verb(source, target, **asked)
    show_written(False, {}, *done.files)
    show_lost(done.lost, done.faults)
