"""Write the reference pages of the command line and of the settings from the declarations in the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from folkseq import representations
from folkseq.cli import main
from folkseq.cli.options import GroupedCommand


def write(folder: Path) -> None:
    """Write `cli.md` and `configuration.md` into a folder, unless they are up to date."""
    for name, lines in {"cli.md": _cli(), "configuration.md": _configuration()}.items():
        text = "\n".join(lines) + "\n"
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _cli() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "This page is generated from the settings that the code declares. `folkseq VERB --help` prints the same."
    context = click.Context(main, info_name="folkseq")
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        yield from ("", f"## {name}", "", "```text", command.get_usage(own).removeprefix("Usage: "), "```", "")
        yield inspect.cleandoc(command.help or "").replace("\b\n", "")
        groups = {"": [each for each in command.params if isinstance(each, click.Option)]}
        if isinstance(command, GroupedCommand):
            groups = {"": [each for each in command.own if isinstance(each, click.Option)], **command.groups}
        for title, options in groups.items():
            if options:
                yield from (
                    "",
                    *([f"### {name}: {title}", ""] if title else []),
                    "| option | meaning |",
                    "| --- | --- |",
                )
                for option in options:
                    record = option.get_help_record(own)
                    if record is not None:
                        yield f"| `{_cell(record[0])}` | {_cell(record[1])} |"


def _configuration() -> Iterator[str]:
    yield "# Representations and their fields"
    yield ""
    yield "A representation is named with its fields, as in `abc:grace=false` or `packed:grid=drums,division=8`."
    for name in representations.names():
        kind = representations.load(name)
        yield from ("", f"## {name}", "", "```{eval-rst}", f".. autoclass:: {kind.__module__}.{kind.__name__}", "```")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
