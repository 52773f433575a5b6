"""The program around the verbs: what the user can mend becomes one line and exit 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from folkseq.cli.output import say
from folkseq.errors import FolkseqError


class Group(click.Group):
    """Shows what the user can mend as one line, and lists the verbs in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; it has done what was asked when the reader of its results has seen enough, as `head` does."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which click would end with exit 1
            _hush()
            return 0

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a verb; exit 1 with one line for what the user can mend, 130 for an interrupt."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        for stream in (sys.stdout, sys.stderr):  # a file's name may be no text
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
        except FolkseqError as error:
            fail(str(error))
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = 0
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "folkseq"
            fail(f"{error.format_message().rstrip('.')}; see {command} --help")
        except click.Abort:
            say("folkseq: interrupted")
            sys.exit(130)
        except BrokenPipeError:  # of what was left to be written
            _hush()
            code = 0
        except OSError as error:
            what = f"{error.filename}: cannot be reached" if error.filename else "the results cannot be written"
            fail(f"{what} ({error.strerror or error})")
        sys.exit(code if isinstance(code, int) else 0)


def _hush() -> None:
    """Write nothing more to where nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str) -> NoReturn:
    """End with one line and exit 1."""
    say(f"folkseq: {' '.join(message.split())}")
    sys.exit(1)
