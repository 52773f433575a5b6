"""Performances note by note."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from performances import notes_of, performances, solo, take, track

from folkseq.errors import RequestError
from folkseq.formats import midi
from folkseq.music.performance import Performance, Track
from folkseq.representations import find
from folkseq.representations.notes import NotesRepresentation
from folkseq.representations.notes.grammar import NotesGrammar
from folkseq.representations.notes.layout import LENGTHS, NO_NOTE, WAITS
from folkseq.representations.notes.options import NotesOptions

NOTES, TRACKS = NotesRepresentation(), NotesRepresentation(tracks=True)
CODEC, BAND = NOTES.fit([]), TRACKS.fit([])


def spelled(piece, codec=CODEC):
    """The tokens of a piece, note by note, without start and end."""
    tokens = codec.vocabulary.decode(codec.encode(piece).tolist())
    width = codec.layout.width
    return [tokens[place : place + width] for place in range(width, len(tokens) - width, width)]


def test_a_note_is_its_wait_pitch_velocity_and_length():
    assert spelled(solo((60, 100, 0, 2.5), (64, 1, 0.185, 0.305))) == [
        ["WAIT_0", "WAIT+0", "PITCH_60", "VELOCITY_25", "LENGTH_225", "LENGTH+25"],
        ["WAIT_16", "WAIT+3", "PITCH_64", "VELOCITY_1", "LENGTH_12", "LENGTH+0"],
    ]


def test_pauses_and_notes_of_a_minute_take_one_step_each():
    piece = solo((60, 64, 12.34, 72.34), (61, 64, 32.34, 32.35))
    assert len(spelled(piece)) == 2
    assert notes_of(CODEC.decode(CODEC.encode(piece))) == [(60, 61, 12.34, 72.34), (61, 61, 32.34, 32.35)]


def test_nothing_is_clipped():
    piece = solo((60, 61, 100.0, 400.0), (61, 61, 3700.0, 3700.01))
    assert notes_of(CODEC.decode(CODEC.encode(piece))) == notes_of(piece)
    pitches = CODEC.layout.tokens(CODEC.encode(piece)).pitch.tolist()
    assert pitches[:5] == [NO_NOTE] * 4 + [60]
    assert CODEC.layout.onset_pitches(CODEC.encode(piece)).tolist() == [60, 61]


@pytest.mark.parametrize("times", [WAITS, LENGTHS])
def test_every_number_of_steps_has_one_coarse_and_fine_part(times):
    steps = np.arange(times.size)
    coarse, fine = times.split(steps)
    assert (fine >= 0).all()
    assert (fine < times.widths[coarse]).all()
    assert (times.starts[coarse] + fine == steps).all()
    assert times.widths.max() == times.widest
    assert (times.size - 1) / 100 > 20


def test_the_pedal_lengthens_notes_and_a_repeat_ends_them():
    piece = solo((60, 64, 0, 0.5), (60, 64, 1, 1.2), (64, 64, 1, 1.1), pedal=[(0.25, 127), (2, 0)])
    assert [note[2:] for note in notes_of(CODEC.decode(CODEC.encode(piece)))] == [(0.0, 1.0), (1.0, 2.0), (1.0, 2.0)]


@settings(deadline=None)
@given(performances())
def test_notes_are_those_of_the_events(piece):
    """Both representations keep the same notes, and count the same as lost."""
    events = find("performance").fit([])
    assert notes_of(CODEC.decode(CODEC.encode(piece))) == notes_of(events.decode(events.encode(piece)))
    assert CODEC.lost(piece) == events.lost(piece)


@settings(deadline=None)
@given(performances(), st.sampled_from([CODEC, BAND]))
def test_the_decoded_piece_has_the_same_ids_and_is_valid(piece, codec):
    ids = codec.encode(piece)
    decoded = codec.decode(ids)
    assert codec.encode(decoded).tolist() == ids.tolist()
    assert decoded == codec.canonical(piece)
    assert codec.analysis.validate(ids) == ""


def test_tracks_keep_the_instruments_and_write_named_tracks():
    bass = Track.of([], program=33)
    piece = Performance(
        (
            track((72, 80, 0.5, 1.0)),
            Track(track((40, 90, 0, 0.5)).notes, "Low", program=33),
            track((36, 100, 0, 0.1), drum=True),
            bass,
        )
    )
    assert [token[2:4] for token in spelled(piece, BAND)] == [
        ["PROGRAM_33", "PITCH_40"],
        ["DRUMS", "PITCH_36"],
        ["PROGRAM_0", "PITCH_72"],
    ]
    found = midi.parse(midi.format(BAND.decode(BAND.encode(piece))), "band.mid").performance
    assert [(each.name, each.program, each.drum, len(each)) for each in found.tracks if len(each)] == [
        ("Acoustic Grand Piano", 0, False, 1),
        ("Electric Bass (finger)", 33, False, 1),
        ("Drums", 0, True, 1),
    ]


def test_two_tracks_of_one_instrument_become_one_and_are_counted():
    piece = Performance((track((60, 80, 0, 1)), track((64, 80, 0, 1)), Track(track((36, 9, 0, 1)).notes, "", 8, True)))
    assert BAND.lost(piece) == {"track merged into another": 1, "drum kit that is not the standard one": 1}


def test_tracks_and_drums_exclude_each_other():
    with pytest.raises(RequestError, match="leave out drums"):
        find("notes:tracks=true,drums=true")


def write(grammar, layout, limit, seed, opening=None, rows=4):
    """Random pieces that the grammar allows, from the start id to the end id."""
    random, state, ids = np.random.default_rng(seed), grammar.begin(rows), np.zeros((rows, 0), np.int64)
    opening = [0] * layout.width if opening is None else opening
    while ids.shape[1] < limit:
        place = ids.shape[1]
        mask = grammar.allowed(state, np.full(rows, limit - place))
        drawn = (random.random(mask.shape) * mask).argmax(axis=1)
        if place < len(opening):
            assert mask[:, opening[place]].all()
            drawn[:] = opening[place]
        state = grammar.advance(state, drawn)
        if place == len(opening) - 1:
            state = grammar.given(state)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    return [row[: np.flatnonzero(row == layout.end)[0] + layout.width] for row in ids]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.sampled_from([CODEC, BAND]), st.integers(1, 400), st.integers(1, 300), st.integers(1, 3))
@example(26, CODEC, 129, 150, 2)
def test_the_grammar_keeps_its_limits(seed, codec, longest, end, most):
    grammar = NotesGrammar(codec.layout, end=end, earliest=0, longest=longest, most=most, prime=0)
    for ids in write(grammar, codec.layout, codec.layout.width * 30, seed):
        assert codec.analysis.validate(ids) == ""
        tokens = codec.layout.tokens(ids)
        onset = np.cumsum(tokens.wait)
        ends = onset + tokens.length
        assert onset[0] == 0
        assert tokens.pitch[0] != NO_NOTE
        assert ends.max() <= end
        assert tokens.length.max() <= longest
        if codec is CODEC:  # a pitch that is struck again sounds once
            (track,) = codec.decode(ids).tracks
            steps = [tuple(np.rint(np.array([note.onset_s, note.offset_s]) * 100)) for note in track]
            assert max(sum(first <= step < last for first, last in steps) for step in range(end)) <= most


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9999), st.sampled_from([CODEC, BAND]), st.integers(0, 1), st.sampled_from([2, 200]))
def test_whole_notes_are_judged_as_their_fields_are(seed, codec, primed, most):
    """Random tokens in a piece: one is allowed if each of its fields is, and the state after it allows the same."""
    layout, random = codec.layout, np.random.default_rng(seed)
    end, compound = 40, layout.compound
    grammar = NotesGrammar(layout, end=end, earliest=20, longest=30, most=most, prime=5 * primed)
    rows = grammar.begin(1)
    for _ in range(layout.width):
        rows = grammar.advance(rows, np.array([layout.start]))
    rows = grammar.given(rows)
    for left in range(30, 2, -1):
        remaining = np.array([left * layout.width])
        highest = [5, 1, *compound.fields[2:-2], 25, 2]
        token = compound.offsets[:-1] + [random.integers(min(each, 140)) for each in highest]
        token[layout.places["pitch"]] = layout.ids_of("pitch").start + random.integers(60, 64)
        if random.random() < 0.2:
            token[:] = layout.end
        settled, (fits,), after = grammar.settle(rows, token[None], remaining)
        allowed, now = True, rows
        for field, one in enumerate(settled[0].tolist()):
            allowed &= bool(grammar.allowed(now, remaining - field)[0, one])
            now = grammar.advance(now, np.array([one]))
        assert fits == allowed
        if fits:
            for mine, other in ((after, now), (now, after)):
                assert (grammar.allowed(mine, remaining) == grammar.allowed(other, remaining)).all()
            rows = after
        if settled[0, 0] == layout.end and fits:
            break


def test_a_piece_is_at_least_as_long_as_requested():
    grammar = NotesGrammar(CODEC.layout, end=3000, earliest=2700, longest=10**8, most=200, prime=0)
    for ids in write(grammar, CODEC.layout, 60_000, 1, rows=2):
        assert 2700 <= np.cumsum(CODEC.layout.tokens(ids).wait)[-1] < 3000


def test_new_notes_begin_after_the_last_onset_of_the_prime(tmp_path):
    given, options = take(3, 4.0), NotesOptions(seconds=5.0)
    prime = CODEC.generation.prime_file(midi.format(given), "take.mid", options)
    plan = CODEC.generation.plan(options, prime)
    last = max(note.onset_s for each in CODEC.decode(np.array(prime.ids)).tracks for note in each)
    for ids in write(plan.grammar, CODEC.layout, plan.limit, 1, list(plan.opening), rows=2):
        piece = CODEC.generation.postprocess(CODEC.decode(ids), "1", options, prime)
        new = CODEC.layout.tokens(ids[len(prime.ids) :])
        assert len(piece.tracks[0]) == len(new.wait) > 0
        assert piece.length_s <= 5.0
        assert min(note.onset_s for note in piece.tracks[0]) == pytest.approx(new.wait[0] / 100 - 0.01)
        assert last > 3


@pytest.mark.parametrize("codec", [CODEC, BAND])
def test_windows_are_in_other_keys_and_tempos_and_keep_whole_notes(codec):
    width, ids, random = codec.layout.width, codec.encode(take(1)), np.random.default_rng(0)
    span = codec.augmentation.span(ids)
    pitches, times = set(), set()
    for _ in range(30):
        window, conditioning = codec.augmentation.excerpt(ids, 20 * width, span, random)
        assert len(window) == 20 * width + 1
        assert conditioning.shape == (20 * width, 22)
        tokens = codec.layout.tokens(window)
        assert len(tokens.pitch) == 19
        pitches.add(int(tokens.pitch[0] - codec.layout.tokens(ids).pitch[0]))
        times.add(int(tokens.wait.sum()))
    assert pitches == set(range(-3, 4))
    assert max(times) > 1.05 * min(times)


def test_the_conditioning_of_a_note_is_that_of_the_onset_before_it():
    piece = solo(*((60 + place, 64, place / 4, place / 4 + 0.1) for place in range(40)))
    augmentation, ids = CODEC.augmentation, CODEC.encode(piece)
    shown = []
    for seed in range(40):
        _, conditioning = augmentation.excerpt(ids, 60, (60, 99), np.random.default_rng(seed))
        shown.append(conditioning[CODEC.layout.width - 1 :: CODEC.layout.width, 1:9].argmax(axis=1))
    assert {3} <= {int(row.max()) for row in shown} <= {0, 3}  # four notes a second, or off


def test_some_windows_are_read_with_other_lengths():
    ids, random = CODEC.encode(take(3, 8.0)), np.random.default_rng(0)
    played, changed = CODEC.layout.tokens(ids), []
    for _ in range(60):
        heard = CODEC.augmentation.heard(ids, random)
        assert CODEC.analysis.validate(heard) == ""
        tokens = CODEC.layout.tokens(heard)
        assert all((now == then).all() for now, then in zip(tokens[:-1], played[:-1], strict=True))
        changed.append(float((tokens.length != played.length).mean()))
    assert 0.3 < np.mean(np.array(changed) > 0) < 0.7
    assert 0.3 < max(changed) < 0.7
