"""Drums, voices and pictures as steps of several fields or pixels, and back."""

import io
import json
import re
import subprocess
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from performances import beat
from PIL import Image

from folkseq import representations
from folkseq.cli import main
from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi, musicxml, picture
from folkseq.music import Interval
from folkseq.music.grid import Grid
from folkseq.music.performance import Note, Performance, Track
from folkseq.music.signature import Meter
from folkseq.representations.packed import GRIDS
from folkseq.representations.packed.media import MEDIA
from folkseq.representations.packed.media.midi import CLASSES
from folkseq.representations.packed.options import PackedOptions

pytestmark = pytest.mark.usefixtures("one_thread")

DRUMS, VOICES, PICTURE = (representations.find(f"packed:grid={grid}") for grid in ("drums", "voices", "picture"))


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_a_beat_has_one_bit_per_class_of_drums_at_each_sixteenth():
    (grid,) = DRUMS.files.parse(midi.format(beat(3, bars=1)), "beat.mid").pieces
    assert grid.columns == tuple(CLASSES)
    assert len(grid.rows) == 16
    lines = {column: "".join(grid.column(column)) for column in grid.columns}
    assert lines["kick"] == "1000000010000000"
    assert lines["snare"] == "0000100000001000"
    assert lines["closed_hat"] == "1010101010101010"
    assert lines["ride"] == "0" * 16


def test_losses_of_drums_are_counted():
    notes = [Note(0, 0.1, 36), Note(0, 0.1, 35), Note(0.13, 0.2, 38), Note(0.25, 0.3, 80)]
    found = DRUMS.files.parse(midi.format(Performance((Track.of(notes, drum=True),))), "a.mid")
    assert found.lost_from(0) == {
        "stroke beside another of its class": 1,
        "stroke moved to the grid": 1,
        "muted triangle, of no class": 1,
        "loudness of a stroke": 4,
    }
    with pytest.raises(ParseError, match=r"a\.mid: has no drums"):
        DRUMS.files.parse(midi.format(Performance((Track.of([Note(0, 1, 60)]),))), "a.mid")


@given(st.lists(st.tuples(*[st.sampled_from("01")] * 9), min_size=1, max_size=40), st.sampled_from([60, 97.3, 240]))
def test_drums_come_back_from_their_file_at_any_tempo(rows, bpm):
    rows = [*rows, ("1",) + ("0",) * 8]  # which is not silent
    grid = Grid(tuple(CLASSES), tuple(rows))
    (found,) = DRUMS.files.parse(DRUMS.files.format(grid, ".mid", options=PackedOptions(bpm=bpm)), "a.mid").pieces
    assert found.rows[: len(rows)] == grid.rows
    assert len(found.rows) % 16 == 0
    assert not any("1" in row for row in found.rows[len(rows) :])


def test_drums_are_written_on_channel_10_of_a_type_1_file_that_programs_read():
    (grid,) = DRUMS.files.parse(midi.format(beat(0, bars=4)), "beat.mid").pieces
    data = DRUMS.files.format(grid, ".mid", ["made here"], PackedOptions(bpm=100))
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, len(file.tracks)) == (1, 2)
    assert {message.channel for message in file if not message.is_meta} == {9}
    read = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert [(instrument.is_drum, len(instrument.notes)) for instrument in read.instruments] == [
        (True, len(strokes(grid)))
    ]
    assert read.get_tempo_changes()[1].tolist() == [pytest.approx(100, rel=1e-4)]


def strokes(grid):
    return [cell for row in grid.rows for cell in row if cell == "1"]


@pytest.mark.judges
def test_a_drum_file_is_read_by_a_sequencer(tmp_path, program):
    (grid,) = DRUMS.files.parse(midi.format(beat(0, bars=4)), "beat.mid").pieces
    (tmp_path / "a.mid").write_bytes(DRUMS.files.format(grid, ".mid"))
    said = subprocess.run(
        [program("midish"), "-b"],
        input=f'import "{tmp_path}/a.mid"\nprint [tlist]\n',
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "error" not in (said.stdout + said.stderr).lower()


@given(st.data())
def test_voices_come_back_from_their_file(data):
    cells = st.sampled_from(["60", "64", "67", "60'", "67'", "rest"])
    length = data.draw(st.integers(1, 24))
    columns = [data.draw(st.lists(cells, min_size=length, max_size=length)) for _ in range(3)]
    columns = [["60", *_canonical(column)] for column in columns]
    grid = Grid(("1", "2", "3"), tuple(zip(*columns, strict=True)), named=False)
    (found,) = VOICES.files.parse(VOICES.files.format(grid, ".mid"), "a.mid").pieces
    silence = (("rest",) * 3,) * 48  # that of the end is not in the file, but what fills a bar
    assert (found.rows + silence)[: length + 1] == grid.rows
    assert all(row == silence[0] for row in found.rows[length + 1 :])


def _canonical(column):
    """Only a pitch that sounds can be struck again."""
    sounding, found = "60", []
    for cell in column:
        pitch = cell.removesuffix("'")
        found.append(cell if pitch == sounding else pitch)
        sounding = pitch
    return found


def test_voices_of_older_runs_are_written_with_their_holds():
    grid = Grid(("1", "2"), (("60", "hold"), ("hold", "48"), ("62", "hold"), ("rest", "hold")), named=False)
    tracks = midi.parse(VOICES.files.format(grid, ".mid"), "a.mid")[0].tracks
    found = [[(note.pitch, note.onset_s, note.offset_s) for note in track] for track in tracks if len(track)]
    step = 0.125
    assert found == [[(60, 0, 2 * step), (62, 2 * step, 3 * step)], [(48, step, 4 * step)]]


def test_a_voice_is_one_note_at_a_time():
    high = Track.of([Note(0, 1, 60), Note(0, 1, 64), Note(0.5, 1, 67)])
    low = Track.of([Note(0, 0.25, 40)])
    found = VOICES.files.parse(midi.format(Performance((high, low))), "a.mid")
    assert found.pieces[0].rows[:5] == (
        ("64", "40"),
        ("64", "40"),
        ("64", "rest"),
        ("64", "rest"),
        ("67", "rest"),
    )
    losses = {"note beside another of its voice": 1, "note cut where another begins": 1, "loudness of a note": 4}
    assert found.lost_from(0) == losses
    with pytest.raises(ParseError, match=r"a\.mid: .* 1 track"):
        VOICES.files.parse(midi.format(Performance((high,))), "a.mid")


def test_losses_of_voices_are_counted():
    high = Track.of([Note(0, 0.5, 60), Note(0.53, 1, 64)], pedal=[(0.1, 127), (0.4, 0)])
    low = Track.of([Note(0, 0.9, 40)])
    found = VOICES.files.parse(midi.format(Performance((high, low))), "a.mid")
    assert found.lost_from(0) == {"note moved to the grid": 2, "loudness of a note": 3, "pedal of a voice": 2}


def test_beats_stay_beats_where_the_tempo_changes_between_steps():
    """As in a chorale, whose bars each end in a fermata that begins anywhere."""
    file = mido.MidiFile(ticks_per_beat=480)
    tempo, *voices_of = (mido.MidiTrack() for _ in range(3))
    file.tracks += [tempo, *voices_of]
    for _ in range(50):
        tempo.append(mido.MetaMessage("set_tempo", tempo=500_000))
        tempo.append(mido.MetaMessage("set_tempo", tempo=1_500_000, time=1490))
        tempo.append(mido.MetaMessage("marker", time=430))
    for channel, track in zip((0, 9), voices_of, strict=True):
        for _ in range(200):
            track.append(mido.Message("note_on", note=42, channel=channel))
            track.append(mido.Message("note_off", note=42, channel=channel, time=480))
    file.tracks.append(voices_of[0])
    out = io.BytesIO()
    file.save(file=out)
    for representation, column, first in ((DRUMS, "closed_hat", 0), (VOICES, "1", 4)):
        found = representation.files.parse(out.getvalue(), "a.mid")
        cells = [cell for piece in found.pieces for cell in piece.column(column)]
        assert [step for step, cell in enumerate(cells) if cell in ("1", "42'")] == list(range(first, 800, 4))
        assert not any("moved" in kind for kind in found.lost_from(0))


COLOURS = st.sampled_from(["#000000", "#ff0000", "#00ff80", "#ffffff"])


@given(st.data(), st.integers(1, 6), st.integers(1, 6))
def test_a_picture_comes_back_from_its_file_and_from_its_tokens(data, width, height):
    rows = tuple(tuple(data.draw(COLOURS) for _ in range(width)) for _ in range(height))
    (grid,) = PICTURE.files.parse(picture.format(rows), "a.png").pieces
    assert grid.rows == rows
    tokens, codec = PICTURE.tokenize(grid), PICTURE.fit([grid])
    assert tokens[1] == f"{width}x{height}"
    assert len(tokens) == 3 + (width + 1) * height
    assert PICTURE.detokenize(tokens) == codec.canonical(grid) == grid


def test_tokenize_gives_the_whole_picture_back(tmp_path):
    rows = tuple((f"#{row % 8:02x}0000", "#ffffff") for row in range(100))
    (tmp_path / "a.png").write_bytes(picture.format(rows))
    result = invoke("tokenize", "packed", tmp_path / "a.png", "--write", tmp_path / "b.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


@given(st.lists(st.sampled_from(["<s>", "2x2", "#000000", "#ffffff", "/", "</s>"])))
def test_any_tokens_of_pictures_decode_and_are_canonical_from_then_on(tokens):
    grid = PICTURE.detokenize(tokens)
    assert PICTURE.detokenize(PICTURE.tokenize(grid)) == grid


def test_sixteen_bits_of_grey_are_scaled_to_eight():
    data = io.BytesIO()
    Image.fromarray(np.array([[0, 257, 384, 386, 32896, 65535]], np.uint16)).save(data, "PNG")
    (grid,) = PICTURE.files.parse(data.getvalue(), "a.png").pieces
    assert grid.rows == (("#000000", "#010101", "#010101", "#020202", "#808080", "#ffffff"),)


@pytest.mark.parametrize(("height", "mode"), [(16, "P"), (17, "RGB")])
def test_a_picture_of_more_colours_than_a_palette_holds_is_written_as_rgb(height, mode):
    rows = tuple(tuple(f"#{row:02x}{column:02x}7f" for column in range(16)) for row in range(height))
    with Image.open(io.BytesIO(picture.format(rows))) as image:
        assert image.mode == mode
        assert np.asarray(image.convert("RGB"))[height - 1, 3].tolist() == [height - 1, 3, 0x7F]


def test_a_picture_of_many_colours_is_brought_to_a_palette():
    fade = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
    data = io.BytesIO()
    np.save(data, fade)
    found = representations.find("packed:grid=picture,colours=8").files.parse(data.getvalue(), "a.npy")
    cells = {cell for piece in found.pieces for row in piece.rows for cell in row}
    assert len(cells) == 8
    assert found.lost == [{"colour": 248}, {}]
    assert [len(piece.rows) for piece in found.pieces] == [230, 26]
    indices = io.BytesIO()
    np.save(indices, np.array([[0, 7], [7, 0]]))
    (small,) = representations.find("packed:grid=picture,colours=8").files.parse(indices.getvalue(), "a.npy").pieces
    assert small.rows == (("#000000", "#ffffff"), ("#ffffff", "#000000"))


def _npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\nrest", "not a PNG picture"),
        ("a.png", b"", "not a PNG picture"),
        ("a.npy", b"x", "not a NumPy array"),
        ("a.npy", _npy(np.array(["a"])), "not an array of numbers"),
        ("a.npy", _npy(np.zeros((2, 2, 4))), r"an array of \(2, 2, 4\)"),
        ("a.npy", _npy(np.full((2, 2), -1)), "holds values from -1 to -1"),
        ("a.npy", _npy(np.zeros((2, 300), np.uint8)), r"300 x 2 pixels.* 256 x 4096"),
    ],
)
def test_a_bad_picture_is_refused(file, data, said):
    with pytest.raises(ParseError, match=said) as error:
        PICTURE.files.parse(data, file)
    assert not re.search("<_io|pickle", str(error.value))


def test_the_grammar_of_pictures_keeps_their_width_and_height():
    rows = [(("#000000", "#ffffff", "#000000"),) * height for height in (2, 3)]
    codec, random = PICTURE.fit([Grid(tuple("123"), each, named=False) for each in rows]), np.random.default_rng(0)

    def drawn(**options):
        grammar = codec.generation.plan(PackedOptions(**options)).grammar
        rows, ids, progress = grammar.begin(1), [], []
        while not ids or ids[-1] != codec.vocabulary.id("</s>"):
            allowed = np.flatnonzero(grammar.allowed(rows, np.array([99]))[0])
            ids.append(int(random.choice(allowed)))
            rows = grammar.advance(rows, np.array(ids[-1:]))
            progress += grammar.progress(rows).tolist()
        assert len(ids) <= grammar.fewest
        assert progress == sorted(progress)
        assert progress[-1] == bool(options)
        grid = codec.decode(ids)
        return len(grid.columns), len(grid.rows)

    assert {drawn() for _ in range(20)} == {(3, 2), (3, 3)}
    assert {drawn(size="3x7") for _ in range(5)} == {(3, 7)}
    with pytest.raises(RequestError, match=r"--size.* 3 pixels wide, not 4"):
        codec.generation.plan(PackedOptions(size="4x4"))
    with pytest.raises(RequestError, match=r"--size wide.*48x32"):
        codec.generation.plan(PackedOptions(size="wide"))


def test_what_is_lost_is_reported_with_the_piece_that_lost_it(tmp_path):
    notes = [Note(0, 0.1, 36), Note(0.5, 0.6, 56), Note(1, 1.1, 56), Note(1.5, 1.6, 22), Note(2, 2.1, 12)]
    (tmp_path / "a.mid").write_bytes(midi.format(Performance((Track.of(notes, drum=True),))))
    (tmp_path / "readme.rst").write_text("no music")
    result = invoke("tokenize", "packed:grid=drums", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["lost"] == {"cowbell, of no class": 2, "drum 12, of no class": 1, "loudness of a stroke": 5}
    assert re.search("skipped readme.rst, whose suffix", result.stderr)


def test_written_midi_keeps_the_meter_of_most_files(tmp_path):
    waltz = [Note(0.5 * beat, 0.5 * beat + 0.1, 36 if beat % 3 == 0 else 42) for beat in range(36)]
    for number, beats in enumerate((4, 3, 3)):
        meters = ((0.0, Meter(beats, 4)),)
        data = midi.format(Performance((Track.of(waltz[number:], drum=True),), meters=meters))
        (tmp_path / f"{number}.mid").write_bytes(data)
    small = ["--steps", 2, "--hidden", 8, "--layers", 1, "-q"]
    result = invoke("train", "packed:grid=drums", tmp_path, *small, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    result = invoke("sample", tmp_path / "run", "--bars", 2, "--seed", 3, "-o", tmp_path / "out.mid")
    assert result.exit_code == 0, result.output
    file = mido.MidiFile(tmp_path / "out.mid")
    assert [(each.numerator, each.denominator) for each in file if each.type == "time_signature"] == [(3, 4)]
    assert file.length == pytest.approx(2 * 3 * 0.5, rel=1e-3)
    with pytest.raises(RequestError, match=r"meter must be one such as 3/4, got 'waltz'"):
        representations.find("packed:grid=drums,meter=waltz")


def test_drums_are_trained_on_and_written_in_bars(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.mid").write_bytes(midi.format(beat(number)))
    small = ["--steps", 60, "--hidden", 64, "--layers", 1, "-q"]
    result = invoke("train", "packed:grid=drums", tmp_path, *small, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    result = invoke("sample", tmp_path / "run", "--bars", 2, "--bpm", 90, "--seed", 3, "-o", tmp_path / "out.mid")
    assert result.exit_code == 0, result.output
    assert mido.MidiFile(tmp_path / "out.mid").length == pytest.approx(2 * 4 * 60 / 90, rel=1e-3)
    again = invoke("sample", "--again", tmp_path / "out.mid", tmp_path / "run", "-o", tmp_path / "again.mid")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "out.mid").read_bytes()


def test_pictures_are_recognised_trained_on_and_written(tmp_path):
    for number in range(3):
        cells = np.add.outer(np.arange(12), np.arange(12)) // (number + 2) % 2
        rows = tuple(tuple(("#102030", "#f0e0d0")[cell] for cell in row) for row in cells.tolist())
        (tmp_path / f"{number}.png").write_bytes(picture.format(rows))
    small = ["--steps", 60, "--hidden", 64, "--layers", 1, "-q"]
    result = invoke("train", "packed", tmp_path, *small, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert json.loads(invoke("inspect", tmp_path / "run", "--json").stdout)["representation"] == "packed:grid=picture"
    result = invoke("sample", tmp_path / "run", "-n", 2, "--seed", 1, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for file in (tmp_path / "out").iterdir():
        with Image.open(file) as image:
            assert (image.format, image.size) == ("PNG", (12, 12))
    found = json.loads(invoke("evaluate", tmp_path / "run", "--json").stdout)
    names = [loss["model"] for loss in found["losses"]]
    assert names[3:5] == ["as the pixel before", "as the pixel above"]
    assert all(loss["bits_per_pixel"] > 0 for loss in found["losses"])
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    result = invoke("train", "packed", tmp_path, *small)
    assert re.search(r"a\.csv and .*0\.png: tables, scores, pictures and MIDI files", result.output)


def test_every_grid_of_the_representation_is_a_medium():
    assert tuple(MEDIA) == GRIDS


def test_each_step_of_drums_says_where_in_its_bar_it_is():
    waltz = [Note(0.5 * beat, 0.5 * beat + 0.1, 36 if beat % 3 == 0 else 42) for beat in range(6)]
    data = midi.format(Performance((Track.of(waltz, drum=True),), meters=((0.0, Meter(3, 4)),)))
    drums = representations.find("packed:grid=drums,position=true,division=2")
    (grid,) = drums.files.parse(data, "waltz.mid").pieces
    assert grid.columns == ("position", *CLASSES)
    assert "".join(grid.column("position")) == "012345" * 2
    assert "".join(grid.column("kick")) == "100000" * 2
    assert drums.fit([grid]).analysis.amounts(drums.fit([grid]).encode(grid)) == {"step": 12.0, "stroke": 6.0}
    assert drums.files.parse(drums.files.format(grid, ".mid"), "again.mid").pieces[0].column("kick")[:6] == tuple(
        "100000"
    )
    assert representations.find("packed:grid=drums").suited_to([]).position
    with pytest.raises(RequestError, match="position is for drums and voices, not for table"):
        representations.find("packed:position=true")


def test_voices_say_where_in_the_bar_they_are_and_are_transposed_in_training():
    voices = representations.find("packed:grid=voices").suited_to([])
    high, low = (Track.of([Note(0, 0.25, pitch), Note(0.25, 1, pitch + 2)]) for pitch in (67, 55))
    grids = [voices.files.parse(midi.format(Performance((high, low))), "a.mid").pieces[0]]
    grids += [voices.files.parse(midi.format(Performance((low, high))), "b.mid").pieces[0]]
    assert grids[0].columns == ("position", "1", "2")
    assert grids[0].rows[1:3] == (("1", "67", "55"), ("2", "69", "57"))
    found = voices.fit(grids)
    ids, heard = found.encode(grids[0]).astype(np.int64), set()
    for seed in range(20):
        window, _ = found.augmentation.excerpt(ids, len(ids), found.augmentation.span(ids), np.random.default_rng(seed))
        rows = found.decode(window).rows
        assert [row[0] for row in rows] == [row[0] for row in grids[0].rows]
        heard.add((rows[0][1:], rows[2][1:]))
    assert heard == {(("67", "55"), ("69", "57"))}  # no other transposition has pitches that the corpus knows

    def up(cell, semitones):
        return str(int(cell) + semitones) if cell != "rest" else cell

    wide = [
        replace(grids[0], rows=tuple((row[0], *(up(cell, semitones) for cell in row[1:])) for row in grids[0].rows))
        for semitones in (0, 2)
    ]
    found = voices.fit(wide)
    told = found.recipe["voices"]
    assert (told.heights[0][:2], told.heights[1][:2], told.distances) == ((-1, -1), (67, 69), (4, 16))
    windows = [
        found.augmentation.excerpt(found.encode(wide[0]).astype(np.int64), 99, (0, 0), np.random.default_rng(seed))[0]
        for seed in range(20)
    ]
    assert {found.decode(window).rows[0][1:] for window in windows} == {("67", "55"), ("69", "57")}
    performance = midi.parse(voices.files.format(grids[0], ".mid"), "a.mid")[0]
    assert [len(track) for track in performance.tracks if len(track)] == [2, 2]


@pytest.mark.parametrize("head", ["chained", "joint"])
def test_new_drums_are_whole_bars_from_the_beginning_of_one(head):
    drums = representations.find(f"packed:grid=drums,position=true,head={head}")
    (grid,) = drums.files.parse(midi.format(beat(0, bars=1)), "beat.mid").pieces
    codec = drums.fit([grid])
    grammar, random = codec.generation.plan(PackedOptions()).grammar, np.random.default_rng(0)
    for _ in range(4):
        rows, ids = grammar.begin(1), []
        while ids[-1:] != [codec.vocabulary.id("</s>")]:
            mask = grammar.allowed(rows, np.array([2000 - len(ids)]))[0]
            ids.append(int(random.choice(np.flatnonzero(mask))) if ids else 0)
            rows = grammar.advance(rows, np.array(ids[-1:]))
        piece = codec.decode(np.array(ids))
        assert [int(place) for place in piece.column("position")] == list(range(16)) * (len(piece.rows) // 16)
        assert piece.rows
    prime = codec.generation.prime_file(midi.format(beat(0, bars=1)), "beat.mid", PackedOptions(bars=2))
    rows = codec.generation.plan(PackedOptions(bars=2), prime).grammar.begin(1)
    for place in prime.ids:
        assert codec.generation.plan(PackedOptions(bars=2), prime).grammar.allowed(rows, np.array([2000]))[0, place]
        rows = grammar.advance(rows, np.array([place]))


HYMN = "X:1\nT:Own\nM:2/4\nL:1/4\nV:1\nV:2\nV:3 clef=bass\nV:4 clef=bass\nK:C\n"
HYMN += "[V:1] c d|Hc2|]\n[V:2] G G|G2|]\n[V:3] E D|E2|]\n[V:4] C, G,|C,2|]\n"


def test_scores_in_four_voices_are_chorales_whatever_their_format(tmp_path):
    (tune,) = abc.parse(HYMN).tunes
    (tmp_path / "a.abc").write_text(HYMN + "\nX:2\nT:Alone\nK:C\nCDEF|\n")
    (tmp_path / "b.musicxml").write_bytes(musicxml.format(tune))
    (tmp_path / "c.mxl").write_bytes(musicxml.compress(musicxml.format(tune.transposed(Interval(1, 2)))))
    files = sorted(tmp_path.iterdir())
    suited = representations.find("packed").suited_to(files)
    assert suited.grid == "chorale"
    first, second, third = (suited.files.parse(file.read_bytes(), file.name) for file in files)
    assert first.pieces[0].rows == second.pieces[0].rows
    assert first.pieces[0].rows[0] == ("72", "67", "64", "48", "0", "0")
    assert third.pieces[0].rows[0] == ("74", "69", "66", "50", "0", "0")
    assert first.faults == ["a.abc, X:2 Alone: has 1 voice with notes, and a chorale has four; leave it out"]
    shown = invoke("tokenize", "packed", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert "soprano=72" in shown.output
    assert "X:2 Alone" in shown.output


def test_scores_and_tables_are_not_mixed(tmp_path):
    (tmp_path / "hymn.abc").write_text(HYMN)
    (tmp_path / "band.csv").write_text("a,b\n1,2\n")
    (tmp_path / "duo.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RequestError, match=r"band\.csv and .*hymn\.abc: tables, scores, pictures and MIDI files"):
        representations.find("packed").suited_to(sorted(tmp_path.iterdir()))
