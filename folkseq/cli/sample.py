"""The verb `sample`: the settings of the sampler, and the options of every installed representation."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from folkseq.cli.options import COUNT, FORMAT, JSON, MODEL, OUTPUT, SEED, SOUNDFONT, GroupedCommand, options_of
from folkseq.cli.output import chosen, inform, say, show_files
from folkseq.cli.status import QUIET, current, tracked

if TYPE_CHECKING:
    from pathlib import Path

    from folkseq.verbs.piece import Event, Sampled

_FILES = ("--output", "-o", "--format", "--soundfont")
_MOST_TOLD = 20  # pieces whose verdicts are printed one by one, besides copies
KINDS = {
    "new": "new",
    "usual": "nothing unusual",
    "long": "long passage",
    "variant": "variant",
    "copy": "copy",
    "unknown": "not judged",
}
"""The kinds of verdicts in words."""


def _groups() -> dict[str, list[click.Option]]:
    from folkseq import representations
    from folkseq.sampling.settings import SamplingSettings

    groups = {"Sampling": options_of(SamplingSettings)}
    for name in representations.names():
        groups[f"Only for {name}"] = options_of(representations.load(name).options, unset=True)
    return groups


@click.command(cls=GroupedCommand, groups=_groups)
@click.argument("run", required=False)
@MODEL
@COUNT
@OUTPUT
@FORMAT
@SOUNDFONT
@SEED
@QUIET
@click.option("--again", help="Reproduce the pieces in this file from their records.")
@click.option("--stream", is_flag=True, help="Print tokens as they are drawn, and write no file.")
@JSON
@click.pass_context
def sample(
    ctx: click.Context,
    /,
    as_json: bool,
    run: str | None,
    model: str | None,
    again: str | None,
    stream: bool,
    **asked: Any,
) -> None:
    """Write new pieces.

    RUN is a run folder or a pretrained model. By default, it is the newest run under runs/ that fits the options, or
    else a pretrained model.
    """
    from folkseq.extensions import extension
    from folkseq.representations.task import CONTINUE
    from folkseq.verbs import sample as verb
    from folkseq.verbs.model import drawn_seed

    run = chosen(run, model)
    count, out, formats = asked.pop("count"), asked.pop("out"), asked.pop("formats")
    files = {
        "out": out,
        "formats": formats.split(",") if formats else None,
        "soundfont": asked.pop("soundfont"),
    }
    if again is not None:
        _exclude("--again", _given(ctx) - {"run", "--again", "--model", "--json", "-q", *_FILES})
        tasks = {record.task for record in verb.records_of(again)} - {CONTINUE}
        write = extension("again") if tasks else None
        if write is None:
            _show_pieces(tracked(verb.again(again, run, **files)), as_json, 1, out)
        else:
            write(again, run, as_json=as_json, **files)
    elif stream:
        _exclude("--stream", _given(ctx) & {*_FILES, "--best"})
        asked["seed"] = drawn_seed() if asked["seed"] is None else asked["seed"]
        events = verb.stream(run, count, **asked)  # raises at once if something cannot be met
        inform(f"seed {asked['seed']}")
        _show_events(events, as_json)
    else:
        _show_pieces(tracked(verb.sample(run, count, **files, **asked), count), as_json, asked["best"] or 1, out)


def _given(ctx: click.Context) -> set[str]:
    """Return the options on the command line."""
    return {
        parameter.opts[0]
        for parameter in ctx.command.get_params(ctx)
        if parameter.name and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }


def _exclude(option: str, others: Iterable[str]) -> None:
    """Raise UsageError for options that have no meaning with another."""
    if found := sorted(others):
        raise click.UsageError(f"{found[0]} has no meaning with {option}; leave one of them out")


def _show_events(events: Iterable[Event], as_json: bool) -> None:
    """Print tokens as they are drawn: a piece on one line, or one JSON object per token."""
    shown = "\n"
    for event in events:
        current().close()  # the tokens of a piece share one line
        for notice in event.notices:
            say(notice)
        facts = {"index": event.index, "place": event.place, "token": event.token}
        before = "" if event.place else "\n" if event.index > 1 else ""
        if as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
        else:
            click.echo(f"{before}{event.shown}", nl=False)
            shown = event.shown or shown
        sys.stdout.flush()
    if not as_json and not shown.endswith("\n"):
        click.echo()


def _show_pieces(written: Iterable[tuple[Sampled, list[Path]]], as_json: bool, best: int, out: str | None) -> None:
    """Print the files of each piece, and on stderr whether it is a copy, and its score."""
    kinds: list[str] = []
    shown: list[Path] = []
    for piece, files in written:
        if not kinds:
            inform(f"seed {piece.seed}")
        kinds.append(piece.verdict.kind if piece.verdict else "unknown")
        facts = _facts(piece, files) if as_json else {}
        show_files(as_json, facts, [file for file in files if file not in shown], out)
        shown = files
        for notice in piece.notices:
            say(notice)
        if not files:
            say(f"  {piece.title}: not written, since it holds no sound")
        if len(kinds) <= _MOST_TOLD or kinds[-1] == "copy":
            tell = say if kinds[-1] == "copy" else inform  # --quiet does not hide a copy
            tell(f"  {piece.title}: {_verdict(piece)}")
        if best > 1 and len(kinds) <= _MOST_TOLD:
            merits = ", ".join(f"{name} {merit:.2f}" for name, merit in piece.critique.merits.items())
            inform(f"  best of {best}: {piece.critique.score:.3f} ({merits})")
    if len(kinds) > _MOST_TOLD:
        counts = (f"{KINDS[kind]} {count:,}" for kind, count in Counter(kinds).most_common())
        inform(f"{len(kinds):,} pieces: {', '.join(counts)}")


def _facts(piece: Sampled, files: list[Path]) -> dict[str, Any]:
    """Return what is known of a piece, as JSON."""
    return {
        "index": piece.index,
        "seed": piece.seed,
        "title": piece.title,
        "files": list(map(str, files)),
        "record": json.loads(piece.record.to_json()),
        "nll": round(piece.nll, 4),
        "copied": asdict(piece.copied),
        "verdict": piece.verdict and asdict(piece.verdict),
        "score": round(piece.critique.score, 4),
        "merits": {name: round(merit, 3) for name, merit in piece.critique.merits.items()},
        "tokens": list(piece.tokens),
    }


def _verdict(piece: Sampled) -> str:
    """Say whether a piece is a copy."""
    return piece.verdict.words if piece.verdict else "not compared with the corpus (the novelty extension is missing)"
