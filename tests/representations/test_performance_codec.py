"""Performances to ids and back: literal ids, the contract of a codec, and encoders that work note by note."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import midi_file
from midi_files import track as track_of
from performances import notes_of, pedal_of, performances, solo, track

from folkseq import representations
from folkseq.errors import ParseError, RequestError
from folkseq.formats import midi
from folkseq.music.performance import Performance
from folkseq.representations.performance import PerformanceRepresentation, events
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.config import NOTE_OFF, NOTE_ON, PerformanceLayout
from folkseq.representations.performance.files import as_pretty_midi
from folkseq.representations.performance.quantization import quantize


def codec_of(**fields):
    return PerformanceCodec(PerformanceRepresentation(**fields))


def parse(codec, data):
    return codec.config.files.parse(data, "x.mid")


def tokenize(codec, performance):
    return codec.vocabulary.decode(codec.encode(performance).tolist())


def detokenize(codec, tokens):
    return codec.decode(np.array(codec.vocabulary.encode(tokens), np.int64))


def quantized(codec, performance):
    """The performance on the grid, without a detour over ids."""
    notes, pedal, _ = quantize(performance, codec.config)
    floors = codec.layout.velocities(codec.layout.bins(notes.velocity))
    return notes._replace(velocity=floors).performance(pedal, codec.config)


DEFAULT = codec_of()
MAGENTA = codec_of(order="magenta")
PEDAL = codec_of(sustain="tokens")
CODECS = [
    DEFAULT,
    PEDAL,
    MAGENTA,
    codec_of(velocity_bins=0, max_shift=1, steps_per_second=8),
    codec_of(velocity_bins=127, max_shift=1000, steps_per_second=1000, sustain="tokens"),
    codec_of(velocity_bins=100, drums=True),
]
CANONICAL = [codec for codec in CODECS if codec.config.canonical]


@pytest.mark.parametrize(
    ("notes", "ids"),
    [
        ([(60, 100, 0, 2.5)], [380, 60, 355, 355, 305, 188]),
        ([(60, 100, 0, 1.0)], [380, 60, 355, 188]),
        ([(60, 100, 0, 1.01)], [380, 60, 355, 256, 188]),
        ([(60, 100, 0.5, 0.501)], [305, 380, 60, 256, 188]),  # at least one step long; silence before it is kept
        ([(60, 100, 0.125, 0.135)], [268, 380, 60, 256, 188]),  # 12.5 steps are 13
        (
            [(60, 1, 0, 0.1), (61, 4, 0.1, 0.2), (62, 5, 0.2, 0.3), (63, 127, 0.3, 0.4)],
            [356, 60, 265, 188, 61, 265, 189, 357, 62, 265, 190, 387, 63, 265, 191],
        ),
        ([(60, 64, 0, 0.5), (60, 64, 0.5, 1)], [371, 60, 305, 188, 60, 305, 188]),
        ([], []),
    ],
)
@pytest.mark.parametrize("codec", [DEFAULT, MAGENTA])
def test_golden_ids(codec, notes, ids):
    assert codec.encode(solo(*notes)).tolist() == [388, *ids, 389]


def test_golden_ids_of_overlapping_notes():
    overlapping = solo((60, 64, 0, 1), (60, 96, 0.5, 1.5))
    assert MAGENTA.encode(overlapping).tolist() == [388, 371, 60, 305, 379, 60, 305, 188, 305, 188, 389]
    assert DEFAULT.encode(overlapping).tolist() == [388, 371, 60, 305, 188, 379, 60, 355, 188, 389]
    assert DEFAULT.lost(overlapping) == {"note shortened by its repeat": 1}


def test_golden_ids_with_the_pedal():
    held = solo((60, 64, 0, 0.5), (60, 64, 1, 1.2), pedal=[(0.25, 127), (2, 0)])
    for codec in (DEFAULT, MAGENTA):
        assert codec.encode(held).tolist() == [388, 371, 60, 355, 188, 60, 355, 188, 389]
        assert not codec.lost(held)
    assert " ".join(tokenize(PEDAL, held)) == (
        "<s> VELOCITY_16 NOTE_ON_60 TIME_SHIFT_25 PEDAL_DOWN TIME_SHIFT_25 NOTE_OFF_60 TIME_SHIFT_50 NOTE_ON_60 "
        "TIME_SHIFT_20 NOTE_OFF_60 TIME_SHIFT_80 PEDAL_UP </s>"
    )
    assert pedal_of(detokenize(PEDAL, tokenize(PEDAL, held))) == [(0.25, 127), (2.0, 0)]
    for pedal, ids in [
        ([(0.25, 63), (2, 0)], [371, 60, 305, 188]),
        ([(0.25, 64), (1, 63)], [371, 60, 355, 188]),
        ([(0.25, 127), (0.25, 0)], [371, 60, 305, 188]),
    ]:
        for codec in (DEFAULT, MAGENTA):
            assert codec.encode(solo((60, 64, 0, 0.5), pedal=pedal)).tolist() == [388, *ids, 389]
    apart = Performance((track((60, 64, 0, 0.5)), track((72, 64, 0, 0.5), pedal=[(0.25, 127), (1, 0)])))
    assert DEFAULT.encode(apart).tolist() == [388, 371, 60, 72, 305, 188, 305, 200, 389]
    assert PEDAL.lost(apart) == {"track merged into another": 1, "note held by another track's pedal": 1}


def test_order_within_a_step_is_pedal_then_ends_then_onsets():
    busy = solo((61, 64, 0, 1), (60, 64, 0, 1), (64, 64, 1, 2), (63, 64, 1, 2), pedal=[(1, 127), (2, 0)])
    assert " ".join(tokenize(PEDAL, busy)) == (
        "<s> VELOCITY_16 NOTE_ON_60 NOTE_ON_61 TIME_SHIFT_100 PEDAL_DOWN NOTE_OFF_60 NOTE_OFF_61 NOTE_ON_63 NOTE_ON_64 "
        "TIME_SHIFT_100 PEDAL_UP NOTE_OFF_63 NOTE_OFF_64 </s>"
    )


def test_magenta_loses_the_pedal_of_a_track_without_notes():
    notes, pedal = "00 90 3c 40 60 80 3c 40", "00 b0 40 7f 78 b0 40 00"
    data = midi_file(track_of(pedal, "00 ff2f 00"), track_of(notes, "00 ff2f 00"), division=96)
    (piece,), (lost,) = (found := parse(MAGENTA, data)).pieces, found.lost
    assert MAGENTA.encode(piece).tolist()[1:-1] == [371, 60, 305, 188]  # half a second, like the key
    assert lost == {"pedal of another track": 2}
    (piece,), (lost,) = (found := parse(DEFAULT, data)).pieces, found.lost
    assert DEFAULT.encode(piece).tolist()[1:-1] == [371, 60, 318, 188]  # until the pedal is lifted
    assert lost == {}


def test_magenta_ends_notes_as_pretty_midi_does():
    nested = solo((60, 64, 0, 2), (60, 64, 1, 3), (60, 64, 3, 4), (62, 64, 1, 1), (64, 64, 0, 1), (64, 64, 0, 1))
    read, lost = as_pretty_midi(nested)
    assert notes_of(read) == [
        (60, 64, 0, 2),
        (64, 64, 0, 1),
        (64, 64, 0, 1),
        (60, 64, 1, 2),  # the first end of a 60 ends both
        (60, 64, 3, 4),
    ]
    assert lost == {"note ended by another's end": 1, "note without length": 1}
    ids = [371, 60, 64, 64, 355, 192, 192, 60, 355, 188, 188, 355, 60, 355, 188]
    assert MAGENTA.encode(read).tolist() == [388, *ids, 389]


def test_magenta_orders_notes_as_note_seq_does():
    # Within a step the order is that of the onsets before rounding.
    assert MAGENTA.encode(solo((62, 64, 0, 1), (60, 64, 0.001, 1.001)))[1:4].tolist() == [371, 62, 60]
    assert MAGENTA.encode(solo((36, 64, 0, 0.1), drum=True)).tolist() == [388, 371, 36, 265, 164, 389]


@pytest.mark.parametrize("codec", CANONICAL)
@given(performance=performances())
@settings(max_examples=40)
def test_contract(codec, performance):
    ids = codec.encode(performance)
    assert ids.dtype == np.uint16
    decoded = codec.decode(ids)
    assert decoded == codec.canonical(performance) == quantized(codec, performance)
    assert codec.encode(decoded).tolist() == ids.tolist()  # on the first pass
    assert codec.canonical(decoded) == decoded
    assert not codec.lost(decoded)
    assert detokenize(codec, tokenize(codec, performance)) == decoded
    assert codec.vocabulary.encode(tokenize(codec, performance)) == ids.tolist()


@given(performances())
@settings(max_examples=40)
def test_magenta_is_canonical_from_the_second_pass_on(performance):
    once = MAGENTA.decode(MAGENTA.encode(performance))
    assert once == MAGENTA.canonical(performance)
    assert len(once.tracks[0]) == sum(MAGENTA.encode(performance) < 128)


@pytest.mark.parametrize("codec", CODECS)
@given(performance=performances())
@settings(max_examples=30)
def test_every_note_is_accounted_for(codec, performance):
    lost = Counter(codec.lost(performance))
    gone = ("drum note", "note that is no drum", "note merged with its double")
    begun = int(np.count_nonzero(codec.encode(performance) < 128))
    ended = int(np.count_nonzero(codec.encode(performance) // 128 == 1))
    assert begun == ended
    assert sum(map(len, performance.tracks)) == begun + sum(lost[kind] for kind in gone)
    assert all(count > 0 for count in lost.values())


@pytest.mark.parametrize("codec", CANONICAL)
@given(performance=performances())
@settings(max_examples=40)
def test_encode_equals_a_note_by_note_encoder(codec, performance):
    assert tokenize(codec, performance) == slow_tokenize(codec.config, performance)


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
@settings(max_examples=40)
def test_any_tokens_decode(codec, data):
    few = [token for token in codec.vocabulary.tokens if token.rpartition("_")[2] in ("60", "61", "1", "7")]
    tokens = data.draw(st.lists(st.sampled_from([*few, *codec.vocabulary.tokens[-4:]]), max_size=40))
    decoded = detokenize(codec, tokens)
    assert notes_of(decoded) == slow_decode(codec.config, tokens)
    if codec.config.canonical:
        once = codec.encode(decoded)
        assert codec.encode(codec.decode(once)).tolist() == once.tolist()
        assert codec.decode(once) == decoded


def test_notes_that_do_not_end_or_begin_twice():
    for text, notes in [
        ("NOTE_OFF_60 NOTE_ON_60 TIME_SHIFT_50", [(60, 77, 0.0, 0.5)]),
        ("NOTE_ON_60 TIME_SHIFT_50 NOTE_ON_60 TIME_SHIFT_50", [(60, 77, 0.0, 0.5), (60, 77, 0.5, 1.0)]),
        ("NOTE_ON_60 NOTE_OFF_60 TIME_SHIFT_50", []),
    ]:
        assert notes_of(detokenize(DEFAULT, text.split())) == notes
    text = "NOTE_ON_60 TIME_SHIFT_50 NOTE_ON_60 TIME_SHIFT_50 NOTE_OFF_60 TIME_SHIFT_50"
    assert notes_of(detokenize(MAGENTA, text.split())) == [(60, 77, 0.0, 1.0), (60, 77, 0.5, 1.5)]


def test_layout():
    layout = PerformanceLayout()
    assert (layout.time_shift, layout.velocity, layout.start, layout.end, layout.size) == (256, 356, 388, 389, 390)
    assert (layout.pedal_up, layout.pedal_down) == (-1, -1)
    names = layout.vocabulary.tokens
    assert " ".join(names[each] for each in (60, 188, 355, 387, 388, 389)) == (
        "NOTE_ON_60 NOTE_OFF_60 TIME_SHIFT_100 VELOCITY_32 <s> </s>"
    )
    assert PerformanceLayout(pedal=True).vocabulary.tokens[-3:] == ("</s>", "PEDAL_UP", "PEDAL_DOWN")
    for bins in range(1, 128):
        velocities = np.arange(1, 128)
        floors = PerformanceLayout(bins).velocities(PerformanceLayout(bins).bins(velocities))
        assert (floors <= velocities).all()
        assert (PerformanceLayout(bins).bins(floors) == PerformanceLayout(bins).bins(velocities)).all()


@given(performances(), st.integers(0, 30), st.integers(0, 60))
def test_a_slice_of_ids_is_events_and_the_same_ids_again(performance, start, length):
    ids, layout = PEDAL.encode(performance)[start : start + length], PEDAL.layout
    found = events.decode(ids, layout)
    again = events.encode(events.in_order(found), layout)
    assert again.tolist() == ids[: len(again)].tolist()
    assert all(layout.time_shift <= id_ < layout.start for id_ in ids[len(again) :].tolist())  # before no event
    assert all(np.array_equal(*each) for each in zip(found, events.decode(again, layout), strict=True))
    up = found._replace(value=found.value + np.isin(found.kind, (NOTE_ON, NOTE_OFF)))
    moved = events.encode(up, layout)
    assert (moved.astype(int) - again).tolist() == np.isin(again, np.arange(256)).astype(int).tolist()


def test_fields_are_checked():
    assert representations.find("performance") == DEFAULT.config
    assert representations.find("performance:sustain=tokens,order=magenta,drums=true").spec == (
        "performance:sustain=tokens,order=magenta,drums=true"
    )
    for spec, facts in [
        ("velocity_bins=128", "velocity_bins .* 0 .* 127, got 128"),
        ("steps_per_second=0", "steps_per_second .* 1 .* 1000, got 0"),
        ("max_shift=1001", "max_shift .* 1 .* 1000, got 1001"),
        ("sustain=maybe", "sustain .* baked, tokens, got 'maybe'"),
        ("order=any", "order .* canonical, magenta, got 'any'"),
    ]:
        with pytest.raises(RequestError, match=facts):
            representations.find(f"performance:{spec}")


def test_a_file_without_notes_to_keep_is_an_error():
    drums, piano = solo((36, 64, 0, 1), drum=True), solo((60, 64, 0, 1))
    fine = codec_of(steps_per_second=1000, max_shift=1)
    for codec, piece, facts in [
        (DEFAULT, Performance(()), "x.mid: .*no notes"),
        (DEFAULT, drums, "x.mid: .*drums; performance:drums=true"),
        (codec_of(drums=True), piano, "x.mid: .*no drums; performance:drums=false"),
        (fine, solo((60, 64, 90_000, 90_001)), "x.mid: .*90,001,000 TIME_SHIFTs"),
    ]:
        with pytest.raises(ParseError, match=facts):
            parse(codec, midi.format(piece))
    for codec, piece in [(DEFAULT, piano), (codec_of(drums=True), drums), (MAGENTA, drums)]:
        (found,) = parse(codec, midi.format(piece)).pieces
        assert notes_of(found) == notes_of(piece)
    with pytest.raises(ValueError, match="too many steps"):
        DEFAULT.encode(solo((60, 64, 0, 1e300)))


def test_fingerprints_agree_on_a_work_in_another_key_by_another_player():
    random = np.random.default_rng(1)
    pitches = random.integers(40, 90, 300).tolist()
    played = [(pitch, 64, 0.2 * number, 0.2 * number + 0.5) for number, pitch in enumerate(pitches)]
    rushed = [(p + 3, 90, 0.7 * onset + random.uniform(0, 0.2), 300.0) for p, _, onset, _ in played]
    other = [(int(random.integers(40, 90)), 64, onset, end) for _, _, onset, end in played]
    transposition = DEFAULT.transposition
    here, there, else_ = (
        set(transposition.fingerprint(DEFAULT.encode(solo(*notes))).tolist()) for notes in (played, rushed, other)
    )
    assert len(here & there) > transposition.twin_share * min(len(here), len(there))
    assert not here & else_
    assert len(transposition.fingerprint(DEFAULT.encode(solo(*played[:11])))) == 1


def test_fingerprints_of_drums_have_longer_windows_and_no_key():
    drums = codec_of(drums=True)
    pitches = np.random.default_rng(1).integers(35, 60, 100).tolist()

    def fingerprint(up):
        struck = solo(*((pitch + up, 64, at, at + 1) for at, pitch in enumerate(pitches)), drum=True)
        return set(drums.transposition.fingerprint(drums.encode(struck)).tolist())

    assert len(fingerprint(0)) == len(fingerprint(1)) > 40
    assert not fingerprint(0) & fingerprint(1)


def slow_tokenize(config, performance):
    """The tokens, note by note."""
    parts = [part for part in performance.tracks if part.drum == config.drums and len(part)]
    last = max([0.0, *(note.offset_s for part in parts for note in part), *pedals_of(parts)])
    rounded = [list(round_step(config, part, last)) for part in parts]
    pedal = []
    if config.sustain == "tokens" and not config.drums:
        moves = slow_moves(parts, last)
        pedal = list(slow_pedal(config, moves))
        for notes, part in zip(rounded, parts, strict=True):
            for number, (note, (pitch, velocity, onset, offset)) in enumerate(zip(part, notes, strict=True)):
                until = max(int(sounds_until(moves, note.offset_s) * config.steps_per_second + 0.5), onset + 1)
                earlier = max(offset - 1, onset + 1)
                if sounds_until(pedal, offset) > until >= sounds_until(pedal, earlier):
                    notes[number] = pitch, velocity, onset, earlier
    merged = {}
    for pitch, velocity, onset, offset in (note for part in rounded for note in part):
        louder, longer = merged.get((pitch, onset), (0, 0))
        merged[pitch, onset] = max(louder, velocity), max(longer, offset)
    events, ends = [], {}
    for pitch, onset in sorted(merged, reverse=True):
        velocity, offset = merged[pitch, onset]
        offset, ends[pitch] = min(offset, ends.get(pitch, offset)), onset
        events += [(offset, 1, pitch, 0), (onset, 2, pitch, velocity)]
    events += [(step, 0, int(down), 0) for step, down in pedal]
    tokens, now, loudness = ["<s>"], 0, None
    for step, kind, value, velocity in sorted(events):
        while now < step:
            shift = min(step - now, config.max_shift)
            tokens.append(f"TIME_SHIFT_{shift}")
            now += shift
        if kind == 2 and config.velocity_bins:
            size = -(-127 // config.velocity_bins)
            if loudness != (loudness := (velocity - 1) // size + 1):
                tokens.append(f"VELOCITY_{loudness}")
        tokens.append(["PEDAL_DOWN" if value else "PEDAL_UP", f"NOTE_OFF_{value}", f"NOTE_ON_{value}"][kind])
    return [*tokens, "</s>"]


def pedals_of(parts):
    return [time for part in parts for time, _ in part.pedal.tolist()]


def is_down(part, time):
    """Whether the pedal of a track is down from a time on."""
    return [0, *(value for at, value in part.pedal.tolist() if at <= time)][-1] >= 64


def round_step(config, part, last):
    """(pitch, velocity, onset, offset) in steps, as long as the notes sound."""
    for note in part:
        offset = note.offset_s
        if config.sustain == "baked" and not part.drum and is_down(part, offset):
            later = [at for at, value in part.pedal.tolist() if at > offset and value < 64]
            offset = later[0] if later else last
        onset, offset = (int(time * config.steps_per_second + 0.5) for time in (note.onset_s, offset))
        yield note.pitch, note.velocity, onset, max(offset, onset + 1)


def slow_moves(parts, last):
    """(time, whether down) of each change of the one pedal that the pedals of all tracks are; it ends up."""
    lists = []
    for part in parts:
        moves = []
        for time, value in [*part.pedal.tolist(), (last, 0)]:
            if (value >= 64) != (len(moves) % 2 == 1):
                moves.append((time, value >= 64))
        lists += [moves] if moves else []
    if all(moves == lists[0] for moves in lists):
        return lists[0] if lists else []
    merged, depth = [], 0
    for time, up in sorted((time, not down) for moves in lists for time, down in moves):
        depth += -1 if up else 1
        if depth == (0 if up else 1):
            merged.append((time, not up))
    return merged


def slow_pedal(config, moves):
    """(step, whether down) of each change that outlasts its step, or lets go in it."""
    by_step = defaultdict(list)
    for time, down in moves:
        by_step[int(time * config.steps_per_second + 0.5)].append(down)
    before = False
    for step, downs in sorted(by_step.items()):
        if before and downs[-1] and not all(downs):
            yield from ((step, False), (step, True))
        elif downs[-1] != before:
            yield step, downs[-1]
        before = downs[-1]


def sounds_until(moves, time):
    """The time until which a pedal that moves at times holds what ends at a time."""
    if [False, *(down for at, down in moves if at <= time)][-1]:
        return next(at for at, down in moves if at > time and not down)
    return time


def slow_decode(config, tokens):
    """Notes as `notes_of` gives them, token by token."""
    now, open_notes, notes = 0, {}, []
    size = -(-127 // config.velocity_bins) if config.velocity_bins else 1
    velocity = (80 - 1) // size * size + 1
    for token in tokens:
        kind, _, value = token.rpartition("_")
        if kind == "TIME_SHIFT":
            now += int(value)
        elif kind == "VELOCITY":
            velocity = min((int(value) - 1) * size + 1, 127)
        elif kind in ("NOTE_ON", "NOTE_OFF"):
            sounding = open_notes.setdefault(int(value), [])
            if sounding and (kind == "NOTE_OFF" or config.order == "canonical"):
                notes.append((*sounding.pop(0), now))
            if kind == "NOTE_ON":
                sounding.append((int(value), velocity, now))
    notes += [(*note, now) for sounding in open_notes.values() for note in sounding]
    rate = config.steps_per_second
    kept = [(onset, pitch, offset, loudness) for pitch, loudness, onset, offset in notes if offset > onset]
    kept.sort(key=lambda note: note[:3])
    return [(pitch, loudness, onset / rate, offset / rate) for onset, pitch, offset, loudness in kept]
