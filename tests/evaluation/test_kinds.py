"""Samples and held-out tunes are compared rhythm by rhythm."""

import pytest

from folkseq.evaluation import kinds
from folkseq.evaluation.cli import _kinds
from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation

JIG = "X:1\nR:double jig\nM:6/8\nK:C\nCEG cGE|CEG cGE|C3 E3|{}6|]"
REEL = "X:1\nR:Reel\nM:2/2\nK:C\n|:CEGc cGEC:|:CEGc C2c2:|"
WALTZ = "X:1\nM:3/4\nK:C\nC2 E2 G2|c6|]"
CODEC = AbcRepresentation().fit([abc.parse(text.format("C")).tunes[0] for text in (JIG, REEL, WALTZ, "K:C\nD|")])


def tunes(*texts):
    return [CODEC.encode(abc.parse(text).tunes[0]) for text in texts]


def test_each_rhythm_has_its_own_figures():
    samples = tunes(*(12 * [JIG.format("D")]), *(11 * [REEL]), WALTZ)
    found = kinds.evaluate(CODEC, samples, tunes(*(10 * [REEL]), *(20 * [JIG.format("C")])))
    assert list(found) == ["jig", "reel", "in 3/4"]
    ours, theirs = found["jig"]["samples"], found["jig"]["held_out"]
    assert (ours["pieces"], theirs["pieces"]) == (12, 20)
    assert (ours["last_note_on_tonic"], theirs["last_note_on_tonic"]) == (0, 1)
    assert ours["bars_heard_again"] == pytest.approx(0.5)
    assert (ours["one_section"], ours["sections"], ours["range"]) == (1, 1, 12)
    assert (found["reel"]["samples"]["one_section"], found["reel"]["samples"]["sections"]) == (0, 2)
    assert found["in 3/4"] == {"samples": {"pieces": 1}, "held_out": {"pieces": 0}, "auc": None}


def test_the_table_has_a_row_for_each_rhythm_with_enough_tunes():
    both = tunes(*(10 * [REEL]), WALTZ)
    (header, reel), ((few,),) = _kinds(kinds.evaluate(CODEC, both, both))
    assert header[:2] == ["samples / held out", "pieces"]
    assert header[-3:] == ["sections", "range", "AUC"]
    assert reel[:2] == ["reel", "10 / 10"]
    assert reel[-3:] == ["2.0 / 2.0", "12.0 / 12.0", "-"]
    assert few == "too few to compare: in 3/4 1 / 1"
    assert list(_kinds({})) == []
