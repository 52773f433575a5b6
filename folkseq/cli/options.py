"""Click options, derived from the settings that dataclasses declare, and those that several verbs share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from functools import cached_property
from types import UnionType
from typing import Any, get_args, get_type_hints

import click

from folkseq.settings import Setting


class _Number(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A number that is not NaN, or two with a dash between them if a range is allowed."""

    name = "number"

    def __init__(self, ranges: bool) -> None:
        self.ranges = ranges

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a float, or two."""
        if not isinstance(value, str):
            return value
        first, dash, last = value.partition("-")
        try:
            numbers = [float(first), float(last)] if dash and first and self.ranges else [float(value)]
        except ValueError:
            numbers = []
        if not numbers or any(map(math.isnan, numbers)):
            return self.fail(f"{value!r} is not a number{', nor two as in 0.7-1.2' * self.ranges}", param, ctx)
        return tuple(numbers) if len(numbers) > 1 else numbers[0]


def options_of(kind: type[Any], *, only: Iterable[str] | None = None, unset: bool = False) -> list[click.Option]:
    """Return the options for the settings of a dataclass.

    Args:
        kind: the dataclass; fields without a `Setting` are skipped.
        only: names of the fields to take; all by default.
        unset: leave options that are not given at None instead of their default.
    """
    hints = get_type_hints(kind)
    wanted = None if only is None else set(only)
    found = []
    for field in dataclasses.fields(kind):
        declared = field.metadata.get("setting")
        if isinstance(declared, Setting) and (wanted is None or field.name in wanted):
            found.append(_option(field.name, hints[field.name], field.default, declared, unset))
    return found


def _option(name: str, hint: Any, default: Any, declared: Setting, unset: bool) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    shown: dict[str, Any] = {"help": declared.help, "default": None if unset or default is None else default}
    if bool in types:
        return click.Option([f"{flag}/--no-{flag[2:]}"], **shown)
    if unset and default not in (None, "") and "[default:" not in declared.help:
        shown["help"] += f"  [default: {default if isinstance(default, str) else f'{default:g}'}]"
    if declared.bare is not None:
        shown |= {"is_flag": False, "flag_value": declared.bare}
    shown["metavar"] = declared.metavar
    shown["show_default"] = shown["default"] is not None
    if shown["show_default"]:
        shown["default"] = default if isinstance(default, str | int) else f"{default:g}"
    kind: Any = str
    if float in types:
        kind = _Number(ranges=len(types) > 1 and types[-1] is not type(None))
    elif int in types:
        kind = int
    return click.Option([*(declared.flags or (flag,)), name], type=kind, **shown)


COUNT = click.option("-n", "--num", "count", type=int, default=1, show_default=True, help="Number of pieces.")
OUTPUT = click.option("-o", "--output", "out", help="Folder or file to write.  [default: RUN/samples]")
FORMAT = click.option(
    "--format",
    "formats",
    help="Formats to write into the folder: abc,mid,wav,pdf.  [default: those of the representation]",
)
SOUNDFONT = click.option("--soundfont", help="An .sf2 file for .wav, .flac and .ogg.  [default: the system's]")
SEED = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Seed; the same seed gives the same pieces.  [default: random]"
)
MODEL = click.option("--model", help="Pretrained model (see `folkseq models`) or run folder.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")


class GroupedCommand(click.Command):
    """A command whose help lists options in titled groups; the groups are built when the command is used."""

    def __init__(self, *args: Any, groups: Callable[[], dict[str, list[click.Option]]], **kwargs: Any) -> None:
        self._build = groups
        super().__init__(*args, **kwargs)

    @cached_property
    def groups(self) -> dict[str, list[click.Option]]:
        """Return options by the title of their group; one name may be in several groups."""
        return self._build()

    @cached_property
    def _all(self) -> list[click.Parameter]:
        found = {param.name: param for param in self.own}
        for option in (option for options in self.groups.values() for option in options):
            found.setdefault(option.name, option)
        return list(found.values())

    @property
    def params(self) -> list[click.Parameter]:
        """Return the parameters of the command and of its groups, each name once."""
        return self._all

    @params.setter
    def params(self, own: list[click.Parameter]) -> None:
        self.own = own

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then each group."""
        help_option = self.get_help_option(ctx)
        own = [param for param in (*self.own, help_option) if isinstance(param, click.Option)]
        sections = {"Options": own}
        for title, options in {**sections, **self.groups}.items():
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
