"""The verb `inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from folkseq.cli.output import show

_MOST_FILES = 5  # shown one by one; the rest are counted


@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def inspect(run: str | None, as_json: bool) -> None:
    """Show the model, training data and figures of a run or a pretrained model.

    By default, RUN is the newest run.
    """
    from folkseq.verbs.inspect import inspect as verb

    facts = verb(run)
    show(as_json, facts, *_table(facts))


def _table(facts: Mapping[str, Any]) -> Iterable[str]:
    """Format the facts of a run, one per line, with the figures last."""
    model, training, split = facts["model"], facts["training"], facts["split"]
    yield f"run         {facts['run']} (folkseq {facts['version']})"
    yield f"tokens      {facts['representation']}, {model['vocabulary_size']} tokens"
    layers = f"{model['layers']} x {model['hidden']} {model['cell']}"
    yield f"model       {layers}, {facts['parameters']:,} parameters, dropout {model['dropout'] or 0:g}"
    if model["encoder"] is not None:
        reads = {"both": "forwards and backwards", "forward": "forwards"}[model["encoder"]["direction"]]
        yield f"task        {facts['task']}, with an encoder that reads {reads}"
    for file in facts["corpus"][:_MOST_FILES]:
        yield f"corpus      {file['name']} (sha256 {file['sha256'][:12]}…)"
    if len(facts["corpus"]) > _MOST_FILES:
        yield f"            and {len(facts['corpus']) - _MOST_FILES:,} more files"
    if split:
        yield f"split       {split['train']} / {split['valid']} / {split['test']} pieces"
    yield f"training    {training['steps']} steps, seed {facts['seed']}"
    for name, value in facts["figures"].items():
        yield f"{name:<11} {value:.4g}"
