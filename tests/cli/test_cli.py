"""The command line as a user meets it: real commands on real files, and one line for everything that can be mended."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from book import BOOK, JIG
from click.testing import CliRunner
from performances import take

import folkseq
from folkseq.cli import main
from folkseq.errors import RequestError
from folkseq.formats import abc, midi
from folkseq.run import Run
from folkseq.verbs.model import load


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of eight tunes, trained for two dozen steps."""
    folder = tmp_path_factory.mktemp("run")
    book = folder / "book.abc"
    tunes = [f"X:{n}\nT:Tune {n}\nR:reel\nM:4/4\nL:1/8\nK:D\n{bars}|]\n" for n, bars in enumerate(_bars(), 1)]
    book.write_text("\n".join([*tunes, BOOK]))
    result = CliRunner().invoke(
        main,
        ["train", "abc", str(book), "--steps", "24", "--hidden", "32", "--layers", "1", "--out", str(folder / "r")],
    )
    assert result.exit_code == 0, result.output
    return folder / "r"


def _bars():
    scale = "DEFGABcd"
    for turn in range(5):
        yield "|".join(" ".join(scale[(turn * 3 + bar * 2 + step) % 8] for step in range(8)) for bar in range(8))


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_what_rambles_is_written_anew_and_again(run):
    model = load(run)
    longest = max(400, *np.diff(model.run.tokens()[0].offsets))  # of eight tunes
    pieces = list(model.sample(12, seed=1))
    draws = [(piece.record.draw or piece.index) - 1 for piece in pieces]
    assert any(draw != place for place, draw in enumerate(draws))  # such a model rambles
    for place, (piece, draw) in enumerate(zip(pieces, draws, strict=True)):
        assert draw % (1 << 40) == place
        assert len(piece.tokens) <= longest or draw >> 40 == 8
    assert [piece.tokens for piece in model.again([piece.record for piece in pieces])] == [p.tokens for p in pieces]
    assert [piece.tokens for piece in model.sample(3, seed=1)] == [piece.tokens for piece in pieces[:3]]
    streamed = [event.token for event in model.stream(12, seed=1) if event.index == 12]
    assert streamed == list(pieces[11].tokens)
    assert all(piece.record.draw is None for piece in model.sample(12, seed=1, limit=300))


def test_a_file_of_many_tunes_is_named_once(run, tmp_path):
    result = invoke("sample", run, "-n", 25, "-o", tmp_path / "set.abc", "--seed", 1, "--best", 2)
    assert result.stdout.splitlines() == [str(tmp_path / "set.abc")]
    said = result.stderr.splitlines()
    assert len(said) == 1 + 2 * 20 + 1
    assert re.fullmatch(r"25 pieces: (new|copy|not judged|nothing unusual|long passage|variant) \d+.*", said[-1])


def test_a_sampled_tune_shows_itself_in_a_notebook(run):
    (piece,) = load(run).sample(1, seed=1)
    html = piece._repr_html_()
    assert 'src="data:image/svg+xml;base64,' in html
    assert 'src="data:audio/ogg;base64,' in html
    assert f'title="{piece.title}"' in html


def test_sample_writes_complete_tunes(run, tmp_path):
    result = invoke("sample", run, "-n", 3, "-o", tmp_path, "--seed", 7, "--key", "D", "--meter", "4/4")
    assert result.exit_code == 0, result.output
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"reel-7-{number}.{suffix}" for number in (1, 2, 3) for suffix in ("abc", "mid")]
    text = (tmp_path / "reel-7-2.abc").read_text()
    for field in ("X:1\n", "T:Reel 7-2\n", "R:reel\n", "M:4/4\n", "L:1/8\n", "K:D", "seed 7, piece 2, temperature 1"):
        assert field in text
    (tune,) = abc.read(tmp_path / "reel-7-2.abc").tunes
    performance = midi.parse((tmp_path / "reel-7-2.mid").read_bytes()).performance
    assert performance.name == tune.title


def test_a_new_tune_has_a_title_like_those_of_the_corpus_and_its_files_have_its_name(run, tmp_path):
    titles = ["The Maid of the Mill", "The Maid of the Glen", "The Rose of the Glen", "Ann's Fancy", "Una's Reel"]
    named = tmp_path / "named"
    shutil.copytree(run, named)
    Run.open(named).write_titles([[title] for title in titles])
    (tmp_path / "plain").mkdir()
    invoke("sample", run, "-n", 4, "--seed", 7, "-o", tmp_path / "plain")
    assert invoke("sample", named, "-n", 4, "--seed", 7, "--format", "abc", "-o", tmp_path / "new").exit_code == 0
    found = {file.name: abc.read(file).tunes[0] for file in sorted((tmp_path / "new").iterdir())}
    new = {tune.title for tune in found.values()}
    assert "The Rose of the Mill" in new
    assert new.isdisjoint(titles)
    assert len(new) == 4
    for name, tune in found.items():
        assert name.startswith(tune.title.lower().replace(" ", "-").replace("'", "").removesuffix("-7-4"))
        number = name.removesuffix(".abc")[-3:]
        (plain,) = (tmp_path / "plain").glob(f"*-{number}.abc")
        assert replace(abc.read(plain).tunes[0], titles=tune.titles) == tune
        out = tmp_path / "again" / name
        assert invoke("sample", named, "--again", tmp_path / "new" / name, "-o", out).exit_code == 0
        assert out.read_bytes() == (tmp_path / "new" / name).read_bytes()


def test_a_seed_that_is_drawn_is_short(run):
    assert all(1000 <= load(run).record().seed < 100_000 for _ in range(20))


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    for out in ("a", "b"):
        invoke("sample", run, "-n", 2, "-o", tmp_path / out, "--seed", 3, "--temperature", 0.8, "--top-p", 0.95)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_tune_whose_range_was_drawn_otherwise_is_not_made_again(run, tmp_path):
    invoke("sample", run, "--seed", 7, "-o", tmp_path / "new.abc")
    text = (tmp_path / "new.abc").read_text()
    assert '"target": 5' in text
    (tmp_path / "old.abc").write_text(text.replace(', "target": 5', ""))
    result = invoke("sample", run, "--again", tmp_path / "old.abc", "-o", tmp_path / "copy.abc")
    assert result.exit_code == 1
    assert "seed 7 cannot be used: another version of folkseq drew it, within other ranges" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "copy.abc").exists()


def test_a_piece_is_made_again_from_its_own_file(run, tmp_path):
    """By itself, as it came out of a batch, whatever was asked of it; and a whole book."""
    prime = tmp_path / "prime.abc"
    prime.write_text("X:1\nR:reel\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|EF")
    for number, asked in enumerate(
        [
            ["--temperature", "0.5-1.5", "--top-k", 9, "--min-p", 0.01, "--precision", "float32"],
            ["--key", "D", "--meter", "4/4", "--bars", 8, "--form", "AABB", "--max-copy", 12, "--limit", 900],
            ["--prime", prime, "--best", 3],
            ["--prime", "K:D\nDEFG ABcd|\n", "--no-grammar", "--limit", 200],
        ]
    ):
        out, again = tmp_path / f"out{number}", tmp_path / f"again{number}"
        result = invoke("sample", run, "-n", 3, "--seed", 11, "-o", out, *asked)
        assert result.exit_code == 0, result.output
        for file in sorted(out.iterdir()):
            made = invoke("sample", run, "--again", file, "-o", again, "--format", file.suffix[1:])
            assert made.exit_code == 0, made.output
            assert (again / file.name).read_bytes() == file.read_bytes()
    assert (
        "seed 11, piece 2, temperature 0.5-1.5, repeating 0.75, top-k 9, min-p 0.01, precision float32\n"
        in next((tmp_path / "out0").glob("*-11-2.abc")).read_text()
    )
    book, copy = tmp_path / "book.abc", tmp_path / "copy.abc"
    invoke("sample", run, "-n", 3, "-o", book, "--seed", 1)
    assert invoke("sample", run, "--again", book, "-o", copy).exit_code == 0
    assert copy.read_bytes() == book.read_bytes()


def test_a_file_is_made_again_by_the_run_that_wrote_it_alone(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prime = tmp_path / "prime.abc"
    prime.write_text("X:1\nR:reel\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|EF")
    invoke("sample", run, "-o", "tune.abc", "--seed", 1)
    invoke("sample", run, "-o", "primed.abc", "--seed", 1, "--prime", prime)
    Path("mine.abc").write_text(JIG)
    asked = ("sample", run, "-o", "again.abc", "--again")
    assert "mine.abc: holds no record" in invoke(*asked, "mine.abc").stderr
    assert "none.abc: cannot be read" in invoke(*asked, "none.abc").stderr
    assert "is not under runs/; name its folder" in invoke("sample", "--again", "tune.abc").stderr
    Path("runs").mkdir()
    Path("runs", "moved").symlink_to(run)
    assert invoke("sample", "--again", "tune.abc", "-o", "again.abc").exit_code == 0
    assert Path("again.abc").read_bytes() == Path("tune.abc").read_bytes()
    text = Path("tune.abc").read_text()
    Path("other.abc").write_text(text.replace('"weights": "', '"weights": "0'))
    assert "did not write it, but the run r (weights 0" in invoke(*asked, "other.abc").stderr
    Path("damaged.abc").write_text(text.replace('"index": 1', '"index": 1, "bars": "8"'))
    assert "the record of seed 1 cannot be used" in invoke(*asked, "damaged.abc").stderr
    Path("damaged.abc").write_text(text.replace('"index": 1', '"index": 1, "key": 1'))
    assert "the record of seed 1 cannot be used" in invoke(*asked, "damaged.abc").stderr
    for wrong in (
        '"place": 1',
        '"index": 1, "temperature": [1]',
        '"index": 1, "temperature": [1, 2, 3]',
        '"index": -1',
        '"index": 1, "temperature": "hot"',
        '"index": 1, "top_k": [3]',
    ):
        Path("damaged.abc").write_text(text.replace('"index": 1', wrong))
        assert "damaged.abc: its record is damaged" in invoke(*asked, "damaged.abc").stderr
    Path("runs", "broken").mkdir()
    Path("runs", "broken", "config.json").write_text("{}")
    assert invoke("sample", "--again", "tune.abc", "-o", "again.abc").exit_code == 0
    prime.write_text(prime.read_text() + "G")
    assert "prime.abc: is not the file that the piece continues" in invoke(*asked, "primed.abc").stderr


def test_a_file_that_is_there_is_left_as_it_is(run, tmp_path):
    book = tmp_path / "set.abc"
    book.write_text(JIG)
    result = invoke("sample", run, "-n", 2, "--seed", 1, "-o", book)
    assert result.stdout == f"{tmp_path / 'set-2.abc'}\n"
    assert f"{book}: is left as it is, since it exists already" in result.stderr
    assert book.read_text() == JIG
    made = (tmp_path / "set-2.abc").read_bytes()
    result = invoke("sample", run, "-n", 2, "--seed", 1, "-o", tmp_path / "set-2.abc")
    assert result.stdout == f"{tmp_path / 'set-2.abc'}\n"  # the same bytes
    assert (tmp_path / "set-2.abc").read_bytes() == made


def test_the_newest_run_that_fits_is_used(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    golden = Path(__file__).parents[1] / "golden" / "runs"
    for age, name in enumerate(("abc", "performance", "abc-fill", "band")):  # the oldest first
        shutil.copytree(golden / name, Path("runs", name))
        os.utime(Path("runs", name, "config.json"), (1000 + age, 1000 + age))

    def used(*arguments):
        result = invoke("sample", *arguments, "-o", "out", "--seed", 1, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)["record"]["run"]

    assert used() == "band"
    assert used("--seconds", 2) == "performance"
    assert used("--key", "D") == "abc"
    assert used("--format", "abc") == "abc"
    assert "there is no run for --bpm, --key under runs/" in invoke("sample", "--key", "D", "--bpm", 90).stderr


def test_tokens_come_one_by_one_and_are_those_of_the_files(run, tmp_path):
    tokens = [
        json.loads(line)["tokens"]
        for line in invoke(
            "sample", run, "-n", 2, "--seed", 5, "-o", tmp_path, "--json", "--key", "D"
        ).stdout.splitlines()
    ]
    streamed = invoke("sample", run, "-n", 2, "--seed", 5, "--key", "D", "--stream")
    assert [line.split() for line in streamed.stdout.splitlines()] == tokens
    events = [json.loads(line) for line in invoke("sample", run, "--seed", 5, "--stream", "--json").stdout.splitlines()]
    assert events[0] == {"index": 1, "place": 0, "token": "<s>"}
    assert [event["place"] for event in events] == list(range(len(events)))
    formed = invoke("sample", run, "--seed", 5, "--bars", 8, "--json", "-o", tmp_path)
    streamed = invoke("sample", run, "--seed", 5, "--bars", 8, "--stream")
    assert streamed.stdout.split() == json.loads(formed.stdout)["tokens"]
    first = next(folkseq.stream(run, seed=5, key="D"))
    assert (first.index, first.place, first.token) == (1, 0, "<s>")


def test_the_best_of_several_is_kept_and_its_score_told(run, tmp_path):
    every = [
        json.loads(line)
        for line in invoke("sample", run, "-n", 6, "--seed", 2, "-o", tmp_path, "--json").stdout.splitlines()
    ]
    best = invoke("sample", run, "-n", 2, "--best", 3, "--seed", 2, "-o", tmp_path, "--json")
    kept = [json.loads(line) for line in best.stdout.splitlines()]
    assert [fact["index"] for fact in kept] == [1, 2]
    draws = [fact["record"].get("draw", fact["index"]) % (1 << 40) for fact in kept]  # one that rambled has another
    for draw, part in zip(draws, (every[:3], every[3:]), strict=True):  # scores are told in four digits, and may tie
        assert {fact["index"]: fact["score"] for fact in part}[draw] == max(fact["score"] for fact in part)
    assert kept[0]["merits"].keys() == {"likelihood", "novelty", "tonic", "figures"}
    assert kept[0]["score"] == pytest.approx(sum(kept[0]["merits"].values()) / 4, abs=1e-3)
    assert "best of 3: " in best.stderr


@pytest.mark.slow
def test_a_run_that_copies_is_held_to_a_limit(tmp_path):
    """Ten tunes of the same few phrases, so alike that none is held out, and a model that is trained for too long."""
    book, run = tmp_path / "book.abc", tmp_path / "run"
    letters = ["C", "D", "E", "F", "G", "A", "B", "c", "d", "e", "f", "g"]
    drawn = random.Random(3)
    phrases = ["|".join("".join(drawn.choices(letters, k=8)) for _ in range(4)) for _ in range(6)]
    tunes = [f"X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:C\n{'|'.join(drawn.sample(phrases, 5))}|]\n" for n in range(1, 11)]
    book.write_text("\n".join(tunes))
    invoke("train", "abc", book, "--steps", 500, "--hidden", 96, "--layers", 1, "--out", run)
    told = invoke("sample", run, "-n", 6, "--seed", 4, "-o", tmp_path, "--json")
    free = [json.loads(line)["copied"] for line in told.stdout.splitlines()]
    limited = invoke("sample", run, "-n", 6, "--seed", 4, "-o", tmp_path, "--json", "--max-copy", 16)
    held = [json.loads(line)["copied"] for line in limited.stdout.splitlines()]
    assert max(copied["tokens"] for copied in free) > 24
    assert max(copied["tokens"] for copied in held) <= 16
    assert all(copied["source"].startswith("book.abc X:") for copied in free)
    verdicts = [json.loads(line)["verdict"] for line in told.stdout.splitlines()]
    assert {verdict["kind"] for verdict in verdicts} <= {"copy", "unknown"}  # ten tunes are too few for a scale
    assert all(verdict["words"] in told.stderr for verdict in verdicts)


def test_json_is_one_object_a_line(run, tmp_path):
    lines = invoke("sample", run, "-n", 2, "-o", tmp_path, "--seed", 1, "--json").stdout.splitlines()
    facts = [json.loads(line) for line in lines]
    assert [fact["index"] for fact in facts] == [1, 2]
    assert facts[0]["seed"] == 1
    assert facts[0]["tokens"][0] == "<s>"
    assert all(Path(file).exists() for fact in facts for file in fact["files"])


def test_a_prime_is_continued_in_its_own_key(run, tmp_path):
    prime = tmp_path / "prime.abc"
    prime.write_text("X:1\nR:reel\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|EF")
    result = invoke("sample", run, "-o", tmp_path / "out.abc", "--seed", 1, "--prime", prime)
    assert result.exit_code == 0, result.output
    (tune,) = abc.read(tmp_path / "out.abc").tunes
    (given,) = abc.read(prime).tunes
    assert tune.body[:11] == given.body
    assert str(tune.key) == "Dmaj"


def test_what_a_prime_loses_is_reported(run, tmp_path):
    prime = tmp_path / "prime.abc"
    prime.write_text('X:1\nR:reel\nM:4/4\nL:1/8\nK:D\n"D"DEFG ABcd|EF')
    result = invoke("sample", run, "-o", tmp_path / "out.abc", "--seed", 1, "--prime", prime)
    assert result.exit_code == 0, result.output
    assert f"{prime}: lost: chord symbol 1" in result.stderr
    result = invoke("sample", run, "--stream", "--seed", 1, "--prime", 'K:D\n"D"DEFG ABcd|')
    assert "the prime: lost: chord symbol 1" in result.stderr


def test_a_midi_file_that_keeps_time_is_a_prime_too(run, tmp_path):
    prime, out = tmp_path / "prime.abc", tmp_path / "out.abc"
    prime.write_text("X:1\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|EFGA B2\n")
    assert invoke("convert", prime, tmp_path / "prime.mid").exit_code == 0
    result = invoke("sample", run, "-o", out, "--seed", 1, "--prime", tmp_path / "prime.mid")
    assert result.exit_code == 0, result.output
    assert "K:Dmaj\nDEFG ABcd | EFGA B2" in out.read_text()
    (tmp_path / "free.mid").write_bytes(midi.format(take(1)))
    said = invoke("sample", run, "-o", out, "--prime", tmp_path / "free.mid").stderr
    assert said.startswith("folkseq: ")
    assert said.count("\n") == 1


def test_a_prime_takes_what_is_asked_and_its_own_key(run, tmp_path):
    for number, (arguments, fields) in enumerate(
        [
            (["--prime", "[K:D]DEFG A2d2|"], ("K:Dmaj\nDEFG A2d2 |", "M:4/4")),
            (
                ["--prime", "DEFG A2d2|", "--key", "D", "--meter", "4/4", "--rhythm", "reel"],
                ("K:Dmaj\nDEFG A2d2 |", "R:reel"),
            ),
            (["--prime", "DEFG [DF]2"], ("K:Cmaj\nDEFG [DF]2",)),
        ]
    ):
        out = tmp_path / f"{number}.abc"
        assert invoke("sample", run, "-o", out, "--seed", 1, *arguments).exit_code == 0
        assert all(field in out.read_text() for field in fields), (arguments, out.read_text())


def test_a_tune_of_the_same_seed_is_not_replaced_by_another(run, tmp_path):
    for temperature in (1, 0.5, 1):
        asked = ["--seed", 1, "--temperature", temperature, "--rhythm", "reel", "--format", "abc"]
        invoke("sample", run, "-o", tmp_path, *asked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reel-1-1-2.abc", "reel-1-1.abc"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"seed": -1}, "--seed must be at least 0"),
        ({"seed": 2**64}, "--seed must be at least 0"),
        ({"temperature": (1.0,)}, "--temperature must be"),
        ({"temperature": "hot"}, "--temperature must be"),
    ],
)
def test_what_python_asks_is_refused_as_what_the_command_line_asks(run, asked, why):
    with pytest.raises(RequestError, match=why):
        load(run).sample(1, **asked)


def test_help_shows_the_two_commands_a_line_each():
    assert "\n  folkseq train abc corpora/folk.abc     train" in invoke("--help").stdout


def test_what_cannot_be_played_is_told_and_the_rest_goes_on(run, tmp_path, monkeypatch):
    """Without its grammar a model may write a tune in which nothing sounds, or break off anywhere."""
    from folkseq.music.playback import perform

    (first,) = load(run).sample(1, seed=1, grammar=False, limit=60)

    def once(piece, **asked):
        if piece == first.piece:
            raise ValueError("a tune without a note or rest cannot be played")
        return perform(piece, **asked)

    monkeypatch.setattr("folkseq.formats.tunes.perform", once)
    asked = ("sample", run, "-n", 3, "-o", tmp_path, "--seed", 1, "--no-grammar", "--limit", 60)
    result = invoke(*asked, "--format", "mid")
    assert result.exit_code == 0, result.output
    assert [name[-8:] for name in result.stdout.splitlines()] == ["-1-2.mid", "-1-3.mid"]
    assert "not written, since it holds no sound" in result.stderr


def test_a_book_of_one_tune_is_number_one(run, tmp_path):
    invoke("sample", run, "-n", 3, "-o", tmp_path, "--seed", 1)
    (second,) = tmp_path.glob("*-1-2.abc")
    assert invoke("sample", run, "--again", second, "-o", tmp_path / "one.abc").exit_code == 0
    assert (tmp_path / "one.abc").read_bytes() == second.read_bytes()


def test_several_tunes_make_a_book(run, tmp_path):
    assert invoke("sample", run, "-n", 3, "-o", tmp_path / "book.abc", "--seed", 1).exit_code == 0
    assert len(abc.read(tmp_path / "book.abc").tunes) == 3


def test_tokenize_and_its_way_back(tmp_path):
    book, out = tmp_path / "book.abc", tmp_path / "out.abc"
    book.write_text(BOOK)
    plain = invoke("tokenize", "abc", book, "--write", out)
    assert plain.stdout.splitlines()[0].startswith("<s> R:jig M:6/8 K:Cmaj G, |: C D E")
    facts = [json.loads(line) for line in invoke("tokenize", "abc", book, "--json").stdout.splitlines()]
    assert facts[1]["lost"] == {"decoration": 2, "fingering": 1, "chord symbol": 1}
    assert len(facts[0]["ids"]) == len(facts[0]["tokens"])
    again = [json.loads(line)["tokens"] for line in invoke("tokenize", "abc", out, "--json").stdout.splitlines()]
    assert again == [fact["tokens"] for fact in facts]


def test_convert(tmp_path):
    one, book = tmp_path / "one.abc", tmp_path / "book.abc"
    one.write_text(JIG)
    book.write_text(BOOK)
    assert invoke("convert", one, tmp_path / "one.mid").stdout.strip() == str(tmp_path / "one.mid")
    assert midi.parse((tmp_path / "one.mid").read_bytes()).performance.name == "The Test Jig"
    assert len(invoke("convert", book, tmp_path / "book.mid").stdout.splitlines()) == 3
    invoke("convert", book, tmp_path / "normal.abc")
    assert [tune.voices for tune in abc.read(tmp_path / "normal.abc").tunes] == [t.voices for t in abc.read(book).tunes]


BAD = [
    (["train", "abc", "missing.abc"], "missing.abc: no such file"),
    (["train", "abc", "empty.abc"], "empty.abc: the file is empty"),
    (["train", "abc", "binary.abc"], "binary.abc: not text"),
    (["train", "abc", "prose.abc"], "prose.abc: no tune in it"),
    (["train", "abc", "one.abc"], "one.abc: 1 piece to learn from"),
    (["train", "folk", "book.abc"], "'folk' is not a representation; installed: abc"),
    (["train", "abc", "book.abc", "--cell", "gruu"], "cell must be one of rnn, gru, lstm, peephole, got 'gruu'"),
    (["train", "abc", "book.abc", "--minutes", "0"], "minutes must be above 0"),
    (["train", "abc", "book.abc", "--hidden", "0"], "hidden must be at least 1"),
    (["train", "abc", "book.abc", "--resume"], "--out RUN"),
    (["train", "abc", "book.abc", "--out", "one.abc/run", "--steps", "1"], "one.abc/run"),
    (["sample", "missing"], "missing: there is no such run"),
    (["sample", "."], ".: not a run"),
    (["sample", "RUN", "--key", "H"], "key H does not exist; write one such as D"),
    (["sample", "RUN", "--key", "Dblue"], "key Dblue does not exist"),
    (["sample", "RUN", "--seed", "-1"], "see main sample --help"),
    (["sample", "RUN", "--no-grammar", "--meter", "4/4"], "--meter needs the grammar"),
    (["sample", "RUN", "--mode", "min", "--key", "Dmaj"], "key Dmaj is not in mode min"),
    (["sample", "RUN", "-o", "tune.docx"], "tune.docx: name a folder, or a file that ends in .abc or .mid"),
    (["sample", "RUN", "--prime", "Q | world"], "the prime is not ABC"),
    (["sample", "RUN", "--prime", "M:4/4\nK:D\nDEFG|", "--meter", "6/8"], "the prime is not in 6/8"),
    (["convert", "book.abc", "book.abc"], "book.abc: is the file to convert"),
    (["tokenize", "abc", "book.abc", "--write", "book.abc"], "book.abc: is one of the files to read"),
    (["--nothing"], "No such option"),
    (["train"], "Missing argument 'REPRESENTATION'; see main train --help"),
    (["trian", "abc", "book.abc"], "No such command 'trian'"),
    (["sample", "RUN", "--meter", "4/5"], "4/5 is not a meter"),
    (["sample", "RUN", "--meter", "11/8"], "the model knows no M:11/8; it has met"),
    (["sample", "RUN", "--mode", "blue"], "mode 'blue' does not exist"),
    (["sample", "RUN", "--prime", "K:D\n^^c8|"], "are not among the"),
    (["sample", "RUN", "--prime", "K:D\nDE|F|"], "bar 1;"),
    (["sample", "RUN", "--prime", "nothing.abc"], "nothing.abc: cannot be read"),
    (["sample", "RUN", "--temperature", "-1"], "temperature"),
    (["sample", "RUN", "--temperature", "nan"], "temperature"),
    (["sample", "RUN", "--top-p", "0"], "top"),
    (["sample", "RUN", "--limit", "5"], "--limit 5: such a piece may take 160 tokens"),
    (["sample", "RUN", "--bars", "200", "--limit", "300"], "--limit 300: such a piece may take 1485 tokens"),
    (["sample", "RUN", "--bars", "2"], "a tune has 4 to 256 bars, got 2"),
    (["sample", "RUN", "--form", "ABA"], "form ABA comes back to a section"),
    (["sample", "RUN", "--form", "AAB", "--bars", "15"], "ask for 16"),
    (["sample", "RUN", "--no-grammar", "--form", "AB"], "--form needs the grammar"),
    (["sample", "RUN", "--temperature", "hot"], "'hot' is not a number, nor two as in 0.7-1.2"),
    (["sample", "RUN", "--temperature", "0.5-nan"], "temperature"),
    (["sample", "RUN", "--min-p", "2"], "--min-p must be above 0 and at most 1, got 2"),
    (["sample", "RUN", "--max-copy", "3"], "must be 8 tokens or more"),
    (["sample", "RUN", "--best", "0"], "--best must be at least 1"),
    (["sample", "RUN", "--precision", "int4"], "--precision must be one of int8, float32, got 'int4'"),
    (["sample", "RUN", "--again", "one.abc"], "one.abc: holds no record"),
    (["sample", "RUN", "--limit", "1" + "0" * 30], "a piece has at most 10,000,000 tokens"),
    (["sample", "RUN", "-n", "1" + "0" * 21], "1,000,000"),
    (["sample", "RUN", "-o", "one.mid", "--format", "abc"], "one.mid: is a file"),
    (["sample", "RUN", "--seconds", "5"], "--seconds: is not an option of abc"),
    (["sample", "RUN", "--prime", "K:D\nDEFG A2d2|]"], "the prime ends the tune"),
    (["sample", "RUN", "--again", "one.abc", "--seed", "3"], "--seed has no meaning with --again"),
    (["sample", "RUN", "--stream", "-o", "tunes"], "has no meaning with --stream"),
    (["sample", "RUN", "--limit", "999", "--prime", "M:4/4\nK:D\n" + "DEFG ABcd|" * 200], "the prime takes"),
    (["evaluate", "RUN", "--samples", "-1"], "'--samples': -1 is not in the range"),
    (["sample", "RUN", "-n", "0"], "-n 0"),
    (["sample", "RUN", "--format", "mp3"], "--format mp3: choose from abc, mid, musicxml"),
    (["sample", "RUN", "-n", "2", "-o", "two.mid"], "two.mid: one .mid file cannot hold 2 pieces"),
    (["sample", "RUN", "-o", "/proc/folkseq"], "/proc/folkseq"),
    (["convert", "missing.abc", "a.mid"], "missing.abc: cannot be read"),
    (["convert", "book.abc", "a.mp3"], "a.mp3: cannot be converted"),
    (["convert", "book.abc", "a.mid", "--soundfont", "x.sf2"], "--soundfont applies only to sound"),
    (["sample", "RUN", "-o", "a.ogg", "--soundfont", "x.sf2"], "x.sf2: there is no such soundfont"),
    (["convert", "faulty.abc", "a.mid"], "faulty.abc, X:1 (Broken), line 5: a [ that has no partner"),
    (["tokenize", "abc", "prose.abc"], "prose.abc: no tune in it"),
    (["corpus", "fock"], "'fock' is not a named corpus; choose from essen, folk"),
    (["inspect", "missing"], "missing: there is no such run"),
    (["sample", "RUN", "--swing", "nan"], "'nan' is not a number"),
    (["sample", "RUN", "--best", "1" + "0" * 20], "--best must be at least 1 and at most 10000"),
    (["sample", "RUN", "-n", "1" + "0" * 21, "--stream"], "1,000,000"),
    (["evaluate", "RUN", "--samples", "1" + "0" * 21], "1,000,000"),
    (["evaluate", "RUN", "--lead-column", "2"], "leave out --lead-column"),
    (["convert", "missing.abc", "one.abc"], "missing.abc: cannot be read"),
    (["convert", "one.abc", "two.abc", "--bpm", "90"], "--bpm applies only to MIDI"),
    (["convert", "one.abc", "one.mid", "--bpm", "1"], "--bpm must be at least 10 and at most 2000, got 1"),
    (["plot", "RUN", "--number", "2"], "--number needs a file"),
    (["inspect", "a" * 300], "a: cannot be used (File name too long)"),
    (["convert", "one.abc", "two.abc", "--swing", "0.6"], "--swing applies only from ABC to MIDI"),
    (["convert", "one.abc", "two.abc", "--accompaniment", "block"], "--accompaniment applies only from ABC to MIDI"),
    (["sample", "RUN", "--again", "filled.abc"], "did not write it, but the run r (weights 0)"),
    (["sample", "RUN", "--again", "zeroth.abc"], "zeroth.abc: its record is damaged"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments)[:50] for arguments, _ in BAD])
def test_what_a_user_can_mend_is_one_line(arguments, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty.abc").touch()
    for name, told in {"filled": '"index": 1, "task": "fill"', "zeroth": '"index": 0'}.items():
        facts = f'{{"folkseq": "0", "run": "r", "weights": "0", "seed": 1, {told}}}'
        Path(f"{name}.abc").write_text(f"X:1\n% {facts}\nK:C\nc4|]\n")
    Path("binary.abc").write_bytes(bytes(range(256)))
    Path("prose.abc").write_text("Dear all,\n\nno tunes today.\n")
    Path("one.abc").write_text(JIG)
    Path("book.abc").write_text(BOOK)
    Path("faulty.abc").write_text("X:1\nT:Broken\nL:1/8\nK:G\nGAB [GB\n")
    before = set(tmp_path.rglob("*"))
    result = invoke(*[run if argument == "RUN" else argument for argument in arguments])
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("folkseq: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("module", ["torch", "music21", "onnxruntime", "numpy", "matplotlib"])
def test_help_imports_nothing_heavy(module):
    code = (
        f"import sys, folkseq.cli as c; c.main(['--help'], standalone_mode=False); assert {module!r} not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_sampling_imports_neither_torch_nor_matplotlib(run, tmp_path):
    code = (
        "import sys, folkseq\n"
        f"(piece,) = folkseq.load({str(run)!r}).sample(1, seed=1)\n"
        f"piece.save({str(tmp_path / 'a.mid')!r})\n"
        "assert not {'torch', 'music21', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_may_have_seen_enough(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("\n".join(f"X:{n}\nM:4/4\nL:1/8\nK:D\n{bars}|]\n" for n, bars in enumerate([*_bars()] * 40, 1)))
    command = [sys.executable, "-m", "folkseq", "tokenize", "abc", str(book), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
        assert job.stdout.readline().startswith(b'{"file"')
        job.stdout.close()
        assert job.stderr.read() == b""
    assert job.returncode == 0


def test_files_whose_names_are_no_text_are_named_all_the_same(tmp_path):
    (tmp_path / "tune.abc").write_text(JIG)
    command = [sys.executable.encode(), b"-m", b"folkseq", b"convert", b"tune.abc", b"\xfe.mid"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"\\udcfe.mid\n"), done.stderr


def test_public_names_are_there_and_documented():
    assert set(folkseq.__all__) >= {"train", "load", "sample", "again", "stream", "plot", "Tune", "Performance"}
    from folkseq.corpora import store  # a package beside the function `corpus`

    assert store
    for name in folkseq.__all__:
        assert getattr(folkseq, name).__doc__, name
        assert callable(getattr(folkseq, name)) or name == "__version__", name


def test_every_verb_and_option_is_explained():
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option) and "seed" not in parameter.name:
                assert parameter.help, (name, parameter.name)
