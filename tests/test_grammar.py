import re
import subprocess
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from book import JIG, REEL, WALTZ
from folkseq.representations.abc.alphabet import Alphabet
from folkseq.representations.abc.filling import AT_LINE, IN_CHORD, NOWHERE, TIEABLE, TIED, TIED_OVER, Filler
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.grammar import put, take
from folkseq.music import Bar, Meter, Sound
from folkseq.representations.abc import AbcTokenizer
from folkseq.representations.abc.form import BODY, MOST_ENDING, SECTION, Form, Plan
from folkseq.representations.abc.grammar import AbcGrammar
from folkseq.representations.abc.validity import fault
from folkseq.representations.vocabulary import Vocabulary

MORE = ["4", "3", "6", "/2", "/4", "3/4", "7/2", "5/2", "||", "::", "|]", "[1", "[2", "(5", "(2", "M:4/4", "R:hornpipe"]
TOKENIZER = AbcTokenizer()
TUNES = [TOKENIZER.tokenize(abc.parse(text).tunes[0]) for text in (JIG, REEL, WALTZ)]
VOCABULARY = TOKENIZER.learn([*TUNES, MORE])
GRAMMAR = AbcGrammar(VOCABULARY)


def write(seed, limit, grammar=GRAMMAR, rows=1, vocabulary=VOCABULARY):
    """Pieces of tokens drawn evenly among those allowed, one a row."""
    random, standing, end = np.random.default_rng(seed), grammar.begin(rows), vocabulary.id("</s>")
    ids = np.zeros((rows, 0), np.int64)
    while ids.shape[1] < limit and not (ids == end).any(axis=1).all():
        mask = grammar.allowed(standing, np.full(rows, limit - ids.shape[1]))
        assert mask.any(axis=1).all()
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        standing = grammar.advance(standing, drawn)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    return [vocabulary.decode(row[: row.tolist().index(end) + 1] if end in row else row) for row in ids]


def stand(tokens, grammar=GRAMMAR):
    """Where a piece stands after tokens that are all allowed."""
    standing = grammar.begin(1)
    for token in tokens:
        token_id = grammar.vocabulary.id(token)
        assert grammar.allowed(standing, np.array([1000]))[0, token_id], token
        standing = grammar.advance(standing, np.array([token_id]))
    return standing


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


def test_what_was_given_is_not_made_longer():
    """A prime that ends on a note without a length means an eighth."""
    before = stand(["<s>", "R:reel", "M:4/4", "K:Cmaj", "c", "d"])
    after = GRAMMAR.given(before)
    remaining, lengths = np.array([1000]), [VOCABULARY.id(token) for token in ("2", "3", "/2")]
    assert GRAMMAR.allowed(before, remaining)[0, lengths].any()
    assert not GRAMMAR.allowed(after, remaining)[0, lengths].any()
    assert GRAMMAR.allowed(after, remaining)[0, [VOCABULARY.id("e"), VOCABULARY.id("-")]].all()
    following = [GRAMMAR.advance(rows, np.array([VOCABULARY.id("e")])) for rows in (before, after)]
    assert all((one == other).all() for one, other in zip(*following, strict=True))
    begun = GRAMMAR.begin(1)
    assert all((one == other).all() for one, other in zip(begun, GRAMMAR.given(begun), strict=True))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(160, 400))
def test_whatever_is_drawn_is_a_valid_tune(seed, limit):
    (tokens,) = write(seed, limit)
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    assert tokens[-2] in ("|]", ":|")
    assert fault(tokens) == ""
    tune = TOKENIZER.detokenize(tokens)
    for length, full, before, after in bars(tune):
        assert length <= full
        assert length == full or before is None or before.ends_section or after.ends_section
    opened = sum(token in ("|:", "::") for token in tokens)
    assert opened == sum(token in (":|", "::") for token in tokens)
    assert tokens.count("[1") == tokens.count("[2")
    for place in (place for place, token in enumerate(tokens) if token == "[1"):
        assert tokens[place : tokens.index(":|", place)].count("|") < MOST_ENDING
    (read,) = abc.parse(abc.format(tune)).tunes
    assert read.voices == tune.voices


def test_real_tunes_are_allowed():
    for tokens in TUNES[:2]:
        stand(tokens)


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
    standing = stand(tokens.split())
    assert not GRAMMAR.allowed(standing, np.array([1000]))[0, VOCABULARY.id(next_token)]


def test_the_header_is_as_asked():
    asked = TOKENIZER.grammar(VOCABULARY, rhythm="Reel", meter="C|", key="Edor")
    for seed in range(5):
        assert write(seed, 200, asked)[0][:4] == ["<s>", "R:reel", "M:2/2", "K:Cdor"]
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
    for tokens in write(0, 300, AbcGrammar(poor), rows=20, vocabulary=poor):
        assert tokens[-1] == "</s>"


class Slow:
    """The grammar a row at a time, straight from what fills a bar and what may be drawn around it."""

    def __init__(self, plan):
        alphabet = Alphabet(VOCABULARY)
        self.filler, self.form, self.alphabet = Filler(alphabet), Form(plan, alphabet.grid), alphabet

    def allowed(self, filling, frame, pitch):
        at = self.filler.line_room(filling)
        if at == AT_LINE:
            lines = self.form.at_line(frame)
        elif at == TIED_OVER:
            lines = {"|"}
        elif at in (NOWHERE, TIED, IN_CHORD):
            lines = set()
        else:
            lines = self.form.lines(frame, self.form.capacity(frame) - max(at, 0))
        tokens = {VOCABULARY.tokens[i] for i in self.filler.allowed(filling)}
        if filling.tied and tokens:
            tokens = {VOCABULARY.tokens[pitch]}
        if filling.inside > 1:
            steps = self.alphabet.steps
            tokens = {t for t in tokens if t == "]" or steps[VOCABULARY.id(t)] > steps[pitch]}
        if at == TIEABLE and "|" in lines:
            tokens.add("-")
        changes = {"meter": "[M:", "key": "[K:"}
        tokens |= {
            t for name, sign in changes.items() if name in lines for t in VOCABULARY.tokens if t.startswith(sign)
        }
        return tokens | {line for line in lines - changes.keys() if line in VOCABULARY}


@pytest.mark.parametrize("plan", [Plan(), Plan.of(12, "AABB"), Plan.of(9)])
def test_tables_say_what_one_row_at_a_time_is_allowed(plan):
    grammar, slow, rows = AbcGrammar(VOCABULARY, plan=plan), Slow(plan), 24
    random, standing = np.random.default_rng(5), grammar.begin(rows)
    compared = 0
    for step in range(260):
        mask = grammar.allowed(standing, np.full(rows, 1000))
        before = tuple(array.copy() for array in standing)
        for row in range(rows):
            frame = grammar._tables.frame_of[standing[1][row]]
            if frame.phase == BODY:
                allowed = slow.allowed(grammar._tables.filling_of[standing[0][row]], frame, int(standing[2][row]))
                assert set(VOCABULARY.decode(np.flatnonzero(mask[row]))) == allowed
                compared += 1
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        after = grammar.advance(standing, drawn)
        assert all((array == copy).all() for array, copy in zip(standing, before, strict=True))
        standing = after
        if step % 50 == 49:  # rows may be picked out, and others put in their place
            standing = take(standing, np.arange(rows)[::-1])
            put(standing, [0, 3], take(grammar.begin(1), [0]))
    assert compared > 2000


def read_through(tokens):
    """The bars of each section as it is read once, and whether it is repeated, by plain counting."""
    meter, place, opening, bars, branched, sections = None, Fraction(0), True, 0, None, []
    tune = TOKENIZER.detokenize(tokens)
    meter, repeated = tune.meter, False
    for element in tune.body:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Sound):
            place += element.duration
        elif isinstance(element, Bar):
            if place:
                bars += place == meter.bar or not opening
                opening, place = False, Fraction(0)
            if element.ends_section and not (element.opens and not element.closes and not bars):
                if element.closes and branched is not None and not element.opens:
                    bars = branched  # the second ending replaces the first
                    branched = None
                else:
                    sections.append((bars, repeated))
                    bars, opening, repeated = 0, True, False
            if element.opens:
                repeated, opening = True, True
            if element.endings == (1,):
                branched = bars
    return [section for section in sections if section[0]]


@pytest.mark.parametrize(
    ("bars", "form", "expected"),
    [
        (16, "AABB", [(8, True), (8, True)]),
        (12, "ABB", [(6, False), (6, True)]),
        (24, "AABCC", [(8, True), (8, False), (8, True)]),
        (5, "A", [(5, False)]),
        (4, "ABCD", [(1, False)] * 4),
        (16, None, None),
        (7, None, None),
    ],
)
def test_bars_and_form_are_as_asked(bars, form, expected):
    grammar = TOKENIZER.grammar(VOCABULARY, bars=bars, form=form)
    for limit in (grammar.fewest + 2, 1500):
        for tokens in write(bars, limit, grammar, rows=150):
            assert tokens[-1] == "</s>"
            assert tokens[-2] in ("|]", ":|")
            sections = read_through(tokens)
            assert sum(count for count, _ in sections) == bars, tokens
            assert expected is None or sections == expected, tokens


@pytest.mark.parametrize(("form", "repeats"), [("AABB", [True, True]), ("AAB", [True, False]), ("AB", [False, False])])
def test_a_form_without_bars_is_as_asked(form, repeats):
    for tokens in write(3, 600, TOKENIZER.grammar(VOCABULARY, form=form), rows=30):
        assert [repeated for _, repeated in read_through(tokens)] == repeats, tokens
        assert all(count == SECTION for count, _ in read_through(tokens)), tokens


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"bars": 16, "form": "ABC"},
            "16 bars, as they are written, do not divide into the 3 sections of ABC; ask for 18",
        ),
        ({"form": "ABA"}, "form ABA comes back to a section"),
        ({"form": "AAAB"}, "form AAAB plays a section more than twice"),
        ({"form": "A1"}, "form 'A1' is not one; write a letter for each section"),
        ({"form": ""}, "form '' is not one"),
        ({"bars": 3}, "a tune has 4 to 256 bars, got 3"),
        ({"bars": 1000}, "got 1000"),
    ],
)
def test_forms_that_cannot_be_met_are_refused(asked, message):
    with pytest.raises(RequestError, match=re.escape(message)):
        TOKENIZER.grammar(VOCABULARY, **asked)


@pytest.mark.parametrize("seed", range(12))
def test_any_few_tunes_make_a_vocabulary_that_ends(seed):
    random = np.random.default_rng(seed)
    letters, lengths = ["C", "D", "E", "F", "G", "A", "B", "c", "^F", "_B", "z"], ["", "", "2", "3", "/2", "4", "3/4"]
    meters = ["4/4", "6/8", "24/8", "8/2", "5/4", "2/4", "3/16"]
    some = [
        f"X:1\nM:{random.choice(meters)}\nL:1/8\nK:C\n"
        + "".join(random.choice(letters) + random.choice(lengths) for _ in range(9))
        + random.choice([":|", "|]", "||", ""])
        for _ in range(random.integers(1, 4))
    ]
    vocabulary = TOKENIZER.learn([TOKENIZER.tokenize(abc.parse(text).tunes[0]) for text in some])
    grammar = TOKENIZER.grammar(vocabulary)
    for limit in (grammar.fewest + 1, 700):
        for tokens in write(seed, limit, grammar, rows=40, vocabulary=vocabulary):
            assert tokens[-1] == "</s>"
            assert tokens[-2] in ("|]", ":|")


def test_a_corpus_without_bars_has_no_grammar():
    free = TOKENIZER.learn([TOKENIZER.tokenize(abc.parse("X:1\nM:none\nK:C\nCDE|").tunes[0])])
    with pytest.raises(RequestError, match="the model knows no meter whose bars could be filled; use --no-grammar"):
        TOKENIZER.grammar(free)


def test_a_form_that_the_vocabulary_has_no_sign_for_is_refused():
    poor = Vocabulary.learn([TOKENIZER.tokenize(abc.parse("X:1\nM:4/4\nK:C\nC4D4|E8|]").tunes[0])])
    with pytest.raises(RequestError, match=re.escape("the model knows no ::, which such a form needs")):
        TOKENIZER.grammar(poor, form="AABB")


@pytest.mark.judges
def test_judges_find_no_fault(program, tmp_path):
    """What is drawn evenly is far wilder than what a model writes; every bar must be full, every line fit its page."""
    abc2midi, abcm2ps = program("abc2midi"), program("abcm2ps")
    for seed in range(40):
        tune = replace(TOKENIZER.detokenize(write(seed, 250)[0]), titles=("A tune",))
        file = tmp_path / f"{seed}.abc"
        file.write_text(abc.format(tune))
        said = subprocess.run(
            [abc2midi, file, "-o", tmp_path / "out.mid"], capture_output=True, text=True, check=True
        ).stdout
        assert "Error" not in said, (seed, said)
        assert "time units" not in said, (seed, said)
        drawn = subprocess.run([abcm2ps, file, "-O", "/dev/null"], capture_output=True, text=True, check=False)
        assert "error" not in drawn.stdout + drawn.stderr, (seed, drawn.stdout, drawn.stderr)
