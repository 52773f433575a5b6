"""A classifier tells apart what differs, by what differs, and nothing else."""

import numpy as np
import pytest

from folkseq.evaluation.classifier import FEWEST, tell_apart
from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation

NOTES = "CDEFGABcdefgab"


def tunes(count, seed, widest=2):
    """Return tunes whose melodies are random walks of at most `widest` steps at a time."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        at, music = 7, []
        for bar in range(8):
            for _ in range(8):
                at = int(np.clip(at + random.integers(-widest, widest + 1), 0, len(NOTES) - 1))
                music.append(NOTES[at])
            music.append("|" if bar < 7 else "|]")
        found += abc.parse(f"X:{number + 1}\nT:t\nM:4/4\nL:1/8\nK:C\n{''.join(music)}\n").tunes
    return found


@pytest.fixture(scope="module")
def encoded():
    """Return a codec, and the ids of tunes of two kinds, the first of them twice."""
    representation = AbcRepresentation()
    kinds = [tunes(60, 1), tunes(60, 2), tunes(60, 3, widest=5)]
    codec, ids = representation.fit_encode([tune for kind in kinds for tune in kind])
    return codec, ids[:60], ids[60:120], ids[120:]


def test_pieces_of_one_kind_are_not_told_apart(encoded):
    codec, first, second, _ = encoded
    told = tell_apart(codec, first, second)
    assert 0.3 < told.auc < 0.7
    assert 0.2 < told.auc_among_real < 0.8


def test_pieces_that_leap_are_told_by_their_leaps(encoded):
    codec, steps, _, leaps = encoded
    told = tell_apart(codec, leaps, steps)
    assert told.auc > 0.95
    assert told.auc_among_real < 0.8
    assert (told.samples, told.real) == (60, 60)
    names = [each.name for each in told.telling]
    assert any("leap" in name or "steps" in name for name in names)
    first = told.telling[0]
    assert first.loss == max(each.loss for each in told.telling) > 0
    assert tell_apart(codec, leaps, steps) == told


def test_copies_of_one_piece_are_never_learnt_and_judged(encoded):
    """Otherwise a classifier would know them again, and tell any pieces from copies of others."""
    codec, first, second, _ = encoded
    copies = [ids for ids in first[:12] for _ in range(5)]
    others = [ids for ids in second[:12] for _ in range(5)]
    told = tell_apart(codec, copies, others)
    assert told.auc < 0.85


def test_few_pieces_are_not_judged(encoded):
    codec, first, second, _ = encoded
    assert tell_apart(codec, first[: FEWEST - 1], second) is None
    assert tell_apart(codec, [], second) is None


def test_long_pieces_are_judged_in_stretches(encoded):
    codec, first, second, _ = encoded
    joined = [np.concatenate(second[at : at + 3]) for at in range(0, 60, 3)]
    told = tell_apart(codec, first, joined)
    assert told.real >= 55
