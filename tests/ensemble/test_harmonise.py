"""Voices to a melody: what is known of it, what may be written, and the score that comes of it."""

import json
import subprocess
from fractions import Fraction
from io import BytesIO
from itertools import pairwise

import mido
import numpy as np
import pytest
from click.testing import CliRunner

from folkseq import representations
from folkseq.cli import main
from folkseq.ensemble import harmonise_task
from folkseq.ensemble.cells import HOLD, REST, WRITTEN, source
from folkseq.ensemble.melody import Melody
from folkseq.ensemble.score import read_melody
from folkseq.ensemble.verb import harmonise
from folkseq.ensemble.voice_grammar import VoiceGrammar
from folkseq.errors import RequestError
from folkseq.evaluation.voice_leading import chord_tones, evaluate, parallels, sounding
from folkseq.formats import abc, midi, musicxml
from folkseq.music import Sound
from folkseq.music.chorale import COLUMNS, RANGES
from folkseq.music.performance import Note, Performance, Track

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
HEADER = ",".join(COLUMNS)
HYMN = """X:1
T:A Hymn
M:4/4
L:1/4
K:G
D | G A/B/ c- c/B/ | HA3 z |: (3GAB c d | g3 :|
"""


def chorale(seed, bars=6, shift=0):
    """A chorale as a table: block chords on the notes of a scale."""
    random = np.random.default_rng(seed)
    rows = [HEADER]
    for beat in range(4 * bars):
        root = int(random.integers(0, 5)) + shift
        cells = (67 + root, 62 + root, 55 + root, 43 + root)
        rows.append(",".join([*map(str, cells), str(int(beat % 8 == 7)), str(beat % 4 * 4)]))
        for step in range(1, 4):
            rows.append(f"hold,hold,hold,hold,{int(beat % 8 == 7)},{beat % 4 * 4 + step}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chorales")
    for number in range(12):
        (folder / f"{number}.csv").write_text(chorale(number))
    (folder / "moved.csv").write_text(chorale(3, shift=2))
    return folder


@pytest.fixture(scope="module")
def chorales(corpus):
    """The codec of chorales, and the ids of each file in the order of their names."""
    representation = representations.find("packed").suited_to([corpus / "0.csv"])
    assert representation.spec == "packed:grid=chorale"
    files = sorted(corpus.glob("*.csv"))
    pieces = [representation.files.parse(file.read_bytes(), "x.csv").pieces[0] for file in files]
    codec = representation.fit(pieces)
    return codec, [codec.encode(piece) for piece in pieces]


@pytest.fixture(scope="module")
def task(chorales):
    return harmonise_task(chorales[0])


def test_one_melody_in_two_keys_has_one_fingerprint(chorales):
    codec, ids = chorales
    prints = [codec.transposition.fingerprint(each) for each in ids]
    assert np.array_equal(prints[-1], prints[sorted(map(str, range(12))).index("3")])


def test_the_source_has_pitch_onset_fermata_and_place():
    melody = Melody.of(abc.parse(HYMN).tunes[0], "hymn")
    pitches, _, places = melody.cells.T.tolist()
    assert pitches[:20] == [
        *(62, -1, -1, -1),
        *(67, -1, -1, -1),
        *(69, -1, 71, -1),
        *(72, -1, -1, -1),
        *(-1, -1, 71, -1),
    ]
    assert places[:8] == [12, 13, 14, 15, 0, 1, 2, 3]
    ids = source(melody.cells).ids
    assert ids[:6].tolist() == [[62, 1, 12], [62, 0, 13], [62, 0, 14], [62, 0, 15], [67, 1, 0], [67, 0, 1]]
    assert ids[20].tolist() == [69, 3, 0]  # under its fermata
    assert ids[33, 0] == 128  # the rest


def test_a_bar_that_completes_a_short_one_continues_it_as_in_a_chorale():
    (tune,) = abc.parse("X:1\nM:2/4\nL:1/4\nK:C\nc|d|c2|c|d|e|\n").tunes
    assert Melody.of(tune, "own").cells[:, 2].tolist() == [4, 5, 6, 7, 0, 1, 2, 3, *range(8), *range(8), 0, 1, 2, 3]


def test_a_target_has_bass_alto_and_tenor_at_each_step(chorales, task):
    ids = chorales[1][0]
    pair = task.hold_out(ids, 0, 0)
    cells = task.layout.cells(ids)
    assert task.layout.target_cells(pair.ids).tolist() == cells[:, 1:4].tolist()
    assert task.layout.target.in_order(pair.ids)[3:6].tolist() == [
        offset + np.flatnonzero(known == cell).item()
        for offset, known, cell in zip(
            task.layout.target.offsets, task.layout.voices, cells[0, [3, 1, 2]], strict=False
        )
    ]
    assert task.hold_out(ids, 0, 1) is None
    grammar = task.grammar(cells, strict=False)
    rows, at = grammar.begin(1), []
    for place, one in enumerate(pair.ids.tolist()):
        assert grammar.allowed(rows, np.array([9]))[0, one]
        rows = grammar.advance(rows, np.array([one]))
        if place % 3 == 2:
            at.append(int(grammar.at(rows)[0]))
    assert at[: len(pair.at)] == pair.at.tolist()


def test_the_ids_of_a_chorale_are_those_of_its_cells(chorales, task):
    for ids in chorales[1]:
        assert task.layout.ids(task.layout.cells(ids)).tolist() == ids[: -len(COLUMNS)].tolist()
    cells = task.layout.cells(chorales[1][0])
    cells[0, -1] = 99
    assert not len(task.layout.ids(cells))


def test_windows_are_transposed_within_the_ranges_and_begin_their_notes(chorales, task):
    moves = set()
    for seed in range(40):
        pair = task.draw(chorales[1][0], np.random.default_rng(seed))
        voices = task.layout.target_cells(pair.ids)
        assert (voices[0] >= 0).all()
        for voice, cells in zip(("alto", "tenor", "bass"), voices.T, strict=True):
            low, high = RANGES[voice]
            pitches = cells[cells >= 0]
            assert ((low <= pitches) & (pitches <= high)).all()
        moves.add(int(pair.source.ids[0, 0]))
    assert len(moves) > 3


def test_voices_keep_to_their_ranges_and_hold_only_what_sounds(task):
    melody = np.array([67, 69, -1, 67])
    rests = melody < 0
    grammar = VoiceGrammar(task.layout.voices, melody)
    random = np.random.default_rng(0)
    for _ in range(50):
        rows, ids = grammar.begin(1), []
        while len(ids) < grammar.limit:
            choices = np.flatnonzero(grammar.allowed(rows, np.array([9]))[0])
            ids.append(int(random.choice(choices)))
            rows = grammar.advance(rows, np.array(ids[-1:]))
        voices = task.layout.target_cells(np.array(ids))
        assert ids[-3:] == [grammar.compound.end] * 3
        assert voices.shape == (4, 3)
        for voice, cells in zip(("alto", "tenor", "bass"), voices.T.tolist(), strict=True):
            assert cells[0] >= 0
            assert all((before, cell) != (REST, HOLD) for before, cell in pairwise(cells))
            assert all(cell != REST for cell, rest in zip(cells, rests, strict=True) if not rest)
            low, high = RANGES[voice]
            assert all(low <= cell <= high for cell in cells if cell >= 0)
        pitches, _ = sounding(np.column_stack([np.where(rests, REST, melody), voices]), HOLD)
        assert parallels(pitches, 7) == parallels(pitches, 0) == 0


def test_no_voice_crosses_another_by_a_note_or_a_hold():
    cells = tuple(np.array([HOLD, REST, *range(low, high + 1)]) for low, high in map(RANGES.get, WRITTEN))
    melody = np.array([76, 65, 79, -1, 65, 74])
    grammar = VoiceGrammar(cells, melody)
    random = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        rows, drawn = grammar.begin(1), []
        for turn in range(grammar.limit):
            choices = np.flatnonzero(grammar.allowed(rows, np.array([9]))[0])
            field = turn % 3
            hold = grammar.compound.offsets[field]
            one = hold if hold in choices and random.random() < 0.7 else int(random.choice(choices))
            rows = grammar.advance(rows, np.array([one]))
            if 3 <= turn < grammar.limit - 3:
                drawn.append(cells[field][one - hold])
        bass, alto, tenor = np.array(drawn).reshape(-1, 3).T
        pitches, _ = sounding(np.column_stack([np.where(melody < 0, REST, melody), alto, tenor, bass]), HOLD)
        held += int((alto == HOLD).sum())
        for chord in pitches:
            voices = [pitch for pitch in chord.tolist() if pitch >= 0]
            assert voices == sorted(voices, reverse=True)
    assert held > 20


def test_a_voice_is_written_in_the_melodys_bars():
    melody = Melody.of(abc.parse(HYMN).tunes[0], "hymn")
    cells = np.full(len(melody.cells), HOLD)
    cells[[0, 6, 20]] = 55, 57, 54
    voice = melody.voice(cells)
    sounds = [(sound.pitches[0].midi, sound.duration, sound.tied) for sound in voice if isinstance(sound, Sound)]
    assert sounds == [
        (55, Fraction(1, 4), True),
        (55, Fraction(1, 8), False),
        (57, Fraction(3, 4), True),
        (57, Fraction(1, 8), False),
        (54, Fraction(1), False),
        (54, Fraction(1), True),
        (54, Fraction(3, 4), False),
    ]
    lines = [element for element in voice if not isinstance(element, Sound)]
    assert lines == [element for element in melody.tune.body if type(element) is type(lines[0])]


def test_nothing_is_tied_over_repeats_and_endings():
    melody = Melody.of(abc.parse("X:1\nM:4/4\nL:1/4\nK:C\n|:cdef-|1 f4:|2 f4|]\n").tunes[0], "x")
    voice = melody.voice(np.array([48, *[HOLD] * (len(melody.cells) - 1)]))
    sounds = [element for element in voice if isinstance(element, Sound)]
    assert [sound.tied for sound in sounds] == [False, False, False]
    assert [sound.pitches[0].midi for sound in sounds] == [48, 48, 48]


@pytest.mark.parametrize(
    ("body", "lengths", "endings"),
    [
        ("|:cdef|1 gfed:|2 c4|]", [4, 4, 4], 2),
        ("cdef gfed c4|c4|]", [12, 4], 0),
        ("{d}c d {ef}e f|]", [4], 0),
        ("C|DEFG|: A4 :: B4 :|", [1, 4, 4, 4], 0),
    ],
)
def test_music21_reads_the_measures_that_were_written(body, lengths, endings):
    from music21 import converter

    tune = abc.parse(f"X:1\nT:a\x01b\nM:4/4\nL:1/4\nK:C\n{body}\n").tunes[0]
    score = converter.parse(musicxml.format(tune, (), [("Soprano", "treble")]).decode(), format="musicxml")
    measures = score.parts[0].getElementsByClass("Measure")
    assert [sum(note.quarterLength for note in measure.notesAndRests) for measure in measures] == lengths
    assert len(list(score.recurse().getElementsByClass("RepeatBracket"))) == endings
    grace = [note for note in score.recurse().notes if note.duration.isGrace]
    assert len(grace) == body.count("{d}") + 2 * body.count("{ef}")


def test_lengths_that_no_note_has_are_refused_in_one_line():
    tune = abc.parse("X:1\nM:none\nL:1/4\nK:C\nc/1024|d5|]\n").tunes[0]
    with pytest.raises(RequestError, match="cannot be written as MusicXML"):
        musicxml.format(tune, (), [("Soprano", "treble")])


@pytest.mark.judges
@pytest.mark.parametrize(
    "body",
    [
        "|:cdef-|1 f4:|2 f4|]",
        "cd He2|f3 z|{g}a4|]",
        "C|DE FG|: A4 :: B4 :|",
        "(3cde f g|Ha4|]",
        "(3:2:1d|GABc|g4|]",  # which ends a bar within a triplet
        "G2 (3AB|c d2|]",
        "(5:4:4cdef|G4|]",
    ],
)
def test_a_score_is_engraved_and_played(body, run, tmp_path, program):
    engraver, player = program("abcm2ps"), program("abc2midi")
    text = f"X:1\nT:t\nM:4/4\nL:1/4\nK:Eb\n{body}\n"
    assert invoke("harmonise", run, "-", "--seed", "2", "-o", tmp_path / "x.abc", input=text).exit_code == 0
    done = subprocess.run([engraver, "-O", "x.ps", "x.abc"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    played = subprocess.run([player, "x.abc", "-o", "x.mid"], cwd=tmp_path, capture_output=True, text=True)
    assert "Error" not in played.stdout
    assert "quarter notes long" not in played.stdout


@pytest.mark.parametrize(
    ("key", "said", "low"),
    [
        ("K:C\nC4 D4 c'4|]", "beyond a soprano's 60 to 81; it fits nowhere, and the voices below may cross it", 60),
        ("K:C\nC,4|]", "moved 12 semitones up", 60),
        ("K:C\nc''4|]", "moved 24 semitones down", 72),
        ("K:C\nc4|]", "", 72),
    ],
)
def test_a_melody_beyond_the_soprano_is_moved_with_a_notice(key, said, low):
    melody = Melody.of(abc.parse(f"X:1\nM:4/4\nL:1/4\n{key}\n").tunes[0], "x")
    assert melody.cells[0, 0] == low
    assert (said in melody.notices[0]) if said else not melody.notices


def test_voice_leading_is_counted_as_textbooks_do():
    cells = [[72, 67, 60, 48], [74, 69, 62, 50], [-1, -1, 65, 50], [71, 72, 62, 40]]
    pitches, begins = sounding(cells, -1)
    assert pitches[2].tolist() == [74, 69, 65, 50]
    found = evaluate([(pitches, begins)], [(60, 81), (53, 74), (48, 69), (41, 64)])
    # In the first two chords all voices go up a tone: fifths between 67 and 60 and 67 and 48, octaves between the rest.
    assert found["parallel_fifths"] == 100 * 2 / 4
    assert found["parallel_octaves"] == 100 * 3 / 4
    assert found["crossings"] == 100 / 4
    assert found["range_faults"] == 100 / 4
    assert chord_tones(np.array([48, 52, 55, 58])) == (4, 4)


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "r"
    words = ["train", "packed", str(corpus), "--task", "harmonise", "--steps", "3", "--hidden", "16", "-q"]
    result = CliRunner().invoke(main, [*words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


def invoke(*arguments, **options):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def test_a_hymn_is_harmonised(run, tmp_path):
    file = tmp_path / "hymn.abc"
    file.write_text(HYMN)
    result = invoke("harmonise", run, file, "-n", "2", "--seed", "4", "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["index"] for line in result.stdout.splitlines()] == [1, 2]
    data = (tmp_path / "out" / "hymn-4-1.mid").read_bytes()
    names = [track.name for track in mido.MidiFile(file=BytesIO(data)).tracks]
    assert [name for name in names if name in VOICES] == list(VOICES)
    tracks = {track.name: track for track in midi.parse(data, "x")[0].tracks}
    for voice, (low, high) in RANGES.items():
        pitches = tracks[voice.capitalize()].notes["pitch"]
        assert low <= pitches.min()
        assert pitches.max() <= high
    (score,) = abc.parse((tmp_path / "out" / "hymn-4-1.abc").read_text()).tunes
    (melody,) = abc.parse(HYMN).tunes
    assert [sound.pitches for sound in score.sounds()] == [sound.pitches for sound in melody.sounds()]
    assert len(score.voices) == 4
    lengths = [sum(each.duration for each in voice if isinstance(each, Sound)) for voice in score.voices]
    assert len(set(lengths)) == 1
    invoke("harmonise", run, file, "-n", "2", "--seed", "4", "-o", tmp_path / "again")
    for suffix in ("mid", "abc", "musicxml"):
        one, other = (tmp_path / folder / f"hymn-4-2.{suffix}" for folder in ("out", "again"))
        assert one.read_bytes() == other.read_bytes()
    for suffix in ("abc", "musicxml"):
        invoke("sample", run, "--again", tmp_path / "out" / f"hymn-4-2.{suffix}", "-o", tmp_path / f"x.{suffix}")
        assert (tmp_path / f"x.{suffix}").read_bytes() == (tmp_path / "out" / f"hymn-4-2.{suffix}").read_bytes()
    # MIDI has no fermatas, which the model reads
    lacking = invoke("sample", run, "--again", tmp_path / "out" / "hymn-4-2.mid", "-o", tmp_path / "x.mid")
    assert "does not hold all that the model was given; give the score beside it" in lacking.stderr


def test_a_score_is_read_by_music21(run, tmp_path):
    from music21 import converter

    result = invoke("harmonise", run, "-", "--seed", "1", "-o", tmp_path / "x.musicxml", input=HYMN)
    assert result.exit_code == 0, result.output
    score = converter.parse(tmp_path / "x.musicxml")
    assert [part.partName for part in score.parts] == list(VOICES)
    measures = [part.getElementsByClass("Measure") for part in score.parts]
    lengths = [[sum(n.quarterLength for n in measure.notesAndRests) for measure in part] for part in measures]
    assert lengths[0] == [1.0, 4.0, 4.0, 4.0, 3.0]
    assert all(each == lengths[0] for each in lengths)


def test_a_melody_in_midi_is_harmonised(run, tmp_path):
    file = tmp_path / "x.mid"
    assert invoke("convert", _written(tmp_path / "x.abc", HYMN), file).exit_code == 0
    result = invoke("harmonise", run, file, "--seed", "1", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0].startswith(f"{file}: ")
    assert result.stderr.splitlines()[0].endswith("lost: marker 3")
    took = Performance((Track.of([Note(0, 0.5, 67), Note(0.6, 1, 69), Note(1, 2, 71)]), Track.of([Note(0, 2, 48)])))
    file.write_bytes(midi.format(took))
    result = invoke("harmonise", run, file, "--seed", "1", "-o", tmp_path / "out")
    assert "note on another track 1, note moved to the grid 1" in result.stderr


def test_voices_are_not_held_to_a_longest_copy(run):
    result = invoke("harmonise", run, "-", "--max-copy", "8", input=HYMN)
    assert result.exit_code == 1
    with pytest.raises(RequestError, match="--max-copy"):
        harmonise(run, "-", max_copy=8)


def test_chord_symbols_make_no_fifth_track(run, tmp_path):
    file = _written(tmp_path / "x.abc", 'X:1\nT:t\nM:4/4\nL:1/4\nK:G\n"G"G2A2|"D7"d4|]\n')
    assert invoke("harmonise", run, file, "--seed", "1", "-o", tmp_path / "x.mid").exit_code == 0
    tracks = midi.parse((tmp_path / "x.mid").read_bytes())[0].tracks
    assert [track.name for track in tracks] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_voices_and_signs_that_are_not_harmonised_are_named(run, tmp_path):
    two = "X:1\nM:4/4\nL:1/4\nK:C\nV:1\ncdef|g4|]\nV:2\nCDEF|G4|]\n"
    result = invoke("harmonise", run, _written(tmp_path / "a.abc", two), "-o", tmp_path / "a.mid", "--seed", 1)
    assert result.exit_code == 0, result.output
    assert "a.abc: the melody is its first voice; left out: 1 more" in result.stderr
    melody = read_melody(b"X:1\nM:4/4\nL:1/4\nK:C\n%%MIDI drumon\nc\x07def|g4|]\n", "b.abc", None)
    assert all(notice.startswith("b.abc: lost: ") for notice in melody.notices)
    assert len(melody.notices) == 1


def test_parts_are_written_out_in_the_order_of_the_header():
    text = "X:1\nM:2/4\nL:1/4\nP:AAB\nK:G\nP:A\n|:GA:|\nP:B\n[M:3/4]def|]\n"
    melody = Melody.of(abc.parse(text).tunes[0], "x")
    assert melody.notices == ("x: its parts are written out in their order, AAB",)
    assert "G A | G A | G A | G A |\n[M:3/4]d e f |]" in abc.format(melody.tune)
    assert [pitch for pitch in melody.cells[:, 0].tolist() if pitch >= 0] == [67, 69] * 4 + [74, 76, 78]


def test_a_score_without_musicxml_says_why(run, tmp_path):
    file = _written(tmp_path / "x.abc", "X:1\nT:t\nM:4/4\nL:1/4\nK:G\nG4G/1024|]\n")
    result = invoke("harmonise", run, file, "--seed", "1", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(each.suffix for each in (tmp_path / "out").iterdir()) == [".abc", ".mid"]
    assert "cannot be written as MusicXML" in result.stderr


def _written(path, text):
    path.write_text(text)
    return path


def test_the_melody_of_chords_is_their_highest_note(run, tmp_path):
    chords = _written(tmp_path / "chords.abc", "X:1\nM:4/4\nL:1/4\nK:C\nc | d c- [Ac] c | [ce-][ge] g2 |]\n")
    plain = _written(tmp_path / "plain.abc", "X:1\nM:4/4\nL:1/4\nK:C\nc | d c- c c | e g g2 |]\n")
    result = invoke("harmonise", run, chords, "--seed", "1", "-o", tmp_path / "chords.mid")
    assert result.exit_code == 0
    assert "chords.abc: the melody is the highest note of each chord; 3 have lower notes" in result.stderr
    invoke("harmonise", run, plain, "--seed", "1", "-o", tmp_path / "plain.mid")
    one, other = (midi.parse((tmp_path / f"{name}.mid").read_bytes(), name)[0] for name in ("chords", "plain"))
    assert [track.notes.tolist() for track in one.tracks] == [track.notes.tolist() for track in other.tracks]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X:1\nM:4/4\nL:1/4\nK:C\nz4 |]\n", "no note in it"),
        ("X:1\nM:4/4\nL:1/4\nK:C\n", "no note in it"),
        ("", "the file is empty"),
        ("X:1\nK:C\nc4|]\n\nX:2\nK:C\nc4|]\n", "2 tunes; name one with --tune, of: 1, 2"),
    ],
)
def test_a_bad_melody_is_refused_in_one_line(run, text, message):
    result = invoke("harmonise", run, "-", input=text)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_error_for_another_task_names_the_right_command(run, tmp_path):
    file = _written(tmp_path / "hymn.abc", HYMN)
    result = invoke("fill", run, file, "--bars", "1")
    assert "folkseq harmonise RUN FILE" in result.stderr
    result = invoke("sample", run)
    assert result.exit_code == 1
    assert "folkseq train packed:grid=chorale CORPUS" in result.stderr


def test_chorales_are_continued_without_a_task(corpus, tmp_path):
    words = ("train", "packed", corpus, "--steps", "2", "--hidden", "16", "-q", "--out", tmp_path / "r")
    assert invoke(*words).exit_code == 0
    result = invoke("sample", tmp_path / "r", "--steps", "4", "--seed", "1", "-o", tmp_path / "x.csv")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "x.csv").read_text().splitlines()[0] == HEADER


def test_voices_are_judged_beside_those_held_out(run):
    result = invoke("evaluate", run, "--samples", "2", "--json", "-q")
    assert result.exit_code == 0, result.output
    gaps = json.loads(result.stdout)["gaps"]
    assert gaps["amounts"]["step"] > 0
    voices = gaps["voices"]
    assert voices["written"]["parallel_fifths"] == voices["written"]["range_faults"] == 0
    assert set(voices["held_out"]) == set(voices["without_rules"])
    assert "a hundred chords" in invoke("evaluate", run, "--samples", "1", "-q").stdout


def test_an_encoder_of_one_direction_is_trained_and_used_alike(corpus, tmp_path):
    words = ("train", "packed", corpus, "--task", "harmonise", "--encoder", "forward", "--attention", "additive")
    out = tmp_path / "r"
    assert invoke(*words, "--cell", "gru", "--steps", "2", "--hidden", "16", "-q", "--out", out).exit_code == 0
    result = invoke("harmonise", out, "-", "--seed", "1", "-o", tmp_path / "x.abc", input=HYMN)
    assert result.exit_code == 0, result.output
    again = invoke(*words, "--cell", "gru", "--steps", "2", "--hidden", "16", "-q", "--out", out, "--resume")
    assert again.exit_code == 0, again.output
    changed = invoke("train", "packed", corpus, "--task", "harmonise", "--encoder", "both", "--out", out, "--resume")
    assert "its --encoder is forward, not both" in changed.stderr
