"""Tune books: one HTML file with an index, scores and players, which loads nothing."""

import io
import re
from base64 import b64decode
from html.parser import HTMLParser

import pytest
from book import BOOK, JIG
from click.testing import CliRunner
from performances import solo

from folkseq.book.verb import book
from folkseq.cli import main
from folkseq.errors import FolkseqError, ParseError, RequestError
from folkseq.formats import abc, audio, midi, musicxml
from folkseq.music.playback import perform

pytest.importorskip("verovio")
TITLE = "<script>alert('a & b')</script>"


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text in each kind of them."""

    def __init__(self, data):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(data.decode("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def made(tmp_path):
    """Write a book of texts of ABC, without sound unless it is asked for."""

    def make(*texts, **options):
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.abc").write_text(text)
        written = book([tmp_path], tmp_path / "winter_tunes.html", **{"sound": False} | options)
        return written, written.file.read_bytes()

    return make


@pytest.fixture
def soundfont():
    """A small soundfont."""
    for module in ("midirenderer", "soundfile", "mido"):
        pytest.importorskip(module)
    return audio.Path(pytest.importorskip("pretty_midi").__file__).with_name("TimGM6mb.sf2")


def test_the_index_has_each_tune_with_rhythm_key_and_meter_and_leads_to_it(made):
    written, data = made(BOOK)
    page = Page(data)
    assert written.tunes == 3
    assert page.texts["td"] == [
        *("1", "The Test Jig", "Jig", "G major", "6/8"),
        *("2", "The Test Reel", "reel", "E dorian", "2/2"),
        *("3", "The Test Waltz", "", "B♭ major", "3/4"),
    ]
    targets = [each["href"] for each in page.all("a") if each["href"].startswith("#tune-")]
    assert targets == [f"#{each['id']}" for each in page.all("article")] == ["#tune-1", "#tune-2", "#tune-3"]


def test_each_tune_has_its_score_in_the_page_and_its_source(made):
    _, data = made(BOOK)
    page = Page(data)
    assert [each["aria-label"] for each in page.all("figure")] == [
        f"Score of The Test {name}" for name in ("Jig", "Reel", "Waltz")
    ]
    for part in re.findall(r"<figure.*?</figure>", data.decode(), re.DOTALL):
        assert part.count("<svg") >= 1
        assert part.count("<use") > 10  # signs of notes
    (tune,) = abc.parse(page.texts["pre"][0]).tunes
    assert tune == abc.parse(abc.format(abc.parse(JIG).tunes[0])).tunes[0]


def test_no_score_uses_signs_of_another_tune(made):
    _, data = made(*(JIG.replace("The Test Jig", f"Jig {number}") for number in range(3)))
    figures = re.findall(r"<figure.*?</figure>", data.decode(), re.DOTALL)
    signs = [set(re.findall(r'\bid="([^"]+)"', figure)) for figure in figures]
    assert all(signs)
    assert len(set.union(*signs)) == sum(map(len, signs))
    for own, figure in zip(signs, figures, strict=True):
        assert set(re.findall(r'href="#([^"]+)"', figure)) <= own


def test_the_page_loads_nothing(made, soundfont):
    _, data = made(JIG.replace("K:", "Q:3/8=100\nK:"), sound=True, soundfont=soundfont)
    page = Page(data)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, name)
    assert not page.all("link")
    assert re.findall(r"url\(\s*['\"]?(?!data:|#)", data.decode()) == []
    assert not re.search(r"@import|\bfetch\(|XMLHttpRequest|\bimport\(", data.decode())
    (policy,) = [each["content"] for each in page.all("meta") if "http-equiv" in each]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "*" not in policy


def test_the_page_prints_without_its_controls(made):
    _, data = made(JIG)
    css = Page(data).texts["style"][0]
    printed = css[css.index("@media print") :]
    assert re.search(r"\.tools, audio,[^{]*\{ display: none !important \}", printed)
    assert "break-inside: avoid" in css


def test_each_tune_has_a_player_with_its_sound(made, soundfont):
    import mido
    import soundfile

    _, data = made(BOOK, sound=True, soundfont=soundfont)
    players = Page(data).all("audio")
    assert [each["aria-label"] for each in players] == [f"Play The Test {name}" for name in ("Jig", "Reel", "Waltz")]
    assert len({each["src"] for each in players}) == 3
    for tune, player in zip(abc.parse(BOOK).tunes, players, strict=True):
        kind, sound = player["src"].split(",")
        assert kind == "data:audio/ogg;base64"
        samples, rate = soundfile.read(io.BytesIO(b64decode(sound)), always_2d=True)
        assert abs(samples).max() > 0.1
        music = mido.MidiFile(file=io.BytesIO(midi.format(perform(tune)))).length
        assert -1 < len(samples) / rate - music < 4.5


def test_a_tune_whose_sound_cannot_be_made_is_reported_and_the_others_are_in_the_book(made, soundfont, monkeypatch):
    monkeypatch.setattr(audio, "LONGEST_S", 12.0)
    written, data = made(BOOK, sound=True, soundfont=soundfont)
    assert Page(data).texts["h2"] == ["1The Test Reel", "2The Test Waltz"]
    assert written.tunes == 2
    (fault,) = written.faults
    assert fault.startswith("The Test Jig: the music lasts")


def test_without_sound_there_is_no_player_and_the_book_says_why(made, monkeypatch):
    def missing(path=None):
        raise RequestError("no soundfont; install folkseq[sound]")

    monkeypatch.setattr(audio, "find_soundfont", missing)
    written, data = made(JIG, sound=True)
    assert written.notices == ("the book has no players: no soundfont; install folkseq[sound]",)
    assert not Page(data).all("audio")
    assert made(JIG, sound=False)[0].notices == ()
    with pytest.raises(RequestError, match="no soundfont"):
        made(JIG, sound=True, soundfont="mine.sf2")


@pytest.mark.parametrize("field", ["T:", "R:", "C:", "S:", "N:", "W:", "w:"])
def test_what_a_file_says_is_text(made, field):
    text = f"X:1\nT:Plain\n{field}{TITLE}\nK:C\nCDEF|\n"
    if field == "w:":
        text = f"X:1\nT:Plain\nK:C\nCDEF|\nw:{TITLE}\n"
    _, data = made(text, title=TITLE)
    page = Page(data)
    assert len(page.all("script")) == 1
    assert page.texts["h1"] == page.texts["title"][:1] == [TITLE]
    if field == "T:":
        assert TITLE in page.texts["article"][0]


def test_files_of_every_format_are_tunes_of_a_book(made, tmp_path):
    (tune,) = abc.parse(JIG).tunes
    (tmp_path / "b.musicxml").write_bytes(musicxml.format(tune))
    (tmp_path / "c.mxl").write_bytes(musicxml.compress(musicxml.format(tune)))
    (tmp_path / "a melody.mid").write_bytes(
        midi.format(solo(*((60 + n % 5, 90, n * 0.5, n * 0.5 + 0.5) for n in range(16))))
    )
    written, data = made(JIG)
    assert written.tunes == 4
    assert Page(data).texts["h2"] == ["1The Test Jig", "2a melody", "3The Test Jig", "4The Test Jig"]


def test_a_tune_in_several_formats_is_in_the_book_once(made, tmp_path):
    (tmp_path / "0.mid").write_bytes(midi.format(perform(abc.parse(JIG).tunes[0])))
    (tmp_path / "0.musicxml").write_bytes(musicxml.format(abc.parse(JIG).tunes[0]))
    written, data = made(JIG)
    assert Page(data).texts["h2"] == ["1The Test Jig"]
    assert written.notices == (f"{tmp_path}: 2 files are left out, which another one with the same name replaces",)


def test_the_title_of_a_book_is_given_or_the_name_of_its_file(made):
    assert Page(made(JIG)[1]).texts["h1"] == ["winter tunes"]
    assert Page(made(JIG, title="For a Session")[1]).texts["h1"] == ["For a Session"]


def test_what_cannot_be_read_is_reported_and_the_rest_is_in_the_book(made):
    written, _ = made(f"{JIG}\nX:9\nT:Broken\nK:\nL:nothing\n[CD\n")
    assert written.tunes == 1
    (fault,) = written.faults
    assert "0.abc" in fault
    assert "X:9" in fault


@pytest.mark.parametrize("data", [b"", b"no tune at all", b"\xff\xfe\x00"])
def test_files_without_tunes_are_refused_in_one_line(tmp_path, data):
    (tmp_path / "empty.abc").write_bytes(data)
    with pytest.raises(ParseError) as caught:
        book([tmp_path / "empty.abc"], tmp_path / "book.html", sound=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "book.html").exists()


@pytest.mark.parametrize(("name", "out"), [("", "book.html"), ("notes.csv", "book.html"), ("0.abc", "book.pdf")])
def test_other_files_and_empty_folders_are_refused(tmp_path, name, out):
    if name:
        (tmp_path / name).write_text(JIG)
    with pytest.raises(FolkseqError):
        book([tmp_path / name], tmp_path / out, sound=False)


def test_the_command_names_the_file_and_counts_what_is_lost_unless_it_is_quiet(tmp_path):
    (tmp_path / "odd.abc").write_text(JIG.replace("D|:", "!slide!D|:"))
    command = ["book", str(tmp_path / "odd.abc"), "-o", str(tmp_path / "odd.html"), "--no-sound"]
    loud, quiet = (CliRunner().invoke(main, [*command, *more]) for more in ([], ["--quiet"]))
    assert (loud.exit_code, quiet.exit_code) == (0, 0), loud.output
    assert loud.stdout == f"{tmp_path / 'odd.html'}\n"
    assert quiet.stdout == ""
    assert "slide" in loud.stderr
    assert quiet.stderr == loud.stderr
