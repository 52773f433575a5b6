"""The verbs `fill` and `harmonise`: several answers to what is asked of one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from folkseq.cli.options import TEMPERATURE
from folkseq.cli.output import say, show

if TYPE_CHECKING:
    from folkseq.infill.answers import Answer, Answers

Verb = TypeVar("Verb", bound=Callable[..., Any])

_OPTIONS = (
    click.option("-n", "--num", "count", type=int, default=1, show_default=True, help="How many answers."),
    click.option("-o", "--output", "out", help="A folder, or one file.  [default: RUN/samples]"),
    click.option("--format", "formats", help="What to write into the folder.  [default: all that can be]"),
    click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="The same one, the same answers.  [default: drawn]"),
    click.option(
        "--temperature", type=TEMPERATURE, default="1", show_default=True, help="Above 1 bolder, below plainer."
    ),
    click.option("--top-k", type=int, help="Draw among so many likeliest tokens only."),
    click.option("--top-p", type=float, help="Draw among the likeliest tokens of this probability in all."),
    click.option("--min-p", type=float, help="Draw among tokens of at least this share of the likeliest's."),
    click.option("--precision", default="int8", show_default=True, help="int8, or float32: the trained weights' own."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object an answer."),
)


def _answering(verb: Verb) -> Verb:
    """The verb with the options that say how answers are drawn, and where they go."""
    for option in reversed(_OPTIONS):
        verb = option(verb)
    return verb


@click.command()
@click.argument("run")
@click.argument("file")
@click.option("--bars", help="Of a tune: which, as in 5-8; a pickup is bar 0.")
@click.option("--seconds", help="Of a performance: from when to when, as in 12-20.")
@click.option("--tune", type=int, help="Which tune of a book, by its X: number.")
@click.option("--max-copy", type=int, help="The most tokens in a row that may stand in a piece trained on.")
@_answering
def fill(run: str, file: str, formats: str | None, as_json: bool, **settings: Any) -> None:
    """Write a gap in a piece anew, and keep the rest as it is, byte for byte.

    RUN is one trained with --task fill. FILE is a tune, or a take in MIDI; - for standard input.
    """
    from folkseq.infill.verb import fill as verb

    _show(verb(run, file, formats=formats.split(",") if formats else None, **settings), as_json)


@click.command()
@click.argument("run")
@click.argument("melody")
@click.option("--tune", type=int, help="Which tune of a book, by its X: number.")
@_answering
def harmonise(run: str, melody: str, formats: str | None, as_json: bool, **settings: Any) -> None:
    """Write alto, tenor and bass to a melody, and keep the melody as it is.

    RUN is one trained with --task harmonise. MELODY is ABC or MIDI; - for standard input.
    """
    from folkseq.ensemble.verb import harmonise as verb

    _show(verb(run, melody, formats=formats.split(",") if formats else None, **settings), as_json)


def _show(found: Answers, as_json: bool) -> None:
    """Print each answer's files, and beside them what is new, how likely the model finds it, and how new it is."""
    for notice in found.notices:
        say(notice)
    told = False
    for answer in found.answers:
        if not told:
            say(f"seed {answer.record.seed}")
            told = True
        show(as_json, _facts(answer), *map(str, answer.files))
        say(f"  {_told(answer)}")
        for reason in answer.left_out:
            say(f"  {reason}")


def _facts(answer: Answer) -> dict[str, Any]:
    return {
        "index": answer.record.index,
        "seed": answer.record.seed,
        "title": answer.finished.title,
        "files": list(map(str, answer.files)),
        "written": answer.finished.written,
        "nll": round(answer.nll, 4),
        "tokens": answer.tokens,
        "copied": asdict(answer.copied),
        "record": json.loads(answer.record.to_json()),
    }


def _told(answer: Answer) -> str:
    """An answer for a reader."""
    rate = answer.nll / max(answer.tokens, 1)
    copied = answer.copied
    known = (
        f"shares at most {copied.tokens} tokens in a row with {copied.source}" if copied.tokens else "shares nothing"
    )
    written = answer.finished.written
    return f"{written}{'  ' * bool(written)}({rate:.2f} nats a token; {known})"
