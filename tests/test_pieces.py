import pytest
from book import BOOK, JIG
from folkseq.corpus.pieces import read

from folkseq.errors import CorpusError, ParseError
from folkseq.representations.abc import AbcTokenizer

BROKEN = "X:9\nT:Broken\nL:1/8\nK:G\nGA[B\n"


def test_everything_is_read_or_accounted_for(tmp_path):
    (tmp_path / "a.abc").write_text(BOOK + "\n" + BROKEN)
    (tmp_path / "b.abc").write_text(JIG.replace("The Test Jig", "The Same Jig"))
    (tmp_path / "c.abc").write_bytes(b"\0")
    found = read(AbcTokenizer(), sorted(tmp_path.glob("*.abc")))
    assert [piece.value.title for piece in found.pieces] == [
        "The Test Jig",
        "The Test Reel",
        "The Test Waltz",
        "The Same Jig",
    ]
    assert found.lost == {"decoration": 2, "fingering": 1, "chord symbol": 1}
    assert [fault.rsplit("/", 1)[1] for fault in found.faults] == [
        "a.abc, X:9 (Broken), line 29: a [ that has no partner on its line",
        "c.abc: not text, and so not ABC (it holds zero bytes)",
    ]


def test_nothing_to_read(tmp_path):
    (tmp_path / "a.abc").write_text(BROKEN)
    with pytest.raises(CorpusError, match=r"not one piece could be read, the first because: .*line 5: a \["):
        read(AbcTokenizer(), [tmp_path / "a.abc"])
    with pytest.raises(ParseError, match="cannot be read"):
        read(AbcTokenizer(), [tmp_path / "missing.abc"])
