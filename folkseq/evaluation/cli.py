"""The command `evaluate`: tables for people, or one JSON object with units in its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from folkseq.cli.options import MODEL
from folkseq.cli.output import say, show, show_lost
from folkseq.cli.status import QUIET, reading
from folkseq.extras import advice

if TYPE_CHECKING:
    from folkseq.evaluation.loss import Loss
    from folkseq.evaluation.targets import VoiceLeading
    from folkseq.evaluation.verb import Evaluation

_MEANS = ("sections", "range")
Rows = list[list[str]]
Column = Mapping[str, float]


@click.command()
@click.argument("run", required=False)
@click.argument("corpus", nargs=-1)
@MODEL
@click.option("--samples", type=click.IntRange(0), default=0, help="Number of new pieces to write and evaluate.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Seed of the new pieces.  [default: 0]")
@click.option("--lead-column", help="Name or number of the leading player, for packed.  [default: the first]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--per-step", is_flag=True, help="Also print the ids and log-probabilities of each piece; needs --json.")
@click.option(
    "--keep-duplicates",
    is_flag=True,
    help="Also score near-duplicates of training pieces in CORPUS, as published benchmarks do.",
)
@QUIET
def evaluate(run: str | None, corpus: tuple[str, ...], model: str | None, as_json: bool, **settings: Any) -> None:
    """Evaluate a run on held-out pieces, next to n-gram models of the same training set.

    CORPUS names files or folders, of which near-duplicates of training pieces are left out by default. Without CORPUS,
    folkseq evaluates the run on its own test set. By default, RUN is the newest run. With --samples, folkseq also
    writes new pieces and evaluates their validity, corpus statistics and novelty.
    """
    from folkseq.evaluation.verb import evaluate as verb

    if settings["per_step"] and not as_json:
        raise click.UsageError("--per-step prints JSON; add --json")
    if model is not None:
        run, corpus = model, (*filter(None, [run]), *corpus)
    found = verb(run, corpus, **settings, on_read=reading())
    lines = [line for table in _tables(found) if table for line in ("", *_aligned(table))]
    for steps in found.steps:
        show(True, asdict(steps))
    show(as_json, _facts(found), _summary(found), *lines)
    for reason, count in found.held_out.left_out.items():
        if count:
            say(f"left out: {count:,} {reason}")
    show_lost(found.held_out.lost, found.held_out.faults, found.held_out.notices)


def _facts(found: Evaluation) -> dict[str, Any]:
    losses = [
        {
            "model": loss.model,
            "nats_per_token": loss.nats_per_token,
            **{f"bits_per_{unit}": bits for unit, bits in loss.bits.items()},
            "of_best_ngram": loss.of_best_ngram,
        }
        for loss in found.losses
    ]
    return {
        "run": str(found.run),
        "side": found.held_out.side,
        "pieces": len(found.held_out.pieces),
        **{f"{unit}s": amount for unit, amount in found.amounts.items()},
        "first_tokens": found.first_tokens,
        "losses": losses,
        **({"players": list(map(asdict, found.players))} if found.players else {}),
        **({} if found.samples is None else {"samples": found.samples}),
        **({} if found.gaps is None else {"gaps": _given(asdict(found.gaps), "chords")}),
        "left_out": dict(found.held_out.left_out),
    }


def _given(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """Return facts without the named one if it is None."""
    return facts if facts[name] is not None else {key: value for key, value in facts.items() if key != name}


def _chords(found: Mapping[str, Column]) -> Rows:
    columns = [dict(column) for column in found.values()]
    rates = [{"changes_per_bar": column.pop("changes_per_bar")} for column in columns]
    header = ["", *(name.replace("_", " ") for name in found)]
    return [header, *_rows(columns, "{}, %"), *_rows(rates, "{}", rates=True)]


def _summary(found: Evaluation) -> str:
    """Describe in one line what the run was evaluated on."""
    count, gaps, side = len(found.held_out.pieces), found.gaps, found.held_out.side
    what = f"{count:,} piece{'s' * (count != 1)}"
    if gaps is not None:
        what = f"{gaps.pairs:,} {'gaps' if gaps.task == 'fill' else 'melodies'} of {what}"
    what += f" of the {side} side" if side else ""
    what += ", which chose the weights" if side == "valid" else ""
    what += f", of each the first {found.first_tokens:,} tokens" if found.first_tokens else ""
    amounts = ", ".join(f"{amount:,.0f} {unit}s" for unit, amount in found.amounts.items())
    return f"{found.run}: {what}: {amounts}"


def _tables(found: Evaluation) -> Iterator[Rows]:
    if found.gaps is not None:
        first = found.gaps.losses[0].nats_per_token
        yield _losses(found.gaps.losses, [loss.nats_per_token / first for loss in found.gaps.losses], "of the first")
        yield _voices(found.gaps.voices) if found.gaps.voices else []
        yield _chords(found.gaps.chords) if found.gaps.chords else []
        return
    yield _losses(found.losses, [loss.of_best_ngram for loss in found.losses], "of the best n-gram's")
    for lead in (player.name for player in found.players if player.leads):
        rows = [["bits a gesture", f"after {lead}", "nobody heard now", "own Markov chain", "led by another"]]
        for each in found.players:
            bits = (each.bits, each.unheard_bits, each.markov_bits, each.other_lead_bits)
            rows.append([each.name, *_decimals(bits)])
        yield rows
    if found.samples is not None:
        yield _statistics([found.samples[column] for column in ("samples", "without_grammar", "held_out")])
        yield from _kinds(found.samples["kinds"])
        yield from _classifier(found.samples["classifier"])
        novelty = found.samples["novelty"]
        median, most = novelty["copied_tokens_median"], novelty["copied_tokens_most"]
        yield [[f"longest run of tokens shared with a piece trained on: {median} in the median sample, {most} at most"]]
        known, among = novelty["figures_known_share"], novelty["figures_known_share_of_trained"]
        lengths = sorted({*known, *among})
        yield (
            [
                ["figures found in a piece trained on, %", *(f"{length} notes" for length in lengths)],
                ["samples", *_percents(map(known.get, lengths))],
                ["pieces trained on, of other titles", *_percents(map(among.get, lengths))],
            ]
            if lengths
            else []
        )


def _losses(losses: Sequence[Loss], ratios: Sequence[float], of: str) -> Rows:
    rows = [["", "nats a token", *(f"bits a {unit}" for unit in losses[0].bits), of]]
    for loss, ratio in zip(losses, ratios, strict=True):
        rows.append([loss.model, f"{loss.nats_per_token:.4f}", *_decimals([*loss.bits.values(), ratio])])
    return rows


def _voices(voices: VoiceLeading) -> Rows:
    columns = [dict(each) for each in (voices.written, voices.without_rules, voices.held_out)]
    shares = [{"chord_tones": each.pop("chord_tones")} for each in columns]
    header = [f"{voices.count} chorales, a hundred chords", "written", "without rules", "held out"]
    return [header, *_rows(columns, "{}", rates=True), *_rows(shares, "{}, %")]


def _kinds(kinds: Mapping[str, Any]) -> Iterator[Rows]:
    """Yield a table of the kinds with `samples / held out`, and a line with the kinds that have too few pieces."""
    enough = {name: each for name, each in kinds.items() if len(each["samples"]) > 1}
    shares = dict.fromkeys(
        name for each in enough.values() for name in each["held_out"] if name not in ("pieces", *_MEANS)
    )
    if enough:
        header = [*(f"{name.replace('_', ' ')}, %" for name in shares), *_MEANS]
        rows = [["samples / held out", "pieces", *header, "AUC"]]
        for name, each in enough.items():
            both = each["samples"], each["held_out"]
            cells = [[f"{column['pieces']:,}" for column in both]]
            cells += [_percents(column.get(share) for column in both) for share in shares]
            cells += [_decimals((column.get(mean) for column in both), 1) for mean in _MEANS]
            rows.append([name, *map(" / ".join, cells), *_decimals([each["auc"]], 2)])
        yield rows
    few = [
        f"{name} {' / '.join(str(each[side]['pieces']) for side in ('samples', 'held_out'))}"
        for name, each in kinds.items()
        if name not in enough
    ]
    if few:
        yield [[f"too few to compare: {', '.join(few)}"]]


def _classifier(told: Mapping[str, Any] | None) -> Iterator[Rows]:
    from folkseq.evaluation.classifier import FEWEST, FOLDS

    if told is None:
        needs = f"a classifier that tells samples from held-out pieces needs {FEWEST} of each, or as many stretches of "
        needs += f"{FOLDS} of each that are no near-duplicates"
        yield [[needs if find_spec("sklearn") else f"no classifier: {advice('sklearn')}"]]
        return
    which = "samples from held-out pieces"
    if told["stretch"] is not None:
        which = f"{told['samples']:,} stretches of samples from {told['real']:,} of {told['real_pieces']:,} held-out "
        which += f"pieces, each of {told['stretch']:,} tokens,"
    line = f"a classifier tells {which} with an AUC of {told['auc']:.2f}"
    if told["auc_among_real"] is not None:
        line += f", and these from each other of {told['auc_among_real']:.2f}"
    yield [[line]]
    rows = [[each["name"], *_decimals([each["samples"], each["real"], each["loss"]])] for each in told["telling"]]
    yield [["most telling", "samples", "held out", "AUC lost without"], *rows]


def _statistics(columns: Sequence[dict[str, Any]]) -> Rows:
    shares, rates, overlaps = ([column[kind] for column in columns] for kind in ("shares", "rates", "overlaps"))
    kinds = dict.fromkeys(kind for column in columns for kind in column["faults"])
    faults = [
        {kind: column["faults"].get(kind, 0) / column["pieces"] for kind in kinds if column["pieces"]}
        for column in columns
    ]
    valid, *others = _rows(shares, "{}, %")
    return [
        ["", "samples", "without grammar", "held out"],
        ["pieces", *(f"{column['pieces']:,}" for column in columns)],
        *(valid, *_rows(faults, "  {}"), *others, *_rows(rates, "{}", rates=True)),
        *([["overlap with pieces trained on, %", "", "", ""]] if any(overlaps) else []),
        *_rows(overlaps, "  {}"),
    ]


def _rows(columns: Sequence[Column], label: str, *, rates: bool = False) -> Rows:
    """Return one row for each name in any column: rates with two digits, or percentages."""
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [column.get(name) for column in columns]
        rows.append([label.format(name.replace("_", " ")), *(_decimals(values, 2) if rates else _percents(values))])
    return rows


def _decimals(values: Iterable[float | None], digits: int = 3) -> list[str]:
    return ["-" if value is None else f"{value:.{digits}f}" for value in values]


def _percents(shares: Iterable[float | None]) -> list[str]:
    return _decimals((None if share is None else 100 * share for share in shares), 1)


def _aligned(rows: Rows) -> Iterator[str]:
    """Yield the lines of a table, with the first column left-aligned and all others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "   ".join(cells).rstrip()
