"""The command line: parses arguments, calls one function of `folkseq.commands`, prints.

Results go to stdout, one a line; everything else goes to stderr. What the user can mend is one line and exit 1.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from folkseq.errors import FolkseqError
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.corpora import BuildReport

_MOST_FAULTS, _MOST_FILES = 10, 5  # shown one by one; the rest are counted
SWING = click.FloatRange(0.5, 0.75)
LILT = 0.66  # what --swing alone means: a hornpipe's


class _Group(click.Group):
    """Shows what the user can mend as one line, and lists the verbs in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
        except FolkseqError as error:
            _fail(str(error))
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = 0
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "folkseq"
            _fail(f"{error.format_message().rstrip('.')}; see {command} --help")
        except click.Abort:
            _say("folkseq: interrupted")
            sys.exit(130)
        except BrokenPipeError:  # the reader of the results has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except OSError as error:
            _fail(f"the results cannot be written ({error.strerror or error})")
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> NoReturn:
    _say(f"folkseq: {' '.join(message.split())}")
    sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
    """List the named corpora, or build corpora/NAME.abc."""
    from folkseq.commands import corpus as verb

    if name is not None:
        report = verb.corpus(name)
        _built(report)
        _result(as_json, {"file": str(report.path), "tunes": report.tunes, "sha256": report.digest}, str(report.path))
        return
    for description in verb.list_corpora().values():
        terms = " (non-commercial use only)" if description.non_commercial else ""
        text = f"corpora/{description.name}.abc  {description.tunes:,} tunes  {description.title}{terms}"
        facts = {"name": description.name, "title": description.title, "tunes": description.tunes}
        _result(as_json, {**facts, "licence": description.licence, "credit": description.credit}, text)


@main.command()
@click.argument("tokenizer")
@click.argument("corpus", nargs=-1, required=True)
@click.option("--minutes", type=float, help="How long to train.  [default: 10]")
@click.option("--steps", type=int, help="How many updates to make, in place of --minutes.")
@click.option("--cell", help="The recurrent cell.  [default: lstm]")
@click.option("--layers", type=int, help="How many layers of cells.  [default: 2]")
@click.option("--hidden", type=int, help="The width of each layer.  [default: 320]")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Of the weights, the order and the dropout.  [default: 0]"
)
@click.option("-o", "--out", help="The run folder.  [default: runs/TOKENIZER-N]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def train(tokenizer: str, corpus: tuple[str, ...], as_json: bool, quiet: bool, **settings: Any) -> None:
    """Train a model on files of music.

    TOKENIZER is a representation, abc for tunes or performance for MIDI files; or with fields, abc:grace=false. CORPUS
    are files or folders; corpora/folk.abc is built the first time it is named. Ctrl-C ends training and keeps the best
    model.
    """
    from folkseq.commands.train import train as verb
    from folkseq.progress import Watcher

    watcher = Watcher(quiet=quiet)
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
    _result(as_json, {"run": str(result.run.folder), **result.run.config.figures}, str(result.run.folder))


@main.command()
@click.argument("run", required=False)
@click.option("-n", "--num", "count", type=int, default=1, show_default=True, help="How many pieces.")
@click.option("-o", "--output", "out", help="A folder, or one file.  [default: RUN/samples]")
@click.option("--format", "formats", help="What to write into the folder.  [default: abc,mid, or mid alone]")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="The same seed gives the same pieces.  [default: drawn]"
)
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Above 1 bolder, below 1 plainer.")
@click.option("--top-k", type=int, help="Draw among so many likeliest tokens only.")
@click.option("--top-p", type=float, help="Draw among the likeliest tokens of this probability in all.")
@click.option("--prime", help="A beginning to continue: a file, or ABC text.")
@click.option("--rhythm", help="abc: reel, jig, hornpipe, …")
@click.option("--meter", help="abc: 4/4, 6/8, C|, …")
@click.option("--mode", help="abc: maj, min, dor, mix, …")
@click.option("--key", help="abc: the key to write in: D (major), Em, Ador, …")
@click.option("--swing", type=SWING, is_flag=False, flag_value=LILT, help="abc: the first eighth's share of a beat.")
@click.option("--seconds", type=float, help="performance: how long, a prime aside.  [default: up to 30]")
@click.option("--density", help="performance: notes a second, or some over time: 2,8,16.")
@click.option("--pitch-classes", help="performance: C,E,G, or some over time: C,E,G/F,A,C.")
@click.option("--longest-note", type=float, help="performance: seconds.  [default: 4]")
@click.option("--most-notes", type=int, help="performance: that sound at once.  [default: 20]")
@click.option("--bpm", type=float, help="performance: the tempo of the file's bars.  [default: 120]")
@click.option("--pedal", help="performance: cc, as the pedal's controller, or baked, into the notes.")
@click.option("--keep-prime/--no-keep-prime", default=None, help="performance: write the prime too.  [default: no]")
@click.option("--limit", type=int, help="The most tokens in a piece.  [default: abc 1500, performance by the seconds]")
@click.option("--grammar/--no-grammar", default=True, help="Keep to valid pieces, or let the model write as it likes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a piece.")
def sample(as_json: bool, run: str | None, count: int, formats: str | None, **settings: Any) -> None:
    """Write new pieces from a trained run (the newest by default)."""
    from folkseq.commands.sample import sample as verb

    for piece, files in verb(run, count, formats=formats.split(",") if formats else None, **settings):
        if piece.index == 1:
            _say(f"seed {piece.seed}")
        facts = {"index": piece.index, "seed": piece.seed, "title": piece.title, "files": list(map(str, files))}
        facts |= {"settings": piece.settings, "nll": round(piece.nll, 4), "tokens": list(piece.tokens)}
        _result(as_json, facts, *map(str, files))


@main.command()
@click.argument("run", required=False)
@click.argument("corpus", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(run: str | None, corpus: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Judge a run on pieces that it has not seen, beside n-grams trained on the same.

    CORPUS are files or folders, of which pieces that have a near twin among those trained on are left out; without it,
    the run is judged on the test side of its own split. RUN is the newest by default.
    """
    from folkseq.commands.evaluate import evaluate as verb
    from folkseq.progress import Watcher

    watcher = Watcher(quiet=quiet)
    found = verb(run, corpus, on_read=watcher.read)
    facts = {
        "run": str(found.run),
        "side": found.side,
        "pieces": found.pieces,
        **{f"{kind}s": n for kind, n in found.amounts.items()},
    }
    losses = [{"model": loss.model, "nats": loss.nats, "ratio": loss.ratio} for loss in found.losses]
    amounts = ", ".join(f"{amount:,.0f} {kind}s" for kind, amount in found.amounts.items())
    side = f" of the {found.side} side" if found.side else ""
    side += ", which chose the weights" if found.side == "valid" else ""
    lines = [f"{found.pieces:,} piece{'s' * (found.pieces != 1)}{side}, {amounts}; nats:"]
    lines.append("".join(["".ljust(18), *(f"a {kind}".rjust(11) for kind in found.amounts), "  of the best n-gram's"]))
    for loss in found.losses:
        lines.append(
            "".join([loss.model.ljust(18), *(f"{nats:11.4f}" for nats in loss.nats.values()), f"{loss.ratio:9.3f}"])
        )
    _result(as_json, {**facts, "losses": losses, "left_out": dict(found.left_out)}, *lines)
    for reason, count in found.left_out.items():
        if count:
            _say(f"left out: {count:,} {reason}")
    _report(found.lost, found.faults)


@main.command()
@click.argument("tokenizer")
@click.argument("corpus", metavar="FILE...", nargs=-1, required=True)
@click.option("--run", help="Take the ids of this run's vocabulary.")
@click.option("--write", help="Write what the tokens decode to into this file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a piece, with ids and what was lost.")
def tokenize(tokenizer: str, corpus: tuple[str, ...], run: str | None, write: str | None, as_json: bool) -> None:
    """Show files as tokens."""
    from folkseq.commands.tokenize import tokenize as verb

    found = verb(tokenizer, corpus, run=run, write=write)
    for piece in found.pieces.pieces:
        facts = {"file": piece.file, "number": piece.number, "tokens": list(piece.tokens), "ids": found.ids(piece)}
        _result(as_json, {**facts, "lost": dict(piece.lost)}, " ".join(piece.tokens))
    _report(found.pieces.lost, found.pieces.faults)


@main.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--swing", type=SWING, is_flag=False, flag_value=LILT, help="The first eighth's share of a beat.")
@click.option("--bpm", type=float, help="Beats a minute, in place of the tune's own.")
def convert(source: str, target: str, swing: float | None, bpm: float | None) -> None:
    """Convert by suffix: .abc to .mid and back, or to .abc in one normal form."""
    from folkseq.commands.convert import convert as verb

    done = verb(source, target, swing=swing, bpm=bpm)
    for file in done.files:
        click.echo(str(file))
    _report(done.lost, done.faults)


@main.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
def inspect(run: str | None, as_json: bool) -> None:
    """Show what a run is, what it was trained on, and how well (the newest by default)."""
    from folkseq.commands.inspect import inspect as verb

    facts = verb(run)
    _result(as_json, facts, *_table(facts))


def _table(facts: Mapping[str, Any]) -> Iterable[str]:
    """A run's facts for a reader: one a line, the figures last."""
    model, training, split = facts["model"], facts["training"], facts["split"]
    yield f"run         {facts['run']} (folkseq {facts['version']})"
    yield f"tokenizer   {facts['tokenizer']}, {model['vocabulary_size']} tokens"
    layers = f"{model['layers']} x {model['hidden']} {model['cell']}"
    yield f"model       {layers}, {facts['parameters']:,} parameters, dropout {model['dropout']:g}"
    for file in facts["corpus"][:_MOST_FILES]:
        yield f"corpus      {file['name']} (sha256 {file['sha256'][:12]}…)"
    if len(facts["corpus"]) > _MOST_FILES:
        yield f"            and {len(facts['corpus']) - _MOST_FILES:,} more files"
    yield f"split       {split.get('train', 0)} / {split.get('valid', 0)} / {split.get('test', 0)} pieces"
    yield f"training    {training['steps']} steps, seed {facts['seed']}"
    for name, value in facts["figures"].items():
        yield f"{name:<11} {value:.4g}"


def _result(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    for line in [json.dumps(facts, ensure_ascii=False)] if as_json else lines:
        click.echo(line)


def _built(report: BuildReport) -> None:
    _say(f"built {report.path}: {report.tunes:,} tunes ({report.repeats} exact repeats dropped)")
    if report.notice:
        _say(report.notice)


def _report(lost: Counter[str], faults: Iterable[str]) -> None:
    """What was lost, by kind and count, and what could not be read."""
    if lost:
        _say("lost: " + ", ".join(f"{kind} {count:,}" for kind, count in lost.most_common()))
    faults = list(faults)
    for fault in faults[:_MOST_FAULTS]:
        _say(f"not read: {fault}")
    if len(faults) > _MOST_FAULTS:
        _say(f"not read: {len(faults) - _MOST_FAULTS} more")


def _say(text: str) -> None:
    click.echo(text, err=True)
