"""The command line: parses arguments, calls one function of `folkseq.verbs`, prints.

Results go to stdout, one a line; everything else goes to stderr. What the user can mend is one line and exit 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from folkseq.cli.group import Group
from folkseq.cli.options import LILT, SWING
from folkseq.cli.output import say, show, show_lost
from folkseq.cli.sample import sample
from folkseq.evaluation.cli import evaluate
from folkseq.infill.cli import fill, harmonise
from folkseq.plots.cli import plot
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.corpus.named import BuildReport, MadeReport

_MOST_FILES = 5  # shown one by one; the rest are counted


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="folkseq")
def main() -> None:
    """Learn music as sequences of symbols, and write new music.

    \b
    folkseq train abc corpora/folk.abc     train a model on 4,000 folk tunes, ten minutes
    folkseq sample -n 10 -o tunes          ten new tunes, as .abc and .mid
    """  # noqa: D301 - \b is click's sign for lines that stay as they are


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def corpus(name: str | None, as_json: bool) -> None:
    """List the named corpora, or build one, as corpora/NAME.abc or corpora/NAME."""
    from folkseq.verbs import corpus as verb

    if name is not None:
        report = verb.corpus(name)
        _built(report)
        show(as_json, {"file": str(report.path), **report.figures}, str(report.path))
        return
    for description in verb.list_corpora().values():
        terms = " (non-commercial use only)" if description.non_commercial else ""
        text = f"corpora/{description.name}.abc  {description.tunes:,} tunes  {description.title}{terms}"
        facts = {"name": description.name, "title": description.title, "tunes": description.tunes}
        show(as_json, {**facts, "licence": description.licence, "credit": description.credit}, text)
    for made in verb.list_made().values():
        show(as_json, {"name": made.name, "title": made.title}, f"corpora/{made.name}  {made.title}")


@main.command()
@click.argument("tokenizer")
@click.argument("corpus", nargs=-1, required=True)
@click.option("--minutes", type=float, help="How long to train.  [default: 10]")
@click.option("--steps", type=int, help="How many updates to make, in place of --minutes.")
@click.option("--cell", help="The recurrent cell: rnn (tanh), gru, lstm or peephole.  [default: lstm]")
@click.option("--task", help="continue; fill, to write gaps anew; or harmonise, to write voices.  [default: continue]")
@click.option("--encoder", help="How the rest is read in those: both ways, or forward.  [default: both]")
@click.option("--attention", help="How it is looked at: dot or additive.  [default: dot]")
@click.option("--layers", type=int, help="How many layers of cells.  [default: 2]")
@click.option("--hidden", type=int, help="The width of each layer.  [default: planned; 320 with --steps or --task]")
@click.option("--precision", help="Of products in training: float32 or bfloat16.  [default: the faster here]")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Of the weights, the order and the dropout.  [default: 0]"
)
@click.option("-o", "--out", help="The run folder.  [default: runs/TOKENIZER-N]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def train(tokenizer: str, corpus: tuple[str, ...], as_json: bool, quiet: bool, **settings: Any) -> None:
    """Train a model on files of music.

    TOKENIZER is a representation: abc for tunes, performance for MIDI files, packed for tables of gestures, drums and
    pictures, char for any text; or with fields, abc:grace=false. CORPUS are files or folders; corpora/folk.abc is built
    the first time it is named. Ctrl-C ends training and keeps the best model.
    """
    from folkseq.cli.progress import Watcher
    from folkseq.machine import ranks
    from folkseq.verbs.train import train as verb

    first = ranks()[0] == 0  # of those that train together, one speaks
    watcher = Watcher(quiet=quiet or not first)
    result = verb(
        tokenizer,
        corpus,
        **settings,
        on_build=_built,
        on_read=watcher.read,
        on_prepared=watcher.prepared,
        on_progress=watcher.progress,
    )
    watcher.done(result)
    if first:
        show(as_json, {"run": str(result.run.folder), **result.run.config.figures}, str(result.run.folder))


main.add_command(sample)


main.add_command(fill)


main.add_command(harmonise)


main.add_command(evaluate)


@main.command()
@click.argument("tokenizer")
@click.argument("corpus", metavar="FILE...", nargs=-1, required=True)
@click.option("--run", help="Take the ids of this run's vocabulary.")
@click.option("--write", help="Write what the tokens decode to into this file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a piece, with ids and what was lost.")
def tokenize(tokenizer: str, corpus: tuple[str, ...], run: str | None, write: str | None, as_json: bool) -> None:
    """Show files as tokens."""
    from folkseq.verbs.tokenize import tokenize as verb

    found = verb(tokenizer, corpus, run=run, write=write)
    for piece in found.pieces.pieces:
        facts = {"file": piece.file, "number": piece.number, "tokens": list(piece.tokens), "ids": found.ids(piece)}
        show(as_json, {**facts, "lost": dict(piece.lost)}, " ".join(piece.tokens))
    show_lost(found.pieces.lost, found.pieces.faults)


@main.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--swing", type=SWING, is_flag=False, flag_value=LILT, help="The first eighth's share of a beat.")
@click.option("--bpm", type=float, help="Beats a minute, in place of the tune's own.")
def convert(source: str, target: str, swing: float | None, bpm: float | None) -> None:
    """Convert by suffix: .abc to .mid and back, or to .abc in one normal form."""
    from folkseq.verbs.convert import convert as verb

    done = verb(source, target, swing=swing, bpm=bpm)
    for file in done.files:
        click.echo(str(file))
    show_lost(done.lost, done.faults)


@main.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
def inspect(run: str | None, as_json: bool) -> None:
    """Show what a run is, what it was trained on, and how well (the newest by default)."""
    from folkseq.verbs.inspect import inspect as verb

    facts = verb(run)
    show(as_json, facts, *_table(facts))


main.add_command(plot)


def _table(facts: Mapping[str, Any]) -> Iterable[str]:
    """A run's facts for a reader: one a line, the figures last."""
    model, training, split = facts["model"], facts["training"], facts["split"]
    yield f"run         {facts['run']} (folkseq {facts['version']})"
    yield f"tokenizer   {facts['tokenizer']}, {model['vocabulary_size']} tokens"
    layers = f"{model['layers']} x {model['hidden']} {model['cell']}"
    yield f"model       {layers}, {facts['parameters']:,} parameters, dropout {model['dropout'] or 0:g}"
    if model["encoder"] is not None:
        reads = {"both": "forwards and backwards", "forward": "forwards"}[model["encoder"]["direction"]]
        yield f"task        to {facts['task']}, with an encoder that reads {reads}"
    for file in facts["corpus"][:_MOST_FILES]:
        yield f"corpus      {file['name']} (sha256 {file['sha256'][:12]}…)"
    if len(facts["corpus"]) > _MOST_FILES:
        yield f"            and {len(facts['corpus']) - _MOST_FILES:,} more files"
    yield f"split       {split.get('train', 0)} / {split.get('valid', 0)} / {split.get('test', 0)} pieces"
    yield f"training    {training['steps']} steps, seed {facts['seed']}"
    for name, value in facts["figures"].items():
        yield f"{name:<11} {value:.4g}"


def _built(report: BuildReport | MadeReport) -> None:
    say(f"built {report.path}: {report.summary}")
    if report.notice:
        say(report.notice)
