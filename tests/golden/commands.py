"""The command lines of commands.toml, and how they are run and compared."""

from __future__ import annotations

import math
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

import folkseq
from folkseq.cli import main

GOLDEN = Path(__file__).parent
PRINTED = ("stdout.jsonl", "stderr.txt")
"""Names under which printed text is kept, beside the written files."""


@dataclass(frozen=True)
class Command:
    """A command line and the folder of its golden results."""

    name: str
    line: str
    folder: Path

    def arguments(self, out: Path) -> list[str]:
        """Return the arguments that make the command write to the folder `out`."""
        return [argument.replace("OUT", str(out)) for argument in shlex.split(self.line)]

    def files(self) -> dict[str, bytes]:
        """Return the golden files by name."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name not in PRINTED}


def commands() -> list[Command]:
    """Return all commands. Those that use a run belong to written/, all others to expected/."""
    table = tomllib.loads((GOLDEN / "commands.toml").read_text(encoding="utf-8"))
    return [
        Command(f"{kind}-{name}", line, GOLDEN / ("written" if "runs/" in line else "expected") / f"{kind}-{name}")
        for kind, lines in table.items()
        for name, line in lines.items()
    ]


def invoke(arguments: list[str]) -> Result:
    """Run folkseq with these arguments in this process, in the current folder."""
    return CliRunner().invoke(main, arguments)


def holds(found: Any, golden: Any) -> bool:
    """Return whether `found` equals `golden`, up to new keys in objects and 0.1 % in fractions."""
    if isinstance(golden, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], golden[key]) for key in golden)
    if isinstance(golden, list):
        return isinstance(found, list) and len(found) == len(golden) and all(map(holds, found, golden))
    if isinstance(golden, float):
        return isinstance(found, float | int) and math.isclose(found, golden, rel_tol=1e-3, abs_tol=1e-6)
    return bool(found == golden)


def surface() -> dict[str, Any]:
    """Return the public names of the package, and each verb's options and its number of arguments."""
    context, verbs = click.Context(main), {}
    for name in main.list_commands(context):
        verb = main.get_command(context, name)
        assert verb is not None
        options = [[*each.opts, *each.secondary_opts] for each in verb.params if isinstance(each, click.Option)]
        verbs[name] = {"arguments": len(verb.params) - len(options), "options": [" ".join(each) for each in options]}
    return {"library": sorted(folkseq.__all__), "verbs": verbs}
