"""The verb `train`."""

from __future__ import annotations

from typing import Any

import click

from folkseq.cli.output import show, show_built


@click.command()
@click.argument("representation")
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
@click.option("-o", "--out", help="The run folder.  [default: runs/REPRESENTATION-N]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def train(representation: str, corpus: tuple[str, ...], as_json: bool, quiet: bool, **settings: Any) -> None:
    """Train a model on files of music.

    REPRESENTATION is abc for tunes, performance for MIDI files, packed for tables of gestures, drums and pictures, char
    for any text; or has fields, as in abc:grace=false. CORPUS names files or folders; corpora/folk.abc is built when it
    is first named. Ctrl-C ends training and keeps the best model.
    """
    from folkseq.cli.progress import Watcher
    from folkseq.machine import ranks
    from folkseq.verbs.train import train as verb

    first = ranks()[0] == 0  # of those that train together, one speaks
    watcher = Watcher(quiet=quiet or not first)
    result = verb(
        representation,
        corpus,
        **settings,
        on_build=show_built,
        on_read=watcher.read,
        on_prepared=watcher.prepared,
        on_progress=watcher.progress,
    )
    watcher.done(result)
    if first:
        show(as_json, {"run": str(result.run.folder), **result.run.config.figures}, str(result.run.folder))
