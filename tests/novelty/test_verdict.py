"""What is said of a piece, and the measure of what is usual."""

from dataclasses import replace

import numpy as np
import pytest

from folkseq.corpora import TokenStore
from folkseq.novelty.scale import groups_of, share_as_close, share_of, within
from folkseq.novelty.sketches import Resemblance, Sketches, fingerprint_of, sketch
from folkseq.novelty.verdict import judge
from folkseq.representations.abc import AbcRepresentation
from folkseq.sampling.overlaps import Copied

SHARED = Copied(30, 3, "bar 3", "b.abc X:2 Old", "bar 9", "bars 3-6", "bars 9-12")
NOTHING = Copied(0, 0, "bar 1", "", "")


def twin(share, source_share, is_twin=True):
    return Resemblance(1, share, source_share, is_twin)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ((100, NOTHING, None), "new", "new: it shares no passage with the corpus"),
        (
            (100, SHARED, 0.34),
            "usual",
            "nothing unusual: bars 3-6 are like bars 9-12 of b.abc X:2 Old; "
            "34 of 100 pieces in the corpus share as much with another",
        ),
        (
            (100, SHARED, 0.05),
            "long",
            "a long passage: bars 3-6 are like bars 9-12 of b.abc X:2 Old; "
            "5 of 100 pieces in the corpus share as much with another",
        ),
        (
            (100, SHARED, None),
            "unknown",
            "bars 3-6 are like bars 9-12 of b.abc X:2 Old; the corpus is too small to say whether that is much",
        ),
        (
            (59, SHARED, 0.0),
            "copy",
            "a copy: 51 % of it is in b.abc X:2 Old; bars 3-6 are like bars 9-12 of b.abc X:2 Old",
        ),
        ((61, SHARED, 0.5), "usual", None),
        (
            (30, SHARED, None),
            "copy",
            "a copy: all of it is in b.abc X:2 Old; bars 3-6 are like bars 9-12 of b.abc X:2 Old",
        ),
        ((100, SHARED, 0.5, twin(0.8, 0.6), "b.abc X:5", 0.0), "copy", "a copy: 80 % of it is in b.abc X:5"),
        ((100, NOTHING, None, twin(1.0, 0.6), "b.abc X:5", None), "copy", "a copy: all of it is in b.abc X:5"),
        ((100, SHARED, 0.5, twin(0.1, 0.9), "b.abc X:5", 0.0), "copy", "a copy: it holds 90 % of b.abc X:5"),
        ((100, SHARED, 0.5, twin(0.1, 0.2), "b.mid", 0.0), "copy", "a copy: it is the same piece as b.mid"),
        (
            (100, SHARED, 0.5, twin(0.3, 0.2, is_twin=False), "b.abc X:5", 0.004),
            "variant",
            "a variant: 30 % of its melody is in b.abc X:5; "
            "fewer than 1 of 100 pieces in the corpus share as much with another",
        ),
        ((50, SHARED, 0.0, twin(0.3, 0.2, is_twin=False), "b.abc X:5", 0.004), "copy", None),
        ((100, SHARED, 0.5, twin(0.3, 0.2, is_twin=False), "b.abc X:5", 0.06), "usual", None),
        ((100, SHARED, 0.5, twin(0.1, 0.2, is_twin=False), "b.abc X:5", 0.0), "usual", None),
        ((100, SHARED, 0.5, twin(0.3, 0.2, is_twin=False), "b.abc X:5", None), "usual", None),
    ],
)
def test_the_rules(arguments, kind, words):
    found = judge(*arguments)
    assert found.kind == kind
    assert words is None or found.words == words


def test_seven_tokens_are_no_passage():
    assert judge(100, replace(SHARED, tokens=7), 0.9).kind == "new"
    assert judge(100, replace(SHARED, tokens=8), 0.9).kind == "usual"


def test_one_short_bar_is_no_copy():
    short = Copied(10, 1, "bar 1", "b.abc X:2 Old", "bar 9", "bar 1", "bar 9")
    assert judge(10, short, 0.9).words.startswith("nothing unusual: bar 1 is like bar 9 of b.abc X:2 Old")


def test_pieces_of_about_the_length_are_counted():
    lengths = np.r_[np.full(100, 50), np.full(100, 500)]
    passages = np.r_[np.arange(100), np.arange(100, 200)]
    scale = np.stack((lengths, passages, np.arange(200)), axis=1)
    assert share_of(scale, 60, 90) == 0  # of the 50 first ones that are nearest
    assert share_of(scale, 60, 40) == 0.2
    assert share_of(scale, 400, 100) == 1
    assert share_as_close(scale, 0.1) == 0.5
    assert share_of(scale[:19], 50, 1) is share_as_close(scale[:19], 0.1) is None


def tunes(count, seed=0):
    random = np.random.default_rng(seed)
    lines = ("|".join("".join(random.choice(list("CDEFGABcdefg"), 8)) for _ in range(8)) for _ in range(count))
    text = "\n".join(
        f"X:{n}\nT:Tune {chr(97 + n % 26)}{chr(97 + n // 26)}\nM:4/4\nL:1/8\nK:C\n{line}|]\n"
        for n, line in enumerate(lines, 1)
    )
    representation = AbcRepresentation()
    pieces = representation.files.parse(text.encode(), "book.abc").pieces
    codec, ids = representation.fit_encode(pieces)
    return codec, ids, [f"book.abc {representation.files.label(piece)}" for piece in pieces]


def test_what_pieces_share_is_measured_without_twins_and_namesakes():
    """A tune that was printed twice does not make copies usual, and neither do two settings of one name."""
    codec, ids, labels = tunes(40)
    copied = [np.concatenate((each[:70], other[70:])) for each, other in zip(ids[:10], ids[10:20], strict=True)]
    store = TokenStore.of([*ids, *ids[:10], *copied])
    similar, names = codec.transposition, [*labels, *(f"other.abc X:{n}" for n in range(10)), *labels[:10]]
    fingerprints = [fingerprint_of(store[piece], similar) for piece in range(len(store))]
    groups, sketches = groups_of(fingerprints, similar, names), Sketches.of(fingerprints, similar)
    assert groups[:10].tolist() == groups[40:50].tolist() == groups[50:].tolist()
    scale = within(codec, store, range(len(store)), sketches, groups)
    assert len(scale) == 60
    assert scale[:, 1].max() < 20
    assert scale[:, 2].max() < 100
    alone = within(codec, store, range(len(store)), sketches, np.arange(60))
    assert (alone[:, 1] > 40).sum() >= 20


def test_near_duplicates_are_found_by_half_of_their_figures():
    codec, ids, _ = tunes(30)
    similar = codec.transposition
    sketches = Sketches.of([similar.fingerprint(each) for each in ids], similar)
    assert sketches.counts.min() > 10
    for piece in (0, 17):
        part = np.concatenate((ids[piece][:50], ids[(piece + 1) % 30][20:45]))
        found = sketches.closest(sketch(similar.fingerprint(part), similar))
        assert (found.piece, found.is_twin) == (piece, True)
    strange = similar.fingerprint(tunes(1, seed=9)[1][0])
    found = sketches.closest(sketch(strange, similar))
    assert found is None or not found.is_twin
    assert sketches.closest(np.zeros(0, np.uint16)) is None
