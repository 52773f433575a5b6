import io
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256

import mido
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import END, midi_file
from midi_files import track as track_chunk
from performances import beat, solo, take, track

from folkseq.cli import main
from folkseq.errors import FolkseqError
from folkseq.formats import midi
from folkseq.music.performance import Performance as Piece
from folkseq.studio.api.performances import (
    AskForPerformances,
    AskForSeconds,
    AskToRead,
    read_performance,
    regenerate,
    write_performances,
)
from folkseq.studio.errors import MissingError
from folkseq.studio.workshop import Workshop
from folkseq.verbs.record import Record


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("studio"))


def encoded(piece):
    return b64encode(piece if isinstance(piece, bytes) else midi.format(piece)).decode()


def written(workshop, **asked):
    return list(
        write_performances(workshop, AskForPerformances(**{"model": "piano", "seed": 4, "seconds": 6, **asked}))
    )


def again(workshop, data, start_s, stop_s, **asked):
    return list(regenerate(workshop, AskForSeconds(data, start_s, stop_s, **{"seed": 4, "count": 2, **asked})))


def messages(data):
    """Return (tick, track, message) of a file in base64, but for texts."""
    found = []
    for number, each in enumerate(mido.MidiFile(file=io.BytesIO(b64decode(data))).tracks):
        tick = 0
        for message in each:
            tick += message.time
            if message.type != "text":
                found.append((tick, number, message.copy(time=0)))
    return found


def others(data):
    """Return the messages that are neither notes nor the pedal."""
    return [each for each in messages(data) if not each[2].type.startswith("note") and not each[2].is_cc(64)]


def notes_outside(data, start, stop):
    """Return the onset, end, track, pitch and velocity of the notes that do not begin in a range of ticks."""
    sounding, found = {}, []
    for tick, number, message in messages(data):
        key = number, getattr(message, "channel", 0), getattr(message, "note", 0)
        if message.type == "note_on" and message.velocity:
            assert key not in sounding, "a note begins while its pitch sounds"
            sounding[key] = tick, message.velocity
        elif message.type in ("note_on", "note_off"):
            onset, velocity = sounding.pop(key)
            found.append((onset, tick, *key, velocity))
    assert not sounding, "a note does not end"
    return sorted(each for each in found if not start <= each[0] < stop)


def test_new_performances_come_with_notes_file_and_verdict(workshop):
    first, second = written(workshop, count=2, density=(2.0, 8.0))
    assert (first.index, second.index, first.seed) == (1, 2, 4)
    assert first.duration_s <= 6
    played = midi.parse(b64decode(first.midi)).performance
    assert [(each.pitch, each.velocity) for each in first.notes] == [
        (note.pitch, note.velocity) for track in played.tracks for note in track
    ]
    assert first.verdict.words
    (record,) = Record.find(b64decode(first.midi), "file")
    assert (record.seed, record.options["density"]) == (4, "2,8")
    assert written(workshop, count=1, density=(2.0, 8.0))[0] == first


def test_density_is_followed_over_time(workshop):
    halves = np.zeros(2)
    for each in written(workshop, count=4, seconds=16, density=(1.0, 24.0)):
        halves += np.histogram([note.onset_s for note in each.notes], [0, 8, 16])[0]
    assert halves[1] > 3 * halves[0]


def test_pitch_classes_are_followed_and_can_be_free_for_a_time(workshop):
    asked = {"count": 4, "seconds": 16, "density": (8.0,)}
    shares = []
    for sets in ((), ("F#,G#,A#,C#,D#", "")):
        found = written(workshop, pitch_classes=sets, **asked)
        pitches = [note.pitch % 12 for each in found for note in each.notes if note.onset_s < 6]
        shares.append(np.isin(pitches, (1, 3, 6, 8, 10)).mean())
    assert shares[1] > shares[0] + 0.2


def test_drums_are_whole_bars_at_a_tempo(workshop):
    (found,) = written(workshop, model="drums", seconds=8, bpm=90)
    assert {note.channel for note in found.notes} == {9}
    assert found.duration_s == pytest.approx(8, abs=0.01)
    with pytest.raises(FolkseqError, match="density"):
        written(workshop, model="drums", density=(8.0,))


def test_a_prime_is_continued_and_its_digest_recorded(workshop):
    prime = take(3, seconds=5.0)
    data = midi.format(prime)
    (found,) = written(workshop, prime=encoded(data), prime_name="../My take.mid")
    own = midi.parse(data).performance.tracks[0].notes
    assert [note.pitch for note in found.notes[: len(own)]] == own["pitch"].tolist()
    assert found.notes[-1].onset_s > 6
    (record,) = Record.find(b64decode(found.midi), "file")
    assert record.settings.prime == "my-take.mid"
    assert record.prime_sha256 == sha256(data).hexdigest()[:12]
    (alone,) = written(workshop, prime=encoded(data), keep_prime=False)
    assert alone.duration_s <= 6.1
    beats = encoded(beat(1, bars=2))
    (drums,) = written(workshop, model="drums", prime=beats, seconds=4)
    assert drums.duration_s == pytest.approx(8, abs=0.01)


def test_a_prime_is_never_the_name_of_a_file(workshop, tmp_path):
    file = tmp_path / "secret.mid"
    file.write_bytes(midi.format(take(3, seconds=5.0)))
    for prime in (str(file), encoded(str(file).encode())):
        with pytest.raises(FolkseqError):
            written(workshop, prime=prime, prime_name=str(file))


@pytest.mark.parametrize(
    ("model", "prime", "fact"),
    [
        ("piano", beat(1), "only drums"),
        ("drums", take(1), "no drums"),
        ("piano", solo(*((60, 80, time / 100, time / 100 + 0.005) for time in range(20_001))), "20,001"),
        ("piano", Piece(()), "no notes"),
    ],
)
def test_a_prime_that_cannot_be_continued_is_a_sentence(workshop, model, prime, fact):
    with pytest.raises(FolkseqError, match=fact):
        written(workshop, model=model, prime=encoded(prime))


def test_a_file_is_read_with_its_pedal_and_what_is_not_shown():
    piece = Piece((track((60, 80, 0.5, 1.0), (64, 20, 1.0, 1.5), pedal=[(0.25, 127), (2.0, 0), (2.5, 127)]),))
    data = midi.format(piece, ["a text"])
    found = read_performance(None, AskToRead(encoded(data), "C:\\takes\\Étude<b>.MID"))
    assert found.title == "Étude<b>"
    assert [(note.onset_s, note.duration_s, note.pitch, note.velocity) for note in found.notes] == [
        (0.5, 0.5, 60, 80),
        (1.0, 0.5, 64, 20),
    ]
    assert [(press.start_s, press.stop_s) for press in found.pedal] == [(0.25, 2.0)]
    assert (found.programs, found.lost) == ({0: 0}, {})


def test_a_long_title_is_cut():
    data = midi.format(replace(take(1), name="🎵" * 300))
    assert read_performance(None, AskToRead(encoded(data))).title == "🎵" * 200


def test_what_changes_the_sound_is_told():
    events = [
        "00 c008",
        "00 b00764",
        "00 903c40",
        "83 60 e00050",
        "00 d030",
        "00 c009",
        "00 903e40",
        "83 60 803c00",
        "00 803e00",
    ]
    found = read_performance(None, AskToRead(encoded(midi_file(track_chunk(*events, END))), "take.mid"))
    assert [(each.time_s, each.channel, each.data) for each in found.changes] == [
        (0.0, 0, (0xB0, 7, 100)),
        (0.5, 0, (0xE0, 0, 80)),
        (0.5, 0, (0xD0, 48)),
        (0.5, 0, (0xC0, 9)),
    ]
    assert (found.programs, found.lost) == ({0: 8}, {})


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"no music", "not a MIDI file"),
        (midi.format(take(1))[:200], "cut short"),
        (b"", "empty"),
        (bytes(4 << 20), "MB"),
    ],
)
def test_a_broken_file_is_a_sentence(data, fact):
    with pytest.raises(FolkseqError, match=fact):
        read_performance(None, AskToRead(encoded(data), "take.mid"))


def test_what_is_not_base64_is_a_sentence():
    with pytest.raises(FolkseqError, match="whole"):
        read_performance(None, AskToRead("<script>", "take.mid"))


@pytest.mark.parametrize("asked", [{}, {"density": (20.0,), "pitch_classes": ("C,E,G", "")}, {"model": "piano"}])
def test_what_is_outside_the_passage_stays_to_the_tick(workshop, asked):
    data = encoded(take(5))
    for found in again(workshop, data, 4.0, 8.0, **asked):
        assert found.midi != data
        assert notes_outside(found.midi, 3840, 7680) == notes_outside(data, 3840, 7680)
        inside = [note for note in found.notes if 4 <= note.onset_s < 8]
        assert inside
        assert max(note.onset_s + note.duration_s for note in inside) <= 8.001
        assert others(found.midi) == others(data)
        (record,) = Record.find(b64decode(found.midi), "file")
        assert record.options["seconds"] == "4.000-8.000"
        assert "studio" in record.is_of_other


def test_the_pedal_of_the_passage_goes_with_its_notes(workshop):
    notes = [(60, 80, time / 2, time / 2 + 0.4) for time in range(24)]
    pedal = [(1.0, 127), (4.5, 0), (5.0, 127), (6.0, 0), (7.0, 127), (9.0, 0)]
    for found in again(workshop, encoded(solo(*notes, pedal=pedal)), 4.0, 8.0):
        assert [(each.start_s, each.stop_s) for each in found.pedal] == [(1.0, 4.5), (8.0, 9.0)]


def trained(folder, *words):
    """Return a run of a few steps."""
    for number in range(4):
        (folder / f"{number}.mid").write_bytes(midi.format(take(number)))
    sizes = ["--steps", "3", "--hidden", "16", "-q", "--out", str(folder / "run")]
    result = CliRunner().invoke(main, ["train", words[0], str(folder), *words[1:], *sizes])
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture(scope="module")
def filler(tmp_path_factory):
    """Return a run that fills passages."""
    return trained(tmp_path_factory.mktemp("fill"), "performance", "--task", "fill")


def test_a_model_of_notes_writes_continues_and_changes_performances(tmp_path):
    """An untrained one; so its notes are any, but as long and as many as asked for."""
    run = trained(tmp_path, "notes")
    workshop, data = Workshop(tmp_path, [run]), encoded(take(5))
    asked = AskForPerformances(model=str(run), seed=1, seconds=3, prime=data, keep_prime=True, density=(4.0,))
    (found,) = write_performances(workshop, asked)
    begun = midi.parse(b64decode(data), "").performance.tracks[0].notes["onset_s"].max()
    onsets = [note.onset_s for note in found.notes]
    assert max(onsets) > begun
    assert max(onsets) <= begun + 3.1
    for version in again(workshop, data, 4.0, 8.0, model=str(run), density=(4.0,)):
        assert notes_outside(version.midi, 3840, 7680) == notes_outside(data, 3840, 7680)


def test_a_run_that_fills_passages_is_used_if_there_is_one(filler, tmp_path):
    workshop, data = Workshop(tmp_path, [filler]), encoded(take(5))
    for found in again(workshop, data, 4.0, 8.0):
        assert notes_outside(found.midi, 3840, 7680) == notes_outside(data, 3840, 7680)
        (record,) = Record.find(b64decode(found.midi), "file")
        assert (record.run, record.task) == ("run", "fill")
    assert again(workshop, data, 4.0, 8.0, model="piano")
    for start_s, asked, fact in ((0.0, {}, "16"), (4.0, {"density": (2.0,)}, "density")):
        with pytest.raises(FolkseqError, match=fact):
            again(workshop, data, start_s, 18.0 if not asked else 8.0, model=str(filler), **asked)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.floats(0, 9), st.floats(0.2, 5))
def test_no_note_hangs_or_is_doubled(workshop, seed, start_s, length_s):
    data = encoded(take(seed, seconds=10.0))
    first, last = round(start_s * 960), round((start_s + length_s) * 960)
    (found,) = again(workshop, data, first / 960, last / 960, count=1)
    assert notes_outside(found.midi, first, last) == notes_outside(data, first, last)


def test_the_beginning_can_be_written_again_and_drums_too(workshop):
    data = encoded(take(5))
    (found,) = again(workshop, data, 0.0, 2.0, count=1)
    assert notes_outside(found.midi, 0, 1920) == notes_outside(data, 0, 1920)
    beats = encoded(beat(1))
    for found in again(workshop, beats, 4.0, 8.0):
        assert notes_outside(found.midi, 3840, 7680) == notes_outside(beats, 3840, 7680)
        assert {note.channel for note in found.notes} == {9}
    mixed = encoded(replace(take(5), tracks=(*take(5).tracks, *beat(1).tracks)))
    (found,) = again(workshop, mixed, 4.0, 8.0, count=1)
    assert [note for note in found.notes if note.channel == 9] == [
        note for note in read_performance(None, AskToRead(mixed)).notes if note.channel == 9
    ]


@pytest.mark.parametrize(
    ("start_s", "stop_s", "asked", "fact"),
    [
        (5, 5, {}, "selection"),
        (100, 101, {}, "lasts"),
        (0, 500, {}, "120"),
        (1, 2, {"model": "tunes"}, "performances"),
        (1, 2, {"model": "none"}, "none"),
        (1, 2, {"density": (1.0,) * 65}, "64"),
        (1, 2, {"pitch_classes": ("H",)}, "H"),
        (1, 2, {"model": "drums", "density": (1.0,)}, "density"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(workshop, start_s, stop_s, asked, fact):
    with pytest.raises(FolkseqError, match=fact):
        again(workshop, encoded(take(5)), start_s, stop_s, **asked)


def test_a_model_that_is_not_there_is_missing(workshop):
    with pytest.raises(MissingError):
        written(workshop, model="none")
    with pytest.raises(FolkseqError, match="performances"):
        written(workshop, model="tunes")
