"""The verb `train`."""

from __future__ import annotations

import shlex
from typing import Any

import click

from folkseq.cli.options import JSON, GroupedCommand, options_of
from folkseq.cli.output import show_built, show_written
from folkseq.cli.status import QUIET, current, reading


def _groups() -> dict[str, list[click.Option]]:
    from folkseq.models.settings import EncoderSettings, ModelSettings, TrainSettings
    from folkseq.run import RunConfig
    from folkseq.verbs.train import SETTINGS

    titles = {
        TrainSettings: "Training",
        ModelSettings: "Model",
        RunConfig: "Run",
        EncoderSettings: "Only to fill or harmonise",
    }
    return {titles[kind]: options_of(kind, only=names, unset=True) for kind, names in SETTINGS.items()}


@click.command(cls=GroupedCommand, groups=_groups)
@click.argument("representation")
@click.argument("corpus", nargs=-1, required=True)
@click.option("--valid", multiple=True, metavar="FILE", help="File or folder that selects the best weights.")
@click.option("-o", "--out", help="The run folder.  [default: runs/REPRESENTATION-N]")
@click.option("--from", "base", metavar="RUN|MODEL", help="Start from the weights of a run or a pretrained model.")
@click.option("--resume", is_flag=True, help="Continue the run in --out.")
@JSON
@QUIET
def train(
    representation: str,
    corpus: tuple[str, ...],
    valid: tuple[str, ...],
    base: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a model on files of music.

    REPRESENTATION is abc for tunes, performance or notes for MIDI files, packed for tables of gestures, drums and
    pictures, roll for piano rolls, or char for any text. It can have fields: abc:grace=false. CORPUS names files or
    folders; folkseq builds corpora/folk.abc at its first use. With --from, training starts from a trained model, so
    that a few tunes of your own are enough. With --valid, all of CORPUS is the training set, as for a published split.
    Ctrl-C, SIGTERM and SIGHUP end training early and keep the best model.
    """
    from folkseq.cli.progress import Watcher
    from folkseq.interrupts import handled
    from folkseq.machine import ranks
    from folkseq.verbs.train import train as verb

    is_main = ranks()[0] == 0
    watcher = Watcher(quiet=current().quiet or not is_main)
    with handled():
        run = verb(
            representation,
            corpus,
            valid=valid,
            base=base,
            on_build=show_built,
            on_read=reading(),
            on_start=watcher.start,
            on_report=watcher.report,
            **settings,
        )
    start = [] if base is None else ["--from", base]
    chosen_by = [word for file in valid for word in ("--valid", file)]
    command = ["folkseq", "train", representation, *corpus, *chosen_by, *start, "--out", str(run.folder), "--resume"]
    resume = shlex.join(command)
    watcher.finish(run, resume)
    if is_main:
        show_written(as_json, {"run": str(run.folder), **run.config.figures}, run.folder)
