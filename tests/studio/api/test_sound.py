import pytest

from folkseq.errors import RequestError
from folkseq.formats import audio
from folkseq.studio.api import sound
from folkseq.studio.api.sound import send_soundfont
from folkseq.studio.errors import MissingError
from folkseq.studio.operations import Nothing
from folkseq.studio.workshop import Workshop


def test_the_soundfont_is_sent_once(client):
    first = client.get("/api/soundfont")
    assert first.status_code == 200
    assert (first.content[:4], first.content[8:12]) == (b"RIFF", b"sfbk")
    again = client.get("/api/soundfont", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_soundfont_that_is_named_is_sent_whatever_its_size(tmp_path, monkeypatch):
    named = tmp_path / "own.sf2"
    named.write_bytes(b"RIFF" * 100)
    monkeypatch.setattr(sound, "_MOST_BYTES", 10)
    assert send_soundfont(Workshop(tmp_path, soundfont=named), Nothing()).path == named


def test_a_large_soundfont_of_the_system_is_passed_over(tmp_path, monkeypatch):
    pytest.importorskip("pretty_midi")
    monkeypatch.delenv(audio.VARIABLE, raising=False)
    monkeypatch.setattr(audio, "_FOLDERS", (str(tmp_path),))
    (tmp_path / "default.sf2").write_bytes(bytes(100))
    assert audio.find_soundfont() == tmp_path / "default.sf2"
    assert audio.find_soundfont(most_bytes=100) == tmp_path / "default.sf2"
    assert audio.find_soundfont(most_bytes=99).name == "TimGM6mb.sf2"


def test_without_a_soundfont_there_is_a_sentence(tmp_path, monkeypatch):
    def nothing(*_):
        raise RequestError("pretty_midi is missing")

    monkeypatch.setattr(sound, "find_soundfont", nothing)
    with pytest.raises(MissingError, match=r"--soundfont FILE\.sf2"):
        send_soundfont(Workshop(tmp_path), Nothing())
