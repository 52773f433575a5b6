"""The grammar of tunes: everything that it allows is valid, in the requested form, and ends in time."""

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
from folkseq.grammar import put, take
from folkseq.music import Bar, Meter, Sound
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bar_grammar import (
    AT_LINE,
    IN_CHORD,
    NO_LINE,
    TIEABLE,
    TIED,
    TIED_OVER,
    Alphabet,
    BarGrammar,
)
from folkseq.representations.abc.form import MOST_ENDING, SECTION, FormGrammar, FormPlan, Phase
from folkseq.representations.abc.grammar import AbcGrammar
from folkseq.representations.abc.validity import find_fault
from folkseq.representations.vocabulary import Vocabulary

MORE = ["4", "3", "6", "/2", "/4", "3/4", "7/2", "5/2", "||", "::", "|]", "[1", "[2", "(5", "(2", "M:4/4", "R:hornpipe"]
ABC = AbcRepresentation()
TUNES = [ABC.tokenize(abc.parse(text).tunes[0]) for text in (JIG, REEL, WALTZ)]
VOCABULARY = ABC.merge([token for tokens in (*TUNES, MORE) for token in tokens])
GRAMMAR = AbcGrammar(VOCABULARY)


def write(seed, limit, grammar=GRAMMAR, rows=1, vocabulary=VOCABULARY):
    """Return pieces of tokens that are drawn evenly among those allowed, one per row."""
    random, state, end = np.random.default_rng(seed), grammar.begin(rows), vocabulary.id("</s>")
    ids = np.zeros((rows, 0), np.int64)
    while ids.shape[1] < limit and not (ids == end).any(axis=1).all():
        mask = grammar.allowed(state, np.full(rows, limit - ids.shape[1]))
        assert mask.any(axis=1).all()
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        state = grammar.advance(state, drawn)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    return [vocabulary.decode(row[: row.tolist().index(end) + 1] if end in row else row) for row in ids]


def state_after(tokens):
    """Return the state after tokens, all of which must be allowed."""
    state = GRAMMAR.begin(1)
    for token in tokens:
        token_id = VOCABULARY.id(token)
        assert GRAMMAR.allowed(state, np.array([1000]))[0, token_id], token
        state = GRAMMAR.advance(state, np.array([token_id]))
    return state


def bars(tune):
    """Return the length, the meter and the two lines of every bar, by plain counting."""
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


def test_a_given_note_gets_no_length():
    """A prime that ends on a note without a length means an eighth."""
    before = state_after(["<s>", "R:reel", "M:4/4", "K:Cmaj", "c", "d"])
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
def test_random_tunes_are_valid(seed, limit):
    (tokens,) = write(seed, limit)
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    assert tokens[-2] in ("|]", ":|")
    assert find_fault(tokens) == ""
    tune = ABC.detokenize(tokens)
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
        state_after(tokens)


SYMBOLS = ('"C"', '"G7/B"', '"N.C."')
WITH_SYMBOLS = AbcGrammar(Vocabulary.learn([VOCABULARY.tokens, SYMBOLS]))


def symbols_after(tokens):
    """Return the chord symbols that may come after tokens, and whether a final bar line may."""
    known, rows = WITH_SYMBOLS.alphabet.vocabulary, WITH_SYMBOLS.begin(1)
    for token in tokens.split():
        assert WITH_SYMBOLS.allowed(rows, np.array([1000]))[0, known.id(token)], token
        rows = WITH_SYMBOLS.advance(rows, np.array([known.id(token)]))
    mask = WITH_SYMBOLS.allowed(rows, np.array([1000]))[0]
    return [token for token in SYMBOLS if mask[known.id(token)]]


@pytest.mark.parametrize(
    ("tokens", "possible"),
    [
        ("<s> M:6/8 K:Cmaj", True),
        ("<s> M:6/8 K:Cmaj C 3", True),
        ("<s> M:6/8 K:Cmaj C 3 -", True),  # over a note that lasts
        ("<s> M:6/8 K:Cmaj C 6 - |", True),
        ("<s> M:6/8 K:Cmaj (3", True),
        ("<s> M:6/8 K:Cmaj (3 C", True),
        ('<s> M:6/8 K:Cmaj "C"', False),  # one at a place
        ('<s> M:6/8 K:Cmaj C 3 - "C"', False),
        ("<s> M:6/8 K:Cmaj {", False),
        ("<s> M:6/8 K:Cmaj { C }", False),  # before grace notes, not after them
        ("<s> M:6/8 K:Cmaj [", False),
        ("<s> M:6/8 K:Cmaj C 6", False),  # over a bar line
        ("<s> M:6/8", False),
    ],
)
def test_one_chord_symbol_may_come_before_each_sound(tokens, possible):
    assert symbols_after(tokens) == list(SYMBOLS if possible else ())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(160, 400))
def test_random_tunes_with_chord_symbols_are_valid(seed, limit):
    known, random, rows = WITH_SYMBOLS.alphabet.vocabulary, np.random.default_rng(seed), WITH_SYMBOLS.begin(1)
    tokens = []
    while len(tokens) < limit and tokens[-1:] != ["</s>"]:
        allowed = np.flatnonzero(WITH_SYMBOLS.allowed(rows, np.array([limit - len(tokens)]))[0])
        symbols = [each for each in allowed if known.tokens[each] in SYMBOLS]
        one = random.choice(symbols if symbols and random.random() < 0.2 else allowed)
        rows = WITH_SYMBOLS.advance(rows, np.array([one]))
        tokens.append(known.tokens[one])
    assert tokens[-1] == "</s>"
    assert find_fault(tokens) == ""
    tune = AbcRepresentation(chords=True).detokenize(tokens)
    assert sum(len(sound.marks) for sound in tune.sounds()) == sum(token in SYMBOLS for token in tokens)
    (read,) = abc.parse(abc.format(tune)).tunes
    assert read.voices == tune.voices


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
def test_what_would_be_invalid_is_masked(tokens, next_token):
    state = state_after(tokens.split())
    assert not GRAMMAR.allowed(state, np.array([1000]))[0, VOCABULARY.id(next_token)]


def grammar_of(vocabulary, **options):
    return ABC.codec(vocabulary).generation.plan(ABC.options(**options)).grammar


def test_the_header_follows_the_options():
    requested = grammar_of(VOCABULARY, rhythm="Reel", meter="C|", key="Edor")
    for seed in range(5):
        assert write(seed, 200, requested)[0][:4] == ["<s>", "R:reel", "M:2/2", "K:Cdor"]


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"rhythm": "tango"}, ["'tango'", "air"]),
        ({"rhythm": "slip jig"}, ["9/8", "slip jig", "6/8"]),
        ({"meter": "5/8"}, ["M:5/8", "2/2"]),
        ({"meter": "7"}, ["M:7"]),
        ({"mode": "blues"}, ["'blues'", "maj, min"]),
        ({"key": "H"}, ["key H"]),
        ({"key": "F#phr"}, ["K:Cphr"]),
        ({"bars": 16, "form": "ABC"}, ["16", "3 sections", "ABC", "18"]),
        ({"form": "ABA"}, ["form ABA comes back to a section"]),
        ({"form": "AAAB"}, ["form AAAB plays a section more than twice"]),
        ({"form": "A1"}, ["'A1'", "AABB"]),
        ({"form": ""}, ["''"]),
        ({"bars": 3}, ["4 to 256", "3"]),
        ({"bars": 1000}, ["256", "1000"]),
    ],
)
def test_options_that_cannot_be_met_are_refused(options, facts):
    with pytest.raises(RequestError) as error:
        grammar_of(VOCABULARY, **options)
    assert all(fact in str(error.value) for fact in facts)


def test_a_poor_vocabulary_still_ends():
    poor = ABC.fit(abc.parse("X:1\nM:5/8\nK:C\nC3D2|E5|]").tunes).vocabulary
    for tokens in write(0, 300, AbcGrammar(poor), rows=20, vocabulary=poor):
        assert tokens[-1] == "</s>"


class Naive:
    """The allowed tokens of one row, straight from the grammars of bars and of the form."""

    def __init__(self, plan):
        self.alphabet = Alphabet(VOCABULARY)
        self.bars, self.form = BarGrammar(self.alphabet), FormGrammar(plan, self.alphabet, {})

    def allowed(self, bar, form, pitch):
        room = self.bars.room(bar)
        if room == AT_LINE:
            lines = self.form.at_line(form)
        elif room == TIED_OVER:
            lines = {"|"}
        elif room in (NO_LINE, TIED, IN_CHORD):
            lines = set()
        else:
            lines = self.form.lines(form, self.form.capacity(form) - max(room, 0))
        tokens = {VOCABULARY.tokens[i] for i in self.bars.allowed(bar)}
        if bar.tied and tokens:
            tokens = {VOCABULARY.tokens[pitch]}
        if bar.inside > 1:
            steps = self.alphabet.steps
            tokens = {t for t in tokens if t == "]" or steps[VOCABULARY.id(t)] > steps[pitch]}
        if room == TIEABLE and "|" in lines:
            tokens.add("-")
        changes = {"meter": "[M:", "key": "[K:"}
        tokens |= {
            t for name, sign in changes.items() if name in lines for t in VOCABULARY.tokens if t.startswith(sign)
        }
        return tokens | {line for line in lines - changes.keys() if line in VOCABULARY}


@pytest.mark.parametrize("plan", [FormPlan(), FormPlan.of(12, "AABB"), FormPlan.of(9)])
def test_the_tables_equal_a_naive_reference(plan):
    grammar, naive, rows = AbcGrammar(VOCABULARY, plan=plan), Naive(plan), 24
    random, state = np.random.default_rng(5), grammar.begin(rows)
    compared = 0
    for step in range(260):
        mask = grammar.allowed(state, np.full(rows, 1000))
        before = tuple(array.copy() for array in state)
        for row in range(rows):
            form = grammar.form_states[state[1][row]]
            if form.phase == Phase.BODY:
                allowed = naive.allowed(grammar.bar_states[state[0][row]], form, int(state[2][row]))
                assert set(VOCABULARY.decode(np.flatnonzero(mask[row]))) == allowed
                compared += 1
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        after = grammar.advance(state, drawn)
        assert all((array == copy).all() for array, copy in zip(state, before, strict=True))
        state = after
        if step % 50 == 49:  # rows may be selected and replaced
            state = take(state, np.arange(rows)[::-1])
            put(state, [0, 3], take(grammar.begin(1), [0]))
    assert compared > 2000


def read_through(tokens):
    """Return the bars of each section, as it is read once, and whether it is repeated, by plain counting."""
    meter, place, opening, bars, branched, sections = None, Fraction(0), True, 0, None, []
    tune = ABC.detokenize(tokens)
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
def test_tunes_have_the_requested_bars_and_form(bars, form, expected):
    grammar = grammar_of(VOCABULARY, bars=bars, form=form)
    for limit in (grammar.fewest + 2, 1500):
        for tokens in write(bars, limit, grammar, rows=150):
            assert tokens[-1] == "</s>"
            assert tokens[-2] in ("|]", ":|")
            sections = read_through(tokens)
            assert sum(count for count, _ in sections) == bars, tokens
            assert expected is None or sections == expected, tokens


@pytest.mark.parametrize(("form", "repeats"), [("AABB", [True, True]), ("AAB", [True, False]), ("AB", [False, False])])
def test_tunes_have_a_requested_form_without_bars(form, repeats):
    for tokens in write(3, 600, grammar_of(VOCABULARY, form=form), rows=30):
        assert [repeated for _, repeated in read_through(tokens)] == repeats, tokens
        assert all(count == SECTION for count, _ in read_through(tokens)), tokens


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
    vocabulary = ABC.fit(abc.parse(text).tunes[0] for text in some).vocabulary
    grammar = grammar_of(vocabulary)
    for limit in (grammar.fewest + 1, 700):
        for tokens in write(seed, limit, grammar, rows=40, vocabulary=vocabulary):
            assert tokens[-1] == "</s>"
            assert tokens[-2] in ("|]", ":|")


def test_a_corpus_without_bars_has_no_grammar():
    free = ABC.fit(abc.parse("X:1\nM:none\nK:C\nCDE|").tunes).vocabulary
    with pytest.raises(RequestError, match="--no-grammar"):
        grammar_of(free)


def test_a_form_that_the_vocabulary_has_no_sign_for_is_refused():
    poor = Vocabulary.learn([ABC.tokenize(abc.parse("X:1\nM:4/4\nK:C\nC4D4|E8|]").tunes[0])])
    with pytest.raises(RequestError, match="no ::"):
        grammar_of(poor, form="AABB")


@pytest.mark.judges
def test_other_programs_find_no_fault(program, tmp_path):
    """What is drawn evenly is far wilder than what a model writes; every bar must be full, every line fit its page."""
    abc2midi, abcm2ps = program("abc2midi"), program("abcm2ps")
    for seed in range(40):
        tune = replace(ABC.detokenize(write(seed, 250)[0]), titles=("A tune",))
        file = tmp_path / f"{seed}.abc"
        file.write_text(abc.format(tune))
        said = subprocess.run(
            [abc2midi, file, "-o", tmp_path / "out.mid"], capture_output=True, text=True, check=True
        ).stdout
        # abc2midi plays a hornpipe in another meter all the same
        errors = [
            line for line in said.splitlines() if "Error" in line and "Hornpipe must be in 2/4 or 4/4" not in line
        ]
        assert not errors, (seed, said)
        assert "time units" not in said, (seed, said)
        drawn = subprocess.run([abcm2ps, file, "-O", "/dev/null"], capture_output=True, text=True, check=False)
        assert "error" not in drawn.stdout + drawn.stderr, (seed, drawn.stdout, drawn.stderr)
