"""Sections of a form come back varied, or with first and second endings."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import folkseq
from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.form import FormPlan
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.abc.validity import find_fault
from folkseq.representations.abc.variation import VariedForm, in_order
from folkseq.verbs.record import Record

ABC = AbcRepresentation()
TUNE = (
    "X:1\nM:4/4\nL:1/8\nK:C\nCDEF GABc|d2e2 f4|g3a b4|C-C3 c>B c2|{D}[CE]4 z4|(3CDE C6|[K:F]B8|[M:3/4]B6|[1C6:|[2D6|]"
)
MORE = ["|:", "::", "||", ":|", "|]", "8", "3/2", "/2", "K:Cmaj", "M:4/4", "M:3/4"]
VOCABULARY = ABC.merge([*ABC.tokenize(abc.parse(TUNE).tunes[0]), *MORE])
KNOWN = replace(VOCABULARY, conventions={"- 4/4 1/8 Gmaj -3 10 -4": 5})


def draw(vocabulary, rows, seed, **options):
    """Return tunes that are drawn evenly among the ids that a plan allows, by its factors."""
    plan = ABC.codec(vocabulary).generation.plan(AbcOptions(**options))
    random, end = np.random.default_rng(seed), vocabulary.id("</s>")
    state, aims = plan.grammar.begin(rows), plan.target.begin(random.random(rows))
    ids = np.zeros((rows, 0), np.int64)
    while not (ids == end).any(axis=1).all():
        mask = plan.grammar.allowed(state, np.full(rows, plan.limit - ids.shape[1]))
        both = mask * plan.target.weights(aims)
        both = np.where(both.any(axis=1)[:, None], both, mask)
        total = both.cumsum(axis=1)
        drawn = (total > random.random((rows, 1)) * total[:, -1:]).argmax(axis=1)
        state, aims = plan.grammar.advance(state, drawn), plan.target.advance(aims, drawn)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    return [vocabulary.decode(row[: row.tolist().index(end) + 1].tolist()) for row in ids]


def sections(tokens):
    """Return the bars of each section of tokens, by plain splitting, without a pickup before the first repeat."""
    begins = 3 if "|:" not in tokens or tokens.index("|:") > tokens.index("|") else tokens.index("|:")
    body = " ".join(tokens[begins:-1])
    parts = [part for part in re.split(r" ?(?:\|\||\|\]|\|:|:\||::) ?", body) if part]
    return [[bar.strip() for bar in part.split(" | ")] for part in parts]


def test_what_comes_back_is_planned_after_all_sections():
    assert FormPlan.of(16, "AABB", varied=True) == FormPlan(32, (True, True, False, False), (0, 1))
    assert FormPlan.of(None, "ABB", varied=True) == FormPlan(24, (False, True, False), (1,))
    assert [FormPlan.of(None, "ABB", varied=True).original(at) for at in range(3)] == [None, None, 1]


@pytest.mark.parametrize(("options", "fact"), [({"vary": 0.2}, "needs a form"), ({"vary": 0, "form": "ABC"}, "AABB")])
def test_only_a_section_that_comes_back_can_vary(options, fact):
    with pytest.raises(RequestError, match=fact):
        ABC.codec(VOCABULARY).generation.plan(AbcOptions(**options))


HEAD = "<s> M:4/4 K:Cmaj "
A, B, A_LAST, A_FIRST = (
    "C 8 | D 8 | E 8 | C 8",
    "c 8 | d 8 | e 8 | c 8",
    "C 8 | D 8 | E 8 | G 8",
    "B 8 | D 8 | E 8 | C 8",
)


@pytest.mark.parametrize(
    ("form", "written", "expected"),
    [
        ("AABB", f"|: {A} :: {B} :| {A} || {B} |]", f"|: {A} :: {B} :|"),
        ("AABB", f"|: {A} :: {B} :| {A_LAST} || {B} |]", "|: C 8 | D 8 | E 8 | [1 C 8 :| [2 G 8 |: " + B + " :|"),
        ("AABB", f"|: {A} :: {B} :| {A_FIRST} || {B} |]", f"{A} || {A_FIRST} |: {B} :|"),
        ("AABB", f"|: {B} :: {A} :| {B} || {A_FIRST} |]", f"|: {B} :| {A} || {A_FIRST} |]"),
        ("AABB", f"|: {B} :: {A} :| {B} || {A_LAST} |]", f"|: {B} :: C 8 | D 8 | E 8 | [1 C 8 :| [2 G 8 |]"),
        ("ABB", f"{A} |: {B} :| {B} |]", f"{A} |: {B} :|"),
        ("AAB", f"|: {A} :| {B} || {A_FIRST} |]", f"{A} || {A_FIRST} || {B} |]"),
        ("AAB", f"|: {A} :| {B} || {A} |]", f"|: {A} :| {B} |]"),
        ("AA", f"|: {A} :| {A_FIRST} |]", f"{A} || {A_FIRST} |]"),
        ("AA", f"G |: {A} :| {A_FIRST} |]", f"G | {A} || {A_FIRST} |]"),
        ("AA", f"G |: {A} :| {A} |]", f"G |: {A} :|"),
    ],
)
def test_sections_are_put_in_order_and_a_repeat_is_written_where_it_says_the_same(form, written, expected):
    tokens = in_order(f"{HEAD}{written} </s>".split(), FormPlan.of(None, form, varied=True))
    assert " ".join(tokens) == f"{HEAD}{expected} </s>"
    assert find_fault(tokens) == ""


@example("AAB", 0.0, True, 2151)  # a pickup before a section that is not repeated
@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["AABB", "AAB", "ABB", "AA", "AABBCC"]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_a_section_comes_back_bar_by_bar(form, share, known, seed):
    vocabulary = KNOWN if known else VOCABULARY
    plan = FormPlan.of(None, form, varied=True)
    for tokens in draw(vocabulary, 4, seed, form=form, vary=share, bars=4 * len(set(form))):
        assert find_fault(tokens) == find_fault(in_order(tokens, plan)) == ""
        found = sections(tokens)
        assert len(found) == len(plan.sections)
        for at, again in enumerate(found):
            if (original := plan.original(at)) is None:
                continue
            first = found[original]
            assert len(again) == len(first)
            differs = [one != other for one, other in zip(first, again, strict=True)]
            if share == 0:
                assert not any(differs[:-4])
            elif share == 1:
                assert all(one or len(bar.split()) == 1 for one, bar in zip(differs, first, strict=True))


def test_varied_bars_are_near_those_that_stood_there():
    steps = {token: ABC_STEP for ABC_STEP, token in enumerate("CDEFGABcdefgab")}
    for tokens in draw(VOCABULARY, 30, 5, form="AA", vary=1.0, meter="4/4", bars=4):
        first, again = sections(tokens)
        for one, other in zip(first, again, strict=True):
            if (before := one.split())[0] in steps and (after := other.split())[0] in steps:
                assert abs(steps[before[0]] - steps[after[0]]) <= 4


def test_a_form_has_endings_as_often_as_the_books():
    tunes = draw(KNOWN, 400, 3, form="AABB", bars=8, meter="3/4")
    assert all(find_fault(tokens) == "" for tokens in tunes)
    endings = sum(tokens.count("[1") for tokens in tunes)
    assert 40 < endings < 90  # of 800 sections: 62 are expected


def test_the_record_writes_the_same_tune_again():
    model = folkseq.load("tunes")
    (piece,) = model.sample(1, seed=5, form="AABB", vary=0.4, bars=8, rhythm="jig", instrument="fiddle")
    text = piece.format(".abc")
    assert '"vary": 0.4' in text.decode()
    (again,) = model.again(Record.find(text, "a.abc"))
    assert again.format(".abc") == text
    assert find_fault(piece.tokens) == ""
    assert isinstance(model.codec.generation.plan(AbcOptions(form="AABB")).target, VariedForm)
    with pytest.raises(RequestError, match="--vary needs a temperature above 0; raise --temperature"):
        model.sample(1, form="AABB", vary=0.4, temperature=(1.0, 0.0))
