import pytest
from hypothesis import given
from performances import notes_of, performances, solo, track

from folkseq.music.performance import Performance
from folkseq.music.sustain import bake

A, B = (60, 64, 0.0, 0.5), (60, 96, 1.0, 1.2)


@pytest.mark.parametrize(
    ("notes", "pedal", "offsets"),
    [
        ([A, B], [], [0.5, 1.2]),
        ([A, B], [(0.25, 127), (2, 0)], [1.0, 2.0]),  # to the next of its pitch; to the pedal's end
        ([A, B], [(0.25, 127), (0.75, 0)], [0.75, 1.2]),
        ([A], [(0.25, 63), (2, 0)], [0.5]),  # 63 is up,
        ([A], [(0.25, 64), (2, 63)], [2.0]),  # and 64 is down
        ([A], [(0.25, 64), (1, 100), (2, 127), (3, 0)], [3.0]),  # how far down is nothing
        ([A], [(0.5, 127), (2, 0)], [2.0]),  # it goes down before the note ends,
        ([A], [(0.25, 127), (0.5, 0)], [0.5]),  # and up before it ends
        ([A], [(0.5, 127), (0.5, 0), (2, 127)], [0.5]),  # at one instant its moves keep their order
        ([A], [(0.5, 0), (0.5, 127), (2, 127)], [2.0]),
        ([A], [(0, 127), (1, 0), (1, 127), (2, 0)], [1.0]),
        ([A, B], [(0.25, 127), (1.0, 0), (3, 0)], [1.0, 1.2]),
        ([A, (61, 64, 0, 3)], [(0.25, 127)], [3.0, 3.0]),  # never lifted: to the last event
        ([A], [(0.25, 127), (4, 127)], [4.0]),  # which may be the pedal's
        ([(60, 64, 0, 1), (60, 96, 0.5, 1.5)], [(0.25, 127), (2, 0)], [0.5, 2.0]),  # held, but begun again
        ([(60, 64, 0, 1), (60, 96, 0.5, 1.5)], [(0.75, 127), (2, 0)], [2.0, 2.0]),  # not under the pedal: both sound on
        ([(60, 64, 0, 1), (60, 96, 0, 1.5)], [(0, 127), (2, 0)], [2.0]),  # of two that begin together, one
        ([(60, 64, 0, 1), (60, 96, 0, 1.5)], [], [1.0, 1.5]),
        ([(60, 64, 1, 1)], [(0, 127), (2, 0)], [2.0]),
    ],
)
def test_what_the_pedal_holds(notes, pedal, offsets):
    baked = bake(solo(*notes, pedal=pedal))
    assert [offset for *_, offset in notes_of(baked)] == offsets
    assert not len(baked.tracks[0].pedal)


def test_a_pedal_is_its_own_tracks_and_drums_have_none():
    pedal = [(0.25, 127), (2, 0)]
    piano, drums = track(A), track(A, pedal=pedal, drum=True)
    held = track(A, pedal=pedal)
    assert notes_of(bake(Performance((piano, held, drums)))) == [A, (60, 64, 0.0, 2.0), A]


@given(performances())
def test_equals_the_plain_reading(performance):
    assert bake(performance) == slow_bake(performance)


def slow_bake(performance):
    """One event after another."""
    ends = [note.offset_s for part in performance.tracks if not part.drum for note in part]
    last = max([0.0, *ends, *(time for part in performance.tracks for time, _ in part.pedal.tolist())])
    return Performance(
        tuple(part if part.drum else track(*slow_track(part, last)) for part in performance.tracks),
        length_s=performance.length_s,
    )


DOWN, UP = range(2)
MOVE, ON, OFF = range(3)


def slow_track(part, last):
    notes = list(part)
    moves = [DOWN if value >= 64 else UP for value in part.pedal["value"].tolist()]
    events = [(time, MOVE, number) for number, time in enumerate(part.pedal["time_s"].tolist())]
    events += [(note.onset_s, ON, number) for number, note in enumerate(notes)]
    events += [(note.offset_s, OFF, number) for number, note in enumerate(notes)]
    down, pressed, ringing = False, [], []
    ends, gone = {}, set()
    for time, kind, number in sorted(events):
        if kind == MOVE and moves[number] == DOWN:
            down = True
        elif kind == MOVE:
            down = False
            ends.update(dict.fromkeys(ringing, time))
            ringing = []
        elif kind == ON:
            again = [other for other in pressed + ringing if down and notes[other].pitch == notes[number].pitch]
            ends.update(dict.fromkeys(again, time))
            gone.update(other for other in again if notes[other].onset_s == time)
            pressed, ringing = ([one for one in each if one not in again] for each in (pressed, ringing))
            pressed.append(number)
        elif number in pressed:
            pressed.remove(number)
            if down:
                ringing.append(number)
            else:
                ends[number] = time
    ends.update(dict.fromkeys(ringing, last))
    return [
        (note.pitch, note.velocity, note.onset_s, ends[number])
        for number, note in enumerate(notes)
        if number not in gone
    ]
