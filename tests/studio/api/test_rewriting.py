import re
from collections import Counter

import pytest

from folkseq.errors import FolkseqError
from folkseq.formats import abc as notation
from folkseq.formats.abc.splice import find_bars
from folkseq.music import Bar, Meter, Sound
from folkseq.representations.abc.analysis import sections
from folkseq.settings import validate
from folkseq.studio.api.alternatives import Alternative, AskForAlternatives
from folkseq.studio.api.reading import reading
from folkseq.studio.api.rewriting import WAYS, AskToRewrite, harmonise, rewrite
from folkseq.studio.api.tunes import LONGEST_TEXT, Notice
from folkseq.studio.errors import MissingError
from folkseq.studio.open_text import OpenText
from folkseq.studio.workshop import Workshop

# Spaces, breaks, marks and comments that no writer would choose, so that what is kept is seen to be kept.
TUNE = """X:1
T: Bread & <b>Butter</b> ♪
R:reel
M:4/4
L:1/8
K:D  % two sharps
|:A2FA   d2fd|.e2cA "Em"B2 GB|(A2F)A d2fd|ecAc d4 |
A2FA d2fd| e2cA B2GB  |A2FA d2fd|ecAc d4:|
|:f2df a2fd|g2eg b2ge|f2df a2fd|ecAc d4|
f2df a2fd|g2eg b2ge|a2fd e2ce|d2fe d4:|
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("studio"))


def ask(workshop, **asked):
    answers = list(rewrite(workshop, AskToRewrite(**{"abc": TUNE, "seed": 1, **asked})))
    return [each for each in answers if isinstance(each, Alternative)]


def bars(text):
    found, _ = find_bars(text)
    return [tuple(text[start:stop] for start, stop in bar.parts) for bar in found]


def around(text):
    """Return what is outside of the bars, without the record."""
    found, _ = find_bars(text)
    inside = {place for bar in found for start, stop in bar.parts for place in range(start, stop)}
    outside = "".join(" " if place in inside else letter for place, letter in enumerate(text))
    return [" ".join(line.split()) for line in outside.splitlines() if not line.startswith("% ")]


@pytest.mark.parametrize("way", ["again", "plainer", "bolder", "vary"])
def test_only_the_bars_that_were_asked_for_change(workshop, way):
    found = ask(workshop, way=way, first=5, last=7, count=3)
    assert [each.way for each in found] == [way] * 3
    for each in found:
        assert bars(each.abc)[:4] + bars(each.abc)[7:] == bars(TUNE)[:4] + bars(TUNE)[7:]
        assert around(each.abc) == around(TUNE)
        assert (each.first, each.last) == (5, 7)
        assert each.nll > 0


@pytest.mark.parametrize("way", WAYS)
def test_alternatives_differ_from_each_other_and_from_what_is_there(workshop, way):
    found = [notation.format(OpenText.read(each.abc).tune) for each in ask(workshop, way=way, first=1, count=4)]
    assert len({notation.format(OpenText.read(TUNE).tune), *found}) == 5


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_alternatives(workshop, way):
    first, second = (ask(workshop, way=way, first=2, last=3, count=2, seed=7) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("way", ["bolder", "vary", "continue"])
def test_a_tune_for_an_instrument_keeps_within_its_range(workshop, way):
    """A bold one, with the record of a whistle, which has no note below D."""
    record = '% {"folkseq": "0.1.0", "run": "tunes", "seed": 1, "index": 1, "instrument": "whistle"}\n'
    text = TUNE.replace("T:", f"{record}T:", 1)
    for each in ask(workshop, abc=text, way=way, first=2, last=6, bolder=2.5, count=6):
        pitches = [pitch.midi for sound in OpenText.read(each.abc).tune.sounds() for pitch in sound.pitches]
        assert 62 <= min(pitches) <= max(pitches) <= 83
        assert '"instrument": "whistle"' in each.abc


def test_a_variation_keeps_the_last_bar_and_every_second_one(workshop):
    for each in ask(workshop, way="vary", first=1, last=4, count=3):
        changed = [was != now for was, now in zip(bars(TUNE), bars(each.abc), strict=True)]
        assert changed == [True, False, True, False, *[False] * 12]


def test_bolder_bars_surprise_the_model_more(workshop):
    plainer, bolder = (ask(workshop, way=way, first=1, last=8, count=8) for way in ("plainer", "bolder"))
    assert sum(each.nll for each in plainer) < sum(each.nll for each in bolder)


def test_the_score_shows_the_new_bars_alone(workshop):
    (found,) = ask(workshop, first=3, last=4, count=1)
    drawn, whole = OpenText.read(found.score).tune, OpenText.read(found.abc).tune
    notes = [each.pitches for each in drawn.sounds()]
    assert len(OpenText.read(found.score).lines) == 2
    assert notes == [each.pitches for each in list(whole.sounds())[12 : 12 + len(notes)]]  # after two bars of six notes
    assert found.summary.count("|") == 1


def test_chords_over_the_bars_are_said_to_go(workshop):
    answers = list(rewrite(workshop, AskToRewrite(abc=TUNE, first=2, count=1, seed=1)))
    assert answers[0] == Notice("1 chord symbol or other text over these bars will be gone")


@pytest.mark.parametrize("way", ["continue", "second_part"])
def test_a_tune_goes_on_after_bars_that_stay_as_they_are(workshop, way):
    kept = {"continue": 16, "second_part": 8}[way]
    for each in ask(workshop, way=way, count=2):
        assert bars(each.abc)[:kept] == bars(TUNE)[:kept]
        assert (each.first, each.last) == (kept + 1, len(bars(each.abc)))
        assert [line for line in TUNE.splitlines()[1:6] if line in each.abc] == TUNE.splitlines()[1:6]
        assert OpenText.read(each.abc).tune.key == OpenText.read(TUNE).tune.key


@pytest.mark.parametrize(
    ("first_part", "form"),
    [
        ("|:A2FA d2fd|e2cA B2GB|A2FA d2fd|ecAc d4:|", "AABB"),
        ("A2FA d2fd|e2cA B2GB|A2FA d2fd|ecAc d4||", "ABB"),
        ("|:A2FA d2fd|e2cA B2GB|A2FA d2fd|1ecAc d4:|2ecAc d4||", "AABB"),
        ("fe|:d2FA d2fd|e2cA B2GB|A2FA d2fd|ecAc d2fe:|", "AABB"),
        ("|:A|d2FA d2fd|e2cA B2GB|A2FA d2fd|ecAc d3:|", "AABB"),
    ],
)
def test_a_new_second_part_is_as_long_as_the_first_and_is_repeated(workshop, first_part, form):
    text = f"X:1\nM:4/4\nL:1/8\nR:reel\nK:D\n{first_part}\nd8|d8|\n"
    for each in ask(workshop, abc=text, way="second_part", count=2):
        body = OpenText.read(each.abc).tune.body
        repeats = sum(isinstance(line, Bar) and line.closes for line in body)
        assert repeats == Counter(form)["A"] // 2 + 1
        assert sections(body, Meter(4, 4)) == [4, 4]
        assert "d8" not in each.abc.rpartition("}\n")[2]


def test_a_tune_whose_parts_do_not_fit_together_goes_on_from_its_last_part(workshop):
    text = "X:1\nM:4/4\nL:1/8\nR:reel\nK:G\nG5 G,,,3|B8|d8|g8||G2BG dGBG|A2cA eAcA|G2BG dGBd|g2fa g2d2||\n"
    (found,) = ask(workshop, abc=text, way="continue", count=1)
    assert bars(found.abc)[:8] == bars(text)


def test_a_tune_without_an_end_goes_on_within_its_bar(workshop):
    text = "X:1\nM:4/4\nL:1/8\nK:G\nG2^FG A2=FA|B2"
    for each in ask(workshop, abc=text, way="continue", count=3):
        sounds = [sound for sound in OpenText.read(each.abc).tune.body if isinstance(sound, Sound)]
        assert sounds[:7] == list(OpenText.read(text).tune.sounds())
        assert bars(each.abc)[0] == ("G2^FG A2=FA",)


def test_words_under_kept_bars_stay_under_them(workshop):
    text = "X:1\nM:4/4\nL:1/4\nK:G\nGABc|dcBA:|\nw:one two three four five six seven eight\nG4|\nW:below\n"
    (found,) = ask(workshop, abc=text, way="second_part", count=1)
    lines = found.abc.splitlines()
    assert lines[lines.index("GABc|dcBA ::") + 1] == "w:one two three four five six seven eight"
    assert lines[-1] == "W:below"


def test_four_voices_keep_the_melody_and_can_be_read(workshop):
    text = "X:1\nM:4/4\nL:1/4\nK:G\nGABc|dcBA|GBAF|G4|]\n"
    found = list(harmonise(workshop, AskForAlternatives(abc=text, count=2, seed=1)))
    assert [type(each) for each in found] == [Alternative, Alternative]
    assert found[0].abc != found[1].abc
    for each in found:
        score = OpenText.read(each.abc).tune
        assert len(score.voices) == 4
        assert score.body == OpenText.read(text).tune.body
        assert len({event.channel for event in reading(each.abc).events}) == 4


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"first": 40}, "bars 40-40: the tune has bars 1 to 16"),
        ({"first": 1, "last": 30}, "the tune has bars 1 to 16"),
        ({"abc": ""}, "the file is empty"),
        ({"abc": "T:no music"}, "no K: line"),
        ({"abc": TUNE + "\n" + TUNE}, "holds 2 tunes; keep one"),
        ({"abc": "X:1\nT:\ud800\nK:C\nCDEF|"}, "half a character"),
        ({"abc": "X:1\nM:4/4\nK:C\nV:1\nC8|\nV:2\nE8|\n", "way": "continue"}, "several voices"),
        ({"abc": "X:1\nM:7/8\nL:1/8\nK:C\nC7|D7||\n", "way": "continue"}, "7/8"),
        ({"abc": "X:1\nM:4/4\nL:1/8\nK:C\nC8|D6|E8||\n", "way": "continue"}, "bar 2 does not fit"),
        ({"abc": "X:1\nM:4/4\nL:1/8\nK:C\nC5 G,,3|\n", "way": "continue"}, "has not met"),
        ({"abc": "X:1\nM:4/4\nL:1/8\nK:C\nCDEF", "way": "second_part"}, "whole part"),
        ({"abc": "X:1\nM:4/4\nL:1/8\nK:C\nC8 & E8|D8|\n", "first": 1}, "second line"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_without_the_command_line(workshop, asked, words):
    with pytest.raises(FolkseqError) as refused:
        ask(workshop, **asked)
    assert words in str(refused.value)
    assert not {"--", "\n"} & set(re.findall("--|\n", str(refused.value)))


def test_a_melody_without_notes_has_no_voices(workshop):
    with pytest.raises(FolkseqError, match="no note in it"):
        list(harmonise(workshop, AskForAlternatives(abc="X:1\nK:C\nz4|z4|\n")))


def test_a_model_for_something_else_is_refused(workshop):
    with pytest.raises(FolkseqError, match="tunes: was trained to continue; choose"):
        ask(workshop, model="tunes")
    with pytest.raises(FolkseqError, match="drums: was trained on packed"):
        ask(workshop, model="drums", way="continue")
    with pytest.raises(MissingError, match=r"\.\./x: is not among the models"):
        ask(workshop, model="../x")


def test_a_long_text_is_refused_before_it_is_read():
    with pytest.raises(ValueError, match="abc must have at most 100,000 characters, got 100,001"):
        validate(AskToRewrite(abc="C" * (LONGEST_TEXT + 1)))
