"""Compare folkseq with its results at commit 8a9902c: ids, bytes, what was lost, runs, seeds, verbs and options.

Networks compute in float32, except in the commands that are named `int8` and in `evaluate`. Sums may differ in their
last bits between processors. The tests assume that none of the few hundred draws of a piece lies that close to the
border between two tokens; int8 products also assume that the processor multiplies them exactly, as AVX-512 VNNI does.
"""

import json
import re

import pytest
from commands import GOLDEN, commands, holds, invoke, surface

import folkseq

COMMANDS = {command.name: command for command in commands()}
RUNS = sorted(path.parent.name for path in GOLDEN.glob("runs/*/config.json"))
RECORDED = sorted(
    f"{command.name}/{file}"
    for command in COMMANDS.values()
    if command.line.startswith(("sample ", "fill ", "harmonise "))
    for file in command.files()
    if file.endswith((".abc", ".mid", ".musicxml", ".png"))
    and not (".abc" in command.line and file.endswith(".mid"))  # it lacks repeats and fermatas that the model read
)


@pytest.fixture(autouse=True)
def in_golden_folder(monkeypatch):
    monkeypatch.chdir(GOLDEN)


def numbers(text):
    return sorted(map(int, re.findall(r"\d+", text)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_and_writes_what_it_did(name, tmp_path):
    command = COMMANDS[name]
    result = invoke(command.arguments(tmp_path))
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == command.files()
    if "--json" in command.line:
        found = result.stdout.replace(f"{tmp_path}/", "").splitlines()
        golden = (command.folder / "stdout.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(found) == len(golden)
        for line, kept in zip(found, golden, strict=True):
            assert holds(json.loads(line), json.loads(kept))
    if command.folder.parent.name == "expected":  # what was lost and what could not be read, in whatever words
        said = result.stderr.replace(str(tmp_path), "")
        assert numbers(said) == numbers((command.folder / "stderr.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_file_is_made_again_from_its_record(name, tmp_path):
    written = GOLDEN / "written" / name
    result = invoke(["sample", "--again", f"written/{name}", "-o", str(tmp_path / written.name)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / written.name).read_bytes() == written.read_bytes()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_opens(name):
    assert folkseq.load(f"runs/{name}") is not None
    assert invoke(["inspect", f"runs/{name}", "--json"]).exit_code == 0


def test_no_verb_option_or_public_name_is_gone():
    found, golden = surface(), json.loads((GOLDEN / "verbs.json").read_text(encoding="utf-8"))
    assert set(golden["library"]) <= set(found["library"])
    for verb, kept in golden["verbs"].items():
        assert found["verbs"][verb]["arguments"] == kept["arguments"], verb
        options = [set(names.split()) for names in found["verbs"][verb]["options"]]
        for names in kept["options"]:
            assert any(set(names.split()) <= option for option in options), f"{verb} {names}"
