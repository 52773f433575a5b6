"""Scores: the same music gives the same bytes, titles are escaped, and fonts are embedded."""

import io
import re
import xml.etree.ElementTree as ET
from threading import Thread

import pytest
from book import BOOK, JIG

from folkseq.errors import RequestError
from folkseq.formats import abc, musicxml, score

pytest.importorskip("verovio")
pytest.importorskip("typst")
HOSTILE = ["<script>alert('&')</script>]]>--><!--", "jigs 🎻 and 琴", '#eval("1") $x$ \\u{41} *b*', "x" * 10_000]


def drawn(text, suffix, **changes):
    tunes = abc.parse(text).tunes
    return score.format([musicxml.format(type(tune)(**{**vars(tune), **changes})) for tune in tunes], suffix)


@pytest.mark.parametrize("suffix", score.SUFFIXES)
def test_the_same_tune_gives_the_same_bytes(suffix):
    assert drawn(JIG, suffix) == drawn(JIG, suffix)


@pytest.mark.parametrize("tune", abc.parse(BOOK).tunes, ids=lambda tune: tune.title)
def test_every_tune_is_engraved(tune):
    root = ET.fromstring(score.format([musicxml.format(tune)], ".svg"))
    assert tune.title in "".join(root.itertext())
    assert len(root.findall(".//{*}use")) > sum(1 for _ in tune.sounds())


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_are_text(title):
    text = drawn(JIG, ".svg", titles=(title,)).decode()
    ET.fromstring(text)
    assert "<script" not in text
    assert "x" * 120 not in text
    assert drawn(JIG, ".pdf", titles=(title,)).startswith(b"%PDF")


def test_the_sign_of_a_tempo_has_its_font():
    text = drawn(JIG.replace("K:", "Q:3/8=100\nK:"), ".svg").decode()
    assert "src:url(data:font/ttf;base64," in text
    assert not re.findall(r"url\((?!data:)", text)
    assert "@font-face" not in drawn(JIG, ".svg").decode()


def test_a_pdf_has_as_many_pages_as_its_tunes_need():
    book = "\n".join(JIG.replace("X:1", f"X:{number}") for number in range(1, 13))
    pages = len(re.findall(rb"/Type */Page\b", drawn(book, ".pdf")))
    assert 2 <= pages <= 6


def test_a_png_is_white_with_black_notes():
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(drawn(JIG, ".png"))).convert("L")
    assert image.width == round(210 / 25.4 * score.PPI)
    assert image.getpixel((0, 0)) == 255
    assert image.histogram()[0] > 3000


def test_what_is_no_score_is_refused_in_one_line():
    with pytest.raises(RequestError, match="holds 'html', not a MusicXML score"):
        score.format([b"<html/>"], ".svg")


def test_a_score_is_engraved_in_any_thread():
    found = []
    for _ in range(2):
        thread = Thread(target=lambda: found.append(drawn(JIG, ".svg")))
        thread.start()
        thread.join()
    assert found == [drawn(JIG, ".svg")] * 2
