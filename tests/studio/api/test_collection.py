import errno
import os
from pathlib import Path

import pytest

from folkseq.errors import FolkseqError, RequestError
from folkseq.studio.api.collection import (
    AskForBook,
    Collect,
    NamedTune,
    collect,
    list_collection,
    make_book,
    open_collected,
    remove_collected,
)
from folkseq.studio.errors import ConflictError, MissingError
from folkseq.studio.operations import Nothing
from folkseq.studio.workshop import Workshop

TUNE = "X:1\nT:The Kid\nM:4/4\nL:1/8\nK:D\nDFAd fdAF|D8|]\n"
OTHER = TUNE.replace("fdAF", "d2A2")


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path / "studio")


def _names(workshop):
    return sorted(path.name for path in (workshop.folder / "tunes").iterdir())


def test_a_tune_is_saved_as_files_that_never_replace_others(workshop):
    saved = collect(workshop, Collect(TUNE))
    assert (saved.name, saved.title, saved.suffixes, saved.own) == ("the-kid", "The Kid", (".abc", ".mid"), True)
    collect(workshop, Collect(TUNE))
    assert _names(workshop) == ["the-kid.abc", "the-kid.mid"]
    assert collect(workshop, Collect(OTHER)).name == "the-kid-2"
    assert (workshop.folder / "tunes/the-kid.abc").read_text() == TUNE
    assert (workshop.folder / "tunes/the-kid-2.abc").read_text() == OTHER
    found = list_collection(workshop, Nothing())
    assert found.folder == str(workshop.folder / "tunes")
    assert {tune.name for tune in found.tunes} == {"the-kid", "the-kid-2"}
    assert open_collected(workshop, NamedTune("the-kid-2")).abc == OTHER


def test_other_formats_are_saved_beside_it(workshop):
    assert collect(workshop, Collect(TUNE, (".musicxml",))).suffixes == (".abc", ".musicxml")


def test_the_title_does_not_leave_the_folder(workshop):
    collect(workshop, Collect(TUNE.replace("The Kid", "../../<b>🎻")))
    assert _names(workshop) == ["b.abc", "b.mid"]


def test_only_what_the_studio_wrote_is_removed(workshop):
    collect(workshop, Collect(TUNE))
    folder = workshop.folder / "tunes"
    (folder / "mine.abc").write_text(OTHER)
    (folder / "the-kid.txt").write_text("notes")
    assert {tune.name: tune.own for tune in list_collection(workshop, Nothing()).tunes} == {
        "mine": False,
        "the-kid": True,
    }
    with pytest.raises(ConflictError, match="mine"):
        remove_collected(workshop, NamedTune("mine"))
    assert remove_collected(workshop, NamedTune("the-kid")).abc == TUNE
    assert _names(workshop) == ["mine.abc", "the-kid.txt"]
    with pytest.raises(MissingError):
        remove_collected(workshop, NamedTune("the-kid"))


def test_what_another_program_has_changed_stays(workshop):
    collect(workshop, Collect(TUNE))
    (workshop.folder / "tunes/the-kid.mid").write_bytes(b"edited")
    with pytest.raises(ConflictError, match="changed"):
        remove_collected(workshop, NamedTune("the-kid"))
    assert _names(workshop) == ["the-kid.abc", "the-kid.mid"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "the-kid.abc", "."])
def test_no_other_file_is_opened(workshop, name):
    collect(workshop, Collect(TUNE))
    (workshop.folder / "secret.abc").write_text(OTHER)
    for operation in (open_collected, remove_collected):
        with pytest.raises(MissingError):
            operation(workshop, NamedTune(name))


def test_a_broken_index_keeps_everything(workshop):
    collect(workshop, Collect(TUNE))
    (workshop.folder / "collection.json").write_text("[1")
    assert [tune.own for tune in list_collection(workshop, Nothing()).tunes] == [False]
    with pytest.raises(ConflictError):
        remove_collected(workshop, NamedTune("the-kid"))


def test_what_is_no_tune_is_not_saved(workshop):
    with pytest.raises(FolkseqError):
        collect(workshop, Collect("X:1\nK:C\n"))
    assert list_collection(workshop, Nothing()).tunes == ()


def test_a_full_disk_is_a_sentence(client, folder, monkeypatch):
    def full(self, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    answer = client.post("/api/collection", json={"abc": TUNE})
    assert answer.status_code == 507
    assert "full" in answer.json()["error"]
    assert list((folder / "tunes").iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "fact"),
    [(".html", b"<audio"), (".pdf", b"%PDF"), (".abc", b"X:1\nT:Another <b>"), (".abc", b"\n\nX:2\nT:The Kid")],
)
def test_a_book_has_the_collected_tunes(workshop, suffix, fact):
    collect(workshop, Collect(TUNE))
    collect(workshop, Collect(OTHER.replace("The Kid", "Another <b>")))
    *progress, prepared = make_book(workshop, AskForBook("My <book>", suffix))
    assert len(progress) == (2 if suffix == ".html" else 0)
    assert prepared.name == f"my-book{suffix}"
    file = workshop.prepared.get(prepared.id)
    assert fact in file.data
    assert b"My <book>" not in file.data


def test_a_book_tells_what_it_leaves_out(workshop):
    collect(workshop, Collect(TUNE))
    (workshop.folder / "tunes/broken.abc").write_text("X:1\nK:C\n")
    notice, prepared = make_book(workshop, AskForBook(suffix=".abc"))
    assert "broken.abc" in notice.text
    assert prepared.size > 0


def test_an_empty_collection_makes_no_book(workshop):
    with pytest.raises(FolkseqError, match="collect"):
        next(make_book(workshop, AskForBook()))
    collect(workshop, Collect(TUNE))
    list(make_book(workshop, AskForBook(sound=False)))  # the first one does not block the next


def test_the_collection_is_bounded(workshop, monkeypatch):
    monkeypatch.setattr("folkseq.studio.api.collection.MOST_COLLECTED", 1)
    collect(workshop, Collect(TUNE))
    with pytest.raises(RequestError, match="remove"):
        collect(workshop, Collect(OTHER))
