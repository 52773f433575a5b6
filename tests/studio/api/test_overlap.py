from types import SimpleNamespace

import pytest

from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import abc
from folkseq.studio.api import overlap
from folkseq.studio.api.overlap import AskForBooks, AskForOverlap, Books, build_books, compare_tune
from folkseq.studio.errors import BusyError, MissingError
from folkseq.studio.workshop import Workshop

NEW = "X:1\nT:Odd\nM:4/4\nL:1/8\nK:C\nc6 C2|A,8|f/E/ f/E/ B2 D4|]\n"


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


@pytest.fixture
def with_books(workshop, monkeypatch):
    """Return a studio whose model was trained on one book of three tunes."""
    from folkseq.corpora.reader import tokenize_corpus
    from folkseq.novelty.known import KnownPieces

    model = workshop.model("tunes", "continue", "abc")
    book = workshop.folder / "book.abc"
    book.write_text("\n".join(BOOK))
    representation = model.representation.matching(model.run.vocabulary)
    known = KnownPieces.of(tokenize_corpus(representation, [book]), continuous=False)
    monkeypatch.setitem(model.__dict__, "overlaps", known)
    return workshop


BOOK = [
    "X:7\nT:The <b>Book</b> Tune\nM:4/4\nL:1/8\nK:C\nCDEF GABc|dcBA GFED|cege cGEC|C8|]\n",
    "X:8\nT:Another\nM:4/4\nL:1/8\nK:C\nc2c2 c2c2|e2e2 e2e2|g2g2 g2g2|c8|]\n",
    "X:9\nT:Third\nM:4/4\nL:1/8\nK:G\nG2A2 B2c2|d8|e2d2 c2B2|G8|]\n",
]


def test_the_shared_bars_are_marked_in_both_tunes(with_books):
    tune = 'X:1\nT:Mine\nM:4/4\nL:1/8\nK:D\nA2A2 F2F2|"D"DEFG ABcd|edcB AGFE|D8|]\n'  # bars 1 and 2 of the book, in D
    found = compare_tune(with_books, AskForOverlap(tune, "tunes"))
    assert found.verdict.kind == "copy"
    assert "The <b>Book</b> Tune" in found.copied.source
    assert found.here.abc == tune
    assert [bar.number for bar in found.here.bars] == [2, 3]
    assert [tune[bar.start : bar.stop] for bar in found.here.bars] == ['"D"DEFG ABcd', "edcB AGFE"]
    assert found.there.title == "The <b>Book</b> Tune"
    assert [bar.number for bar in found.there.bars] == [1, 2]
    assert [found.there.abc[bar.start : bar.stop] for bar in found.there.bars] == ["DEFG ABcd", "edcB AGFE"]
    assert found.hint == ""
    (whole,) = abc.parse(found.there.abc).tunes
    assert len(list(whole.sounds())) == 8 + 8 + 8 + 1


def test_the_tune_of_the_book_is_in_the_octave_of_the_other(with_books):
    low = "X:1\nT:Mine\nM:4/4\nL:1/8\nK:C\nC,D,E,F, G,A,B,C|DCB,A, G,F,E,D,|c8|c'8|c'8|c'8|c'8|]\n"
    there = compare_tune(with_books, AskForOverlap(low)).there
    assert [there.abc[bar.start : bar.stop] for bar in there.bars] == ["C,D,E,F, G,A,B,C", "DCB,A, G,F,E,D,"]


def test_a_new_tune_has_no_other_side(with_books):
    found = compare_tune(with_books, AskForOverlap(NEW))
    assert (found.verdict.kind, found.here, found.there) == ("new", None, None)


def test_a_rest_of_several_bars_does_not_move_the_marks(with_books):
    tune = "X:1\nT:Mine\nM:4/4\nL:1/8\nK:C\nZ2|CDEF GABc|dcBA GFED|C8|]\n"
    side = compare_tune(with_books, AskForOverlap(tune)).here
    assert [side.abc[bar.start : bar.stop] for bar in side.bars] == ["CDEF GABc", "dcBA GFED"]


def test_without_the_books_there_is_a_way_to_get_them(workshop, monkeypatch):
    model = workshop.model("tunes", "continue", "abc")
    monkeypatch.setattr(type(model.overlaps), "has_corpus", False)
    monkeypatch.setattr(type(model.overlaps), "source", lambda *_: None)
    found = compare_tune(workshop, AskForOverlap(NEW))
    assert found.there is None
    assert found.can_build
    assert "built" in found.hint

    def missing(*_):
        raise RequestError("music21 is not installed; run: pip install it")

    monkeypatch.setattr(overlap, "require", missing)
    found = compare_tune(workshop, AskForOverlap(NEW))
    assert not found.can_build
    assert "pip install" in found.hint


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (AskForOverlap("words"), FolkseqError),
        (AskForOverlap("X:1\nK:C\n"), FolkseqError),
        (AskForOverlap(NEW, "none"), MissingError),
        (AskForOverlap(NEW, "fill"), RequestError),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(workshop, asked, kind):
    with pytest.raises(kind):
        compare_tune(workshop, asked)


def test_books_are_built_once_at_a_time_and_then_used(workshop, monkeypatch):
    model, built = workshop.model("tunes", "continue", "abc"), []
    monkeypatch.setattr(overlap, "restore", lambda run: built.append(run.name))
    monkeypatch.setattr(overlap, "_building", SimpleNamespace(acquire=lambda blocking: False))
    with pytest.raises(BusyError):
        next(build_books(workshop, AskForBooks("tunes")))
    monkeypatch.undo()
    monkeypatch.setattr(overlap, "restore", lambda run: built.append(run.name))
    for _ in range(2):
        assert list(build_books(workshop, AskForBooks("tunes")))[-1] == Books("tunes")
    assert built == ["tunes", "tunes"]
    assert workshop.model("tunes", "continue", "abc") is not model
