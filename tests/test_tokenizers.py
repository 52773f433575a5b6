import string

import numpy as np
import pytest
from book import BOOK, JIG, REEL, WALTZ
from folkseq.representations.abc.asking import header_tokens
from folkseq.representations.abc.rhythms import canonical_rhythm
from hypothesis import example, given
from hypothesis import strategies as st

from folkseq import representations
from folkseq.errors import RequestError, TokenError
from folkseq.formats import abc
from folkseq.music import Key
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.vocabulary import Vocabulary

JIG_TOKENS = (
    "<s> R:jig M:6/8 K:Cmaj G, |: C D E D C A, | C 3 - C E G | { B } c B A G ^F G | [1 E D C D 2 G, :| [2 E D C C 2 "
    "|: B | c 2 d e d c | (3 A B c B G 2 E | [ C E ] 2 z D C A, | C 3 C 2 :| </s>"
)
REEL_TOKENS = (
    "<s> R:reel M:2/2 K:Cdor |: C 2 G C E F G C | C 3/2 D /2 E F G A B c :: [K:Bbmaj] B 2 d B F B d B | "
    "B 2 A 3/2 G /2 F 2 D F :| </s>"
)
WALTZ_TOKENS = "<s> M:3/4 K:Cmaj C 2 E /2 G /2 c 2 | _B 2 B d e 2 | [M:2/4] z 2 z 2 | [M:3/4] G 6 |] </s>"


def one(text):
    (tune,) = abc.parse(text).tunes
    return tune


@pytest.mark.parametrize(("text", "tokens"), [(JIG, JIG_TOKENS), (REEL, REEL_TOKENS), (WALTZ, WALTZ_TOKENS)])
def test_golden_tokens(text, tokens):
    assert " ".join(AbcTokenizer().tokenize(one(text))) == tokens


@pytest.mark.parametrize("text", [JIG, REEL, WALTZ])
@pytest.mark.parametrize("tokenizer", [AbcTokenizer(), AbcTokenizer(grace=False), AbcTokenizer(transpose=False)])
def test_contract(text, tokenizer):
    tune = one(text)
    tokens = tokenizer.tokenize(tune)
    assert tokenizer.detokenize(tokens) == tokenizer.canonical(tune)
    assert tokenizer.tokenize(tokenizer.detokenize(tokens)) == tokens


def test_every_key_gives_the_same_tokens():
    tune = one(JIG)
    tokens = AbcTokenizer().tokenize(tune)
    for letter, alter in [(0, 0), (1, -1), (1, 0), (2, -1), (2, 0), (3, 0), (3, 1), (4, -1), (5, -1), (5, 0), (6, -1)]:
        moved = tune.transposed(tune.key.interval_to(Key(letter, alter)))
        assert AbcTokenizer().tokenize(moved) == tokens, (letter, alter)
    assert AbcTokenizer().tokenize(tune.transposed(tune.key.interval_to(tune.key).octaves(1))) == tokens


def test_what_is_lost_is_counted():
    assert AbcTokenizer().lost(one(REEL)) == {"decoration": 2, "fingering": 1, "chord symbol": 1}
    assert AbcTokenizer(grace=False).lost(one(JIG)) == {"grace note": 1}
    two = one("X:1\nR:Kinderlied\nK:C\nV:1\n(CD)|\nV:2\nEF|\n")
    assert AbcTokenizer().lost(two) == {"slur": 1, "note in another voice": 2, "rhythm of an unknown name": 1}


TOKENS = sorted({token for text in (JIG, REEL, WALTZ) for token in AbcTokenizer().tokenize(one(text))} | {"[1,2", "(5"})


@given(st.lists(st.sampled_from(TOKENS), max_size=40))
@example(["^F", "{", "F", "[1", "A"])  # an ending within a bar does not undo the bar's accidentals
def test_any_sequence_decodes_and_is_canonical_from_then_on(tokens):
    tokenizer = AbcTokenizer()
    tune = tokenizer.detokenize(["<s>", *tokens, "</s>"])
    once = tokenizer.tokenize(tune)
    assert tokenizer.tokenize(tokenizer.detokenize(once)) == once
    if any(sound.pitches for sound in tune.sounds()):
        (read,) = abc.parse(abc.format(tune)).tunes
        assert read.voices == tune.voices


def test_fingerprint_is_the_melody_in_any_key():
    tokens = AbcTokenizer().tokenize(one("X:1\nK:D\nD2 F>A [Ac]|"))
    vocabulary = AbcTokenizer().learn([tokens])
    ids = np.array(vocabulary.encode(tokens))
    assert AbcTokenizer().fingerprint(ids, vocabulary).tolist() == [2, 2, 0, 2]
    assert AbcTokenizer().extent(ids, vocabulary) == {"note": 5}


def test_prime_keeps_what_is_open():
    tokenizer = AbcTokenizer()
    assert tokenizer.prime("|:GA Bc").tokens == ("<s>", "M:4/4", "K:Cmaj", "|:", "G", "A", "B", "c")
    assert tokenizer.prime("K:D\nM:6/8\n|:dfd AFA|").tokens[-1] == "|"
    assert tokenizer.prime("|:GABc defg:|").tokens[-1] == ":|"
    with pytest.raises(RequestError, match="has no such mode"):
        tokenizer.prime("X:1\nK:Gxyz\nGAB")
    with pytest.raises(RequestError, match="no note in it"):
        tokenizer.prime("1234")


@pytest.mark.parametrize(
    ("text", "name"),
    [("Reel", "reel"), ("double jig", "jig"), ("SLIP JIG", "slipjig"), ("hornpipes", "hornpipe"), ("Lied", "")],
)
def test_rhythms_have_one_name(text, name):
    assert canonical_rhythm(text) == name


def test_vocabulary():
    vocabulary = Vocabulary.learn([["b", "a"], ["c", "a"]])
    assert vocabulary.tokens == ("a", "b", "c")
    assert vocabulary.decode(vocabulary.encode(["c", "a"])) == ["c", "a"]
    with pytest.raises(TokenError, match="'d' is not among the 3"):
        vocabulary.encode(["a", "d"])
    with pytest.raises(ValueError, match="repeated: a"):
        Vocabulary(("a", "b", "a"))


def test_specs():
    assert representations.find("abc") == AbcTokenizer()
    assert representations.find("abc:grace=false,transpose=true") == AbcTokenizer(grace=False)
    assert representations.find(AbcTokenizer(grace=False).spec) == AbcTokenizer(grace=False)
    for spec, message in [
        ("abd", "'abd' is not a tokenizer; there are: abc"),
        ("abc:gracious=1", "tokenizer abc has no field 'gracious'; it has: transpose, grace"),
        ("abc:grace=maybe", "grace=maybe is not true or false"),
        ("base", "'base' is not a tokenizer"),
    ]:
        with pytest.raises(RequestError, match=message):
            representations.find(spec)


@given(st.text(string.printable, max_size=200))
@example(":|A")  # a repeat of nothing
@example("(3:|A")
def test_any_text_is_read_or_refused(text):
    for tune in abc.parse(f"X:1\nK:C\n{text}").tunes:
        tokens = AbcTokenizer().tokenize(tune)
        assert AbcTokenizer().tokenize(AbcTokenizer().detokenize(tokens)) == tokens
        assert AbcTokenizer().detokenize(tokens) == AbcTokenizer().canonical(tune)


def test_a_book_is_read_whole():
    found = AbcTokenizer().parse(BOOK.encode(), "book.abc")
    assert [tune.title for tune in found.pieces] == ["The Test Jig", "The Test Reel", "The Test Waltz"]
    assert found.faults == ()


def test_a_beginning_without_a_header_is_in_eighths_in_every_meter():
    for text, asked in (("GABc|", {"meter": "2/4"}), ("M:2/4\nGABc|", {}), ("GABc|", {})):
        assert AbcTokenizer().prime(text, **asked).tokens[-5:] == ("G", "A", "B", "c", "|")


@pytest.mark.parametrize(
    ("key", "mode", "found"), [("G#", "min", "K:Cmin"), ("D#", "dor", "K:Cdor"), ("A#m", "", "K:Cmin")]
)
def test_a_tonic_stands_in_the_mode_that_is_asked(key, mode, found):
    assert header_tokens(key=key, mode=mode)["mode"] == found
    with pytest.raises(RequestError, match="key Gmaj is not in mode min"):
        header_tokens(key="Gmaj", mode="min")
