"""The verb `models`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from folkseq.cli.options import JSON


@click.command()
@click.argument("name", required=False)
@JSON
def models(name: str | None, as_json: bool) -> None:
    """List the pretrained models, or show the card of one.

    `folkseq sample --model NAME` uses a model that continues pieces; `fill` and `harmonise` accept --model, too.
    """
    from folkseq.verbs.models import models as verb

    for model in verb(name):
        if as_json:
            click.echo(json.dumps(asdict(model), ensure_ascii=False))
        elif name is not None:
            click.echo(model.card)
        else:
            beside = "" if model.of_ngram is None else f", {model.of_ngram:.2f} of the best n-gram's"
            click.echo(f"{model.name:<10}{model.writes}")
            click.echo(f"{'':10}trained on {model.data}")
            click.echo(f"{'':10}licence: {model.licence}")
            click.echo(f"{'':10}held-out loss {model.heldout_nll:.3f} nats per token{beside}; {model.megabytes:.1f} MB")
