"""A corpus on the disk: every file accounted for, the same over one process and many, and not read twice."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from book import BOOK, JIG, REEL, WALTZ
from PIL import Image

from folkseq import representations
from folkseq.corpora import reader
from folkseq.corpora.reader import tokenize_corpus
from folkseq.errors import CorpusError, FolkseqError, ParseError
from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation

BROKEN = "X:9\nT:Broken\nL:1/8\nK:G\nGA[B\n"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FOLKSEQ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def book(tmp_path):
    """Thirty files: more than are read in one process."""
    folder = tmp_path / "book"
    folder.mkdir()
    for number, text in enumerate([JIG, REEL, WALTZ] * 10):
        (folder / f"{number:02}.abc").write_text(text.replace("K:", f"N:{number}\nK:", 1))
    (folder / "98.abc").write_text(BOOK + "\n" + BROKEN)
    (folder / "99.abc").write_bytes(b"\0")
    return sorted(folder.glob("*.abc"))


def test_ids_stand_for_the_tokens_and_everything_else_is_accounted_for(book):
    seen = []
    found = tokenize_corpus(AbcRepresentation(), book, workers=2, on_read=lambda *at: seen.append(at))
    assert seen == [(number + 1, 32) for number in range(32)]
    assert [len(found.store), found.repeats, len(found.digests)] == [3, 30, 31]
    digest = hashlib.sha256(book[1].read_bytes()).hexdigest()
    assert dict(found.digests)[book[1].name] == digest
    (jig,) = AbcRepresentation().files.parse(JIG.encode(), "jig").pieces
    assert found.codec.vocabulary.decode(found.store[0]) == AbcRepresentation().tokenize(jig)
    assert list(found.codec.vocabulary.tokens) == sorted(found.codec.vocabulary.tokens)
    assert [label.split("/")[1] for label in found.labels] == [
        f"{book[0].name} X:1 The Test Jig",
        f"{book[1].name} X:2 The Test Reel",
        f"{book[2].name} X:3 The Test Waltz",
    ]
    assert found.amounts["note"].tolist() == [46, 28, 9]
    assert [len(fingerprint) for fingerprint in found.fingerprints] == [45, 27, 8]
    assert [fault.rsplit("/", 1)[1] for fault in found.faults] == [
        "98.abc, X:9 (Broken), line 29: a [ that has no partner on its line",
        "99.abc: not text (it holds zero bytes)",
    ]
    assert found.lost["chord symbol"] == 11


def test_one_process_and_many_give_the_same_bytes(book, tmp_path, monkeypatch):
    def made(workers):
        monkeypatch.setenv("FOLKSEQ_CACHE", str(tmp_path / f"cache{workers}"))
        folder = tokenize_corpus(AbcRepresentation(), book, workers=workers).folder
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert made(1) == made(3)


def test_a_fault_names_the_file_where_it_lies_now(tmp_path):
    """Even if its name occurs in the words of the fault, too."""
    for name in ("a.abc", "text"):
        (tmp_path / name).write_bytes(JIG.encode() if name == "a.abc" else b"\0")
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for name in ("text", "other"):
            next(tmp_path.glob("[to]*")).rename(name)
            (fault,) = tokenize_corpus(AbcRepresentation(), [Path("a.abc"), Path(name)]).faults
            assert fault.startswith(f"{name}: not text (")
    finally:
        os.chdir(here)


def test_a_file_with_too_many_labels_is_named_and_the_rest_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + "".join(f"x{step},1\n" for step in range(5000)))
    for name in ("b", "c"):
        (tmp_path / f"{name}.csv").write_text("a,b\n" + f"x1,1\n{name},2\n" * 20)
    found = tokenize_corpus(representations.find("packed"), sorted(tmp_path.glob("*.csv")))
    assert len(found.digests) == 2
    assert "a.csv: column a: has 5,000 labels" in found.faults[0]


def test_the_same_contents_are_not_read_twice_wherever_they_lie(book, tmp_path, monkeypatch):
    first = tokenize_corpus(AbcRepresentation(), book)
    monkeypatch.setattr(reader, "read_file", None)
    moved = [path.rename(tmp_path / f"moved-{path.name}") for path in book]
    again = tokenize_corpus(AbcRepresentation(), moved)
    assert again.folder == first.folder
    assert np.array_equal(again.store.ids, first.store.ids)
    assert again.faults[1] == f"{tmp_path}/moved-99.abc: not text (it holds zero bytes)"
    with pytest.raises(TypeError):  # other fields are another corpus, which is read
        tokenize_corpus(AbcRepresentation(grace=False), moved, workers=1)
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name]  # and leaves nothing half-built


def test_a_file_that_is_given_its_right_suffix_is_read_anew(tmp_path):
    for name, colour in (("one.png", "red"), ("two.npy", "blue")):
        with (tmp_path / name).open("wb") as file:
            Image.new("RGB", (4, 4), colour).save(file, "png")
    pictures = representations.find("packed:grid=picture")
    first = tokenize_corpus(pictures, [tmp_path / "one.png", tmp_path / "two.npy"])
    assert (len(first.store), len(first.faults)) == (1, 1)
    named = (tmp_path / "two.npy").rename(tmp_path / "two.png")
    again = tokenize_corpus(pictures, [tmp_path / "one.png", named])
    assert (len(again.store), len(again.faults)) == (2, 0)


def test_what_was_not_used_for_long_goes(book, empty_cache):
    old = tokenize_corpus(AbcRepresentation(), book).folder
    for path in (old / "corpus.json", old):
        os.utime(path, (0, 0))
    (empty_cache / "thesis").mkdir()  # somebody else's, and older
    os.utime(empty_cache / "thesis", (0, 0))
    new = tokenize_corpus(AbcRepresentation(grace=False), book).folder
    assert set(empty_cache.iterdir()) == {new, empty_cache / "thesis"}


@pytest.mark.parametrize("name", ["ids.npy", "offsets.npy", "corpus.json", "fingerprints.npy"])
@pytest.mark.parametrize("kept", [None, 0, 100])
def test_what_was_damaged_is_built_again(book, name, kept):
    first = tokenize_corpus(AbcRepresentation(), book)
    ids, path = first.store.ids.copy(), first.folder / name
    data = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(data[:kept])
    again = tokenize_corpus(AbcRepresentation(), book)
    assert np.array_equal(again.store.ids, ids)
    assert path.read_bytes() == data


def test_another_process_may_be_quicker(book, monkeypatch):
    """While one builds, another puts the same entry into its place."""
    build = reader._build

    def build_twice(*arguments):
        monkeypatch.setattr(reader, "_build", build)
        tokenize_corpus(AbcRepresentation(), book)
        build(*arguments)

    monkeypatch.setattr(reader, "_build", build_twice)
    found = tokenize_corpus(AbcRepresentation(), book)
    assert len(found.store) == 3
    assert [path.name for path in found.folder.parent.iterdir()] == [found.folder.name]


def test_nothing_to_read(tmp_path, monkeypatch):
    faulty = tmp_path / "a.abc"
    faulty.write_text(BROKEN)
    with pytest.raises(CorpusError, match=r"no piece can be read; .*line 5: a \["):
        tokenize_corpus(AbcRepresentation(), [faulty])
    with pytest.raises(ParseError, match="cannot be read"):
        tokenize_corpus(AbcRepresentation(), [tmp_path / "missing.abc"])
    monkeypatch.setenv("FOLKSEQ_CACHE", "/proc/cache")
    with pytest.raises(FolkseqError, match="/proc/cache: cannot be written"):
        tokenize_corpus(AbcRepresentation(), [faulty])


def test_the_conventions_of_all_files_are_counted_in_one_process_and_in_many(book, monkeypatch):
    found = tokenize_corpus(AbcRepresentation(), book, workers=2).codec.vocabulary.conventions
    assert sum(found.values()) == 30 + BOOK.count("X:")
    assert found[AbcRepresentation().convention(abc.parse(JIG).tunes[0])] >= 10
    monkeypatch.setenv("FOLKSEQ_CACHE", f"{os.environ['FOLKSEQ_CACHE']}-2")
    assert tokenize_corpus(AbcRepresentation(), book, workers=1).codec.vocabulary.conventions == found
