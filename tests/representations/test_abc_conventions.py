"""The keys, ranges, meters and units of new tunes are those of the corpus."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from folkseq.formats import abc
from folkseq.music import Interval, Key, Meter, Tune
from folkseq.music.playback import perform
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.compass import Compass
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.vocabulary import Vocabulary

ABC = AbcRepresentation()
D, G = Key(1), Key(4)


def read(text):
    return abc.parse(f"X:1\n{text}").tunes[0]


def lowest(tune):
    return min(pitch.midi for sound in tune.sounds() for pitch in sound.pitches)


def spell(counts, text, **options):
    """Return a tune on C as a run with these conventions writes it."""
    tune = ABC.detokenize(ABC.tokenize(read(text)))
    vocabulary = replace(ABC.merge(ABC.tokenize(tune)), conventions=counts)
    return ABC.codec(vocabulary).generation.postprocess(tune, "1-1", AbcOptions(**options))


def test_a_convention_says_what_the_tokens_leave_out():
    assert ABC.convention(read("R:Reels\nM:C|\nL:1/16\nK:D\nD2FA dfaf|")) == "reel 2/2 1/16 Dmaj 1 12 -1"
    assert ABC.convention(read("M:6/8\nK:Gmix\ng3 g3|")) == "- 6/8 1/8 Gmix 11 11 -11"
    assert ABC.convention(Tune(((),))) == ""
    assert AbcRepresentation(transpose=False).convention(read("K:D\nD4|")) == ""


def test_a_tune_goes_to_the_key_and_octave_of_tunes_of_its_range():
    known = Conventions({"- 4/4 1/8 Gmaj 1 13 -4": 5, "- 4/4 1/8 Dmaj 1 12 -1": 5, "- 4/4 1/8 Emin 1 12 -2": 99})
    plagal, authentic = read("K:C\nG,CEG ceg2|]"), read("K:C\nCEGc egb2|]")

    def keys(tune, key=None):
        found = [known.interval(tune, key, Random(number)) for number in range(200)]
        return [found.count(Interval(4, 7)), found.count(Interval(1, 2))]

    in_g, in_d = keys(plagal)
    assert in_g > 150
    assert in_g + in_d == 200
    in_g, in_d = keys(authentic)
    assert in_d > 150
    assert keys(authentic, D) == [0, 200]
    assert lowest(plagal.transposed(Interval(4, 7))) == lowest(authentic.transposed(Interval(1, 2))) == 62


def test_no_tune_lies_below_the_corpus_if_an_octave_higher_is_possible():
    known = Conventions({"- 4/4 1/8 Dmaj 1 8 -1": 1})
    tune = read("K:C\nE,4 E4|]")
    moved = {lowest(tune.transposed(known.interval(tune, D, Random(number)))) for number in range(50)}
    assert moved == {66}


def test_without_a_corpus_a_tune_lies_between_d4_and_b5():
    known = Conventions({})
    for text in ("K:C\nG,CEG cde2|]", "K:C\nCEGc ega2|]", "K:Cmin\nC,E,G,C|]", "K:Cdor\nc'gec|]"):
        tune = read(text)
        pitches = [p.midi for s in tune.transposed(known.interval(tune, None, Random(1))).sounds() for p in s.pitches]
        assert all(62 <= pitch <= 83 for pitch in pitches)


HORNPIPE = {"hornpipe 2/2 1/8 Dmaj 1 12 -1": 9}
REEL = "R:reel\nM:2/4\nL:1/16\nK:C\nCEGc edcB|c2c2 G4|]"


@pytest.mark.parametrize(
    ("counts", "text", "options", "head"),
    [
        ({"reel 2/2 1/8 Dmaj 1 12 -1": 9, "reel 2/4 1/16 Dmaj 1 12 -1": 9}, REEL, {}, "2/2 1/8 DFAd fedc"),
        ({"reel 4/4 1/8 Dmaj 1 12 -1": 9}, REEL, {}, "4/4 1/8 DFAd fedc"),
        ({}, REEL, {}, "4/4 1/8 DFAd fedc"),
        ({"reel 2/2 1/8 Dmaj 1 12 -1": 9}, REEL, {"meter": "2/4"}, "2/4 1/16 DFAd fedc"),
        ({}, REEL.replace("reel", "polka"), {}, "2/4 1/16 DFAd fedc"),
        (HORNPIPE, REEL.replace("reel", "hornpipe"), {}, "4/4 1/8 DFAd fedc"),  # abc2midi refuses one in C|
        (HORNPIPE, "R:hornpipe\nM:C|\nL:1/8\nK:C\nCEGc edcB|c2c2 G4|]", {}, "4/4 1/8 DFAd fedc"),
        (HORNPIPE, "R:hornpipe\nM:C|\nL:1/8\nK:C\nCEGc edcB|c2c2 G4|]", {"meter": "C|"}, "2/2 1/8 DFAd fedc"),
        ({}, "R:reel\nM:2/4\nL:1/8\nK:C\nCEGc|c2c2|]", {}, "2/4 1/8 DF Ad"),
        ({"jig 6/8 1/8 Dmaj 1 12 -1": 9}, "R:jig\nM:6/8\nL:1/16\nK:C\nCEGcGE CEGcGE|]", {}, "6/8 1/8 D/2F/2A/2d/2"),
        ({"jig 6/8 1/16 Dmaj 1 12 -1": 9}, "R:jig\nM:6/8\nK:C\nCEG cGE|]", {}, "6/8 1/16 D2F2A2"),
    ],
)
def test_a_dance_is_spelt_as_players_spell_it(counts, text, options, head):
    tune = spell(counts, text, key="D", **options)
    assert f"{tune.meter} {tune.unit}" == head[: len(f"{tune.meter} {tune.unit}")]
    assert head.split(" ", 2)[2].replace(" ", "") in abc.format(tune).replace(" ", "")


def test_a_respelt_reel_sounds_the_same():
    tune = spell({}, REEL, key="D")
    same = spell({}, REEL, key="D", meter="2/4")
    assert (tune.meter, same.meter) == (Meter(4, 4), Meter(2, 4))
    fields = ["onset_s", "offset_s", "pitch"]
    assert perform(tune).tracks[0].notes[fields].tolist() == perform(same).tracks[0].notes[fields].tolist()


def test_the_conventions_are_stored_with_the_vocabulary(tmp_path):
    known = Vocabulary(("</s>", "<s>"), {"reel 2/2 1/8 Dmaj 1 12 -1": 2})
    (tmp_path / "vocabulary.json").write_text(known.to_json())
    found = Vocabulary.read(tmp_path / "vocabulary.json")
    assert (found.tokens, found.conventions) == (known.tokens, known.conventions)
    (tmp_path / "vocabulary.json").write_text('["</s>", "<s>"]')  # of a run without conventions
    assert Vocabulary.read(tmp_path / "vocabulary.json").conventions == {}


STEPS = {"G,": -3, "C": 0, "D": 1, "E": 2, "c": 7}


def compass(counts, key=None, pitches=STEPS, **asked):
    tokens = ("</s>", "<s>", *pitches, "K:Cmaj", "K:Cmin", "M:4/4", "R:jig", "R:reel", "|")
    vocabulary = Vocabulary(tokens)
    return Compass(vocabulary, Conventions(counts), key, **asked), vocabulary


def weights(found, uniform, *tokens):
    """Return the weight of each token after some, and check that another row, without a header, has none."""
    target, vocabulary = found
    rows = target.begin(np.array([uniform, 0.0]))
    for token in tokens:
        rows = target.advance(rows, np.array([vocabulary.id(token), vocabulary.id("<s>")]))
    weights = target.weights(rows)
    assert (weights[1][[vocabulary.id(pitch) for pitch in STEPS]] == 1).all()
    return dict(zip(vocabulary.tokens, weights[0].tolist(), strict=True))


def allowed(found, uniform, *tokens):
    return [token for token, weight in weights(found, uniform, *tokens).items() if token in STEPS and weight]


COUNTS = {
    "reel 2/2 1/8 Dmaj 2 3 -1": 7,  # D and E on C
    "reel 2/2 1/8 Gmaj 4 11 -4": 3,  # C to c
    "jig 6/8 1/8 Dmaj 1 1 -1": 1,
}


def test_a_new_tune_keeps_within_the_range_of_a_tune_of_its_rhythm_mode_and_key():
    found = compass(COUNTS)
    assert allowed(found, 0.1, "<s>", "R:reel", "M:4/4") == ["G,", "C", "D", "E", "c"]
    assert allowed(found, 0.6, "<s>", "R:reel", "M:4/4", "K:Cmaj") == ["D", "E"]
    assert allowed(found, 0.8, "<s>", "R:reel", "M:4/4", "K:Cmaj") == ["C", "D", "E", "c"]
    assert allowed(found, 0.8, "<s>", "R:jig", "M:4/4", "K:Cmaj") == ["C"]
    assert allowed(found, 0.8, "<s>", "R:reel", "M:4/4", "K:Cmin") == ["G,", "C", "D", "E", "c"]
    assert allowed(compass(COUNTS, G), 0.1, "<s>", "R:jig", "M:4/4", "K:Cmaj") == ["C", "D", "E", "c"]
    assert Fraction(1, 8) == Conventions(COUNTS).known[0].unit


def test_a_new_tune_goes_further_until_it_reaches_the_ends_of_its_range():
    found = compass({"- 4/4 1/8 Cmaj -3 7 0": 1})  # G, to c
    header = "<s>", "M:4/4", "K:Cmaj"

    def likelier(*tokens):
        return {token for token, weight in weights(found, 0.5, *header, *tokens).items() if weight > 1}

    assert likelier() == set()
    assert likelier("D") == {"G,", "C", "E", "c"}
    assert likelier("D", "C") == {"G,", "E", "c"}
    assert likelier("D", "C", "c") == set()  # a leap of more than an octave to G,
    assert likelier("D", "C", "c", "D") == {"G,"}
    assert likelier("D", "C", "c", "D", "G,") == set()
    early, late = (weights(found, 0.5, *header, *(n * ["D"]))["C"] for n in (1, 60))
    assert 1 < early < 2
    assert late > 50


HEADERS = {
    "reel 4/4 1/8 Dmaj 2 3 -1": 6,
    "jig 4/4 1/8 Emin 2 3 -1": 3,
    "- 4/4 1/8 Gmaj 4 11 -4": 1,
    "- 9/8 1/8 Gmaj 4 11 -4": 90,  # a meter that the vocabulary lacks
}


def headers(found):
    """Return the share of each header among rows whose next token is always the likeliest of the header's."""
    target, vocabulary = found
    rows, size = target.begin(np.linspace(0, 1, 100, endpoint=False)), 100
    written, last = [""] * size, np.full(size, vocabulary.id("<s>"))
    for _ in range(4):
        rows = target.advance(rows, last)
        weights = target.weights(rows)
        forced = (weights[:, [vocabulary.id(token) for token in ("R:reel", "R:jig", "M:4/4")]] == 0).any(axis=1)
        last = np.where(forced, (weights * [token[1:2] == ":" for token in vocabulary.tokens]).argmax(axis=1), 0)
        written = [f"{text} {vocabulary.tokens[one]}".strip() for text, one in zip(written, last.tolist(), strict=True)]
    return Counter(text.replace(" </s>", "") for text in written)


def test_new_tunes_have_the_headers_of_the_corpus_as_often():
    assert headers(compass(HEADERS)) == {"R:reel M:4/4 K:Cmaj": 60, "R:jig M:4/4 K:Cmin": 30, "M:4/4 K:Cmaj": 10}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"key": D}, {"R:reel M:4/4 K:Cmaj": 100}),
        ({"rhythm": "R:jig"}, {"R:jig M:4/4 K:Cmin": 100}),
        ({"mode": "K:Cmaj"}, {"R:reel M:4/4 K:Cmaj": 86, "M:4/4 K:Cmaj": 14}),
        ({"meters": ["M:4/4"]}, {"M:4/4 K:Cmaj": 70, "M:4/4 K:Cmin": 30}),
        ({"key": Key(5)}, {"</s>": 100}),  # a key that the corpus lacks: the model decides
    ],
)
def test_new_tunes_have_the_headers_of_the_tunes_that_are_as_asked(asked, expected):
    assert headers(compass(HEADERS, **asked)) == expected


@pytest.mark.parametrize("width", [3, 4])
def test_the_lowest_notes_of_tunes_are_those_of_the_corpus(width):
    """For a melody that walks at random around one note, and by itself hardly reaches the lowest of these."""
    lows = {-5: 1, -3: 4, -1: 2, 0: 3}
    pitches = {f"{letter},": number - 7 for number, letter in enumerate("CDEFGAB")}
    pitches |= {letter: number for number, letter in enumerate("CDEFGABcdefgab")}
    target, vocabulary = compass({f"- 4/4 1/8 Cmaj {low} 9 0": count for low, count in lows.items()}, pitches=pitches)
    random, steps, size = np.random.default_rng(1), np.array(list(pitches.values())), 2000
    rows = target.begin(random.random(size))
    for token in ("<s>", "M:4/4", "K:Cmaj"):
        rows = target.advance(rows, np.full(size, vocabulary.id(token)))
    now = lowest = np.full(size, 4)
    for _ in range(100):
        likely = np.exp(-np.abs(steps - 0.8 * now[:, None] - 0.8) * 4 / width)  # (B, P)
        reached = (likely * target.weights(rows)[:, 2 : 2 + len(steps)]).cumsum(axis=1)
        drawn = (reached > random.random((size, 1)) * reached[:, -1:]).argmax(axis=1)
        now, rows = steps[drawn], target.advance(rows, drawn + 2)
        lowest = np.minimum(lowest, now)
    for bound in (-3, -1, 0):
        expected = sum(count for low, count in lows.items() if low < bound) / 10
        assert (lowest < bound).mean() == pytest.approx(expected, rel=0.2)
