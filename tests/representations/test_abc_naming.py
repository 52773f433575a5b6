"""New titles from a book of forty, written for this test."""

import os
import re
import subprocess
import sys
from itertools import islice, pairwise
from random import Random

import pytest

from folkseq.representations.abc.naming import TitleModel
from folkseq.representations.abc.titles import title_key, title_words

TITLES = """The Maid of the Mill
The Maid of the Glen
The Rose of the Glen
The Rose of the Valley
The Rakes of Cork
The Rakes of Sligo
The Banks of Sligo
The Banks of Trim
The Humors of Trim
The Humors of Ennis
Brady's Fancy
Brady's Reel
Foley's Fancy
Foley's Jig
Mac Hale's Rambles
Foley's Rambles
Nolan's Favorite
Brady's Favorite
Miss Nolan's Reel
Miss Foley's Delight
The Geese in the Bog
The Hare in the Corn
The Hare in the Heather
The Lark in the Heather
The Road to Ennis
The Road to Trim
Off to Sligo
Off to Ennis
Paddy Nolan's Hornpipe
KITTY'S WEDDING -- REEL
Barn Door, The
Kitty Foley
When Will You Be Married?
I Lost My Love
The Hare's March to Sligo
The Merry Piper (2)
The Merry Weaver No. 2
The Jolly Weaver
The Jolly Miller
The Black Hen by Ann Brady""".splitlines()
CORPUS = [[title] for title in TITLES]


def new(corpus, seed=1, count=200):
    return list(islice(TitleModel(corpus).new_titles(Random(seed)), count))


def key(title):
    return title_key(word for word in title_words(title) if word != "{}")


def test_new_titles_join_phrases_of_the_corpus():
    found = {title for seed in range(5) for title in new(CORPUS, seed)}
    assert len(found) > 40
    assert {"The Rose of the Mill", "The Hare in the Bog", "The Rakes of Trim", "Off to Trim"} <= found
    assert {"Nolan's Fancy", "Nolan's Rambles", "The Jolly Piper"} & found


def test_no_title_is_one_of_the_corpus_or_comes_twice():
    known = {key(title) for title in TITLES}
    for seed in range(20):
        found = new(CORPUS, seed)
        keys = [key(title) for title in found]
        assert len(set(keys)) == len(keys)
        assert known.isdisjoint(keys)


def test_a_further_title_is_known_but_not_learned_from():
    found = new([*CORPUS, ["The Old Weir", "The Rose of the Mill"], ["Sean Gabha", "Off to Trim"]])
    assert not {"The Rose of the Mill", "Off to Trim"} & {*found}


def test_titles_are_whole_and_have_only_words_of_the_corpus():
    words = {word.lower() for title in TITLES for word in re.findall(r"[\w']+", title)}
    words |= {word.removesuffix("'s") for word in words} | {word + "'s" for word in words}
    for title in (title for seed in range(10) for title in new(CORPUS, seed)):
        assert re.fullmatch(r"[A-Z][A-Za-z' ]+( \{\})?", title), title
        spelt = title.removesuffix(" {}").split()
        assert {word.lower() for word in spelt} <= words, title
        assert spelt[-1] not in ("the", "The", "of", "to", "in", "Miss"), title
        assert all(first != second for first, second in pairwise(spelt)), title
        assert not {"you", "i", "my", "will"} & {word.lower() for word in spelt}, title


def test_small_words_are_small_and_others_are_as_most_books_have_them():
    shouted = [["THE MAID OF THE MCKEON'S MILL"], ["THE ROSE OF THE MILL"], ["THE MAID OF THE O'SHEA'S WEIR"]]
    found = new(shouted)
    assert set(found) == {"The Maid of the O'Shea's Mill", "The Maid of the McKeon's Weir", "The Maid of the Mill"}
    assert "The Rose of the Weir" in new([["the rose of the mill"], ["The Maid of the Mill"], ["The Maid of the Weir"]])


def test_a_misprint_is_not_learned():
    books = [["The Banks of Sligo"], ["The Rakes of Sligo"], ["The Rakes of Slig"], ["The Rakes of Trim"]]
    assert not any("Slig" in title.split() for title in new(books))
    assert "The Banks of Trim" in new(books)


@pytest.mark.parametrize("corpus", [[], [[]], [["Untitled"]], [["(1)"], [""]], [["The Reel"], ["Jig"], ["1234"]]])
def test_a_corpus_of_which_nothing_can_be_learned_gives_no_title(corpus):
    assert new(corpus) == []


def test_the_same_seed_gives_the_same_titles_in_every_process():
    code = "import sys; sys.path.insert(0, sys.argv[1]); from test_abc_naming import *; print(*new(CORPUS), sep='|')"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code, os.path.dirname(__file__)],
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for number in (1, 2)
    }
    assert printed == {"|".join(new(CORPUS))}
    assert new(CORPUS, 1)[:5] != new(CORPUS, 2)[:5]
