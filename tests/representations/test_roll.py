import io
import json

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError, RequestError
from folkseq.representations.base import END, START
from folkseq.representations.roll import FRAME, RollOptions, RollRepresentation
from folkseq.representations.roll.files import PianoRoll
from folkseq.representations.roll.grammar import RollGrammar

ROLL = RollRepresentation()
CODEC = ROLL.codec(ROLL.merge([]))
rolls = st.lists(st.frozensets(st.integers(0, 127), max_size=5), min_size=1, max_size=12).map(
    lambda f: PianoRoll(tuple(f))
)


def roll(*frames):
    return PianoRoll(tuple(map(frozenset, frames)))


def test_a_frame_is_its_pitches_from_the_highest_on():
    assert ROLL.tokenize(roll({60, 64, 67}, set(), {59})) == [START, "67", "64", "60", FRAME, FRAME, "59", FRAME, END]
    ids = CODEC.encode(roll({60, 64}))
    assert ids.tolist() == [130, 64, 60, 128, 129]


@given(rolls)
def test_ids_are_frames_and_back(piece):
    ids = CODEC.encode(piece)
    assert CODEC.decode(ids) == piece
    assert CODEC.analysis.validate(ids) == ""
    assert CODEC.analysis.amounts(ids) == {"frame": len(piece.frames), "note": sum(map(len, piece.frames))}


@given(rolls)
def test_midi_and_json_hold_the_frames(piece):
    again = ROLL.files.parse(ROLL.files.format(piece, ".json"), "a.json").pieces[0]
    assert again == piece
    while piece.frames and not piece.frames[-1]:  # MIDI has no silence at its end
        piece = PianoRoll(piece.frames[:-1])
    if piece.frames:
        parsed = ROLL.files.parse(ROLL.files.format(piece, ".mid"), "a.mid")
        assert parsed.pieces[0] == piece
        assert parsed.lost_from(0).keys() <= {"loudness of a note"}


def test_a_pitch_in_frames_that_follow_each_other_is_one_note():
    data = ROLL.files.format(roll({60}, {60, 64}, {64}), ".mid", options=RollOptions(bpm=60))
    song = mido.MidiFile(file=io.BytesIO(data))
    now, found = 0.0, []
    for message in song:
        now += message.time
        if message.type in ("note_on", "note_off"):
            found.append((now, message.note, message.type == "note_on" and message.velocity > 0))
    assert found == [(0.0, 60, True), (0.5, 64, True), (1.0, 60, False), (1.5, 64, False)]


def test_sides_and_arrays_are_read():
    sides = {"train": [[[60], [62]], [[64]]], "valid": [[[65, 60]]]}
    parsed = ROLL.files.parse(json.dumps(sides).encode(), "jsb.json")
    assert list(parsed.pieces) == [roll({60}, {62}), roll({64}), roll({65, 60})]
    assert parsed.notices == ["all sides are read as one corpus: train 2, valid 1"]
    assert list(ROLL.files.parse(b"[[60], [], [62]]", "one.json").pieces) == [roll({60}, set(), {62})]
    file = io.BytesIO()
    sounding = np.zeros((2, 128), np.uint8)
    sounding[0, [60, 64]] = 1
    np.savez(file, a=sounding, b=np.array([[72, 60], [-1, 60]]))
    assert list(ROLL.files.parse(file.getvalue(), "a.npz").pieces) == [roll({60, 64}, set()), roll({72, 60}, {60})]


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ([[[60], [62, 62]]], "piece 1, frame 2: the pitch 62 comes twice"),
        ({"train": [[[60]], [[128]]]}, "train piece 2, frame 1: 128 is not a pitch"),
        ([[[60.5]]], "piece 1, frame 1: 60.5"),
        ([[[True]]], "piece 1, frame 1: true"),
        ([[[60], "x"]], 'piece 1, frame 2: "x"'),
        ([[[60]], []], "piece 2, which holds no frame"),
    ],
)
def test_what_is_no_frame_is_named_with_its_place(found, place):
    files = ROLL.files
    try:
        (fault,) = files.parse(json.dumps(found).encode(), "x.json").faults
    except ParseError as error:
        fault = str(error)
    assert fault.startswith(f"x.json, {place}")


@pytest.mark.parametrize("data", [b"[]", b"{}", b"3", b'{"train": []}', b"{", b'[["a"], 1]', b"PK\x03\x04", b""])
def test_what_is_no_roll_is_refused_in_one_line(data):
    with pytest.raises(ParseError, match=r"^x\.json") as caught:
        ROLL.files.parse(data, "x.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("frames", [None, 1, 5])
@pytest.mark.parametrize("limit", [8, 9, 40])
def test_a_grammar_closes_frames_and_ends_in_time(frames, limit):
    grammar, random = RollGrammar(CODEC.vocabulary, frames), np.random.default_rng(0)
    for _ in range(30):
        rows, ids = grammar.begin(1), []
        while CODEC.vocabulary.id(END) not in ids:
            allowed = grammar.allowed(rows, np.array([limit - len(ids)]))[0]
            ids.append(int(random.choice(np.flatnonzero(allowed))))
            rows = grammar.advance(rows, np.array(ids[-1:]))
        assert len(ids) <= limit
        assert CODEC.analysis.validate(np.array(ids)) == ""
        assert frames in (None, len(CODEC.decode(np.array(ids)).frames))


def test_a_prime_is_continued():
    options = RollOptions(frames=3)
    prime = CODEC.generation.prime_file(b"[[60, 64], [62]]", "x.json", options)
    assert prime.ids == tuple(CODEC.vocabulary.encode([START, "64", "60", FRAME, "62", FRAME]))
    assert CODEC.generation.plan(options, prime).opening == prime.ids
    with pytest.raises(RequestError, match="--frames 2"):
        CODEC.generation.plan(RollOptions(frames=2), prime)
