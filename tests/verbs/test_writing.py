"""Pieces are the same in any number of processes, and whatever is done with them."""

from itertools import islice

import pytest

import folkseq
from folkseq import workers
from folkseq.verbs.sample import again, sample
from folkseq.verbs.writing import Titles


@pytest.mark.parametrize(("count", "asked"), [(20, {}), (5, {"best": 3}), (2, {"bars": 8, "prime": "K:D\nABc"})])
def test_a_book_has_the_same_bytes_in_any_number_of_processes(tmp_path, monkeypatch, count, asked):
    books, tunes = [], []
    for cores in (1, 2, 3):
        monkeypatch.setattr(workers, "cores", lambda cores=cores: cores)
        book = tmp_path / f"{cores}.abc"
        written = list(sample("tunes", count, out=book, seed=5, **asked))
        assert [files for _, files in written] == [[book]] * count
        books.append(book.read_bytes())
        tunes.append([piece for piece, _ in written])
        assert list(again(book, "tunes", out=tmp_path / f"again-{cores}.abc"))
        assert (tmp_path / f"again-{cores}.abc").read_bytes() == books[-1]
    assert books[0] == books[1] == books[2]
    assert tunes[0] == tunes[1] == tunes[2]
    for here, there in zip(tunes[0], tunes[1], strict=True):
        assert there.piece == here.piece  # made of its tokens in this process
        assert there.title == here.piece.titles[0]
        assert there.format(".abc") == here.format(".abc")


def test_pieces_of_the_library_come_one_by_one(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 2)
    model = folkseq.load("tunes")
    pieces = model.sample(1000, seed=5)
    first = list(islice(pieces, 3))
    pieces.close()
    assert first == list(model.sample(3, seed=5))


def test_titles_do_not_depend_on_the_order_in_which_they_are_asked_for():
    titles = Titles(iter(["a", "b", "c"]))
    assert [titles[number] for number in (2, 1, 4, 3)] == ["b", "a", "", "c"]
