"""A run is judged on what it has not seen, and says what it leaves out."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from book import BOOK, JIG
from click.testing import CliRunner

from folkseq.cli import main
from folkseq.errors import CorpusError
from folkseq.evaluation.verb import evaluate
from folkseq.run import Run
from folkseq.verbs.train import train


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
    assert found.held_out.side == "test"
    assert len(found.held_out.pieces) == 1
    assert found.amounts == {"token": 76, "note": 64}  # beside the notes 3 of the header, 8 bar lines, and the end
    assert [loss.model for loss in found.losses[:6]] == [
        "lstm 1 x 16",
        "float32 engine",
        "int8 engine",
        *("unigram", "2-gram", "3-gram"),  # the 2-gram, since it is the best
    ]
    ours, exact, small, *ngrams = found.losses
    assert exact.nats_per_token == pytest.approx(ours.nats_per_token, rel=1e-5)
    assert small.nats_per_token == pytest.approx(ours.nats_per_token, rel=2e-3)
    assert ours.nats_per_token == pytest.approx(config.figures["test_nll"], rel=1e-5)
    assert ours.bits == {"note": pytest.approx(ours.nats_per_token * 76 / 64 / np.log(2))}
    assert min(loss.of_best_ngram for loss in ngrams) == 1
    best = min(loss.nats_per_token for loss in ngrams)
    assert ours.of_best_ngram == pytest.approx(ours.nats_per_token / best)
    assert found.first_tokens is None


def test_others_can_score_every_step_again(run):
    shown = CliRunner().invoke(main, ["evaluate", str(run), "--json", "--per-step"])
    *pieces, facts = map(json.loads, shown.stdout.splitlines())
    found = Run.open(run)
    store, sides = found.tokens()
    assert [piece["ids"] for piece in pieces] == [store[piece].tolist() for piece in sides.test]
    assert [piece["tokens"] for piece in pieces] == [found.vocabulary.decode(piece["ids"]) for piece in pieces]
    nats = [-sum(piece["log_probabilities"]) for piece in pieces]
    assert len(pieces[0]["log_probabilities"]) == len(pieces[0]["ids"]) - 1
    assert sum(nats) / facts["tokens"] == pytest.approx(facts["losses"][1]["nats_per_token"], rel=1e-6)
    alone = CliRunner().invoke(main, ["evaluate", str(run), "--per-step"])
    assert alone.exit_code
    assert "add --json" in alone.output


def test_of_many_tokens_the_beginnings_are_judged(run, tmp_path, monkeypatch):
    monkeypatch.setattr("folkseq.evaluation.verb.JUDGED", 80)
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [41, 42])))
    found = evaluate(run, tmp_path)
    assert (len(found.held_out.pieces), found.first_tokens, found.amounts["token"]) == (2, 40, 78)
    shown = CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path)])
    assert "2 pieces, of each the first 40 tokens: 78 tokens, 64 notes" in shown.stdout


def test_pieces_that_were_trained_on_are_left_out(run, tmp_path):
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [*range(1, 31), 41, 42])))
    found = evaluate(run, tmp_path)
    assert len(found.held_out.pieces) == 1 + 2  # to test on, and new; the one held out chose the weights
    assert found.held_out.left_out == Counter({"with a near twin among those trained on": 29})


def test_published_benchmarks_score_every_piece(run, tmp_path):
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [1, 2, 41])))
    found = evaluate(run, tmp_path, keep_duplicates=True)
    store, _ = Run.open(run).tokens()
    assert [ids.tolist() for ids in found.held_out.pieces][:2] == [store[0].tolist(), store[1].tolist()]
    assert (len(found.held_out.pieces), found.held_out.left_out.total()) == (3, 0)
    asked = ["evaluate", str(run), str(tmp_path), "--json", "--keep-duplicates"]
    assert json.loads(CliRunner().invoke(main, asked).stdout)["pieces"] == 3


def test_pieces_with_unknown_tokens_are_left_out(run, tmp_path):
    (tmp_path / "a.abc").write_text(tune(50) + "\n" + BOOK)
    found = evaluate(run, tmp_path / "a.abc")
    assert (len(found.held_out.pieces), found.held_out.left_out["with tokens that the run does not know"]) == (1, 3)
    (tmp_path / "b.abc").write_text(JIG)
    with pytest.raises(CorpusError, match=r"b.abc: no piece left .*\(1 with tokens that the run"):
        evaluate(run, tmp_path / "b.abc")


def test_the_command_prints_one_table(run, tmp_path):
    (tmp_path / "some.abc").write_text("\n".join(map(tune, [1, 41, 42])))
    shown = CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"{run}: 2 pieces: 152 tokens, 128 notes\n\n")
    assert "nats a token   bits a note   of the best n-gram's\nlstm 1 x 16  " in shown.stdout
    assert "left out: 1 with a near twin among those trained on" in shown.stderr
    facts = json.loads(CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path), "--json"]).stdout)
    assert facts["losses"][0].keys() == {"model", "nats_per_token", "bits_per_note", "of_best_ngram"}
    assert "samples" not in facts
    missing = CliRunner().invoke(main, ["evaluate", str(tmp_path / "none")])
    assert (missing.exit_code, missing.output.count("\n")) == (1, 1)


def test_a_run_too_small_for_a_test_side_says_what_it_is_judged_on(tmp_path):
    (tmp_path / "two.abc").write_text("\n".join(map(tune, [1, 2])))
    train("abc", tmp_path / "two.abc", steps=4, hidden=8, layers=1, out=tmp_path / "r")
    shown = CliRunner().invoke(main, ["evaluate", str(tmp_path / "r")])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"{tmp_path / 'r'}: 1 piece of the valid side, which chose the weights: 76 tokens")


def test_samples_stand_beside_the_corpus(run):
    asked = ["evaluate", str(run), "--samples", "5", "--seed", "3"]
    facts = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)["samples"]
    assert facts.keys() == {"count", "seed", "samples", "without_grammar", "held_out", "kinds", "classifier", "novelty"}
    assert facts["classifier"] is None  # five are too few to learn from
    shares = {"valid_pieces", "sections_of_8_bars", "last_note_on_tonic", "bars_heard_again"}
    for column, pieces in (("samples", 5), ("without_grammar", 5), ("held_out", 2)):
        found = facts[column]
        assert found["pieces"] == pieces
        assert found["shares"].keys() >= shares - {"sections_of_8_bars"}
        assert found["overlaps"].keys() <= {"pitch", "duration", "section_length"}
        assert found["shares"]["valid_pieces"] == pytest.approx(1 - sum(found["faults"].values()) / pieces)
        assert all(0 <= share <= 1 for share in (*found["shares"].values(), *found["overlaps"].values()))
    assert facts["samples"]["shares"]["valid_pieces"] == 1
    assert facts["without_grammar"]["shares"]["valid_pieces"] == 0  # after twelve steps of training
    held_out = facts["held_out"]
    known = {name: held_out["shares"][name] for name in ("valid_pieces", "sections_of_8_bars", "bars_heard_again")}
    assert known == {"valid_pieces": 1, "sections_of_8_bars": 1, "bars_heard_again": 0}
    assert held_out["overlaps"]["duration"] == held_out["overlaps"]["section_length"] == 1
    assert facts["novelty"]["figures_known_share_of_trained"]["32"] == 0

    lines = CliRunner().invoke(main, asked).stdout.splitlines()
    table = lines[lines.index("", 2) + 1 :]
    assert table[0].split() == ["samples", "without", "grammar", "held", "out"]
    (valid,) = [line for line in table if line.startswith("valid pieces, %")]
    assert valid.split()[-3:] == ["100.0", "0.0", "100.0"]
    assert len({len(line) for line in table[: table.index("")] if line.strip() and "overlap" not in line}) == 1
    assert any(line.startswith("longest run of tokens shared with a piece trained on: ") for line in table)


def test_where_nothing_is_held_out_nothing_stands_there(run, monkeypatch, tmp_path):
    store, sides = Run.open(run).tokens()
    alone = replace(sides, train=sides.train + sides.valid + sides.test, valid=(), test=())
    monkeypatch.setattr(Run, "tokens", lambda _: (store, alone))
    (tmp_path / "new.abc").write_text(tune(41))
    shown = CliRunner().invoke(main, ["evaluate", str(run), str(tmp_path), "--samples", "1"])
    assert shown.exit_code == 0, shown.output
    (valid,) = [line for line in shown.stdout.splitlines() if line.startswith("valid pieces, %")]
    assert valid.split()[-1] == "-"
