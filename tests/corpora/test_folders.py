"""Corpora that are folders: they are what they claim to be, and a model finds the rule of a generated one."""

import io
import json
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from folkseq.cli import main
from folkseq.corpora.named import FOLDERS, chorales, ensemble, locate, picture

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_information_of_the_ensemble_is_that_of_its_gestures():
    gestures = ensemble.performance(100_000, np.random.default_rng(0))
    counts = Counter(zip(*(gestures[:-1, [0, 1]].T.tolist()), *(gestures[1:, [0, 1]].T.tolist()), strict=True))

    def entropy(given):
        """Of a follower's gesture, in bits, by what is known."""
        joint, known = Counter(), Counter()
        for (leader_before, own_before, leader, own), count in counts.items():
            what = given(leader_before, own_before, leader)
            joint[what, own] += count
            known[what] += count
        return -sum(count * math.log2(count / known[what]) for (what, _), count in joint.items()) / sum(known.values())

    blind = entropy(lambda before, own, leader: (before, own))
    hearing = entropy(lambda before, own, leader: (leader, own))
    assert blind - hearing == pytest.approx(ensemble.information(), abs=0.01)


def test_folders_have_the_same_bytes_each_time(monkeypatch):
    some = chorales._scores()[::40]  # all take half a minute
    monkeypatch.setattr(chorales, "_scores", lambda: some)
    for name, corpus in FOLDERS.items():
        first, second = corpus.make(), corpus.make()
        assert first, name
        assert first == second, name


def test_a_folder_is_built_when_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reports = []
    (tmp_path / "corpora").mkdir()
    folder = locate(tmp_path / "corpora" / "picture", reports.append)
    assert [report.summary for report in reports] == [f"{picture.PICTURES} pictures, made up"]
    with Image.open(folder / "01.png") as image:
        assert image.size == (48, 48)
    result = CliRunner().invoke(main, ["corpus", "ensemble", "--json"])
    assert json.loads(result.stdout) == {"file": "corpora/ensemble", "files": ensemble.PERFORMANCES}


def test_training_on_a_file_imports_no_named_corpus():
    code = (
        "import sys; from pathlib import Path; import folkseq.verbs.train; from folkseq.corpora.named import locate;"
        "locate(Path('.'));"
        "print(*[name for name in sys.modules if name.startswith('folkseq.corpora.named.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["folkseq.corpora.named.folders"]


def test_a_tartan_is_a_twill_of_mirrored_stripes():
    with Image.open(io.BytesIO(FOLDERS["picture"].make()["01.png"])) as image:
        pixels = np.asarray(image.convert("RGB"), np.int64) @ [1 << 16, 1 << 8, 1]
    shown = (np.add.outer(np.arange(48), np.arange(48)) % 4) < 2
    for column in range(48):
        assert len(np.unique(pixels[shown[:, column], column])) == 1  # the thread across that is down this column


@pytest.mark.slow
def test_a_model_of_the_ensemble_learns_nine_tenths_of_what_there_is_to_hear(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "packed", "corpora/ensemble", "--steps", "700", "--hidden", "192", "-q", "-o", "run"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    found = json.loads(CliRunner().invoke(main, ["evaluate", "run", "--json"]).stdout)
    followers = [player for player in found["players"] if not player["leads"]]
    heard = [player["unheard_bits"] - player["bits"] for player in followers]
    assert sum(heard) > 0.9 * len(heard) * ensemble.information()
    assert all(player["bits"] < player["markov_bits"] for player in followers)
    assert all(player["other_lead_bits"] > player["bits"] + 1 for player in followers)
