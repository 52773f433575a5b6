"""The program: finds its verbs, and turns errors that the user can fix into one line and exit code 1."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from folkseq.cli.output import say
from folkseq.cli.status import Status
from folkseq.errors import FolkseqError
from folkseq.extensions import installed
from folkseq.extras import EXTRAS, advice

ORDER = (
    "corpus",
    "train",
    "sample",
    "fill",
    "harmonise",
    "check",
    "evaluate",
    "tokenize",
    "convert",
    "book",
    "inspect",
    "plot",
    "models",
    "doctor",
)


class Group(click.Group):
    """A program whose verbs are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a user needs them."""
        names = set(installed("verbs"))
        return [*(name for name in ORDER if name in names), *sorted(names - set(ORDER))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        point = installed("verbs").get(cmd_name)
        return None if point is None else point.load()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the verb; its status is not shown if it reads what is typed."""
        ctx.obj = Status(args[0] if args else "", shown="-" not in args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; it succeeds if the reader of its output stops reading, as `head` does."""
        try:
            with ctx.obj:
                return super().invoke(ctx)
        except BrokenPipeError:  # click would end with exit code 1
            _discard_output()
            return 0

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a verb; exit with 1 and one line for an error that the user can fix, with 130 after an interrupt."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        gc.set_threshold(50_000, 20, 20)  # tables are held until the end; by default they are searched again and again
        for stream in (sys.stdout, sys.stderr):  # a file name need not be text
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
        except FolkseqError as error:
            fail(str(error))
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            fail(advice(error.name))
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = 0
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "folkseq"
            fail(f"{error.format_message().rstrip('.')}; see {command} --help")
        except click.Abort:
            say("folkseq: interrupted")
            sys.exit(130)
        except BrokenPipeError:
            _discard_output()
            code = 0
        except OSError as error:
            what = f"{error.filename}: cannot be used" if error.filename else "the results cannot be written"
            fail(f"{what} ({error.strerror or error})")
        sys.exit(code if isinstance(code, int) else 0)


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str) -> NoReturn:
    """Print one line and exit with 1."""
    say(f"folkseq: {' '.join(message.split())}")
    sys.exit(1)
