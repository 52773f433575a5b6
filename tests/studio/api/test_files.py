import base64
import io
import zipfile

import mido
import pytest

from folkseq.errors import FolkseqError
from folkseq.formats import midi
from folkseq.music.performance import Note, Performance, Track
from folkseq.studio.api import OPERATIONS
from folkseq.studio.api.files import AskForFile, Fetch, fetch_file, make_file, prepare_file
from folkseq.studio.errors import MissingError
from folkseq.studio.takeaway import SUFFIXES, PreparedFiles
from folkseq.studio.workshop import Workshop
from folkseq.verbs.record import Record

RECORD = '{"folkseq": "0.1.0", "run": "tunes", "weights": "4d6b95fafb62", "seed": 42, "index": 3}'
TUNE = f"X:1\n% folkseq 0.1.0, run tunes, seed 42, piece 3\n% {RECORD}\nT:Sí Bheag\nM:4/4\nL:1/8\nK:D\nDFAd fdAF|D8|]\n"
PITCHES = [62, 66, 69, 74, 78, 74, 69, 66, 62]
PLAYED = base64.b64encode(
    midi.format(Performance((Track.of([Note(0.0, 0.5, 60), Note(0.5, 1.0, 64)]),), name="Étude"), [RECORD])
).decode()


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


def _pitches(data):
    return [each.note for each in mido.MidiFile(file=io.BytesIO(data)) if each.type == "note_on" and each.velocity]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_has_a_name_a_type_and_the_record(workshop, suffix):
    file = make_file(workshop, AskForFile(suffix, TUNE))
    assert file.name == f"si-bheag-42-3{suffix}"
    assert "/" in file.type
    data = file.data
    if suffix == ".mxl":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = b"".join(map(archive.read, archive.namelist()))
    if suffix == ".png":  # has no room for it
        assert len(data) > 1000
    else:
        assert [(each.seed, each.index) for each in Record.find(data, file.name)] == [(42, 3)]


def test_the_text_is_taken_away_as_it_is(workshop):
    text = TUNE.replace("K:D", "Z:me % a note\r\nK:D")
    assert make_file(workshop, AskForFile(".abc", text)).data == text.encode()
    assert make_file(workshop, AskForFile(".abc", "no music")).data == b"no music"


def test_midi_has_the_notes_of_the_text(workshop):
    assert _pitches(make_file(workshop, AskForFile(".mid", TUNE)).data) == PITCHES


def test_of_several_tunes_the_first_is_taken(workshop):
    text = f"{TUNE}\n{TUNE.replace('D8', 'A8')}"
    assert _pitches(make_file(workshop, AskForFile(".mid", text)).data) == PITCHES
    assert make_file(workshop, AskForFile(".abc", text)).data == text.encode()


def test_musicxml_has_the_notes_of_the_text(workshop):
    data = make_file(workshop, AskForFile(".musicxml", TUNE)).data
    converter = pytest.importorskip("music21.converter")
    notes = converter.parse(data.decode(), format="musicxml").flatten().notes
    assert [each.pitch.midi for each in notes] == PITCHES


def test_tempo_and_swing_are_heard(workshop):
    def onsets(**others):
        found = midi.parse(make_file(workshop, AskForFile(".mid", TUNE, **others)).data).performance
        return found.tracks[0].notes["onset_s"][:3].tolist()

    assert onsets(tempo=60.0) == pytest.approx([0, 0.5, 1])
    assert onsets(tempo=60.0, swing=0.75) == pytest.approx([0, 0.75, 1])


def test_a_performance_keeps_its_bytes(workshop):
    file = make_file(workshop, AskForFile(".mid", midi=PLAYED))
    assert (file.name, file.data) == ("etude-42-3.mid", base64.b64decode(PLAYED))
    assert make_file(workshop, AskForFile(".mid", midi=PLAYED, name="../<b>x</b>")).name == "b-x-b-42-3.mid"
    assert make_file(workshop, AskForFile(".wav", midi=PLAYED)).data[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("asked", "fact"),
    [
        (AskForFile(".mid"), "no music"),
        (AskForFile(".mid", TUNE, PLAYED), "a tune or a performance"),
        (AskForFile(".mid", "X:1\nK:C\n"), "note"),
        (AskForFile(".mid", "words"), "no tune"),
        (AskForFile(".wav", TUNE.replace("D8", "Z999 D8"), tempo=10.0), "minutes"),
        (AskForFile(".mid", midi="%%%"), "base64"),
        (AskForFile(".mid", midi=base64.b64encode(b"RIFF").decode()), "performance"),
        (AskForFile(".pdf", midi=PLAYED), ".pdf"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(workshop, asked, fact):
    with pytest.raises(FolkseqError, match=fact) as error:
        make_file(workshop, asked)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["/api/files", "/api/prepare", "/api/overlap", "/api/surprise", "/api/rewrite"])
def test_a_long_tune_is_refused(path):
    (operation,) = (each for each in OPERATIONS if each.path == path)
    values = {"abc": "X:1\nM:4/4\nL:1/8\nK:C\n" + "CDEF " * 25_000}
    if operation.request is AskForFile:
        values["suffix"] = ".mid"
    with pytest.raises(FolkseqError, match="abc must have at most 100,000 characters, got 125,020"):
        operation.parse(values)


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "🎻" * 300, "x" * 10_000, "../../etc/passwd", ""])
def test_a_name_is_plain_and_short(workshop, title):
    name = make_file(workshop, AskForFile(".mid", f"X:1\nT:{title}\nK:C\nC4|]\n")).name
    assert name.isascii()
    assert len(name) < 70
    assert not set(name) & set('<>:"/\\|?* ')


def test_what_a_score_leaves_out_is_counted(workshop):
    assert prepare_file(workshop, AskForFile(".mid", TUNE)).lost == {}
    tune = "X:1\nP:ABA\nM:4/4\nL:1/4\nV:1\nV:2\nK:C\nV:1\nP:A\nCDEF|P:B\nG4|]\nV:2\nP:A\nC4|P:B\nC4|]\n"
    assert prepare_file(workshop, AskForFile(".musicxml", tune)).lost == {"order of parts (P:) of several voices": 1}


def test_a_prepared_file_is_fetched_by_its_id(workshop):
    prepared = prepare_file(workshop, AskForFile(".mid", TUNE))
    assert prepared == prepare_file(workshop, AskForFile(".mid", TUNE))
    file = fetch_file(workshop, Fetch(prepared.id))
    assert (file.name, file.type, len(file.data)) == (prepared.name, prepared.type, prepared.size)
    with pytest.raises(MissingError, match="again"):
        fetch_file(workshop, Fetch("../x"))


def test_prepared_files_take_a_bounded_room(workshop):
    kept = PreparedFiles(most=3, most_bytes=10_000)
    file = make_file(workshop, AskForFile(".abc", TUNE))
    keys = [kept.add(type(file)(f"{number}.abc", file.type, file.data)) for number in range(5)]
    with pytest.raises(MissingError):
        kept.get(keys[1])
    assert kept.get(keys[2]).name == "2.abc"
    last = kept.add(type(file)("large.wav", "audio/wav", bytes(20_000)))
    assert kept.get(last).name == "large.wav"
    with pytest.raises(MissingError):
        kept.get(keys[4])


def test_a_link_downloads_a_file(client, address):
    prepared = client.post("/api/prepare", json={"suffix": ".mid", "abc": TUNE}).json()
    token = address.partition("token=")[2]
    link = f"/api/prepared?id={prepared['id']}&token={token}"
    answer = client.get(link, headers={"X-Folkseq-Token": ""})
    assert answer.headers["content-type"] == "audio/midi"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''si-bheag-42-3.mid"
    assert _pitches(answer.content) == PITCHES
    assert client.get(link.replace(token, "x"), headers={"X-Folkseq-Token": ""}).status_code == 403
    assert client.get("/api/prepared?id=none").status_code == 404
    assert client.post("/api/files", json={"suffix": ".exe", "abc": TUNE}).status_code == 400
