"""MusicXML: what is written is read again, by us and by music21, and what is not followed is counted."""

import io
import re
import zipfile
from fractions import Fraction

import pytest
from book import BOOK
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, musicxml
from folkseq.formats.musicxml.signs import KINDS, Harmony, format_harmony, parse_harmony
from folkseq.formats.musicxml.values import beams, note_values
from folkseq.music import Pitch, Sound
from folkseq.music.harmony import chord_pitches
from folkseq.music.playback import perform
from folkseq.music.signature import Meter
from folkseq.music.tune import Instrument

FULL = """X:3
T:All of It
T:The Other Name
C:Trad.
R:jig
O:Ireland
M:6/8
L:1/8
Q:3/8=110
K:Edor
A|:"Em"(E2B) ~B2A|"D"(3FGA d !trill!^c2{de}B|"Em7"EFG "A/C#"A>Bc-|1 "Bm"c3 BAG:|2 c3 d3||
[K:Dmix]"^Fine"d3- d2e|.f.e.d ^G3 |!f!A,2^A, =A,3|[M:9/8]HD6 [DFA]3|]
"""
VOICES = """X:1
T:Two
M:4/4
L:1/4
K:F
V:1
V:2 clef=bass
%%MIDI program 2 52
V:1
|: c2 d2 | [ce]4- :| [c-f]2 c2 |]
w: Hal-le lu- jah
V:2
|: F,4 | C,2 z2 :| F,4 |]
"""


def read(text):
    return abc.parse(text).tunes[0]


def again(tune):
    book = musicxml.parse_bytes(musicxml.format(tune))
    assert not book.faults
    return book.tunes[0]


def heard(tune):
    """Return all that a performance holds, as values."""
    played = perform(tune)
    notes = [(track.notes.tolist(), track.program, track.drum, track.lyrics) for track in played.tracks]
    return notes, played.tempos, played.meters, played.name, [key.alters for _, key in played.keys]


def score(body, attributes="", part=""):
    """Return a score of one part whose quarters have 2 divisions; `body` has its measures."""
    return (
        f"<score-partwise><part-list><score-part id='P1'>{part}</score-part></part-list><part id='P1'>"
        f"{body.replace('<measure>', f'<measure><attributes><divisions>2</divisions>{attributes}</attributes>', 1)}"
        "</part></score-partwise>"
    ).encode()


def note(step, ticks=2, octave=4, *rest):
    return (
        f"<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{ticks}</duration>"
        f"{''.join(rest)}</note>"
    )


def sounds(data, voice=0):
    """Return the MIDI pitches and quarters of the notes of a voice, and what was lost."""
    book = musicxml.parse_bytes(data)
    found = [each for each in book.tunes[0].voices[voice] if isinstance(each, Sound)]
    return [(*(pitch.midi for pitch in each.pitches), each.duration * 4) for each in found], dict(book.lost[0])


@pytest.mark.parametrize("tune", [*abc.parse(BOOK).tunes, read(FULL), read(VOICES)], ids=lambda tune: tune.title)
def test_a_tune_is_the_same_after_writing_and_reading(tune):
    assert heard(again(tune)) == heard(tune)
    assert heard(read(abc.format(again(tune)))) == heard(tune)
    assert musicxml.format(again(again(tune))) == musicxml.format(again(tune))


def test_a_header_is_kept():
    tune = again(read(FULL))
    assert tune.titles == ("All of It", "The Other Name")
    assert (tune.number, tune.rhythm, tune.unit, str(tune.key)) == (3, "jig", Fraction(1, 8), "Edor")
    assert tune.fields == (("C", "Trad."), ("O", "Ireland"))
    assert tune.tempo == read(FULL).tempo


def test_decorations_are_kept_and_others_counted():
    tune = read('X:1\nL:1/4\nK:C\n!wild!~C !trill!D .E uF | vG HA !3!B !p!c | !segno!c "^slow"d !<(!e !<)!f |]\n')
    marks = [sound.marks for sound in again(tune).sounds()]
    expected = ["~", "!trill!", ".", "u", "v", "!fermata!", "!3!", "!p!", "!segno!", '"^slow"', "!<(!", "!<)!"]
    assert marks == [(mark,) for mark in expected]
    assert musicxml.unwritten(tune) == {"decoration !wild!": 1}


@pytest.mark.parametrize(
    "body",
    ["!segno!CDEF|GABc!D.S.!|]", "CDEF!fine!|GABc!D.C.alfine!|]", 'CDEF|"To Coda"GABc|CDEF"D.C. al Coda"|O GABc|]'],
)
def test_jumps_are_followed_alike(body):
    tune = read(f"X:1\nM:4/4\nL:1/4\nK:C\n{body}\n")
    assert len(perform(tune).tracks[0]) > sum(bool(sound.pitches) for sound in tune.sounds())
    assert heard(again(tune)) == heard(tune)


def test_parts_in_an_order_are_written_out():
    tune = read("X:1\nP:ABA\nM:2/4\nL:1/4\nK:C\nP:A\nCD|\nP:B\nEF|\n")
    assert [sound.pitches[0].midi for sound in again(tune).sounds()] == [60, 62, 64, 65, 60, 62]


def test_a_note_without_a_value_is_refused_in_one_line():
    with pytest.raises(RequestError, match=r"cannot be written as MusicXML \(it has a note of 1/4096"):
        musicxml.format(read("X:1\nL:1/4\nK:C\nc/1024d\n"))


def test_music21_reads_what_is_written():
    converter = pytest.importorskip("music21.converter")
    for tune in (read(FULL), read(VOICES)):
        part = converter.parseData(musicxml.format(tune).decode(), format="musicxml").parts[0]
        kinds = ("Note", "Chord", "Rest")
        found = [each for each in part.flatten().notesAndRests if type(each).__name__ in kinds]
        lengths = [Fraction(each.quarterLength).limit_denominator(64) for each in found if not each.duration.isGrace]
        assert lengths == [sound.duration * 4 for sound in tune.sounds()]
        pitches = [sorted(p.midi for p in each.pitches) for each in found if not each.duration.isGrace]
        assert pitches == [sorted(pitch.midi for pitch in sound.pitches) for sound in tune.sounds()]


def test_measures_are_numbered_as_engravers_do():
    text = musicxml.format(read("X:1\nM:4/4\nL:1/4\nK:C\nG|:cdef|g3:|:a|bagf|g3:|\n")).decode()
    assert re.findall(r'<measure number="(\w+)"(?: implicit="(yes)")?', text) == [
        ("0", "yes"), ("1", ""), ("2", ""), ("X3", "yes"), ("3", ""), ("4", "")
    ]  # fmt: skip


def test_an_archive_is_read_and_always_the_same():
    data = musicxml.format(read(FULL))
    packed = musicxml.compress(data)
    assert packed == musicxml.compress(data)
    assert musicxml.parse_bytes(packed).tunes == musicxml.parse_bytes(data).tunes
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("only.xml", data)  # without a container
    assert musicxml.parse_bytes(file.getvalue()).tunes == musicxml.parse_bytes(data).tunes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html/>", "holds 'html', not a MusicXML score"),
        (b"<score-partwise>", "is damaged XML"),
        (b"PK\x03\x04 no archive", "is a damaged archive"),
    ],
)
def test_what_is_no_score_is_refused_in_one_line(data, message):
    with pytest.raises(ParseError, match=message):
        musicxml.parse_bytes(data, "x.xml")


def test_a_score_without_notes_is_a_fault():
    book = musicxml.parse_bytes(score("<measure><note><rest/><duration>2</duration></note></measure>"), "x.xml")
    assert [str(fault) for fault in book.faults] == ["x.xml, X:1, line 1: no note in it"]


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("<octave>5", "<octave>1e999"),
        ("<octave>5", "<octave>11"),
        ("<alter>1", "<alter>inf"),
        ("<fifths>2", "<fifths>1e99"),
        ("<duration>1", "<duration>9999999"),
        ("<divisions>4", "<divisions>0"),
    ],
)
def test_a_number_that_no_score_has_is_a_fault(there, instead):
    (tune,) = abc.parse("X:1\nK:D\nc/d/|\n").tunes
    score = musicxml.format(tune).decode()
    assert there in score
    book = musicxml.parse_bytes(score.replace(there, instead).encode(), "x.xml")
    assert [(fault.file, fault.number) for fault in book.faults] == [("x.xml", "1")]


def test_voices_of_a_part_are_voices_of_the_tune():
    body = (
        f"<measure>{note('C', 4, 5, '<voice>1</voice>')}{note('D', 4, 5, '<voice>1</voice>')}"
        f"<backup><duration>8</duration></backup><forward><duration>2</duration></forward>"
        f"{note('E', 2, 4, '<voice>2</voice>')}{note('G', 4, 4, '<voice>2</voice>')}</measure>"
    )
    assert sounds(score(body)) == ([(72, 2), (74, 2)], {})
    assert sounds(score(body), 1) == ([(1,), (64, 1), (67, 2)], {})


def test_a_transposing_instrument_sounds():
    attributes = (
        "<key><fifths>2</fifths></key>"
        "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>"
    )
    data = score(f"<measure>{note('D', 8)}</measure>", attributes)
    assert sounds(data) == ([(48, 4)], {})


def test_rounded_ticks_of_tuplets_are_exact():
    modification = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    triplet = "".join(
        note(step, ticks, 4, f"<type>quarter</type>{modification}")
        for step, ticks in zip("CDE", (1, 2, 1), strict=True)
    )
    assert sounds(score(f"<measure>{triplet}{note('F', 4)}</measure>"))[0] == [
        (60, Fraction(2, 3)), (62, Fraction(2, 3)), (64, Fraction(2, 3)), (65, 2)
    ]  # fmt: skip


def test_a_chord_symbol_within_a_note_divides_it():
    harmony = "<harmony><root><root-step>{}</root-step></root><kind text=''>major</kind></harmony>"
    back = "<backup><duration>4</duration></backup>"
    body = f"<measure>{harmony.format('C')}{note('C', 8)}{back}{harmony.format('G')}</measure>"
    (tune,) = musicxml.parse_bytes(score(body)).tunes
    assert [(sound.marks, sound.duration, sound.tied) for sound in tune.sounds()] == [
        (('"C"',), Fraction(1, 2), True), (('"G"',), Fraction(1, 2), False)
    ]  # fmt: skip


def test_repeats_and_endings_of_any_part_hold_for_all():
    def ending(place, number, kind, more=""):
        return f"<barline location='{place}'><ending number='{number}' type='{kind}'/>{more}</barline>"

    back = "<repeat direction='backward'/>"
    body = (
        f"<measure><barline location='left'><repeat direction='forward'/></barline>{note('C', 8)}</measure>"
        f"<measure>{ending('left', 1, 'start')}{note('D', 8)}{ending('right', 1, 'stop', back)}</measure>"
        f"<measure>{ending('left', 2, 'start')}{note('E', 8)}{ending('right', 2, 'discontinue')}</measure>"
        f"<measure>{note('F', 8)}</measure>"
    )
    (tune,) = musicxml.parse_bytes(score(body)).tunes
    assert perform(tune).tracks[0].notes["pitch"].tolist() == [60, 62, 60, 64, 65]


def test_what_is_not_followed_is_counted():
    tremolo = "<notations><ornaments><tremolo>2</tremolo></ornaments><slur type='start'/></notations>"
    cue = f"<note><cue/>{note('C')[6:]}"
    pedal = "<direction><direction-type><pedal type='start'/></direction-type></direction>"
    tied = note("F", 2, 4, "<tie type='start'/>")
    body = f"<measure>{pedal}{note('C', 2, 4, tremolo)}{cue}{tied}<figured-bass/></measure>"
    lost = {"tremolo": 1, "cue note": 1, "pedal": 1, "tie with no note after it": 1, "figured bass": 1}
    assert sounds(score(body))[1] == lost


def test_programs_and_drums_are_read():
    part = (
        "<midi-instrument id='a'><midi-channel>10</midi-channel><midi-unpitched>39</midi-unpitched></midi-instrument>"
    )
    unpitched = "<note><unpitched/><duration>8</duration><instrument id='a'/></note>"
    (tune,) = musicxml.parse_bytes(score(f"<measure>{unpitched}</measure>", part=part)).tunes
    assert tune.body[0] == Instrument(None, drum=True)
    assert sounds(score(f"<measure>{unpitched}</measure>", part=part))[0] == [(38, 4)]
    part = "<midi-instrument id='a'><midi-program>74</midi-program></midi-instrument>"
    (tune,) = musicxml.parse_bytes(score(f"<measure>{note('C', 8)}</measure>", part=part)).tunes
    assert perform(tune).tracks[0].program == 73


def test_a_tempo_is_read_from_its_sign_and_its_sound():
    direction = (
        "<direction><direction-type><words>Lively</words></direction-type><direction-type><metronome>"
        "<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>60</per-minute></metronome></direction-type>"
        "<sound tempo='90'/></direction>"
    )
    (tune,) = musicxml.parse_bytes(score(f"<measure>{direction}{note('C', 8)}</measure>")).tunes
    assert tune.tempo is not None
    assert (tune.tempo.beat, tune.tempo.bpm, tune.tempo.text) == (Fraction(3, 8), 60, "Lively")


def test_meters_are_sums_and_may_be_missing():
    time = "<time><beats>2+3</beats><beat-type>8</beat-type></time>"
    (tune,) = musicxml.parse_bytes(score(f"<measure>{note('C', 5)}</measure>", time)).tunes
    assert tune.meter == Meter(5, 8)
    (tune,) = musicxml.parse_bytes(score(f"<measure>{note('C', 5)}</measure>", "<time><senza-misura/></time>")).tunes
    assert tune.meter.free


@pytest.mark.parametrize("symbol", [f"{root}{sign}" for root in ("C", "F#", "Bb") for sign in KINDS.values()])
def test_every_kind_of_chord_is_the_same_again(symbol):
    chord = parse_harmony(symbol)
    assert chord.kind not in ("other", "none")
    assert chord_pitches(format_harmony(chord)) == chord_pitches(symbol)
    assert chord_pitches(format_harmony(chord._replace(text=""))) == chord_pitches(symbol)


def test_symbols_of_other_programs_are_read_by_their_kind():
    assert format_harmony(Harmony(("A", 0), "minor-seventh", "")) == "Am7"
    assert format_harmony(Harmony(("A", 0), "major-seventh", "△7")) == "Amaj7"
    assert format_harmony(Harmony(("A", 0), "dominant", "7"), "b9") == "A7b9"


def test_a_symbol_with_a_bass_is_written_with_it():
    assert parse_harmony("D7/f+") == Harmony(("D", 0), "dominant", "7", ("F", 1))
    assert parse_harmony("C (Em)").kind == "none"  # of two chords both are shown
    assert format_harmony(parse_harmony("C (Em)")) == "C (Em)"
    assert format_harmony(Harmony(("E", -1), "diminished-seventh", "", ("B", -2))) == "Ebdim7/A"
    assert format_harmony(Harmony(("X", 2), "major", "")) is None


def test_the_symbols_of_a_transposing_part_sound_as_its_notes():
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    harmony = "<harmony><root><root-step>D</root-step></root><kind>minor</kind></harmony>"
    (tune,) = musicxml.parse_bytes(score(f"<measure>{harmony}{note('D', 4)}</measure>", transpose)).tunes
    (sound,) = tune.sounds()
    assert (sound.pitches[0].midi % 12, sound.marks) == (0, ('"Cm"',))


lengths = st.fractions(min_value=Fraction(1, 512), max_value=6, max_denominator=512).filter(
    lambda length: not length.denominator & (length.denominator - 1)
)


@given(lengths)
def test_note_values_add_up(length):
    assert sum(part for part, _ in note_values(length)) == length


def test_beams_follow_the_beat_and_end_at_rests():
    eighths = [(Fraction(place, 8), "eighth", place != 3) for place in range(6)]
    assert beams(eighths, Fraction(1, 4)) == [["begin"], ["end"], [], [], ["begin"], ["end"]]
    dotted = [(Fraction(0), "eighth", True), (Fraction(3, 16), "16th", True)]
    assert beams(dotted, Fraction(1, 4)) == [["begin"], ["end", "backward hook"]]


@given(st.text(max_size=30))
def test_any_title_can_be_written(title):
    tune = read("X:1\nK:C\nCDEF|]\n")
    written = type(tune)(**{**vars(tune), "titles": (title,)})
    assert musicxml.parse_bytes(musicxml.format(written)).tunes[0].sounds
    assert [each.pitches for each in again(written).sounds()] == [(Pitch(step),) for step in range(4)]
