"""The verb `evaluate`: one table for people, one JSON object for programs, whose names say their units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from folkseq.cli.output import say, show, show_lost

if TYPE_CHECKING:
    from folkseq.ensemble.players import Player
    from folkseq.evaluation.judged import Samples
    from folkseq.evaluation.portrait import Portrait
    from folkseq.evaluation.verb import Evaluated
    from folkseq.infill.evaluate import Gaps

_COLUMNS = ("samples", "without_grammar", "held_out")


@click.command()
@click.argument("run", required=False)
@click.argument("corpus", nargs=-1)
@click.option("--samples", type=int, default=0, help="Write so many new pieces, and hold them against the corpus.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Of those.  [default: 0]")
@click.option("--lead-column", help="packed: the player who leads, by name or number.  [default: the first]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(run: str | None, corpus: tuple[str, ...], as_json: bool, quiet: bool, **settings: Any) -> None:
    """Judge a run on pieces that it has not seen, beside n-grams trained on the same.

    CORPUS are files or folders, of which pieces that have a near twin among those trained on are left out; without it,
    the run is judged on the test side of its own split. RUN is the newest by default. With --samples, what the run
    writes is judged too: whether it is whole, what it is like, and how new it is.
    """
    from folkseq.cli.progress import Watcher
    from folkseq.evaluation.verb import evaluate as verb

    watcher = Watcher(quiet=quiet)
    found = verb(run, corpus, **settings, on_read=watcher.read)
    if found.gaps is not None:
        lines = list(_gaps(found, found.gaps))
    else:
        lines = [*_losses(found), *_players(found.players), *([] if found.samples is None else _samples(found.samples))]
    show(as_json, _facts(found), *lines)
    for reason, count in found.unseen.left_out.items():
        if count:
            say(f"left out: {count:,} {reason}")
    show_lost(found.unseen.lost, found.unseen.faults)


def _gaps(found: Evaluated, gaps: Gaps) -> Iterator[str]:
    """How well what stood in gaps was foretold, and what voices are like, for a reader."""
    amounts = ", ".join(f"{amount:,.0f} {kind}s" for kind, amount in gaps.amounts.items())
    what = "gaps" if gaps.task == "fill" else "melodies"
    yield f"{found.run}: {gaps.pairs:,} {what} of {len(found.unseen.pieces):,} pieces{_side(found)}: {amounts}"
    yield ""
    kinds = gaps.losses[0].bits
    rows = [["", "nats a token", *(f"bits a {kind}" for kind in kinds), "of the first"]]
    for loss in gaps.losses:
        bits = [f"{loss.bits[kind]:.3f}" for kind in kinds]
        ratio = loss.nats_per_token / gaps.losses[0].nats_per_token
        rows.append([loss.model, f"{loss.nats_per_token:.4f}", *bits, f"{ratio:.3f}"])
    yield from _aligned(rows)
    if gaps.voices is not None:
        yield ""
        rows = [[f"{gaps.voices.count} chorales, a hundred chords", "written", "without rules", "held out"]]
        for name in gaps.voices.written:
            three = [each[name] for each in (gaps.voices.written, gaps.voices.without_rules, gaps.voices.held_out)]
            if name == "chord_tones":
                rows.append([f"{_words(name)}, %", *map(_percent, three)])
            else:
                rows.append([_words(name), *(f"{each:.2f}" for each in three)])
        yield from _aligned(rows)


def _side(found: Evaluated) -> str:
    side = f" of the {found.unseen.side} side" if found.unseen.side else ""
    return side + (", which chose the weights" if found.unseen.side == "valid" else "")


def _facts(found: Evaluated) -> dict[str, Any]:
    """Everything, for a program."""
    return {
        "run": str(found.run),
        "side": found.unseen.side,
        "pieces": len(found.unseen.pieces),
        **{f"{kind}s": amount for kind, amount in found.amounts.items()},
        "first_tokens": found.first_tokens,
        "losses": [
            {
                "model": loss.model,
                "nats_per_token": loss.nats_per_token,
                **{f"bits_per_{kind}": bits for kind, bits in loss.bits.items()},
                "of_best_ngram": loss.of_best_ngram,
            }
            for loss in found.losses
        ],
        **({"players": list(map(asdict, found.players))} if found.players else {}),
        **({} if found.samples is None else {"samples": asdict(found.samples)}),
        **({} if found.gaps is None else {"gaps": asdict(found.gaps)}),
        "left_out": dict(found.unseen.left_out),
    }


def _losses(found: Evaluated) -> Iterator[str]:
    """How well the pieces were foretold, for a reader."""
    amounts = ", ".join(f"{amount:,.0f} {kind}s" for kind, amount in found.amounts.items())
    side = _side(found)
    first = f", of each the first {found.first_tokens:,} tokens" if found.first_tokens else ""
    count = len(found.unseen.pieces)
    yield f"{found.run}: {count:,} piece{'s' * (count != 1)}{side}{first}: {amounts}"
    yield ""
    kinds = found.losses[0].bits
    rows = [["", "nats a token", *(f"bits a {kind}" for kind in kinds), "of the best n-gram's"]]
    for loss in found.losses:
        bits = [f"{loss.bits[kind]:.3f}" for kind in kinds]
        rows.append([loss.model, f"{loss.nats_per_token:.4f}", *bits, f"{loss.of_best_ngram:.3f}"])
    yield from _aligned(rows)


def _players(found: Sequence[Player]) -> Iterator[str]:
    """How well each player was foretold, and whether the leader was heard, for a reader."""
    if not found:
        return
    yield ""
    lead = next(player.name for player in found if player.leads)
    others = ["nobody heard now", "own Markov chain", "led by another"]
    rows = [["bits a gesture", f"after {lead}", *others]]
    for player in found:
        figures = (player.bits, player.unheard_bits, player.markov_bits, player.other_lead_bits)
        rows.append([player.name, *("-" if bits is None else f"{bits:.3f}" for bits in figures)])
    yield from _aligned(rows)


def _samples(found: Samples) -> Iterator[str]:
    """What was written beside what was held out, for a reader."""
    portraits: list[Portrait] = [getattr(found, column) for column in _COLUMNS]

    def rows_of(kind: str) -> list[list[str]]:
        names = dict.fromkeys(name for portrait in portraits for name in getattr(portrait, kind))
        return [[name, *(_figure(kind, portrait, name) for portrait in portraits)] for name in names]

    yield ""
    rows = [["", *map(_words, _COLUMNS)], ["pieces", *(f"{portrait.pieces:,}" for portrait in portraits)]]
    for name, *shares in rows_of("shares"):
        rows.append([f"{_words(name)}, %", *shares])
        if name == "valid_pieces":
            rows += [[f"  {_words(fault)}", *figures] for fault, *figures in rows_of("faults")]
    rows += [[_words(name), *figures] for name, *figures in rows_of("rates")]
    overlaps = rows_of("overlaps")
    rows += [["overlap with pieces trained on, %", "", "", ""]] if overlaps else []
    rows += [[f"  {_words(name)}", *figures] for name, *figures in overlaps]
    yield from _aligned(rows)

    novelty = found.novelty
    yield ""
    yield (
        f"longest run of tokens shared with a piece trained on: {novelty.copied_tokens_median} at the median of the "
        f"samples, {novelty.copied_tokens_most} at most"
    )
    known = {
        "samples": novelty.figures_known_share,
        "pieces trained on, of other titles": novelty.figures_known_share_of_trained,
    }
    lengths = sorted({length for of_length in known.values() for length in of_length})
    if not lengths:  # there are no notes
        return
    rows = [["figures found in a piece trained on, %", *(f"{length} notes" for length in lengths)]]
    for name, of_length in known.items():
        rows.append([name, *(_percent(of_length[length]) if length in of_length else "-" for length in lengths)])
    yield from _aligned(rows)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _figure(kind: str, portrait: Portrait, name: str) -> str:
    """One of a portrait's figures, `-` where it has none."""
    if kind == "faults":
        return _percent(portrait.faults.get(name, 0) / portrait.pieces) if portrait.pieces else "-"
    value = getattr(portrait, kind).get(name)
    return "-" if value is None else f"{value:.2f}" if kind == "rates" else _percent(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table's rows, the first column to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "   ".join(cells).rstrip()
