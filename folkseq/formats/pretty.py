"""Convert performances from and to `pretty_midi.PrettyMIDI` objects."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from folkseq.music.performance import SUSTAIN, Note, Performance, Track, distinct_changes
from folkseq.music.signature import Key, Meter

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI


def from_pretty_midi(midi: PrettyMIDI) -> Performance:
    """Return the performance that `midi` holds, without invalid meters and keys.

    The sustain pedal of an instrument applies to its track. pretty_midi drops the pedal of a track without notes; parse
    the file instead to keep it.
    """
    tracks = tuple(
        Track.of(
            (Note(note.start, note.end, note.pitch, note.velocity) for note in instrument.notes if note.velocity),
            instrument.name,
            instrument.program,
            instrument.is_drum,
            ((change.time, change.value) for change in instrument.control_changes if change.number == SUSTAIN),
        )
        for instrument in midi.instruments
    )
    meters = [
        (change.time, Meter(change.numerator, change.denominator))
        for change in midi.time_signature_changes
        if 1 <= change.numerator <= 64 and change.denominator in (1, 2, 4, 8, 16, 32, 64)
    ]
    keys = []
    for change in midi.key_signature_changes:
        tonic, minor = change.key_number % 12, change.key_number >= 12
        # Use the fewest accidentals: −5 (D flat) to 6 (F sharp) sharps for the twelve major keys.
        keys.append((change.time, Key.of_signature(((tonic + 3 * minor) * 7 + 5) % 12 - 5, minor)))
    return Performance(
        tracks,
        distinct_changes(zip(*(column.tolist() for column in midi.get_tempo_changes()), strict=True)),
        distinct_changes(meters),
        distinct_changes(keys),
        tuple(sorted((text.time, text.text) for text in midi.text_events)),
        length_s=float(midi.get_end_time()),
    )


def to_pretty_midi(performance: Performance) -> PrettyMIDI:
    """Return `performance` with 480 ticks a quarter note; markers become text events."""
    import mido
    import pretty_midi

    # pretty_midi accepts a tempo map only from a file.
    conductor, tick = mido.MidiTrack(), 0.0
    for (here_s, bpm), (there_s, _) in pairwise((*performance.tempos, (performance.length_s, 0.0))):
        conductor.append(mido.MetaMessage("set_tempo", tempo=round(6e7 / bpm), time=round(tick)))
        tick = (there_s - here_s) * bpm / 60 * 480
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[conductor]).save(file=file)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(file.getvalue()))
    for track in performance.tracks:
        instrument = pretty_midi.Instrument(track.program, track.drum, track.name)
        instrument.notes = [pretty_midi.Note(n.velocity, n.pitch, n.onset_s, n.offset_s) for n in track]
        pedal = track.pedal.tolist()
        instrument.control_changes = [pretty_midi.ControlChange(SUSTAIN, value, time_s) for time_s, value in pedal]
        midi.instruments.append(instrument)
    for time_s, meter in performance.meters:
        if not meter.free:
            midi.time_signature_changes.append(pretty_midi.TimeSignature(meter.beats, meter.unit, time_s))
    for time_s, key in performance.keys:
        number = key.major_or_minor.tonic + 12 * (key.major_or_minor.mode == "min")
        midi.key_signature_changes.append(pretty_midi.KeySignature(number, time_s))
    midi.text_events = [pretty_midi.Text(text, time_s) for time_s, text in performance.markers]
    return midi
