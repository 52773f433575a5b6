import subprocess
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from book import JIG, REEL, WALTZ
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.music import Bar, Meter, Sound
from folkseq.tokenizers.abc import AbcTokenizer
from folkseq.tokenizers.abc.grammar import AbcGrammar

MORE = ["4", "3", "6", "/2", "/4", "3/4", "7/2", "5/2", "||", "::", "|]", "[1", "[2", "(5", "(2", "M:4/4", "R:hornpipe"]
TOKENIZER = AbcTokenizer()
TUNES = [TOKENIZER.tokenize(abc.parse(text).tunes[0]) for text in (JIG, REEL, WALTZ)]
VOCABULARY = TOKENIZER.learn([*TUNES, MORE])
GRAMMAR = AbcGrammar(VOCABULARY)


def write(seed, limit, grammar=GRAMMAR):
    """A piece of tokens drawn evenly among those allowed."""
    random, state, ids = np.random.default_rng(seed), grammar.new_state(), []
    while len(ids) < limit:
        allowed = np.flatnonzero(grammar.allowed(state, limit - len(ids)))
        ids.append(int(random.choice(allowed)))
        state = grammar.advance(state, ids[-1])
        if VOCABULARY.tokens[ids[-1]] == "</s>":
            break
    return VOCABULARY.decode(ids)


def bars(tune):
    """Length of every bar and what stands at its two ends, by plain counting; meters where they change."""
    meter, length, before = tune.meter, Fraction(0), None
    for element in tune.body:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Sound):
            length += element.duration
        elif isinstance(element, Bar):
            if length:
                yield length, meter.bar, before, element
            length, before = Fraction(0), element


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(160, 400))
def test_whatever_is_drawn_is_a_valid_tune(seed, limit):
    tokens = write(seed, limit)
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    assert tokens[-2] in ("|]", ":|")
    tune = TOKENIZER.detokenize(tokens)
    for length, full, before, after in bars(tune):
        assert length <= full
        assert length == full or before is None or before.ends_section or after.ends_section
    opened = sum(token in ("|:", "::") for token in tokens)
    assert opened == sum(token in (":|", "::") for token in tokens)
    assert tokens.count("[1") == tokens.count("[2")
    (read,) = abc.parse(abc.format(tune)).tunes
    assert read.voices == tune.voices


def test_real_tunes_are_allowed():
    for tokens in TUNES[:2]:
        state = GRAMMAR.new_state()
        for token in tokens:
            assert GRAMMAR.allowed(state, 1000)[VOCABULARY.id(token)], (token, state)
            state = GRAMMAR.advance(state, VOCABULARY.id(token))


@pytest.mark.parametrize(
    ("tokens", "next_token"),
    [
        ("<s> M:6/8 K:Cmaj C 6 |", "]"),  # no chord is open
        ("<s> M:6/8 K:Cmaj C 6", "D"),  # the bar is full
        ("<s> M:6/8 K:Cmaj C 6 |", ":|"),  # no repeat is open
        ("<s> M:6/8 K:Cmaj |: C 6 |", "|:"),  # one is
        ("<s> M:6/8 K:Cmaj |: C 6 | [1 D 6 :|", "|]"),  # the second ending is missing
        ("<s> M:6/8 K:Cmaj C 6 | D 3", "|"),  # half a bar
        ("<s> M:6/8 K:Cmaj C 3 -", "D"),  # the tie leads to C
        ("<s> M:6/8 K:Cmaj {", "}"),  # no grace note
        ("<s> M:6/8 K:Cmaj (3 C", "|"),  # an open tuplet
        ("<s> M:6/8 K:Cmaj C 6 |", "</s>"),  # no final bar
    ],
)
def test_what_is_not_music_is_forbidden(tokens, next_token):
    state = GRAMMAR.new_state()
    for token in tokens.split():
        assert GRAMMAR.allowed(state, 1000)[VOCABULARY.id(token)], token
        state = GRAMMAR.advance(state, VOCABULARY.id(token))
    assert not GRAMMAR.allowed(state, 1000)[VOCABULARY.id(next_token)]


def test_the_header_is_as_asked():
    asked = TOKENIZER.grammar(VOCABULARY, rhythm="Reel", meter="C|", key="Edor")
    for seed in range(5):
        assert write(seed, 200, asked)[:4] == ["<s>", "R:reel", "M:2/2", "K:Cdor"]
    for wrong, message in [
        ({"rhythm": "tango"}, "rhythm 'tango' is not known; there are: air"),
        ({"rhythm": "march"}, "the model knows no R:march; it has met hornpipe, jig, reel"),
        ({"meter": "5/8"}, "the model knows no M:5/8; it has met 2/2"),
        ({"meter": "7"}, "M:7 is not a meter"),
        ({"mode": "blues"}, "mode 'blues' does not exist; there are: maj, min"),
        ({"key": "H"}, "key H does not exist"),
        ({"key": "F#phr"}, "the model knows no K:Cphr"),
    ]:
        with pytest.raises(RequestError, match=message):
            TOKENIZER.grammar(VOCABULARY, **wrong)


def test_a_poor_vocabulary_still_ends():
    poor = TOKENIZER.learn([TOKENIZER.tokenize(abc.parse("X:1\nM:5/8\nK:C\nC3D2|E5|]").tunes[0])])
    grammar, random = AbcGrammar(poor), np.random.default_rng(0)
    state, token = grammar.new_state(), ""
    for remaining in range(300, 0, -1):
        token_id = int(random.choice(np.flatnonzero(grammar.allowed(state, remaining))))
        state, token = grammar.advance(state, token_id), poor.tokens[token_id]
        if token == "</s>":
            break
    assert token == "</s>"


@pytest.mark.judges
def test_judges_find_no_fault(program, tmp_path):
    """What is drawn evenly is far wilder than what a model writes; abc2midi must find every bar full all the same."""
    abc2midi = program("abc2midi")
    for seed in range(40):
        tune = replace(TOKENIZER.detokenize(write(seed, 250)), titles=("A tune",))
        file = tmp_path / f"{seed}.abc"
        file.write_text(abc.format(tune))
        said = subprocess.run(
            [abc2midi, file, "-o", tmp_path / "out.mid"], capture_output=True, text=True, check=True
        ).stdout
        assert "Error" not in said, (seed, said)
        assert "time units" not in said, (seed, said)
