"""The verb `sample`: many options, of which each representation understands some."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from folkseq.cli.options import LILT, SWING, TEMPERATURE
from folkseq.cli.output import say, show

if TYPE_CHECKING:
    from pathlib import Path

    from folkseq.verbs.sampled import Event, Sampled

_MOST_TOLD = 20  # pieces of which each one's longest copied run is told


@click.command()
@click.argument("run", required=False)
@click.option("-n", "--num", "count", type=int, default=1, show_default=True, help="How many pieces.")
@click.option("-o", "--output", "out", help="A folder, or one file.  [default: RUN/samples]")
@click.option("--format", "formats", help="What to write into the folder.  [default: all there is: abc,mid]")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="The same seed gives the same pieces.  [default: drawn]"
)
@click.option(
    "--temperature",
    type=TEMPERATURE,
    default="1",
    show_default=True,
    help="Above 1 bolder, below 1 plainer, 0 the likeliest; 0.7-1.2 goes from one to the other over the piece.",
)
@click.option("--top-k", type=int, help="Draw among so many likeliest tokens only.")
@click.option("--top-p", type=float, help="Draw among the likeliest tokens of this probability in all.")
@click.option("--min-p", type=float, help="Draw among tokens of at least this share of the likeliest's probability.")
@click.option("--prime", help="A beginning to continue: a file, or text where that is what is learnt.")
@click.option("--max-copy", type=int, help="The most tokens in a row that may stand in a piece trained on.")
@click.option("--best", type=int, default=1, show_default=True, help="Write so many for each piece, and keep the best.")
@click.option("--rhythm", help="abc: reel, jig, hornpipe, …")
@click.option("--meter", help="abc: 4/4, 6/8, C|, …")
@click.option("--mode", help="abc: maj, min, dor, mix, …")
@click.option("--key", help="abc: the key to write in: D (major), Em, Ador, …")
@click.option("--bars", type=int, help="abc: how many, as written.  [default with a form: 8 a section]  packed: 4/4.")
@click.option("--form", help="abc: AABB for two sections with repeats, ABC for three without, …")
@click.option("--swing", type=SWING, is_flag=False, flag_value=LILT, help="abc: the first eighth's share of a beat.")
@click.option("--seconds", type=float, help="performance: how long, a prime aside.  [default: up to 30]")
@click.option("--density", help="performance: notes a second, or some over time: 2,8,16.")
@click.option("--pitch-classes", help="performance: C,E,G, or some over time: C,E,G/F,A,C.")
@click.option("--longest-note", type=float, help="performance: seconds.  [default: 4]")
@click.option("--most-notes", type=int, help="performance: that sound at once.  [default: 20]")
@click.option("--bpm", type=float, help="performance, packed: the tempo of the file's bars.  [default: 120]")
@click.option("--pedal", help="performance: cc, as the pedal's controller, or baked, into the notes.")
@click.option("--keep-prime/--no-keep-prime", default=None, help="performance: write the prime too.  [default: no]")
@click.option("--steps", type=int, help="packed: how many.  [default: as the model ends]")
@click.option("--lead", help="packed: one player's gestures, in a table or, with -, line by line; the others follow.")
@click.option("--lead-column", help="packed: which player that is, by name or number.  [default: the first]")
@click.option("--size", help="packed: of a picture, as in 48x32.  [default: as the model likes]")
@click.option("--limit", type=int, help="The most tokens in a piece.  [default: by what is asked, else as in training]")
@click.option("--grammar/--no-grammar", default=True, help="Keep to valid pieces, or let the model write as it likes.")
@click.option("--precision", default="int8", show_default=True, help="int8, or float32: the trained weights' own.")
@click.option("--again", help="Make the pieces in this file once more, from the record that stands in it.")
@click.option("--stream", is_flag=True, help="Print tokens as they come, and write no files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a piece, or a token.")
@click.pass_context
def sample(
    ctx: click.Context, /, as_json: bool, run: str | None, again: str | None, stream: bool, **settings: Any
) -> None:
    """Write new pieces from a trained run (the newest by default)."""
    from folkseq.verbs import sample as verb

    given = {
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }
    count, out, formats = settings.pop("count"), settings.pop("out"), settings.pop("formats")
    files = {"out": out, "formats": formats.split(",") if formats else None}
    if again is not None:
        _alone("--again", given - {"run", "--again", "--output", "-o", "--format", "--json"})
        _show_pieces(verb.again(again, run, **files), as_json, 1)
    elif stream:
        _alone("--stream", given & {"--output", "-o", "--format", "--best"})
        del settings["best"]
        settings["seed"] = secrets.randbelow(2**31) if settings["seed"] is None else settings["seed"]
        events = verb.stream(run, count, **settings)  # which says at once what cannot be met
        say(f"seed {settings['seed']}")
        _tell(events, as_json)
    else:
        _show_pieces(verb.sample(run, count, **files, **settings), as_json, settings["best"])


def _alone(option: str, others: Iterable[str]) -> None:
    """Raise UsageError if options were given that mean nothing beside another."""
    if found := sorted(others):
        raise click.UsageError(f"{found[0]} means nothing beside {option}; leave one of them out")


def _tell(events: Iterable[Event], as_json: bool) -> None:
    """Print tokens as they come: a piece's all on one line, or one JSON object each."""
    for event in events:
        facts = {"index": event.index, "place": event.place, "token": event.token}
        before = "" if event.place else "\n" if event.index > 1 else ""
        if as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
        else:
            click.echo(f"{before}{event.shown}", nl=False)
        sys.stdout.flush()
    if not as_json:
        click.echo()


def _show_pieces(written: Iterable[tuple[Sampled, list[Path]]], as_json: bool, best: int) -> None:
    """Print each piece's files, and beside them how new it is and, if it was chosen, why."""
    copied: list[int] = []
    for piece, files in written:
        if not copied:
            say(f"seed {piece.seed}")
        copied.append(piece.copied.tokens)
        merits = {name: round(merit, 3) for name, merit in piece.critique.merits.items()}
        facts = {
            "index": piece.index,
            "seed": piece.seed,
            "title": piece.title,
            "files": list(map(str, files)),
            "record": json.loads(piece.record.to_json()),
            "nll": round(piece.nll, 4),
            "copied": asdict(piece.copied),
            "score": round(piece.critique.score, 4),
            "merits": merits,
            "tokens": list(piece.tokens),
        }
        show(as_json, facts, *map(str, files))
        if not files:
            say(f"  {piece.title}: cannot be written, since nothing sounds in it")
        if len(copied) <= _MOST_TOLD:
            say(f"  {_told(piece)}")
        if best > 1:
            shown = ", ".join(f"{name} {merit:.2f}" for name, merit in piece.critique.merits.items())
            say(f"  the best of {best}: {piece.critique.score:.3f} ({shown})")
    if len(copied) > _MOST_TOLD:
        middle = sorted(copied)[len(copied) // 2]
        say(f"longest runs shared with a piece trained on: {middle} tokens at the middle, {max(copied)} at most")


def _told(piece: Sampled) -> str:
    """The longest run that a piece shares with what was trained on, for a reader."""
    copied = piece.copied
    if not copied.tokens:
        return f"{piece.title}: shares nothing with a piece trained on"
    bars = f" ({copied.bars} bar line{'s' * (copied.bars != 1)})" if copied.bars else ""
    return (
        f"{piece.title}: shares at most {copied.tokens} tokens in a row{bars}, from {copied.at}, "
        f"with {copied.source}, from {copied.source_at}"
    )
