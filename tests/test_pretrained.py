"""The models that come with folkseq: they are small, described, and take the place of a run."""

import json
import re
import shutil
import zlib
from pathlib import Path

import pytest
from book import JIG
from click.testing import CliRunner

import folkseq
from folkseq import pretrained
from folkseq.cli import main
from folkseq.formats import midi
from folkseq.run import Run

MELODY = "X:1\nM:4/4\nL:1/4\nK:G\nD|GABc|Hd4|cBAA|HG3|]\n"


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, without runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_models_are_small_and_hold_no_corpus():
    names = [folder.name for folder in pretrained.folders()]
    assert names == ["tunes", "fill", "chorales", "drums", "piano"]
    files = [path for folder in pretrained.folders() for path in folder.rglob("*") if path.is_file()]
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) < 24e6  # a wheel is compressed
    assert not {"ids.npy", "keys.npy", "last.safetensors"} & {path.name for path in files}


@pytest.mark.parametrize("folder", pretrained.folders(), ids=lambda folder: folder.name)
def test_a_card_says_what_it_was_trained_on_and_how_good_it_is(folder):
    card = (folder / pretrained.CARD).read_text(encoding="utf-8")
    assert "$" not in card
    assert {"Training data", "Training", "Figures", "Limits"} <= set(re.findall(r"^## (.*)", card, re.MULTILINE))
    figures = Run.open(folder).config.figures
    assert f"Held-out loss {figures['heldout_nll']:.3f} nats per token" in card
    listed = [json.loads(line) for line in invoke("models", "--json").stdout.splitlines()]
    (own,) = (model for model in listed if model["name"] == folder.name)
    assert own["licence"]
    assert own["data"] in card
    assert invoke("models", folder.name).stdout.startswith(f"# {folder.name}\n")


def test_a_tune_needs_no_run(here):
    result = invoke("sample", "--seed", 3, "-o", "tunes", "--format", "abc,mid")
    written = sorted(path.suffix for path in (here / "tunes").iterdir())
    assert written == [".abc", ".mid"]
    (tune,) = (here / "tunes").glob("*.abc")
    assert '"run": "tunes"' in tune.read_text()
    again = invoke("sample", "--again", tune, "-o", "again.abc")  # the folder `tunes` is no run
    assert (here / "again.abc").read_bytes() == tune.read_bytes(), again.output
    assert invoke("sample", "--model", "tunes", "--seed", 3, "-o", "named.abc").stderr == result.stderr
    assert (here / "named.abc").read_bytes() == tune.read_bytes()


def test_new_pieces_never_go_into_the_package(here):
    invoke("sample", "--seed", 3, "--format", "abc")
    assert len(list((here / "samples").iterdir())) == 1


def test_a_model_is_chosen_by_what_is_asked_for(here):
    assert json.loads(invoke("sample", "--bars", 2, "--model", "drums", "--json").stdout)["record"]["run"] == "drums"
    assert json.loads(invoke("sample", "--steps", 16, "--json").stdout)["record"]["run"] == "drums"


def test_bars_are_filled_and_melodies_harmonised_without_a_run(here):
    (here / "tune.abc").write_text(JIG)
    invoke("fill", "tune.abc", "--bars", "2-3", "-o", "filled.abc")
    filled = (here / "filled.abc").read_text()
    assert '"run": "fill"' in filled
    assert filled.splitlines()[-1] == JIG.splitlines()[-1]
    (here / "melody.abc").write_text(MELODY)
    invoke("harmonise", "melody.abc", "-o", "chorale.mid")
    performance, _, _ = midi.parse((here / "chorale.mid").read_bytes(), "chorale.mid")
    assert len([track for track in performance.tracks if len(track.notes)]) == 4


def test_a_run_of_that_name_comes_first(here):
    shutil.copytree(pretrained.find("drums"), here / "tunes")
    assert Run.open("tunes").config.representation.startswith("packed")
    assert Run.open("fill").config.task == "fill"


def test_two_names_for_a_model_are_refused():
    result = CliRunner().invoke(main, ["sample", "tunes", "--model", "drums"])
    assert result.exit_code == 1
    assert "leave one of them out" in result.stderr


def test_an_unknown_model_is_one_line():
    result = CliRunner().invoke(main, ["models", "fiddle"])
    assert result.exit_code == 1
    assert re.fullmatch(r"folkseq: fiddle: is not a pretrained model; they are .*tunes.*\n", result.stderr)


@pytest.mark.slow
def test_the_corpus_of_a_model_is_built_again_where_it_is_needed(here, monkeypatch):
    pytest.importorskip("music21")
    monkeypatch.setenv("FOLKSEQ_CACHE", str(here / "cache"))
    asked = ("sample", "tunes", "-n", 3, "--max-copy", 8, "--best", 3, "--seed", 5)
    invoke(*asked, "-o", "before.abc")
    figures = json.loads(invoke("evaluate", "--model", "tunes", "--json", "-q").stdout)
    (own,) = (loss for loss in figures["losses"] if loss["model"].startswith("float32"))
    assert own["nats_per_token"] == pytest.approx(Run.open("tunes").config.figures["test_nll"], abs=2e-3)
    assert Run.open("tunes").has_tokens
    invoke(*asked, "-o", "after.abc")
    assert (here / "after.abc").read_bytes() == (here / "before.abc").read_bytes()
    assert "^" in invoke("check", "after.abc", "--against", "tunes").stdout


def test_a_model_without_a_corpus_that_can_be_built_says_so():
    result = CliRunner().invoke(main, ["evaluate", "--model", "drums"])
    assert result.exit_code == 1
    assert result.stderr.startswith("folkseq: drums: comes without its corpus, which this needs")


def test_the_names_of_the_models_are_where_the_library_finds_them():
    assert folkseq.load("drums").run.folder == Path(pretrained.__file__).parent / "drums"
