"""Settings and directives that change the sound: shifts, drums, programs and the reach of accidentals."""

import pytest

from folkseq.formats import abc
from folkseq.music import Instrument, Key, Sound, Tune
from folkseq.music.playback import perform


def read(header: str, music: str = "F c") -> tuple[Tune, dict[str, int]]:
    book = abc.parse(f"X:1\nM:4/4\nL:1/4\n{header}\n{music}\n")
    assert not book.faults
    return book.tunes[0], dict(book.lost[0])


def pitches(tune: Tune) -> list[list[int]]:
    """Return the MIDI pitches of each voice."""
    return [[pitch.midi for e in voice if isinstance(e, Sound) for pitch in e.pitches] for voice in tune.voices]


@pytest.mark.parametrize(
    ("header", "semitones"),
    [
        ("K:C octave=-1", -12),
        ("K:C clef=treble-8", -12),
        ("K:C treble+8", 12),
        ("K:C clef=bass+15", 24),
        ("K:C transpose=-2", -2),
        ("K:C t=3", 3),
        ("K:C octave=1 clef=treble-8 transpose=1", 1),
        ("K:C shift=CD", 2),
        ("K:C sound=cA", -3),
        ("K:C sound=_B", -2),
        ("K:C instrument=D/A", -3),
        ("V:1 octave=1\nK:C", 12),
        ("V:* octave=1\nK:C", 12),
        ("K:C octave=1\nV:1 octave=-1", -12),
        ("%%MIDI transpose 2\nK:C", 2),
        ("K:C\n%%MIDI transpose 2\n%%MIDI rtranspose -5", -3),
        ("I:MIDI transpose 2\nK:C", 2),
        ("K:C\nI:MIDI= transpose 2", 2),
        ("K:C\n[I:MIDI transpose 2]", 2),
        ("K:C\nI:transpose -2", -2),
        ("%%transpose 3\nK:C", 3),
    ],
)
def test_shifts_are_followed(header: str, semitones: int) -> None:
    tune, lost = read(header)
    assert pitches(tune) == [[65 + semitones, 72 + semitones]]
    assert lost == {}
    again = abc.parse(abc.format(tune)).tunes[0]
    assert pitches(again) == pitches(tune)


def test_a_shift_of_every_voice_moves_the_key() -> None:
    tune, _ = read("%%MIDI transpose 2\nK:F", "V:1\nF [K:C] F\nV:2\nB")
    assert (tune.key, tune.voices[0][1], pitches(tune)) == (Key(4), Key(1), [[67, 67], [72]])
    tune, _ = read("K:C\nV:1 transpose=-2", "c\nV:2\nc")  # an instrument in B flat beside another
    assert (tune.key, tune.voices[0][0], pitches(tune)) == (Key(), Key(6, -1), [[70], [72]])


def test_a_shift_holds_from_its_place_on() -> None:
    tune, _ = read("K:C", "c [K:C clef=treble+8] c [K:C clef=treble] c|\n%%MIDI transpose 1\nc-|c")
    assert pitches(tune) == [[72, 84, 72, 73, 73]]
    tune, _ = read("K:C", "V:1\nV:2\nc\n%%MIDI transpose -12\nc\nV:1\nc")
    assert pitches(tune) == [[72], [72, 60]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("K:C", [66, 66, 78, 66, 65]),
        ("%%propagate-accidentals not\nK:C", [66, 65, 77, 65, 65]),
        ("I:propagate-accidentals octave\nK:C", [66, 66, 77, 66, 65]),
        ("K:C\n%%MIDI nobarlines", [66, 65, 77, 65, 65]),
        ("%%MIDI nobarlines\n%%MIDI barlines\nK:C", [66, 66, 78, 66, 65]),
    ],
)
def test_the_reach_of_accidentals(header: str, expected: list[int]) -> None:
    tune, lost = read(header, "^F F f F|F")
    assert pitches(tune) == [expected]
    assert lost == {}
    assert pitches(abc.parse(abc.format(tune)).tunes[0]) == [expected]


@pytest.mark.parametrize(
    ("header", "programs"),
    [
        ("K:C\nV:1\nV:2", [40, 40]),
        ("%%MIDI program 73\nK:C\nV:1\nV:2", [73, 73]),
        ("V:1\n%%MIDI program 73\nV:2\n%%MIDI program 71\nK:C", [73, 71]),
        ("V:1\nV:2\nK:C\n%%MIDI program 1 73\n%%MIDI program 2 71 % clarinet", [73, 71]),
        ("%%MIDI program 2 71\nV:1\nV:2\nK:C", [40, 71]),
    ],
)
def test_programs_are_played(header: str, programs: list[int]) -> None:
    tune, lost = read(header, "V:1\nc\nV:2\nC")
    assert lost == {}
    for each in (tune, abc.parse(abc.format(tune)).tunes[0]):
        assert [track.program for track in perform(each).tracks] == programs
    assert [track.program for track in perform(tune, program=5).tracks] == [5, 5]


def test_a_program_may_change_within_a_voice() -> None:
    tune, _ = read("K:C", "|:C [I:MIDI program 73] D:|")
    assert tune.body[2] == Instrument(73)
    assert [(track.program, [note.pitch for note in track]) for track in perform(tune).tracks] == [
        (40, [60, 60]),
        (73, [62, 62]),
    ]


@pytest.mark.parametrize(
    "header", ["K:C perc", "K:C clef=perc\n%%MIDI transpose 5", "K:C\n%%MIDI channel 10", "V:1 clef=perc\nK:C"]
)
def test_drums_are_drums(header: str) -> None:
    tune, lost = read(f"%%MIDI drummap F 36\n{header}", "F C,")
    assert lost == {}
    for each in (tune, tune.transposed(Key().interval_to(Key(1))), abc.parse(abc.format(tune)).tunes[0]):
        (track,) = perform(each).tracks
        assert (track.drum, track.program, [note.pitch for note in track]) == (True, 0, [36, 48])


@pytest.mark.parametrize(
    ("header", "lost"),
    [
        ("K:C clef=bass middle=d", {"setting middle=d": 1}),
        ("K:C octave=99", {"setting octave=99": 1}),
        ("K:C transpose=x", {"setting transpose=x": 1}),
        ("%%MIDI gchord fzcz\nK:C", {"directive MIDI gchord": 1}),
        ("K:C\nI:MIDI drumon", {"directive MIDI drumon": 1}),
        ("%%abc-include other.abc\nK:C", {"directive abc-include other.abc": 1}),
        ("%%titlefont Serif\nI:linebreak $\nK:C", {}),
    ],
)
def test_what_is_not_followed_is_counted(header: str, lost: dict[str, int]) -> None:
    assert read(header)[1] == lost


def test_directives_of_the_file_hold_for_every_tune() -> None:
    book = abc.parse("%%MIDI program 73\n\nX:1\nK:C\nC\n\nX:2\nK:C\nD\n")
    assert [perform(tune).tracks[0].program for tune in book.tunes] == [73, 73]


def test_a_setting_in_the_middle_holds_from_there_on_also_where_an_ending_is_repaired():
    (tune,) = abc.parse("X:1\nL:1/4\nM:1/4\nK:C\nC[1D|E|\n%%MIDI transpose 2\nC|D|\n").tunes
    assert [sound.pitches[0].midi for sound in tune.sounds()] == [60, 62, 64, 62, 64]
    assert [element for element in tune.body if isinstance(element, Key)] == [Key(1)]  # D, of what follows
