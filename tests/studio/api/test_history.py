import json
import os
from uuid import uuid4

import pytest

from folkseq.errors import FolkseqError
from folkseq.studio.api.collection import Collect, collect
from folkseq.studio.api.history import (
    AskForDocument,
    AskForHistory,
    Document,
    SaveDocument,
    TuneVersion,
    list_history,
    open_history,
    save_history,
)
from folkseq.studio.errors import ConflictError, MissingError
from folkseq.studio.workshop import Workshop

FIRST = TuneVersion("X:1\nT:One\nK:C\nCDEF|]\n", "new")
SECOND = TuneVersion("X:1\nT:One <b>🎻\nK:C\nGABc|]\n", "again")

UUID = "28283926-4ea0-4a5f-88cc-8db41c3edb51"


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path / "studio")


@pytest.fixture
def key():
    return str(uuid4())


def _list(workshop, **asked):
    return list_history(workshop, AskForHistory(**asked))


def test_a_tune_is_opened_with_its_versions(workshop, key):
    assert save_history(workshop, SaveDocument(key, (FIRST,))).revision == 1
    assert save_history(workshop, SaveDocument(key, (FIRST, SECOND), 1, 1)).revision == 2
    assert open_history(workshop, AskForDocument(key)) == Document(key, (FIRST, SECOND), 1, 2)
    (listed,) = _list(workshop).documents
    assert (listed.id, listed.title, listed.versions) == (key, "One <b>🎻", 2)


def test_another_page_does_not_overwrite(workshop, key):
    save_history(workshop, SaveDocument(key, (FIRST,)))
    save_history(workshop, SaveDocument(key, (FIRST, SECOND), 1, 1))
    for revision in (0, 1, 3):
        with pytest.raises(ConflictError, match="another page"):
            save_history(workshop, SaveDocument(key, (SECOND,), 0, revision))
    assert open_history(workshop, AskForDocument(key)).versions == (FIRST, SECOND)


def test_what_is_saved_already_is_no_conflict(workshop, key):
    save_history(workshop, SaveDocument(key, (FIRST,)))
    assert save_history(workshop, SaveDocument(key, (FIRST,))).revision == 1


def test_a_page_goes_on_from_a_save_that_it_did_not_hear_of(workshop, key):
    save_history(workshop, SaveDocument(key, (FIRST,), save="one"))
    asked = SaveDocument(key, (FIRST, SECOND), 1, 0, "two", unheard=("zero", "one"))
    assert save_history(workshop, asked).revision == 2
    with pytest.raises(ConflictError):
        save_history(workshop, SaveDocument(key, (SECOND,), 0, 0, "three", unheard=("one", "")))
    assert open_history(workshop, AskForDocument(key)) == Document(key, (FIRST, SECOND), 1, 2, "two")


def test_a_document_that_was_removed_is_saved_again(workshop, key):
    assert save_history(workshop, SaveDocument(key, (FIRST,), 0, 7)).revision == 8


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10_000, '{"id": 1}', '{"id": "x", "versions": []}'])
def test_a_broken_file_is_reported_and_stays(workshop, key, text):
    save_history(workshop, SaveDocument(key, (FIRST,)))
    broken = workshop.folder / "history" / f"{uuid4()}.json"
    broken.write_text(text)
    found = _list(workshop)
    assert [each.id for each in found.documents] == [key]
    assert len(found.faults) == 1
    assert broken.name in found.faults[0]
    with pytest.raises(ConflictError, match="copy"):
        save_history(workshop, SaveDocument(broken.stem, (FIRST,)))
    assert broken.read_text() == text


@pytest.mark.parametrize("key", ["../x", "", "x" * 36, "../../../../etc/passwd", f"{UUID}/", UUID.upper()])
def test_an_id_is_a_uuid(client, key):
    answer = client.post("/api/history", json={"id": key, "versions": [{"abc": "X:1"}]})
    assert answer.status_code == 400
    assert client.get("/api/history/tune", params={"id": key or "x"}).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"versions": []},
        {"versions": [{"abc": "X:1"}], "at": 1},
        {"versions": [{"abc": 1}]},
        {"versions": [{"label": "new"}]},
        {"versions": ["X:1"]},
        {"versions": "X:1"},
        {"versions": [{"abc": "x" * 100_001}]},
        {"versions": [{"abc": "x"}] * 1001},
        {"versions": [{"abc": "\ud800"}]},
    ],
)
def test_what_is_no_document_is_refused(client, key, asked):
    answer = client.post("/api/history", content=json.dumps({"id": key, **asked}))
    assert answer.status_code == 400
    assert client.get("/api/history/tune", params={"id": key}).status_code == 404


def test_conflicts_and_lists_over_http(client, key):
    asked = {"id": key, "versions": [{"abc": FIRST.abc, "label": "new"}]}
    assert client.post("/api/history", json=asked).json() == {"revision": 1}
    assert client.post("/api/history", json=asked | {"versions": [{"abc": "other"}]}).status_code == 409
    assert client.get("/api/history", params={"count": 1}).json()["documents"][0]["id"] == key
    assert client.get("/api/history", params={"count": 1000}).status_code == 400


def test_the_newest_come_first(workshop):
    keys = [str(uuid4()) for _ in range(3)]
    for second, key in enumerate(keys):
        save_history(workshop, SaveDocument(key, (FIRST,)))
        os.utime(workshop.folder / "history" / f"{key}.json", (second, second))
    assert [each.id for each in _list(workshop).documents] == keys[::-1]
    assert [each.id for each in _list(workshop, count=1, skip=1).documents] == [keys[1]]
    assert _list(workshop, count=1).count == 3


def test_the_oldest_make_room_but_not_what_is_collected(workshop, monkeypatch):
    monkeypatch.setattr("folkseq.studio.api.history.MOST_DOCUMENTS", 2)
    collect(workshop, Collect(FIRST.abc))
    keys = [str(uuid4()) for _ in range(4)]
    for second, (key, version) in enumerate(zip(keys, (FIRST, SECOND, SECOND, SECOND), strict=True)):
        save_history(workshop, SaveDocument(key, (version,)))
        os.utime(workshop.folder / "history" / f"{key}.json", (second, second))
    assert {each.id for each in _list(workshop).documents} == {keys[0], keys[2], keys[3]}
    with pytest.raises(MissingError):
        open_history(workshop, AskForDocument(keys[1]))


def test_a_disk_that_refuses_is_a_sentence(workshop, key):
    workshop.folder.parent.mkdir(exist_ok=True)
    workshop.folder.write_text("a file in place of the folder")
    with pytest.raises(FolkseqError, match="cannot be written"):
        save_history(workshop, SaveDocument(key, (FIRST,)))
