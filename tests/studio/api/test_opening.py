from base64 import b64encode

import pytest
from performances import solo

from folkseq.errors import FolkseqError
from folkseq.formats import abc, midi, musicxml
from folkseq.studio.api.opening import AskToOpen, open_file

TUNE = "X:1\nT:A <b>tune</b>\nM:4/4\nL:1/4\nK:G\nGABc | d4 |]\n"


def opened(name, data):
    return open_file(None, AskToOpen(name, b64encode(data).decode()))


def test_abc_is_opened_as_it_was_typed():
    found = opened("../../tune.abc", TUNE.encode())
    assert (found.abc, found.performance, found.notices) == (TUNE, None, ())


def test_of_several_tunes_the_first_that_can_be_read_is_opened():
    found = opened("book.abc", f"X:1\nK:C\n(((\n\n{TUNE}\nX:2\nK:D\nD4|]\n".encode())
    assert "T:A <b>tune</b>" in found.abc
    assert "K:D" not in found.abc
    assert "3 tunes" in found.notices[0]


def test_musicxml_becomes_abc():
    (tune,) = abc.parse(TUNE).tunes
    found = opened("score.xml", musicxml.format(tune))
    assert abc.parse(found.abc).tunes[0].body == tune.body


@pytest.mark.parametrize("name", ["take.mid", "take.abc", "take", ""])
def test_a_performance_is_known_by_its_contents(name):
    found = opened(name, midi.format(solo((60, 80, 0.0, 1.0))))
    assert found.abc is None
    assert [note.pitch for note in found.performance.notes] == [60]


@pytest.mark.parametrize(
    ("name", "data", "fact"),
    [
        ("a.abc", b"no tune", "no tune"),
        ("a.abc", b"X:1\nK:C\n(((\n", "a.abc"),
        ("a.abc", b"\0\xff\xfe", "a.abc"),
        ("a.abc", b"", "empty"),
        ("a.xml", b"<score-partwise>", "a.xml"),
        ("a.mid", b"MThd", "cut short"),
        ("a.abc", b"X:1\nK:C\n" + b"C" * 200_000, "100,000"),
        ("a.abc", bytes(4 << 20), "MB"),
    ],
)
def test_a_broken_file_is_a_sentence(name, data, fact):
    with pytest.raises(FolkseqError, match=fact):
        opened(name, data)
