"""A classifier tells apart what differs, by what differs, and nothing else."""

import numpy as np
import pytest

from folkseq.evaluation.classifier import FEWEST, STRETCHES, tell_apart
from folkseq.formats import abc
from folkseq.music.performance import Note, Performance, Track
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.performance import PerformanceRepresentation

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
    assert told.stretch is None  # whole tunes
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
    assert tell_apart(codec, first, [second[0]] * FEWEST) is None


def test_stretches_of_performances_are_told_by_their_music_alone():
    """A stretch begins and ends in notes, which a whole piece does not."""
    random = np.random.default_rng(2)

    def performance(seconds, widest):
        onsets = np.arange(0, seconds, 0.25)
        pitches = 40 + np.cumsum(random.integers(-widest, widest + 1, len(onsets))) % 48
        notes = [Note(at, at + 0.6, int(pitch), 64) for at, pitch in zip(onsets, pitches, strict=True)]
        return Performance((Track.of(notes),))

    pieces = [*(performance(40, 7) for _ in range(40)), *(performance(400, 7) for _ in range(8))]
    codec, ids = PerformanceRepresentation().fit_encode([*pieces, *(performance(40, 20) for _ in range(40))])
    same, other = tell_apart(codec, ids[:40], ids[40:48]), tell_apart(codec, ids[48:], ids[40:48])
    assert same.stretch == sum(map(len, ids[40:48])) // STRETCHES
    assert same.samples >= 40 < same.real
    assert 0.25 < same.auc < 0.75
    assert other.auc > 0.95
    assert (same.real_pieces, same.auc_among_real) == (8, None)  # each fold would hold one or two of these pieces
    assert not any("paired" in each.name for each in same.telling)
