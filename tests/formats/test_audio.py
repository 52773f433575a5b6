"""Sound files: the notes of a MIDI file are heard at their time, at one level, and ring out."""

import io

import mido
import numpy as np
import pytest
import soundfile
from performances import solo

from folkseq.errors import RequestError
from folkseq.formats import audio, midi


def heard(samples):
    """Return the loudness of each sample, (N,)."""
    return np.abs(samples).max(1)


def song(*messages, notes=((0.5, 1.0, 69),), channel=0):
    """Return a MIDI file with messages at its beginning and notes of (start, end, pitch), in seconds."""
    events = [(start, "note_on", pitch) for start, _, pitch in notes]
    events += [(end, "note_off", pitch) for _, end, pitch in notes]
    track = mido.MidiTrack(mido.Message(kind, channel=channel, **values) for kind, values in messages)
    now = 0
    for time, kind, pitch in sorted(events):
        ticks = round(time * 960)
        track.append(mido.Message(kind, note=pitch, velocity=100, channel=channel, time=ticks - now))
        now = ticks
    file = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(file=file)
    return file.getvalue()


def centroid(samples, rate):
    """Return the spectral centroid in Hz."""
    power = np.abs(np.fft.rfft(samples.mean(1))) ** 2
    return float((np.fft.rfftfreq(len(samples), 1 / rate) * power).sum() / power.sum())


@pytest.mark.parametrize("suffix", audio.SUFFIXES)
def test_each_format_can_be_read_and_holds_the_pitch(suffix):
    data = audio.format(midi.format(solo((69, 100, 0.5, 2.5))), suffix)
    samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    assert samples.shape[1] == 2
    spectrum = np.abs(np.fft.rfft(samples[rate : 2 * rate].mean(1)))
    assert np.fft.rfftfreq(rate, 1 / rate)[spectrum.argmax()] % 440 == pytest.approx(0, abs=3)


def test_drum_strokes_sound_within_five_milliseconds_of_their_time():
    strokes = [0.5, 1.0, 1.25, 2.0]
    samples, rate = audio.render(song(notes=[(time, time + 0.1, 37) for time in strokes], channel=9))
    loud = heard(samples)
    for time in strokes:
        before, after = (loud[round((time + at) * rate) :][: rate // 200].max() for at in (-0.006, 0.0))
        assert after > 10 * before


def test_the_last_note_rings_out_and_the_file_ends_with_it():
    samples, rate = audio.render(song(("program_change", {"program": 0}), notes=[(0, 0.5, 60)]))
    loud = heard(samples)
    assert loud[round(0.6 * rate) :].max() > 1e-3
    assert loud[-rate // 10 :].max() < 1e-3
    assert 0.6 < len(samples) / rate < 4.5


def test_the_level_is_the_same_for_soft_and_loud_music_and_nothing_clips():
    chord = [(beat, beat + 0.9, pitch) for beat in range(4) for pitch in (48, 55, 60, 64, 67, 72, 76, 79)]
    volumes = [("control_change", {"control": 7, "value": value}) for value in (30, 127)]
    for volume in volumes:
        samples, _ = audio.render(song(volume, notes=chord))
        assert np.abs(samples).max() <= 10 ** (audio.PEAK_DB / 20) + 1e-3
        sounding = samples[heard(samples) > 1e-3]
        assert 20 * np.log10(np.sqrt(np.mean(sounding**2))) == pytest.approx(audio.LEVEL_DB, abs=2)


def test_a_fiddle_is_brighter_than_a_flute():
    flute, fiddle = (
        centroid(*audio.render(song(("program_change", {"program": program}), notes=[(0, 2, 76)])))
        for program in (73, 40)
    )
    assert fiddle > 1.2 * flute


def test_the_pedal_sustains_notes():
    program = ("program_change", {"program": 0})
    dry, wet = (
        heard(audio.render(song(program, *pedal, notes=[(0, 0.2, 60), (3, 3.1, 84)]))[0])[48_000:96_000].max()
        for pedal in ([], [("control_change", {"control": 64, "value": 127})])
    )
    assert wet > 5 * dry


def test_music_without_notes_is_silent():
    samples, rate = audio.render(song(notes=[]))
    assert 0 < len(samples) <= rate
    assert not samples.any()


def test_a_long_file_can_be_written_as_vorbis():
    notes = tuple((60 + index % 12, 90, index * 1.0, index + 0.9) for index in range(120))
    samples, rate = soundfile.read(io.BytesIO(audio.format(midi.format(solo(*notes)), ".ogg")))
    assert len(samples) / rate > 119


def test_music_of_more_than_an_hour_is_refused():
    with pytest.raises(RequestError, match="67 minutes"):
        audio.render(song(notes=[(0, 1, 60), (4000, 4001, 60)]))


def test_a_soundfont_is_found_or_named(tmp_path, monkeypatch):
    monkeypatch.delenv(audio.VARIABLE, raising=False)
    monkeypatch.setattr(audio, "_FOLDERS", (str(tmp_path),))
    assert audio.find_soundfont().name == "TimGM6mb.sf2"
    (tmp_path / "default.sf2").write_bytes(b"RIFF")
    assert audio.find_soundfont() == tmp_path / "default.sf2"
    monkeypatch.setenv(audio.VARIABLE, str(tmp_path / "own.sf2"))
    with pytest.raises(RequestError, match=r"own\.sf2"):
        audio.find_soundfont()
    with pytest.raises(RequestError, match=r"default\.sf2"):
        audio.render(song(), tmp_path / "default.sf2")


@pytest.mark.parametrize("suffix", audio.SUFFIXES)
def test_sound_has_the_texts_of_its_midi_file(suffix):
    played = midi.format(solo((60, 100, 0.0, 0.5)), ["a text", '{"folkseq": "1"}'])
    assert b'a text\n{"folkseq": "1"}' in audio.format(played, suffix)
