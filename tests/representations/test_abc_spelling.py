"""Tunes to tokens and back."""

import string

import pytest
from book import BOOK, JIG, REEL, WALTZ
from hypothesis import example, given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.music import Key, Sound, Tune
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.rhythms import canonical_rhythm
from folkseq.representations.abc.structure import structure
from folkseq.representations.abc.tokens import UNIT

JIG_TOKENS = (
    "<s> R:jig M:6/8 K:Cmaj G, |: C D E D C A, | C 3 - C E G | { B } c B A G ^F G | [1 E D C D 2 G, :| [2 E D C C 2 "
    "|: B | c 2 d e d c | (3 A B c B G 2 E | [ C E ] 2 z D C A, | C 3 C 2 :| </s>"
)
REEL_TOKENS = (
    "<s> R:reel M:2/2 K:Cdor |: C 2 G C E F G C | C 3/2 D /2 E F G A B c :: [K:Bbmaj] B 2 d B F B d B | "
    "B 2 A 3/2 G /2 F 2 D F :| </s>"
)
WALTZ_TOKENS = "<s> M:3/4 K:Cmaj C 2 E /2 G /2 c 2 | _B 2 B d e 2 | [M:2/4] z 2 z 2 | [M:3/4] G 6 |] </s>"

ABC = AbcRepresentation()


def one(text):
    (tune,) = abc.parse(text).tunes
    return tune


def structured(tune, spelling=ABC):
    """Return what tokens represent of a tune: its first voice, structured, on C, without title, tempo or marks."""
    key, meter, elements = structure(tune)
    body = tuple(
        Sound(each.pitches, each.duration, each.tied, each.grace if spelling.grace else ())
        if isinstance(each, Sound)
        else each
        for each in elements
    )
    plain = Tune((body,), key=key, meter=meter, rhythm=canonical_rhythm(tune.rhythm), unit=UNIT)
    return plain.transposed(spelling.interval(tune))


@pytest.mark.parametrize(("text", "tokens"), [(JIG, JIG_TOKENS), (REEL, REEL_TOKENS), (WALTZ, WALTZ_TOKENS)])
def test_golden_tokens(text, tokens):
    assert " ".join(ABC.tokenize(one(text))) == tokens


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
@pytest.mark.parametrize("spelling", [ABC, AbcRepresentation(grace=False), AbcRepresentation(transpose=False)])
def test_a_tune_comes_back_from_its_tokens(text, spelling):
    tune = one(text)
    tokens = spelling.tokenize(tune)
    assert spelling.detokenize(tokens) == structured(tune, spelling)
    assert spelling.tokenize(spelling.detokenize(tokens)) == tokens


def test_every_key_gives_the_same_tokens():
    tune = one(JIG)
    tokens = ABC.tokenize(tune)
    for letter, alter in [(0, 0), (1, -1), (1, 0), (2, -1), (2, 0), (3, 0), (3, 1), (4, -1), (5, -1), (5, 0), (6, -1)]:
        moved = tune.transposed(tune.key.interval_to(Key(letter, alter)))
        assert ABC.tokenize(moved) == tokens, (letter, alter)
    assert ABC.tokenize(tune.transposed(tune.key.interval_to(tune.key).octaves(1))) == tokens


def test_losses_are_counted():
    assert ABC.lost(one(REEL)) == {"decoration": 2, "fingering": 1, "chord symbol": 1}
    assert AbcRepresentation(grace=False).lost(one(JIG)) == {"grace note": 1}
    two = one("X:1\nR:Kinderlied\nK:C\nV:1\n(CD)|\nV:2\nEF|\n")
    assert ABC.lost(two) == {"slur": 1, "note in another voice": 2, "rhythm of an unknown name": 1}


CHORDS = AbcRepresentation(chords=True)
WITH_CHORDS = """X:1
M:6/8
L:1/8
K:D
"D"F|"Bm9""^slow"{g}A2-"A7/c+"A "x"(3"no chord"def z|"G""Em"[Bd]3-"C7xyz"B3|]
"""


def test_chord_symbols_are_canonical_and_on_c():
    tokens = CHORDS.tokenize(one(WITH_CHORDS))
    expected = '"C" E | "Am7" { f } G 2 - "G7/B" G (3 "N.C." c d e z | "Dm" [ A c ] 3 - A 3 |] </s>'
    assert " ".join(tokens[3:]) == expected
    assert [token for token in tokens if token[0] != '"'] == ABC.tokenize(one(WITH_CHORDS))
    back = CHORDS.detokenize(tokens)
    assert CHORDS.tokenize(back) == tokens
    assert CHORDS.tokenize(one(abc.format(back))) == tokens
    for semitones in range(-11, 12):
        assert CHORDS.tokenize(back.transposed(back.key.interval_up(semitones))) == tokens
    assert CHORDS.lost(one(WITH_CHORDS)) == {
        "annotation": 2,
        "chord symbol": 1,
        "chord symbol before another one": 1,
        "chord symbol, written as a simpler one": 1,
    }
    assert CHORDS.spec == "abc:chords=true"


def test_tokens_have_a_note_once_in_a_chord_and_no_section_without_its_endings():
    tune = one("X:1\nM:1/4\nL:1/4\nK:C\n|:[CC]|1D:|2E:|F|]\n")
    assert " ".join(ABC.tokenize(tune)) == "<s> M:1/4 K:Cmaj |: C 2 | [1 D 2 :| [2 E 2 || F 2 |] </s>"
    assert ABC.lost(tune) == {"note twice in a chord": 1}


TOKENS = sorted({token for text in (JIG, REEL, WALTZ) for token in ABC.tokenize(one(text))} | {"[1,2", "(5"})


@given(st.lists(st.sampled_from(TOKENS), max_size=40))
@example(["^F", "{", "F", "[1", "A"])  # an ending within a bar does not undo the bar's accidentals
def test_any_sequence_decodes_and_is_canonical_from_then_on(tokens):
    tune = ABC.detokenize(["<s>", *tokens, "</s>"])
    once = ABC.tokenize(tune)
    assert ABC.tokenize(ABC.detokenize(once)) == once
    if any(sound.pitches for sound in tune.sounds()):
        (read,) = abc.parse(abc.format(tune)).tunes
        assert read.voices == tune.voices


@pytest.mark.parametrize(
    ("text", "name"),
    [("Reel", "reel"), ("double jig", "jig"), ("SLIP JIG", "slipjig"), ("hornpipes", "hornpipe"), ("Lied", "")],
)
def test_rhythms_have_one_name(text, name):
    assert canonical_rhythm(text) == name


@given(st.text(string.printable, max_size=200))
@example(":|A")  # a repeat of nothing
@example("(3:|A")
def test_any_text_is_read_or_refused(text):
    for tune in abc.parse(f"X:1\nK:C\n{text}").tunes:
        tokens = ABC.tokenize(tune)
        assert ABC.tokenize(ABC.detokenize(tokens)) == tokens
        assert ABC.detokenize(tokens) == structured(tune)


def test_a_book_is_read_whole():
    found = ABC.files.parse(BOOK.encode(), "book.abc")
    assert [tune.title for tune in found.pieces] == ["The Test Jig", "The Test Reel", "The Test Waltz"]
    assert found.faults == ()
