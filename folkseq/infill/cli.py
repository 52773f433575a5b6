"""The verbs `fill` and `harmonise`: several answers for one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from folkseq.cli.options import COUNT, FORMAT, JSON, MODEL, OUTPUT, SEED, SOUNDFONT, GroupedCommand, options_of
from folkseq.cli.output import chosen, inform, say, show_files
from folkseq.cli.status import QUIET, tracked

if TYPE_CHECKING:
    from folkseq.infill.answers import Answers

_DRAWING = ("temperature", "top_k", "top_p", "min_p", "precision")


def _groups(*names: str) -> Callable[[], dict[str, list[click.Option]]]:
    def build() -> dict[str, list[click.Option]]:
        from folkseq.sampling.settings import SamplingSettings

        return {"Sampling": options_of(SamplingSettings, only=names, unset=True)}

    return build


def _filling() -> dict[str, list[click.Option]]:
    from folkseq.representations.abc.options import AbcOptions

    return _groups(*_DRAWING, "max_copy")() | {"Only for abc": options_of(AbcOptions, only=["instrument"])}


def _harmonising() -> dict[str, list[click.Option]]:
    from folkseq.ensemble.verb import ChordSettings

    return _groups(*_DRAWING)() | {"Only for chords over a tune": options_of(ChordSettings)}


def _answers(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of both verbs."""
    tune = click.option("--tune", type=int, help="The X: number of a tune in a book.")
    for option in reversed((tune, COUNT, OUTPUT, FORMAT, SOUNDFONT, SEED, QUIET, JSON)):
        command = option(command)
    return command


@click.command(cls=GroupedCommand, groups=_filling)
@click.argument("names", nargs=-1, required=True, metavar="[RUN] FILE")
@MODEL
@click.option("--bars", help="Bars of a tune: 5-8. A pickup is bar 0, as in printed music.")
@click.option("--seconds", help="Seconds of a performance: 12-20.")
@_answers
def fill(**asked: Any) -> None:
    """Rewrite some bars of a tune or some seconds of a performance, and keep every other byte.

    FILE is a tune, or a performance in MIDI; - reads standard input. RUN is a run trained with --task fill. By default,
    it is the newest such run under runs/, or else the pretrained model of tunes.
    """
    from folkseq.infill.verb import fill as verb

    _answer(verb, **asked)


@click.command(cls=GroupedCommand, groups=_harmonising)
@click.argument("names", nargs=-1, required=True, metavar="[RUN] MELODY")
@MODEL
@_answers
def harmonise(**asked: Any) -> None:
    """Add alto, tenor and bass to a melody, or chords to a tune.

    MELODY is ABC or MIDI; - reads standard input. RUN is a run trained with --task harmonise, on chorales or on tunes
    with abc:chords=true. By default, it is the newest such run under runs/, or else the pretrained model of chorales.
    """
    from folkseq.ensemble.verb import harmonise as verb

    _answer(verb, **asked)


def again(file: str, run: str | None, as_json: bool = False, **files: Any) -> None:
    """Write an answer of `fill` again, for `folkseq sample --again`."""
    from folkseq.infill.answers import again as verb

    _show(verb(file, run, **files), as_json, files.get("out"))


def _answer(
    verb: Callable[..., Answers],
    names: tuple[str, ...],
    model: str | None,
    formats: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Write the answers for a file, and print them. Raises UsageError for more than a run and a file."""
    *runs, file = names
    if len(runs) > 1:
        raise click.UsageError(f"name a run and one file, got {' '.join(names)}")
    run = chosen(runs[0] if runs else None, model)
    found = verb(run, file, formats=formats.split(",") if formats else None, **asked)
    _show(found, as_json, asked["out"], asked["count"])


def _show(found: Answers, as_json: bool, out: str | None, count: int = 1) -> None:
    """Print the files of each answer; print the new part, its loss and its overlap with the training set on stderr."""
    for notice in found.notices:
        say(notice)
    for number, written in enumerate(tracked(found.answers, count)):
        answer, record, copied = written.answer, written.record, written.copied
        if not number:
            inform(f"seed {record.seed}")
        facts = {
            "index": record.index,
            "seed": record.seed,
            "title": answer.title,
            "files": list(map(str, written.files)),
            "written": answer.summary,
            "nll": round(written.nll, 4),
            "tokens": answer.choices,
            "copied": asdict(copied),
            "record": json.loads(record.to_json()),
        }
        show_files(as_json, facts, written.files, out)
        rate = written.nll / max(answer.choices, 1)
        shares = f"a passage with {copied.source_span} of {copied.source}" if copied.tokens else "nothing"
        inform(f"  {answer.summary}{'  ' * bool(answer.summary)}({rate:.2f} nats per token; shares {shares})")
        for reason in written.left_out:
            say(f"  {reason}")
