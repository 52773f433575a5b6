import pytest

from folkseq.formats import abc, midi
from folkseq.music.playback import perform
from folkseq.studio.api.reading import reading

HEADER = "X:1\nT:A tune\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n"


def texts(text, places):
    return [text[each.start : each.stop] for each in places]


def played(read, text):
    """Return the onset and pitch of each note, with what is written for it."""
    return [(round(each.onset_s, 3), each.pitch, texts(text, [read.notes[each.note]])[0]) for each in read.events]


def test_repeats_are_unfolded_and_each_note_knows_its_symbol():
    text = f"{HEADER}|:CDEF|[1G4:|[2A4|]\n"
    read = reading(text)
    assert played(read, text) == [
        (0, 60, "C"),
        (1, 62, "D"),
        (2, 64, "E"),
        (3, 65, "F"),
        (4, 67, "G4"),
        (8, 60, "C"),
        (9, 62, "D"),
        (10, 64, "E"),
        (11, 65, "F"),
        (12, 69, "A4"),
    ]
    assert [(bar.number, *texts(text, [bar])) for bar in read.bars] == [(1, "CDEF"), (2, "G4"), (3, "A4")]
    assert [note.bar for note in read.notes] == [1, 1, 1, 1, 2, 3]
    assert [step.note for step in read.steps] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 5]
    assert (read.title, read.duration_s, read.tempo_bpm, read.programs) == ("A tune", 16.0, 60, {0: 40})
    assert [beat.onset_s for beat in read.beats if beat.bar] == [0, 4, 8, 12]
    assert len(read.beats) == 16


def test_a_pickup_is_bar_0_after_silence():
    text = f"{HEADER}G|CDEF|G4|]\n"
    read = reading(text)
    assert [(bar.number, *texts(text, [bar])) for bar in read.bars] == [(0, "G"), (1, "CDEF"), (2, "G4")]
    assert played(read, text)[:2] == [(3, 67, "G"), (4, 60, "C")]


def test_a_tie_sounds_once_and_is_passed_twice():
    text = f"{HEADER}C2-C2|{{d}}E4|]\n"
    read = reading(text)
    assert [(each.onset_s, each.duration_s, each.pitch, each.note) for each in read.events] == [
        (0, 4, 60, 0),
        (4, 0.125, 74, 2),
        (4.125, 3.875, 64, 2),
    ]
    assert [(step.onset_s, step.note) for step in read.steps] == [(0, 0), (2, 1), (4, 2)]


def test_chords_and_chord_symbols_sound():
    text = f'{HEADER}"Am"[Ace]4|]\n'
    read = reading(text)
    assert [(each.pitch, each.note) for each in read.events if each.channel != read.chords] == [
        (69, 0),
        (72, 0),
        (76, 0),
    ]
    assert {each.pitch % 12 for each in read.events if each.channel == read.chords} == {9, 0, 4}
    assert texts(text, read.notes) == ["[Ace]4"]
    assert texts(text, read.bars) == ['"Am"[Ace]4']


def test_two_voices_have_channels_of_their_own():
    text = "X:1\nL:1/4\nQ:1/4=60\nK:C\nV:1\nCDEF|G4|]\nV:2\n%%MIDI program 32\nC,4|[V:2]G,4|]\n"
    read = reading(text)
    assert [(each.pitch, each.channel) for each in read.events if each.onset_s in (0, 4)] == [
        (60, 0),
        (48, 1),
        (67, 0),
        (55, 1),
    ]
    assert read.programs == {0: 40, 1: 32}
    assert [(note.bar, *texts(text, [note])) for note in read.notes[-2:]] == [(1, "C,4"), (2, "G,4")]


def test_symbols_are_found_in_overlays_macros_and_long_rests():
    text = "X:1\nM:4/4\nL:1/4\nm: ~G2 = {A}G{F}G\nK:C octave=1\nC2~G2 & E4|Z2|G0C3|]\n"
    read = reading(text)
    assert [(text[note.start : note.stop], note.bar) for note in read.notes] == [
        ("C2", 1),
        ("~G2", 1),
        ("~G2", 1),
        ("E4", 1),
        ("Z2", 2),
        ("Z2", 3),
        ("G0", 4),
        ("C3", 4),
    ]
    assert read.lost == {"note of no length (0), read as one unit long": 1}
    assert next(each.pitch for each in read.events if each.note == 3) == 76


def test_events_are_those_of_the_midi_file():
    text = 'X:1\nR:hornpipe\nM:4/4\nL:1/8\nK:D\nA2|:"D"d2 fd (3{g}adf d2|[1.e2-e4 ef:|[2[df]6z2|]\n'
    tune = abc.parse(text).tunes[0]
    performance, _, _ = midi.parse(midi.format(perform(tune, swing=0.66)), "x.mid")
    file = sorted((note.onset_s, note.pitch) for track in performance.tracks for note in track)
    events = sorted((each.onset_s, each.pitch) for each in reading(text, swing=0.66).events)
    assert [pitch for _, pitch in events] == [pitch for _, pitch in file]
    assert [time for time, _ in events] == pytest.approx([time for time, _ in file], abs=0.002)


def test_places_count_as_in_javascript():
    text = HEADER.replace("A tune", "🎻 tune") + "C4|]\n"
    (note,) = reading(text).notes
    assert text.encode("utf-16-le")[2 * note.start : 2 * note.stop].decode("utf-16-le") == "C4"


@pytest.mark.parametrize(
    ("text", "fault", "place"),
    [
        ("", "no tune in it: write a line such as X:1, then the fields, of which K: is the last", ""),
        (f"{HEADER}CD[E|\n", "a [ that has no partner on its line", "["),
        (f"{HEADER}C9999|\n", "a note of 2499.75 whole notes; the longest read is 64", "C9999|"),
        ("X:1\nT:a\n", "no K: line, which ends a tune's header; add one such as K:G", "T:a"),
        (f"{HEADER.replace('4/4', '4/0')}C|\n", "", "M:4/0"),
    ],
)
def test_a_text_that_cannot_be_read_has_a_fault_at_its_place(text, fault, place):
    read = reading(text)
    assert (read.notes, read.events) == ((), ())
    (found,) = (each for each in read.faults if not each.lost)
    assert fault in found.text
    assert ("" if found.start is None else text[found.start : found.stop]) == place


def test_what_is_not_heard_is_at_its_place():
    text = f'{HEADER}C"^D.C. twice"D%E\n=|{{c}}\nw:la la la\n'
    read = reading(text)
    assert read.lost == {
        'text "^D.C. twice"': 1,
        "unknown symbol '='": 1,
        "syllable with no note": 3,
        "grace note with no note after it": 1,
    }
    assert [(each.text, each.start and text[each.start : each.stop]) for each in read.faults] == [
        ('text "^D.C. twice"', '"^D.C. twice"'),
        ("unknown symbol '='", "="),
        ("syllable with no note", "w:la la la"),
        ("grace note with no note after it", None),
    ]


def test_of_several_tunes_the_first_is_read():
    read = reading(f"{HEADER}C4|]\n\n{HEADER}D4|]\n")
    assert [each.pitch for each in read.events] == [60]
    assert read.faults[0].text == "the text holds 2 tunes, of which this is the first"


def test_a_long_text_is_refused_in_a_sentence(client):
    answer = client.post("/api/read", json={"abc": HEADER + "C4|\n" * 30_000})
    assert answer.status_code == 200
    assert "at most 100000" in answer.json()["faults"][0]["text"]
