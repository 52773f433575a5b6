from math import exp, log

import numpy as np
import pytest

from folkseq.errors import FolkseqError
from folkseq.formats.abc.splice import find_bars
from folkseq.representations.task import CONTINUE
from folkseq.sampling.scoring import nll
from folkseq.sampling.settings import INT8
from folkseq.studio.api.alternatives import Alternative
from folkseq.studio.api.reading import reading
from folkseq.studio.api.surprise import (
    SHOWN,
    AskForChoices,
    AskForSurprise,
    AskToBranch,
    branch,
    list_choices,
    surprise,
)
from folkseq.studio.open_text import OpenText
from folkseq.studio.workshop import Workshop

TUNE = """X:1
T: 𝄞 Bread
R:reel
M:4/4
L:1/8
K:D
|:A2FA   d2fd|.e2cA "Em"B2 GB|(A2F)A d2fd|ecAc (3def d2 |
A2FA d2fd| e2cA B2GB  |A2FA d>fd2|^g2 g[ce]- [ce]d3:|
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("studio"))


def choices(workshop, at, text=TUNE):
    return list_choices(workshop, AskForChoices(text, at=at)).choices


def test_each_note_has_its_place_in_the_text_and_its_bits(workshop):
    found, read = surprise(workshop, AskForSurprise(TUNE)), reading(TUNE)
    assert [each.note for each in found.notes] == list(range(len(read.notes)))
    assert [(each.start, each.stop) for each in found.notes] == [(each.start, each.stop) for each in read.notes]
    assert found.notes[0].start == TUNE.index("A2FA") + 1  # the page counts in UTF-16
    assert all(each.bits >= 0 for each in found.notes)
    assert found.mean == pytest.approx(np.mean([each.bits for each in found.notes]))
    assert found.notice == ""


def test_a_repeated_bar_surprises_less_than_the_first_time(workshop):
    bits = [each.bits for each in surprise(workshop, AskForSurprise(TUNE)).notes]
    first, again = bits[:6], bits[25:31]  # A2FA d2fd, before and after the break
    assert sum(again) < sum(first) / 4


def test_the_bits_of_notes_are_a_part_of_those_of_the_whole_tune(workshop):
    model = workshop.model("", CONTINUE, "abc")
    total, _ = nll(model.engine(INT8), [model.codec.encode(OpenText.read(TUNE).tune)])
    found = sum(each.bits for each in surprise(workshop, AskForSurprise(TUNE)).notes)
    assert 0.5 * total / log(2) < found < total / log(2)


def test_a_note_that_the_model_never_met_is_said_to_be_so(workshop):
    found = surprise(workshop, AskForSurprise("X:1\nM:4/4\nL:1/8\nK:C\nC4 C,,,4|E4 E4|\n"))
    assert [each.bits is None for each in found.notes] == [False, True, False, False]
    assert found.notice.startswith("the model has not met ")


def test_other_voices_are_not_judged(workshop):
    text = "X:1\nM:4/4\nL:1/8\nK:C\nV:1\nC4 E4|\nV:2\nE4 G4|\n"
    assert [each.note for each in surprise(workshop, AskForSurprise(text)).notes] == [0, 1]
    with pytest.raises(FolkseqError, match="reads the first voice"):
        choices(workshop, 2, text)


@pytest.mark.parametrize("at", [0, 9, 22, 30])
def test_the_likeliest_choices_come_first_and_the_present_one_is_among_them(workshop, at):
    found = choices(workshop, at)
    likely = found[:SHOWN]
    assert [each.probability for each in likely] == sorted((each.probability for each in likely), reverse=True)
    assert sum(each.probability for each in found) <= 1
    assert [each.is_present for each in found].count(True) == 1
    present = next(each for each in found if each.is_present)
    bits = surprise(workshop, AskForSurprise(TUNE)).notes[at].bits
    assert present.probability == pytest.approx(exp(-bits * log(2)), rel=0.01)


def test_where_no_note_would_fit_the_present_one_is_the_only_choice(workshop):
    text = "X:1\nM:4/4\nL:1/8\nK:C\nC8|G4 E3 c|e8|\n"
    assert all(choices(workshop, at, text) for at in range(5))


def test_a_choice_is_spelt_as_it_would_stand_there(workshop):
    read = reading(TUNE)
    at = next(place for place, note in enumerate(read.notes) if TUNE[note.start - 1 :].startswith("^g2")) + 1
    sharp = {each.pitch: each.text for each in choices(workshop, at) if each.pitch in (79, 80)}
    assert sharp.get(80, "g")[0] == "g"  # the sharp still holds
    assert sharp.get(79, "=g")[0] == "="
    in_triplet = next(place for place, note in enumerate(read.notes) if TUNE[note.start - 1 :].startswith("ef d2"))
    assert {each.text for each in choices(workshop, in_triplet)} >= {"e", "d"}


def test_the_tune_goes_on_from_a_choice_and_all_bars_before_stay(workshop):
    at = 9  # B2 in the second bar
    found = [
        each
        for each in branch(workshop, AskToBranch(abc=TUNE, at=at, choice="g2", count=2, seed=1))
        if isinstance(each, Alternative)
    ]
    assert len({each.abc for each in found}) == 2
    was = list(OpenText.read(TUNE).tune.sounds())
    for each in found:
        sounds = list(OpenText.read(each.abc).tune.sounds())
        assert [sound.pitches for sound in sounds[:at]] == [sound.pitches for sound in was[:at]]
        assert (sounds[at].pitches[0].midi, sounds[at].duration) == (79, was[at].duration)
        assert ".e2" in each.abc  # its mark stays in a bar that is written again
        (first, *_), _ = find_bars(each.abc)
        assert "A2FA   d2fd" in each.abc[first.parts[0][0] : first.parts[0][1]]
        assert each.first == 2


def test_every_choice_can_be_taken(workshop):
    for at in (5, 23, 44):
        for each in choices(workshop, at):
            found = list(branch(workshop, AskToBranch(abc=TUNE, at=at, choice=each.text, count=1, seed=3)))
            sound = list(OpenText.read(found[-1].abc).tune.sounds())[at]
            assert (sound.pitches[-1].midi if sound.pitches else None) == each.pitch


@pytest.mark.parametrize("choice", ["", "gg", "g|", "g\nK:C", "[K:C]", "x" * 100, "z z", "I:abc"])
def test_something_else_than_one_note_is_refused(workshop, choice):
    with pytest.raises(FolkseqError, match="is not one note"):
        list(branch(workshop, AskToBranch(abc=TUNE, at=3, choice=choice)))


@pytest.mark.parametrize(
    ("text", "words"), [("", "no tune"), ("X:1\nK:C\n" + "CDEF|" * 1500, "tokens"), ("X:1\nT:a\n", "K:")]
)
def test_a_text_that_cannot_be_judged_gives_a_sentence(workshop, text, words):
    with pytest.raises(FolkseqError, match=words):
        surprise(workshop, AskForSurprise(text))
