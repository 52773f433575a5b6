"""A run is judged on what it has not seen, and says what it leaves out."""

import json

import numpy as np
import pytest
from book import BOOK, JIG
from click.testing import CliRunner

from folkseq.cli import main
from folkseq.commands.evaluate import evaluate
from folkseq.commands.train import train
from folkseq.errors import CorpusError
from folkseq.run import Run


def tune(seed: int, bars: int = 8) -> str:
    """A tune of its own: an even walk, whose figures no other shares."""
    steps = np.random.default_rng(seed).integers(0, 8, (bars, 8))
    body = "|".join("".join("DEFGABcd"[step] for step in bar) for bar in steps)
    return f"X:{seed}\nT:Tune {seed}\nR:reel\nM:4/4\nL:1/8\nK:D\n{body}|]\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "book.abc").write_text("\n".join(map(tune, range(1, 31))))
    train("abc", folder / "book.abc", steps=12, hidden=16, layers=1, out=folder / "r")
    return folder / "r"


def test_the_test_side_stands_beside_the_baselines(run):
    found = evaluate(run)
    config = Run.open(run).config
    assert found.side == "test"
    assert found.pieces == config.split["test"] == 1
    assert found.amounts == {"token": 76, "note": 64}  # beside the notes 3 of the header, 8 bar lines, and the end
    ours, small, exact, *ngrams = found.losses
    assert (small.model, exact.model) == ("int8 engine", "float32 engine")
    assert exact.nats["token"] == pytest.approx(ours.nats["token"], rel=1e-5)
    assert small.nats["token"] == pytest.approx(ours.nats["token"], rel=2e-3)
    assert ours.nats["token"] == pytest.approx(config.figures["test_nll"], rel=1e-5)
    assert ours.nats["note"] == pytest.approx(ours.nats["token"] * 76 / 64)
    assert ngrams[0].model == "5-gram"
    assert ngrams[-1].ratio == 1
    assert ours.ratio == pytest.approx(ours.nats["token"] / ngrams[-1].nats["token"])


def test_pieces_that_were_trained_on_are_left_out(run, tmp_path):
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [*range(1, 31), 41, 42])))
    found = evaluate(run, tmp_path)
    assert found.pieces == 1 + 2  # to test on, and new; the one held out chose the weights
    assert found.left_out == {"with a near twin among those trained on": 29}


def test_pieces_with_unknown_tokens_are_left_out(run, tmp_path):
    (tmp_path / "a.abc").write_text(tune(50) + "\n" + BOOK)
    found = evaluate(run, tmp_path / "a.abc")
    assert (found.pieces, found.left_out["with tokens that the run does not know"]) == (1, 3)
    (tmp_path / "b.abc").write_text(JIG)
    with pytest.raises(CorpusError, match=r"b.abc: no piece left to judge the run on \(1 with tokens that the run"):
        evaluate(run, tmp_path / "b.abc")


def test_the_command_prints_one_table(run, tmp_path):
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [1, 41, 42])))
    shown = CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"{run}: 2 pieces, 152 tokens, 128 notes; nats:\n")
    assert "lstm 1 x 16" in shown.stdout
    assert "left out: 1 with a near twin among those trained on" in shown.stderr
    facts = json.loads(CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path), "--json"]).stdout)
    assert facts["losses"][0]["nats"].keys() == {"token", "note"}
    missing = CliRunner().invoke(main, ["evaluate", str(tmp_path / "none")])
    assert (missing.exit_code, missing.output.count("\n")) == (1, 1)


def test_a_run_too_small_for_a_test_side_says_what_it_is_judged_on(tmp_path):
    (tmp_path / "two.abc").write_text("\n".join(map(tune, [1, 2])))
    train("abc", tmp_path / "two.abc", steps=4, hidden=8, layers=1, out=tmp_path / "r")
    shown = CliRunner().invoke(main, ["evaluate", str(tmp_path / "r")])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"{tmp_path / 'r'}: 1 piece of the valid side, which chose the weights, 76 tokens")
