"""Performances through pretty_midi."""

import pretty_midi
import pytest
from tunes import play

from folkseq.formats.pretty import from_pretty_midi, to_pretty_midi
from folkseq.music.performance import Note, Performance, Track


def test_pedals_survive_pretty_midi() -> None:
    pedal = [(0.25, 127), (0.25, 0), (0.5, 64), (2.0, 0)]
    piano = Track.of([Note(0, 1, 60), Note(0.5, 1.5, 62)], "Piano", pedal=pedal)
    performance = Performance((piano, Track.of([Note(0, 2, 50)], "Bass", 33), Track.of((), "Pedal", pedal=pedal)))
    midi = to_pretty_midi(performance)
    assert [(change.number, change.time, change.value) for change in midi.instruments[0].control_changes] == [
        (64, time_s, value) for time_s, value in pedal
    ]
    midi.instruments[1].control_changes.append(pretty_midi.ControlChange(7, 100, 0.5))  # a volume is no pedal
    assert from_pretty_midi(midi) == performance


def test_a_performance_survives_pretty_midi():
    performance = play('"C"G2|:c8|[K:Gmin][Q:1/4=90]_b8|[M:3/4]g6:|')
    back = from_pretty_midi(to_pretty_midi(performance))
    assert back.tracks == performance.tracks
    assert (back.meters, back.keys, back.markers) == (performance.meters, performance.keys, performance.markers)
    times, bpms = zip(*back.tempos, strict=True)
    assert times == pytest.approx([time_s for time_s, _ in performance.tempos], abs=1e-3)
    assert bpms == pytest.approx([bpm for _, bpm in performance.tempos], rel=1e-5)
