"""The facts about an installation."""

import json
import re

import pytest
from click.testing import CliRunner

from folkseq import extensions
from folkseq.cli import main
from folkseq.errors import RequestError
from folkseq.verbs import doctor as module
from folkseq.verbs.doctor import doctor


def test_it_names_versions_engine_cache_and_sound(tmp_path, monkeypatch):
    monkeypatch.setenv("FOLKSEQ_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "entry").mkdir(parents=True)
    (tmp_path / "cache" / "entry" / "ids").write_bytes(bytes(3_000_000))
    facts = doctor()
    assert re.search(r"onnxruntime \d+\.\d+", facts["core"])
    assert re.match(r"\d+ threads, with .*CPU", facts["engine"])
    assert facts["cache"].startswith(f"{tmp_path / 'cache'}, 3 MB in 1 entries")
    assert re.match(r"plays .*\.sf2, \d+ Hz", facts["sound"])
    assert {"abc", "performance"} <= set(facts["represents"].split(", "))
    assert all("\n" not in fact for fact in facts.values())


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(module, "EXTRAS", {"no_such_module": "plot", "click": "train"})
    facts = doctor()
    assert facts["extra plot"] == "missing: no_such_module; run: pip install 'folkseq[plot]'"
    assert facts["extra train"].startswith("click ")


@pytest.mark.parametrize("error", [RequestError("no soundfont"), RuntimeError("no\nsoundfont")])
def test_what_fails_does_not_hide_the_rest(monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(module.audio, "render", broken)
    facts = doctor()
    assert facts["sound"].startswith("fails: ")
    assert facts["sound"].endswith("no soundfont")
    assert "extra train" in facts


def test_the_verb_prints_a_line_per_topic_or_json():
    assert "doctor" in main.list_commands(None)
    lines = CliRunner().invoke(main, ["doctor"]).stdout.splitlines()
    facts = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    assert [line.split("  ")[0] for line in lines] == list(facts)
    assert facts["verbs"].split(", ") == list(extensions.installed("verbs"))
