"""Notes, tracks and performances."""

from itertools import permutations

import numpy as np
import pytest

from folkseq.music import Key, Meter
from folkseq.music.performance import NOTE, Note, Performance, Track


def test_tracks_are_sorted_read_only_and_compared_by_value():
    notes = [Note(1, 2, 60, 80), Note(0, 1, 64, 80), Note(0, 1, 60, 80)]
    track = Track.of(notes, "Flute", 73)
    assert list(track) == sorted(notes)
    assert len(track) == 3
    assert track == Track.of(reversed(notes), "Flute", 73)
    assert hash(track) == hash(Track.of(reversed(notes), "Flute", 73))
    assert track != Track.of(notes, "Flute", 74)
    assert track != Track.of([*notes[:2], Note(0, 1, 60, 81)], "Flute", 73)
    assert track != "Flute"
    with pytest.raises(ValueError, match="read-only"):
        track.notes["pitch"] = 0


@pytest.mark.parametrize("rows", [*permutations([(0, 2, 60, 9), (0, 2, 62, 8), (0, 1, 62, 7), (1, 1, 50, 6)])])
def test_notes_are_sorted(rows: tuple[tuple[int, ...], ...]) -> None:
    notes = np.array(list(rows), NOTE)
    assert Track(notes).notes["velocity"].tolist() == [9, 7, 8, 6]
    notes["pitch"] = 0  # the track's own are another array
    assert Track(notes).notes is not notes
    assert not Track(notes).notes.flags.writeable


def test_pedals_are_sorted_by_time() -> None:
    track = Track.of([Note(0, 1, 60)], pedal=[(1.0, 0), (0.5, 1), (1.0, 127), (0.5, 2)])
    assert track.pedal.tolist() == [(0.5, 1), (0.5, 2), (1.0, 0), (1.0, 127)]
    assert track != Track.of([Note(0, 1, 60)])
    for pedal in ([(-1.0, 0)], [(0.0, 128)], [(float("inf"), 0)]):
        with pytest.raises(ValueError, match="pedal"):
            Track.of((), pedal=pedal)


@pytest.mark.parametrize(
    "note", [(-1, 0, 60, 80), (2, 1, 60, 80), (0, 1, 128, 80), (0, 1, 60, 0), (0, float("nan"), 60, 80)]
)
def test_impossible_notes_are_refused(note):
    with pytest.raises(ValueError, match=r"note|pitch"):
        Note(*note)
    with pytest.raises(ValueError, match="note"):
        Track(np.array([note], NOTE))


@pytest.mark.parametrize(
    "maps",
    [
        {"tempos": ()},
        {"tempos": ((1.0, 120.0),)},
        {"tempos": ((0.0, 0.0),)},
        {"meters": ((2.0, Meter()), (1.0, Meter()))},
        {"keys": ((1.0, Key()), (1.0, Key(1)))},
        {"markers": ((-1.0, "A"),)},
    ],
)
def test_impossible_maps_are_refused(maps):
    with pytest.raises(ValueError, match=r"tempo|order|hold"):
        Performance((), **maps)


def test_a_performance_lasts_to_its_last_note():
    assert Performance((Track.of([Note(0, 3, 60)]),), length_s=2).length_s == 3
