"""Primes, options and titles of new tunes."""

from contextlib import suppress

import pytest
from book import BOOK, JIG, REEL
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.options import AbcOptions, find_key, find_mode

TUNES = abc.parse(BOOK).tunes
CODEC = AbcRepresentation().fit(TUNES)


def prime_tokens(text, **options):
    more = "X:1\nM:4/4\nL:1/8\nK:C\nGABc defg|B,CDE FGAB,|f2a2|]\n\nX:2\nM:2/4\nK:Cmin\nC4|]\n\nX:3\nK:Ddor\nD4|]"
    codec = AbcRepresentation().fit([*TUNES, *abc.parse(more).tunes])
    return codec.vocabulary.decode(codec.generation.prime(text, AbcOptions(**options)).ids)


def test_a_prime_keeps_what_is_open():
    assert prime_tokens("|:GA Bc") == ["<s>", "M:4/4", "K:Cmaj", "|:", "G", "A", "B", "c"]
    assert prime_tokens("K:D\nM:6/8\n|:dfd AFA|")[-1] == "|"
    assert prime_tokens("|:GABc defg:|")[-1] == ":|"
    assert prime_tokens("|:C2-C")[-3:] == ["2", "-", "C"]


@pytest.mark.parametrize(
    ("text", "fact"), [("X:1\nK:Gxyz\nGAB", "Gxyz"), ("1234", "no note"), ("GAB|]", "last bar line")]
)
def test_what_is_no_prime_is_refused(text, fact):
    with pytest.raises(RequestError, match=fact):
        prime_tokens(text)


@pytest.mark.parametrize(("text", "options"), [("GABc|", {"meter": "2/4"}), ("M:2/4\nGABc|", {}), ("GABc|", {})])
def test_a_prime_without_a_unit_is_in_eighths_in_every_meter(text, options):
    assert prime_tokens(text, **options)[-5:] == ["G", "A", "B", "c", "|"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"key": "D", "mode": "min"}, "K:Cmin"),
        ({"key": "D"}, "K:Cmaj"),
        ({"mode": "dor"}, "K:Cdor"),
        ({"key": "Ddor", "mode": "dor"}, "K:Cdor"),
    ],
)
def test_a_prime_without_a_key_is_in_the_key_and_mode_of_the_options(options, key):
    assert key in prime_tokens("DEFG|", **options)


def test_a_prime_with_as_many_bars_as_the_tune_is_refused():
    four = "M:4/4\nK:C\nG|" + "GABc defg|" * 4
    with pytest.raises(RequestError, match="--bars 4: counts the prime, which already has 4 bars; ask for more"):
        prime_tokens(four, bars=4)
    assert prime_tokens(four, bars=5)


def test_a_prime_must_agree_with_the_options():
    assert prime_tokens("M:6/8\nGAB|", rhythm="jig")[1:3] == ["R:jig", "M:6/8"]
    with pytest.raises(RequestError, match="6/8"):
        prime_tokens("M:4/4\nGABc|", meter="6/8")


@pytest.mark.parametrize(
    ("key", "mode", "found"), [("G#", "min", "K:Cmin"), ("D#", "dor", "K:Cdor"), ("A#m", "", "K:Cmin")]
)
def test_a_key_without_a_mode_is_in_the_requested_one(key, mode, found):
    assert AbcOptions(key=key, mode=mode).requested_mode() == found.removeprefix("K:C")
    with pytest.raises(RequestError, match="Gmaj is not in mode min"):
        AbcOptions(key="Gmaj", mode="min").requested_mode()


@pytest.mark.parametrize(
    ("text", "key"), [("D", "Dmaj"), (" e m", "Emin"), ("bb", "Bbmaj"), ("Ador", "Ador"), ("F# Mixolydian", "F#mix")]
)
def test_keys_as_musicians_name_them(text, key):
    assert str(find_key(text)) == key


@given(st.text(max_size=6))
def test_any_text_is_a_key_and_a_mode_or_refused(text):
    for find in (find_key, find_mode):
        with suppress(RequestError):
            assert find(text)


def test_a_new_tune_is_in_the_requested_key_or_one_for_a_fiddle():
    tune = CODEC.canonical(TUNES[0])
    found = CODEC.generation.postprocess(tune, "7-1", AbcOptions(key="Bb"))
    assert str(found.key) == "Bbmaj"
    assert found.title == "Jig 7-1"
    found = CODEC.generation.postprocess(tune, "7-1", AbcOptions())
    assert str(found.key) in ("Dmaj", "Gmaj", "Amaj")
    pitches = [pitch.midi for sound in found.sounds() for pitch in sound.pitches]
    assert min(pitches) >= 55
    assert max(pitches) <= 83


def test_a_continued_tune_is_in_the_key_of_its_prime():
    options = AbcOptions()
    prime = CODEC.generation.prime("X:1\nM:6/8\nL:1/8\nK:A\nABc|", options)
    tune = CODEC.decode([*prime.ids, CODEC.vocabulary.id("|]"), CODEC.vocabulary.id("</s>")])
    found = CODEC.generation.postprocess(tune, "1", options, prime)
    assert str(found.key) == "Amaj"
    assert abc.format(found).endswith("ABc |]\n")


@pytest.mark.parametrize(("text", "tonic", "figures"), [(JIG, 1.0, 0.0), (REEL, 0.0, 0.0)])
def test_merits(text, tonic, figures):
    (tune,) = abc.parse(text).tunes
    assert CODEC.generation.merits(CODEC.representation.tokenize(tune)) == {"tonic": tonic, "figures": figures}


def test_the_preview_is_the_first_line_of_music():
    assert CODEC.generation.preview(TUNES[0]).startswith("D |: GAB AGE |")
