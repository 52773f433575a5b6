import json
import re
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest

from folkseq import pretrained
from folkseq.studio.api.models import list_models
from folkseq.studio.api.tunes import AskForTunes, write_tunes
from folkseq.studio.errors import MissingError
from folkseq.studio.jobs import MOST_JOBS
from folkseq.studio.operations import Nothing
from folkseq.studio.workshop import Workshop


def events(text):
    """Return the name and the value of each event of a stream."""
    blocks = [block.split("\n", 1) for block in text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_tunes_come_one_by_one(client):
    answer = client.post("/api/tunes", json={"model": "tunes", "count": 3, "seed": 5, "key": "D", "rhythm": "jig"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *tunes, (last, _) = events(answer.text)
    assert [name for name, _ in tunes] == ["candidate"] * 3
    assert last == "done"
    for number, (_, tune) in enumerate(tunes, 1):
        assert tune["index"] == number
        assert tune["abc"].startswith("X:1\n")
        assert "\nR:jig\n" in tune["abc"]
        assert "\nK:D" in tune["abc"]
        assert tune["record"]["seed"] == 5
    asked = {"model": "tunes", "seed": 5, "instrument": "whistle"}
    (_, tune), _ = events(client.post("/api/tunes", json=asked).text)
    assert tune["record"]["instrument"] == "whistle"
    assert client.post("/api/tunes", json=asked | {"instrument": "kazoo"}).status_code == 400
    (_, tune), _ = events(client.post("/api/tunes", json=asked | {"form": "AA", "bars": 4, "vary": 0.5}).text)
    assert {"form": "AA", "vary": 0.5}.items() <= tune["record"].items()
    again = client.post("/api/tunes", json={"model": "tunes", "count": 1, "seed": 5, "key": "D", "rhythm": "jig"})
    assert events(again.text)[0] == tunes[0]


def test_an_opening_is_never_the_name_of_a_file(client, tmp_path):
    (tmp_path / "secret.abc").write_text("X:1\nK:C\nCDEF|\n")
    answer = client.post("/api/tunes", json={"model": "tunes", "opening": str(tmp_path / "secret.abc")})
    assert answer.status_code == 400
    assert "CDEF" not in answer.text


@pytest.mark.parametrize(
    ("asked", "status", "fact"),
    [
        ({}, 400, "model"),
        ({"model": "none"}, 404, "none"),
        ({"model": "../../etc"}, 404, "../../etc"),
        ({"model": "fill"}, 400, "fill"),
        ({"model": "tunes", "count": 65}, 400, "64"),
        ({"model": "tunes", "count": "6"}, 400, "count"),
        ({"model": "tunes", "temperature": "hot"}, 400, "temperature"),
        ({"model": "tunes", "key": "H"}, 400, "H"),
        ({"model": "tunes", "pitch": 1}, 400, "pitch"),
        ({"model": "tunes", "opening": "(-3"}, 400, "no note"),
    ],
)
def test_what_cannot_be_met_is_a_sentence(client, asked, status, fact):
    answer = client.post("/api/tunes", json=asked)
    assert answer.status_code == status
    assert fact in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000, b"\xff", b"null"])
def test_a_request_that_is_no_object_is_refused(client, body):
    answer = client.post("/api/tunes", content=body)
    assert (answer.status_code, "JSON" in answer.json()["error"]) == (400, True)


def test_every_operation_is_documented(client):
    document = client.get("/openapi.json").json()
    tunes = document["paths"]["/api/tunes"]["post"]
    assert tunes["summary"] == "Write new tunes, each as soon as it is finished"
    asked = document["components"]["schemas"]["AskForTunes"]
    assert asked["required"] == ["model"]
    assert asked["properties"]["count"] == {
        "type": "integer",
        "description": "Number of tunes.",
        "minimum": 1,
        "maximum": 64,
        "default": 1,
    }
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
    text = json.dumps(document)
    for name in {each.split('"')[0] for each in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_the_models_can_be_chosen(client):
    models = {each["name"]: each for each in client.get("/api/models").json()["models"]}
    assert {"tunes", "fill", "chorales", "piano"} <= models.keys()
    assert "reel" in models["tunes"]["rhythms"]
    assert "fiddle" in models["tunes"]["instruments"]
    assert models["piano"]["instruments"] == []
    assert models["fill"]["task"] == "fill"


def test_a_hundred_generations_at_once_wait_or_are_refused(client):
    def write(seed):
        return client.post("/api/tunes", json={"model": "tunes", "seed": seed})

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(write, range(100)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {200, 503}
    assert statuses[200] >= MOST_JOBS
    for answer in answers:
        if answer.status_code == 503:
            assert "try again" in answer.json()["error"]
        else:
            assert [name for name, _ in events(answer.text)] == ["candidate", "done"]
    assert write(1).status_code == 200


def test_a_run_that_is_deleted_while_it_is_open_is_a_sentence(tmp_path):
    run = tmp_path / "mine"
    shutil.copytree(pretrained.find(Path("tunes")), run)
    workshop = Workshop(tmp_path / "kept", (run,))
    assert next(write_tunes(workshop, AskForTunes(str(run), seed=1))).seed == 1
    shutil.rmtree(run)
    with pytest.raises(MissingError, match="choose another"):
        next(write_tunes(workshop, AskForTunes(str(run), seed=1)))
    assert str(run) not in [each.name for each in list_models(workshop, Nothing()).models]


def test_the_page_uses_documented_operations_only(client):
    scripts = (files("folkseq.studio") / "page" / "js").iterdir()
    used = {path for script in scripts for path in re.findall(r"[\"'`/](api/[a-z/]+)", script.read_text("utf-8"))}
    assert {"api/tunes", "api/read", "api/rewrite"} <= used
    documented = {path.removeprefix("/") for path in client.get("/openapi.json").json()["paths"]}
    assert used <= documented
