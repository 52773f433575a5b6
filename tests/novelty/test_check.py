"""`folkseq check`, against runs with and without their corpus and against files; and what sampling says."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from performances import take

from folkseq.cli import main
from folkseq.formats import abc, midi
from folkseq.music import Interval, Sound
from folkseq.novelty.known import KnownPieces
from folkseq.run import Run

SCALE = "CDEFGABcdefg"


def lines(count, seed):
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield ["".join(random.choice(list(SCALE), 8)) for _ in range(8)]


def book(bars, first=1):
    titles = ("".join(chr(97 + digit) for digit in divmod(number, 26)) for number in range(26, 500))
    tunes = zip(titles, bars, strict=False)
    return "\n".join(
        f"X:{number}\nT:The {title}\nM:4/4\nL:1/8\nK:C\n{'|'.join(each)}|]\n"
        for number, (title, each) in enumerate(tunes, first)
    )


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def check(file, against):
    return [json.loads(line) for line in invoke("check", file, "--against", against, "--json").stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A book of 60 tunes."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "book.abc").write_text(book(lines(60, seed=0)))
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """A model that has hardly learnt from the book."""
    invoke(
        "train", "abc", folder / "book.abc", "--steps", 4, "--hidden", 16, "--layers", 1, "-q", "--out", folder / "r"
    )
    return folder / "r"


@pytest.fixture(scope="module")
def bare(run, tmp_path_factory):
    """The same model as it would be published: without corpus, state and index."""
    bare = tmp_path_factory.mktemp("published") / "r"
    shutil.copytree(
        run, bare, ignore=shutil.ignore_patterns("tokens", "state", "keys.npy", "places.npy", "*.safetensors")
    )
    assert sorted(path.name for path in bare.glob("novelty/*")) == ["summary.npz"]
    return bare


def in_another_key(tune):
    return tune.transposed(Interval(2, 4))


def twice_as_long(tune):
    body = [replace(each, duration=2 * each.duration) if isinstance(each, Sound) else each for each in tune.body]
    return replace(tune, voices=(tuple(body),))


def test_every_tune_of_a_book_is_a_copy_in_any_key_and_notation(folder, tmp_path):
    tunes = abc.read(folder / "book.abc").tunes
    for change in (lambda tune: tune, in_another_key, twice_as_long):
        (tmp_path / "other.abc").write_text("\n".join(abc.format(change(tune)) for tune in tunes))
        found = check(tmp_path / "other.abc", folder / "book.abc")
        assert len(found) == 60
        assert {fact["verdict"]["kind"] for fact in found} == {"copy"}
        sources = [fact["verdict"]["source"] for fact in found]
        assert sources == [f"book.abc X:{tune.number} {tune.title}" for tune in tunes]


def test_new_tunes_are_no_copies(folder, tmp_path):
    (tmp_path / "new.abc").write_text(book(lines(60, seed=1)))
    kinds = [fact["verdict"]["kind"] for fact in check(tmp_path / "new.abc", folder / "book.abc")]
    assert set(kinds) <= {"new", "usual", "long"}
    assert kinds.count("long") <= 8  # about five of a hundred would be expected


def test_the_longest_passage_is_shown_side_by_side(folder, tmp_path):
    ours, theirs = next(lines(1, seed=1)), list(lines(3, seed=0))[2]
    bars = ["cccc cccc", "cccc cccc", *theirs[4:7], *ours[:3]]
    tune = in_another_key(abc.parse_bytes(book([bars]).encode(), "x.abc").tunes[0])
    (tmp_path / "mine.abc").write_text(abc.format(tune))
    found = invoke("check", tmp_path / "mine.abc", "--against", folder / "book.abc")
    verdict, *shown = found.stdout.splitlines()
    assert verdict.startswith(
        f"{tmp_path}/mine.abc X:1 The ba: a variant: 32 % of its melody is in book.abc X:3 The bc"
    )
    (fact,) = check(tmp_path / "mine.abc", folder / "book.abc")
    assert fact["copied"]["source"] == "book.abc X:3 The bc"
    assert (fact["copied"]["at"], fact["copied"]["source_at"]) in {("bar 2", "bar 4"), ("bar 3", "bar 5")}
    assert shown[0] == f"  {fact['copied']['span']}:"
    assert f"  book.abc X:3 The bc, {fact['copied']['source_span']}:" in shown
    here, there = fact["excerpt"].splitlines(), fact["source_excerpt"].splitlines()
    assert here[0] == there[0] == "M:4/4  L:1/8  K:Emaj"  # both in the key of the file
    marked = [
        "".join(note for note, mark in zip("".join(lines[1::2]), "".join(lines[2::2]), strict=False) if mark == "^")
        for lines in (here, there)
    ]
    assert marked[0].replace(" ", "").strip("|") == marked[1].replace(" ", "").strip("|")
    assert len(marked[0].replace(" ", "").replace("|", "")) >= 24


def test_a_run_without_its_corpus_says_the_same_but_shows_no_bars(run, bare, folder, tmp_path):
    tunes = abc.read(folder / "book.abc").tunes
    fresh = book(lines(5, seed=1), first=61)
    (tmp_path / "some.abc").write_text("\n".join([*(abc.format(in_another_key(tune)) for tune in tunes[:9]), fresh]))
    whole, told = check(tmp_path / "some.abc", run), check(tmp_path / "some.abc", bare)
    for ours, theirs in zip(whole, told, strict=True):
        if (
            max(ours["copied"]["tokens"], theirs["copied"]["tokens"]) >= 12
        ):  # a coincidence of marks may add one to less
            assert ours["verdict"]["kind"] == theirs["verdict"]["kind"]
            assert ours["verdict"]["source"] == theirs["verdict"]["source"]
        if ours["copied"]["tokens"] >= 15:
            assert ours["copied"] == theirs["copied"]
        assert ours["excerpt"]
        assert theirs["excerpt"] is theirs["source_excerpt"] is None
    said = invoke("check", tmp_path / "some.abc", "--against", bare).stderr
    assert f"{bare} comes without its corpus: to see the shared bars, name the corpus with --against" in said


def test_a_run_without_its_corpus_samples_with_verdicts_and_limits(run, bare, tmp_path):
    whole, told = (invoke("sample", each, "-n", 3, "--seed", 1, "-o", tmp_path, "--json") for each in (run, bare))
    for ours, theirs in zip(*(map(json.loads, each.stdout.splitlines()) for each in (whole, told)), strict=True):
        assert ours["tokens"] == theirs["tokens"]
        assert theirs["verdict"]["kind"] in ("usual", "long", "new")
        assert theirs["verdict"]["words"] in told.stderr
    limited = invoke("sample", bare, "-n", 8, "--seed", 1, "-o", tmp_path, "--json", "--max-copy", 8)
    pieces = [json.loads(line) for line in limited.stdout.splitlines()]
    vocabulary = Run.open(run).vocabulary
    exact = KnownPieces.open(Run.open(run)).longest([np.array(vocabulary.encode(piece["tokens"])) for piece in pieces])
    assert max(shared.length for shared in exact) <= 10  # a few ids in a row that are not free may follow
    free = KnownPieces.open(Run.open(run)).longest([np.array(vocabulary.encode(ours["tokens"]))])
    assert free[0].length > 0


def test_an_older_run_gets_its_summary_when_it_is_used(run, tmp_path):
    old = shutil.copytree(run, tmp_path / "old")
    written = (old / "novelty" / "summary.npz").read_bytes()
    (old / "novelty" / "summary.npz").unlink()
    (tmp_path / "new.abc").write_text(book(lines(1, seed=1)))
    assert check(tmp_path / "new.abc", old) == [
        {**fact, "against": str(old)} for fact in check(tmp_path / "new.abc", run)
    ]
    assert (old / "novelty" / "summary.npz").read_bytes() == written
    (old / "novelty" / "summary.npz").write_bytes(b"broken")
    shutil.rmtree(old / "tokens")
    broken = CliRunner().invoke(main, ["check", str(tmp_path / "new.abc"), "--against", str(old)])
    assert broken.exit_code == 1
    assert "summary.npz: cannot be read" in broken.stderr


def test_midi_is_transcribed_for_a_book_of_tunes(folder, tmp_path):
    (tmp_path / "one.abc").write_text(book(list(lines(5, seed=0))[4:], first=5))
    invoke("convert", tmp_path / "one.abc", tmp_path / "one.mid")
    (fact,) = check(tmp_path / "one.mid", folder / "book.abc")
    assert fact["verdict"]["kind"] == "copy"
    assert fact["verdict"]["source"] == "book.abc X:5 The be"


def test_what_reading_drops_is_told(folder, tmp_path):
    (tmp_path / "slurs.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\n(CDEF) GABc|\nX:2\nK:C\n{\n")
    said = invoke("check", tmp_path / "slurs.abc", "--against", folder / "book.abc").stderr
    assert "lost: slur" in said


def test_a_performance_is_known_at_another_speed_and_in_another_key(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    performances = [take(seed, seconds=30) for seed in range(12)]
    for number, performance in enumerate(performances):
        (corpus / f"{number}.mid").write_bytes(midi.format(performance))
    (track,) = performances[3].tracks
    notes = track.notes.copy()
    for name in ("onset_s", "offset_s"):
        notes[name] *= 1.2
    notes["pitch"] += 2
    slower = replace(performances[3], tracks=(replace(track, notes=notes),))
    (tmp_path / "slower.mid").write_bytes(midi.format(slower))
    (fact,) = check(tmp_path / "slower.mid", corpus)
    assert (fact["verdict"]["kind"], fact["verdict"]["source"]) == ("copy", "corpus/3.mid")
    (tmp_path / "same.mid").write_bytes(midi.format(performances[3]))
    (fact,) = check(tmp_path / "same.mid", corpus)
    assert fact["verdict"]["words"].startswith("a copy: all of it is in corpus/3.mid")
    assert (fact["copied"]["at"], fact["copied"]["span"][:5]) == ("0:00", "0:00-")
    (tmp_path / "new.mid").write_bytes(midi.format(take(99, seconds=30)))
    (fact,) = check(tmp_path / "new.mid", corpus)
    assert fact["verdict"]["kind"] in ("unknown", "new")


def test_a_text_is_compared_with_texts(tmp_path):
    random = np.random.default_rng(0)
    text = "".join(random.choice(list("abcdefgh \n"), 3000))
    (tmp_path / "book.txt").write_text(text)
    (tmp_path / "part.txt").write_text(text[500:700])
    (fact,) = check(tmp_path / "part.txt", tmp_path / "book.txt")
    assert fact["verdict"]["words"].startswith("a copy: all of it is in book.txt; line")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.abc", "--against", "book.abc"], "none.abc"),
        (["new.abc", "--against", "none"], "none: there is no such run"),
        (["new.abc", "--against", "none.abc"], "none.abc: no such file or folder"),
        (["new.abc", "--against", "words.mid"], "words.mid"),
        (["words.csv"], "there is no run for .csv"),
    ],
)
def test_what_cannot_be_compared_is_one_line(folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.abc").write_text(book(lines(1, seed=1)))
    (tmp_path / "words.mid").write_text("words")
    shutil.copy(folder / "book.abc", tmp_path / "book.abc")
    result = CliRunner().invoke(main, ["check", *arguments])
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
