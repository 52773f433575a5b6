"""New tunes, and new bars of a tune, keep within the range of an instrument."""

import json
import re
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path

import numpy as np
import pytest
from book import JIG, REEL, WALTZ
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.cli import main
from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.infill.abc.task import FillTune
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.compass import Compass
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.abc.instruments import INSTRUMENTS
from folkseq.representations.abc.options import AbcOptions

ABC = AbcRepresentation()
WIDE = (
    "X:4\nM:4/4\nK:C\nC,,D,,E,,F,, G,,A,,B,,C,|D,E,F,G, A,B,CD|EFGA Bcde|fgab c'd'e'f'|"
    "^F,_B,^C_E ^F_B^c_e|^f_b^c'_e' [K:D]F,F=FC|[K:F]B,B2-B [CF]2 _A2|[1C8:|[2{G,b}(3CDE F6|]\n"
)
TUNES = [abc.parse(text).tunes[0] for text in (JIG, REEL, WALTZ, WIDE)]
MORE = ["K:Cmaj", "K:Cmin", "K:Cdor", "K:Cmix", "||", "::", "|]", "4", "6", "8"]
COUNTS = {"reel 4/4 1/8 Dmaj 1 13 -1": 5, "- 4/4 1/8 Gmaj -3 10 -4": 5, "jig 6/8 1/8 Ador 2 20 2": 3}
KEYS = (None, "D", "Bb", "F#m", "Ador", "Eb", "Emix")


def codec(counts):
    vocabulary = ABC.merge([*(token for tune in TUNES for token in ABC.tokenize(tune)), *MORE])
    return ABC.codec(replace(vocabulary, conventions=counts))


CODECS = [codec(COUNTS), codec({})]


def draw(grammar, opening, limit, end, seed, rows=1, target=None):
    """Return ids that are drawn evenly among those allowed, one piece per row, within a target if there is one."""
    random, ids, state = np.random.default_rng(seed), np.zeros((rows, 0), np.int64), grammar.begin(rows)
    aims = None if target is None else target.begin(random.random(rows))
    while ids.shape[1] < limit and not (ids == end).any(axis=1).all():
        mask = grammar.allowed(state, np.full(rows, limit - ids.shape[1])) * 1.0
        if aims is not None:
            both = mask * target.weights(aims)
            mask = np.where(both.any(axis=1)[:, None], both, mask)
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        if ids.shape[1] < len(opening):
            drawn[:] = opening[ids.shape[1]]
            assert (mask[:, drawn[0]] > 0).all()
        state, ids = grammar.advance(state, drawn), np.concatenate([ids, drawn[:, None]], axis=1)
        aims = None if target is None else target.advance(aims, drawn)
    return [row[: row.tolist().index(end) + 1] for row in ids]


def pitches(tune):
    return [pitch.midi for sound in tune.sounds() for pitch in (*sound.grace, *sound.pitches)]


def keeps(tune, name):
    """Return whether a tune, as its file reads, keeps within the range of an instrument."""
    instrument = INSTRUMENTS[name]
    found = pitches(abc.parse(abc.format(tune)).tunes[0])
    return instrument.lowest <= min(found) and max(found) <= instrument.highest


def test_ranges_are_those_of_the_instruments():
    assert INSTRUMENTS["fiddle"] == (55, 83)
    assert INSTRUMENTS["whistle"] == (62, 83)
    assert str(INSTRUMENTS["accordion"]) == "B3 to D6"
    assert all(lowest + 19 <= highest for lowest, highest in INSTRUMENTS.values())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(INSTRUMENTS)), st.sampled_from(KEYS), st.integers(0, 2**32), st.booleans())
def test_no_tune_leaves_the_range_in_any_key(name, key, seed, corpus):
    found = CODECS[not corpus]
    options = AbcOptions(instrument=name, key=key)
    plan = found.generation.plan(options)
    assert isinstance(plan.target, Compass) == corpus
    end = found.vocabulary.id("</s>")
    for ids in draw(plan.grammar, plan.opening, 300, end, seed, rows=4, target=plan.target):
        tune = found.generation.postprocess(found.decode(ids), f"{seed}-1", options)
        assert keeps(tune, name)
        if key is not None:
            assert str(tune.key) == str(abc.parse(f"X:1\nK:{key}\nC").tunes[0].key)


def test_a_tune_without_an_instrument_would_leave_it():
    (found, _), options = CODECS, AbcOptions(key="D")
    plan = found.generation.plan(options)
    pieces = draw(plan.grammar, plan.opening, 300, found.vocabulary.id("</s>"), 1, rows=4)
    tunes = [found.generation.postprocess(found.decode(ids), "1-1", options) for ids in pieces]
    assert not any(keeps(tune, "whistle") for tune in tunes)


@pytest.mark.parametrize(("name", "widths"), [("fiddle", {12, 13}), ("whistle", {12}), ("recorder", {12})])
def test_ranges_are_drawn_from_the_tunes_that_fit_the_instrument(name, widths):
    counts = {"- 4/4 1/8 Dmaj 1 13 -1": 5, "- 4/4 1/8 Gmaj -3 10 -4": 5, "- 4/4 1/8 Amaj -3 18 -5": 90}
    vocabulary = CODECS[0].vocabulary
    target = Compass(vocabulary, Conventions(counts), instrument=INSTRUMENTS[name])
    rows = target.begin(np.linspace(0, 1, 50, endpoint=False))
    for token in ("<s>", "M:4/4", "K:Cmaj"):
        rows = target.advance(rows, np.full(50, vocabulary.id(token)))
    assert {int(high - low) for low, high in zip(rows[4], rows[5], strict=True)} == widths


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(INSTRUMENTS)), st.sampled_from((None, "G", "E")), st.integers(0, 2**32))
def test_a_prime_goes_on_within_the_range(name, key, seed):
    (found, _), options = CODECS, AbcOptions(instrument=name, key=key)
    prime = found.generation.prime("M:4/4\nK:D\nDEFG ABcd|", options)
    plan = found.generation.plan(options, prime)
    (ids,) = draw(plan.grammar, plan.opening, 300, found.vocabulary.id("</s>"), seed)
    tune = found.generation.postprocess(found.decode(ids), "1-1", options, prime)
    assert keeps(tune, name)
    if key is None:
        assert pitches(tune)[:8] == [62, 64, 66, 67, 69, 71, 73, 74]


def test_a_prime_outside_the_range_is_refused():
    generation, low = CODECS[0].generation, "M:4/4\nK:G\nG,B,DG BGDB,|"
    prime = generation.prime(low, AbcOptions())
    with pytest.raises(RequestError, match="does not fit the instrument flute, whose range is D4 to B5; leave out"):
        generation.plan(AbcOptions(instrument="flute"), prime)
    generation.plan(AbcOptions(instrument="fiddle"), prime)
    generation.plan(AbcOptions(instrument="flute", key="D"), prime)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(INSTRUMENTS)), st.integers(0, 2**32))
def test_new_bars_of_a_tune_keep_within_the_range(name, seed):
    text = "X:1\nM:4/4\nL:1/8\nK:D\nD4 d4|[K:G]A4 B4|A4 B4|c4 d4|G8|]\n"
    question = FillTune(CODECS[0]).ask(text.encode(), "a.abc", bars="2-4", instrument=name)
    (ids,) = draw(question.grammar, question.opening, question.limit, question.end_id, seed)
    assert keeps(question.answer(ids.tolist()).tune, name)


def test_a_tie_into_new_bars_leads_to_its_note():
    text = "X:1\nM:4/4\nL:1/8\nK:C\nD8|D4 C4-|C4 D4|D8|]\n"
    question = FillTune(CODECS[0]).ask(text.encode(), "a.abc", bars="3", instrument="whistle")
    for seed in range(10):
        (ids,) = draw(question.grammar, question.opening, question.limit, question.end_id, seed)
        first, *others = pitches(question.answer(ids.tolist()).tune)[3:-1]
        assert first == 60
        assert all(62 <= pitch <= 83 for pitch in dropwhile(first.__eq__, others))  # which may be tied on


def test_the_record_writes_the_same_tune_again(tmp_path):
    def run(*words):
        return CliRunner().invoke(main, ["sample", *words], catch_exceptions=False)

    first, again = tmp_path / "first.abc", tmp_path / "again.abc"
    asked = ("--model", "tunes", "--seed", "7", "--instrument", "whistle", "--key", "G")
    assert run(*asked, "-o", str(first)).exit_code == 0
    assert json.loads(first.read_text().splitlines()[2][2:])["instrument"] == "whistle"
    assert keeps(abc.parse(first.read_text()).tunes[0], "whistle")
    assert run("--again", str(first), "-o", str(again)).exit_code == 0
    assert again.read_bytes() == first.read_bytes()
    unknown = run("--model", "tunes", "--instrument", "kazoo")
    assert (unknown.exit_code, unknown.output.count("\n")) == (1, 1)
    assert "fiddle, flute, guitar" in unknown.output


def test_the_page_has_the_ranges():
    page = (Path(__file__).parents[2] / "docs" / "howto" / "tunes.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (\w\d) \| (\w\d) \|", page, re.MULTILINE)
    assert {name: f"{lowest} to {highest}" for name, lowest, highest in rows} == {
        name: str(instrument) for name, instrument in INSTRUMENTS.items()
    }
