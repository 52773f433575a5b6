"""Chords over a tune: its beats, what may be written, and the tune that comes of it."""

import json
import random

import numpy as np
import pytest
from click.testing import CliRunner

from folkseq.cli import main
from folkseq.ensemble import harmonise_task
from folkseq.ensemble.beats import SILENT, Beats, intervals_of, label_of
from folkseq.ensemble.chord_grammar import BAR, END, FIRST, PREFERENCE, START, ChordGrammar, ChordTones
from folkseq.ensemble.chord_score import read_tune, with_symbols
from folkseq.errors import RequestError
from folkseq.evaluation import chords
from folkseq.formats import abc, midi, musicxml
from folkseq.music import Interval
from folkseq.representations.abc import AbcRepresentation
from folkseq.verbs.trained import find_task

TUNE = """X:1
T:Own
M:6/8
L:1/8
K:D
"D"F|{g}A2"A7/C#"A def|"Bm"b3- b3|"D"z3 "G9"[GBd]3::"A7"(3ABc d e3|"D"d5:|
"""
TRIADS = {0: "CEG", 5: "FAc", 7: "GBd"}


def one(text=TUNE):
    (tune,) = abc.parse(text).tunes
    return tune


def book(seed, count=30):
    """Return tunes whose bars are broken triads of the chord over them, in several keys."""
    draw, tunes = random.Random(seed), []
    for number in range(count):
        roots = [draw.choice(list(TRIADS)) for _ in range(7)] + [0]
        notes = ["".join(draw.choice(TRIADS[root]) for _ in range(8)) for root in roots]
        bars = [f'"{TRIADS[root][0].upper()}"{each}' for root, each in zip(roots, notes, strict=True)]
        text = f"X:{number + 1}\nT:{seed} {number}\nR:reel\nM:4/4\nL:1/8\nK:C\n|:{'|'.join(bars)}:|\n"
        tunes.append(one(text).transposed(Interval(*draw.choice([(0, 0), (1, 2), (4, 7), (-1, -2)]))))
    return "\n".join(map(abc.format, tunes))


@pytest.fixture(scope="module")
def task():
    return harmonise_task(AbcRepresentation(chords=True).fit([one(), one(TUNE.replace("K:D", "K:Dmin"))]))


def test_beats_have_notes_places_and_chords_above_the_tonic():
    beats = Beats.of(one())
    assert [tuple(place) for place in beats.positions] == [
        (0, 1),
        *((bar, beat) for bar in range(1, 6) for beat in (0, 1)),
    ]
    assert beats.labels == (
        (0, ""),  # the pickup
        (0, ""),  # until the last eighth of its beat
        (7, "7"),
        *[(9, "m")] * 2,
        (0, ""),
        (5, "7"),  # the canonical quality
        *[(7, "7")] * 2,
        *[(0, "")] * 2,
    )
    assert beats.pitches[:3].tolist() == [[SILENT] * 4 + [4] * 2, [7] * 6, [0, 0, 2, 2, 4, 4]]
    assert beats.pitches[5:7].tolist() == [[SILENT] * 6, [0] * 6]  # a rest, and the highest note of a chord
    assert beats.sounds.tolist() == [0, 1, 3, 6, 7, 8, 9, 10, 14, 15, -1]
    assert np.flatnonzero(beats.opens_section).tolist() == [0, 7]


def test_beats_are_the_same_in_every_key_and_from_the_ids():
    beats = Beats.of(one())
    for semitones in range(-11, 12):
        moved = Beats.of(one().transposed(one().key.interval_up(semitones)))
        assert np.array_equal(moved.fields, beats.fields)
        assert moved.labels == beats.labels
    codec = AbcRepresentation(chords=True).fit([one()])
    again = Beats.of(codec.decode(codec.encode(one())))
    assert np.array_equal(again.fields, beats.fields)
    assert again.labels == beats.labels


def test_a_pair_has_a_chord_for_each_beat(task):
    beats = Beats.of(one())
    pair = task.pair(beats)
    assert pair.ids[[0, -1]].tolist() == [START, END]
    assert [task.labels[each - FIRST] for each in pair.ids[1:-1]] == list(beats.labels)
    assert pair.at.tolist() == [*range(11), 10]
    grammar, rows = task.grammar(beats), task.grammar(beats).begin(1)
    for place, each in enumerate(pair.ids.tolist()):
        assert grammar.allowed(rows, np.array([9]))[0, each], place
        rows = grammar.advance(rows, np.array([each]))
        assert grammar.at(rows)[0] == [*pair.at.tolist(), 10][place]
    assert task.pair(Beats.of(one(TUNE.replace('"', "!")))) is None  # no chords
    assert task.ids(((0, ""), (0, "maj7"), (5, "m7"), None)).tolist()[:2] == task.ids(((0, ""), (0, ""))).tolist()


def test_chords_begin_with_notes_and_only_the_first_bar_may_have_none(task):
    beats, size = Beats.of(one()), task.vocabulary_size
    draw = np.random.default_rng(0)
    for every in ("beat", BAR):
        grammar = ChordGrammar(size, beats, every)
        rows, ids = grammar.begin(1), []
        for _ in range(grammar.limit):
            ids.append(int(draw.choice(np.flatnonzero(grammar.allowed(rows, np.array([9]))[0]))))
            rows = grammar.advance(rows, np.array(ids[-1:]))
        assert (ids[0], ids[-1], ids.count(END)) == (START, END, 1)
        chosen = ids[1:-1]
        assert FIRST not in chosen[1:]
        assert chosen[-1] == chosen[-2]  # no note begins there
        if every == BAR:
            bars = beats.positions[:, 0]
            assert all(len({chosen[beat] for beat in np.flatnonzero(bars == bar)}) == 1 for bar in range(beats.bars))


def test_chords_with_the_notes_up_to_the_end_of_the_bar_are_preferred():
    beats = Beats.of(one("X:1\nM:3/4\nL:1/4\nK:D\nDFA|d>fg|zEz|\n"))  # above the tonic: 0 4 7, 0 0 4 5, 2
    target = ChordTones([None, (0, ""), (7, ""), (9, "m")], beats)  # none, I, V, vi
    rows = target.begin(np.zeros(1))
    shares = []
    for _ in beats.positions:
        rows = target.advance(rows, np.zeros(1, np.int64))
        shares.append((np.log(target.weights(rows)[0, FIRST:]) / PREFERENCE).tolist())
    assert shares[0] == pytest.approx([0, 1, 1 / 7, 6 / 7])  # D, half of F#, a quarter of A
    assert shares[2] == pytest.approx([0, 1, 1, 0])  # A alone, since the bar ends
    assert shares[3] == pytest.approx([0, 6 / 7, 0, 6 / 7])
    assert np.concatenate(shares[6:]) == pytest.approx([0, 0, 1, 0] * 2 + [0] * 4)


def test_symbols_stand_where_a_chord_changes_and_where_a_section_begins():
    tune, _ = read_tune(TUNE.encode(), "own", None)
    symbols = ["N.C.", "D", "D", "G", "G", "A7", "A7", "A7", "A7", "D", "D"]
    text = abc.format(with_symbols(tune, Beats.of(tune), symbols))
    marks = [sound.marks for sound in one(text).sounds()]
    assert [(place, each[0]) for place, each in enumerate(marks) if each] == [
        *((1, '"D"'), (6, '"G"'), (8, '"A7"'), (10, '"A7"'), (15, '"D"'))
    ]
    assert [sound.pitches for sound in one(text).sounds()] == [sound.pitches for sound in one().sounds()]


def test_old_symbols_are_replaced_and_other_texts_stay():
    tune, notices = read_tune(TUNE.replace('"Bm"', '"^slow"').encode(), "own.abc", None)
    assert notices == ("own.abc: replaced: 6 chord symbols",)
    assert [mark for sound in tune.sounds() for mark in sound.marks] == ['"^slow"']


def test_what_a_tune_loses_is_told():
    _, notices = read_tune(TUNE.replace("K:D\n", "K:D\nQ:lively\n").encode(), "own.abc", None)
    assert notices == ("own.abc: lost: tempo in words 1", "own.abc: replaced: 7 chord symbols")


def test_the_rule_takes_the_triad_with_the_most_notes():
    beats = Beats.of(one('X:1\nM:4/4\nL:1/4\nK:Ador\nABcd|"D"fafd|"Em"gbeb|"A"z4|\n'))
    assert chords.rule(beats, by_bar=True)[::4] == [(0, "m"), (5, ""), (7, "m"), (0, "m")]
    found = chords.measure([beats], [chords.rule(beats, by_bar=True)])
    assert found == {"root_agreement": 1.0, "chord_tone_share": 1.0, "changes_per_bar": 1.0}


def test_chord_tones_are_relative_to_the_root():
    assert intervals_of((7, "7")) == {7, 11, 2, 5}
    assert label_of("F#m7/A", 2) == (4, "m7")
    assert label_of("N.C.", 2) is None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chords")
    for seed in range(4):
        (folder / f"{seed}.abc").write_text(book(seed))
    words = ["train", "abc:chords=true", str(folder), "--task", "harmonise", "--steps", "60", "--hidden", "32", "-q"]
    result = CliRunner().invoke(main, [*words, "--out", str(folder / "run"), "--seed", "1"])
    assert result.exit_code == 0, result.output
    return folder / "run"


def invoke(*arguments, **options):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def test_a_run_harmonises_tunes_in_any_key(run, tmp_path):
    (tmp_path / "tune.abc").write_text("X:1\nT:Own\nM:4/4\nL:1/8\nK:Eb\n|:EGBE GBEG|ceAc eAce|BdfB dfBd|EGBG E4:|\n")
    asked = ("harmonise", run, tmp_path / "tune.abc", "--seed", 1)
    result = invoke(*asked, "-o", tmp_path / "out", "--every", "bar", "--accompaniment", "boom-chuck", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["record"]["accompaniment"] == "boom-chuck"
    assert facts["record"]["temperature"] == 0.3
    text = (tmp_path / "out" / "tune-1-1.abc").read_text()
    symbols = [mark.strip('"') for sound in one(text).sounds() for mark in sound.marks]
    assert symbols == facts["written"].split() == ["Eb", "Ab", "Bb", "Eb"]
    tracks = midi.parse((tmp_path / "out" / "tune-1-1.mid").read_bytes(), "x")[0].tracks
    assert [track.name for track in tracks] == ["Own", "Chords"]
    assert len(tracks[1]) == 2 * 4 * (1 + 3 + 1 + 3)
    (score,) = musicxml.parse_bytes((tmp_path / "out" / "tune-1-1.musicxml").read_bytes()).tunes
    assert [mark for sound in score.sounds() for mark in sound.marks] == [f'"{symbol}"' for symbol in symbols]
    again = invoke("sample", run, "--again", tmp_path / "out" / "tune-1-1.abc", "-o", tmp_path / "again.abc")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.abc").read_text() == text


def test_chords_are_evaluated_beside_an_n_gram_and_a_rule(run):
    result = invoke("evaluate", run, "--samples", 20, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["gaps"]["chords"]
    assert list(found) == ["held_out", "model", "ngram", "rule"]
    assert found["held_out"]["root_agreement"] == 1.0
    assert found["rule"]["root_agreement"] > 0.9  # each bar is a triad
    assert found["ngram"]["root_agreement"] > 0.9
    assert "root agreement, %" in invoke("evaluate", run, "--samples", 20).stdout


def test_only_a_model_of_chords_takes_their_options(run, tmp_path):
    (tmp_path / "tune.abc").write_text(TUNE)
    result = invoke("harmonise", run, tmp_path / "tune.abc", "--every", "phrase")
    assert "every must be one of beat, bar" in result.output
    assert harmonise_task(AbcRepresentation().fit([one()])) is None
    with pytest.raises(RequestError, match=r"harmonise for packed .* and abc:chords=true"):
        find_task("harmonise", AbcRepresentation().fit([one()]))
