"""`folkseq train --from`: a run that starts from the weights of another."""

import pytest
from click.testing import CliRunner

from folkseq.cli import main
from folkseq.music.grid import Grid
from folkseq.representations.packed import PackedRepresentation
from folkseq.run import Run

BASE = ["DEFG ABcd", "dcBA GFED", "DFAd fdAF", "GBdg dBGB", "EFGA Bcde", "ABcd efga", "FAdf AdfA", "BGDG BGDG"]
OWN = ["D>EFG A>Bcd", "d>cBA G>FED", "D>FAd f>dAF", "G>Bdg d>BGB"]


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def book(bars, rhythm):
    header = f"R:{rhythm}\nM:4/4\nL:1/8\nK:D"
    turns = (bars[turn:] + bars[:turn] for turn in range(len(bars)))
    return "\n".join(f"X:{number}\nT:{number}\n{header}\n{'|'.join(tune)}|]\n" for number, tune in enumerate(turns, 1))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    (folder / "base.abc").write_text(book(BASE, "reel"))
    sizes = ["--steps", 60, "--hidden", 24, "--layers", 1, "--threads", 1]
    result = invoke("train", "abc", folder / "base.abc", *sizes, "-o", folder / "run")
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.abc").write_text(book(OWN, "strathspey"))
    return tmp_path / "own.abc"


def test_a_run_starts_from_the_weights_of_another(base, own, tmp_path):
    result = invoke("train", "abc", own, "--from", base, "--steps", 30, "--threads", 1, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "starts from run (" in result.stderr
    assert "are new and start from the mean of the others: D>" not in result.stderr  # tokens, not bars
    assert "R:strathspey" in result.stderr
    run, old = Run.open(tmp_path / "run"), Run.open(base)
    assert run.config.base == f"run ({old.weights_digest()})"
    assert set(old.vocabulary.tokens) < set(run.vocabulary.tokens)
    assert (run.config.model.hidden, run.config.model.layers) == (24, 1)
    store = run.tokens()[0]
    tokens = run.vocabulary.decode(store[0].tolist())
    assert "R:strathspey" in tokens
    assert max(run.vocabulary.id(token) for token in tokens) < len(run.vocabulary)
    first = next(line["event"] for line in run.metrics.lines() if "event" in line)
    assert float(first.split()[-1]) >= run.config.figures["heldout_nll"]
    assert not (tmp_path / "run" / "state" / "start.safetensors").exists()


def test_the_weights_of_the_start_are_the_result_if_nothing_better_is_learned(base, tmp_path):
    own = base.parent / "base.abc"
    result = invoke("train", "abc", own, "--from", base, "--steps", 1, "--threads", 1, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    new, old = Run.open(tmp_path / "run").config.figures, Run.open(base).config.figures
    assert new["heldout_nll"] <= old["heldout_nll"] + 1e-6


def test_a_run_resumes_only_from_its_own_start(base, own, tmp_path):
    asked = ["train", "abc", own, "--steps", 8, "--threads", 1, "-o", tmp_path / "run"]
    assert invoke(*asked, "--from", base).exit_code == 0
    assert invoke(*asked, "--from", base, "--resume").exit_code == 0
    result = invoke(*asked, "--resume")
    assert result.exit_code == 1
    assert "it started from run (" in result.stderr
    assert "not from random weights" in result.stderr


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["abc", "--hidden", "32"], "--hidden: {base} has 24, which stays as it is; leave it out"),
        (["abc", "--task", "fill"], "--from {base}: was trained to continue; add --task continue"),
        (["char"], "--from {base}: was trained as abc, not as char; name that"),
    ],
)
def test_what_the_start_does_not_have_is_refused(base, own, asked, message):
    representation, *options = asked
    result = invoke("train", representation, own, "--from", base, *options, "-o", own.parent / "run")
    assert result.exit_code == 1
    assert result.stderr.rstrip() == f"folkseq: {message.format(base=base)}"
    assert not (own.parent / "run").exists()


def test_a_table_may_hold_new_labels_but_must_have_the_columns(tmp_path):
    (tmp_path / "a.csv").write_text("lead,bass\n" + "FT,ST\nST,FT\n" * 40)
    (tmp_path / "b.csv").write_text("lead,bass\n" + "FT,ST\nNN,FT\n" * 40)
    for name, start in (("a", []), ("b", ["--from", tmp_path / "run-a"])):
        sizes = ["--steps", 20, "--threads", 1, "--out", tmp_path / f"run-{name}"] + ([] if start else ["--hidden", 16])
        result = invoke("train", "packed", tmp_path / f"{name}.csv", *start, *sizes)
        assert result.exit_code == 0, result.output
    assert {"lead=NN", "lead=ST"} <= set(Run.open(tmp_path / "run-b").vocabulary.tokens)
    assert invoke("sample", tmp_path / "run-b", "--json", "--steps", 8, "-o", tmp_path).exit_code == 0
    (tmp_path / "c.csv").write_text("lead,drum\n" + "FT,ST\nNN,FT\n" * 40)
    result = invoke("train", "packed", tmp_path / "c.csv", "--from", tmp_path / "run-a", "-o", tmp_path / "run-c")
    assert result.exit_code == 1
    assert "bass" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "run-c").exists()


def test_voices_start_from_those_of_other_pitches(tmp_path):
    """The pitches of the second corpus are new; the third has pitches that are struck again, which the start lacks."""
    voices, name_of = PackedRepresentation(grid="voices"), "packed:grid=voices,position=true"
    for name, lowest in (("a", 60), ("b", 63), ("c", 60)):
        for number in range(4):
            rows = [(str(lowest + step * (number + 1) // 4 % 5), str(lowest - 12)) for step in range(96)]
            if name == "c":
                rows = [(cell, bass + "'" * (step % 8 == 4)) for step, (cell, bass) in enumerate(rows)]
            file = tmp_path / name / f"{number}.mid"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(voices.files.format(Grid(("1", "2"), tuple(rows)), ".mid"))
    sizes = ["--steps", 20, "--threads", 1]
    for name, start in (("a", ["--hidden", 16]), ("b", ["--from", tmp_path / "run-a"])):
        result = invoke("train", name_of, tmp_path / name, *start, *sizes, "-o", tmp_path / f"run-{name}")
        assert result.exit_code == 0, result.output
    assert invoke("sample", tmp_path / "run-b", "--json", "--bars", 2, "-o", tmp_path).exit_code == 0
    result = invoke("train", name_of, tmp_path / "c", "--from", tmp_path / "run-a", "-o", tmp_path / "run-c")
    assert result.exit_code == 1
    assert "labels that the model cannot read" in result.stderr.splitlines()[-1]
