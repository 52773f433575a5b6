"""Taking away, collecting, the history, and how new a tune is, in a real browser."""

from pathlib import Path

import httpx
import mido
import pytest

pytestmark = pytest.mark.slow
TUNE = "X:1\nT:<img src=x onerror=alert(1)> 🎻\nM:4/4\nL:1/8\nQ:1/4=120\nK:D\n|:DFAd fdAF|D8:|\nGBdB GBdB|A8|]\n"
PITCHES = [62, 66, 69, 74, 78, 74, 69, 66, 62] * 2 + [67, 71, 74, 71] * 2 + [69]


@pytest.fixture
def page(open_page):
    return _ready(open_page())


def _ready(page):
    page.wait_for_selector("#paper svg .abcjs-note")
    page.wait_for_selector("#stop", state="hidden")
    return page


def _change(page, text, label="pasted"):
    page.evaluate("([text, label]) => studio.tune.change(text, label)", [text, label])


def _until(page, condition, value=None):
    """Wait until a function of the page returns true; the page's policy forbids Playwright's own way."""
    for _ in range(600):
        if page.evaluate(condition, value):
            return
        page.wait_for_timeout(100)
    raise AssertionError(condition)


def _saved(page):
    _until(page, "() => sessionStorage.getItem('unsaved') === '[]'")


def _take(page, name):
    with page.expect_download() as waiting:
        take = page.locator("#take")
        take.get_by_role("link", name=name, exact=True).or_(take.get_by_role("button", name=name, exact=True)).click()
    return waiting.value.suggested_filename, Path(waiting.value.path())


def test_downloads_have_the_notes_of_the_text(page):
    _change(page, TUNE)
    page.wait_for_selector("#take a[href]:has-text('MusicXML')")
    name, path = _take(page, "MIDI")
    assert name == "img-src-x-onerror-alert-1.mid"
    assert [each.note for each in mido.MidiFile(path) if each.type == "note_on" and each.velocity] == PITCHES
    assert "Saved img-src" in page.locator("#take .taken").inner_text()
    assert _take(page, "ABC")[1].read_bytes() == TUNE.encode()
    _, path = _take(page, "MusicXML")
    converter = pytest.importorskip("music21.converter")
    score = converter.parse(path.read_text(), format="musicxml").expandRepeats()
    assert [each.pitch.midi for each in score.flatten().notes] == PITCHES
    page.locator("#take .more-formats summary").click()
    assert _take(page, "SVG")[1].read_text().startswith("<svg")


def test_a_file_can_be_dragged_into_another_program(page):
    _change(page, TUNE)
    page.wait_for_selector("#take a[href]:has-text('MIDI')")
    data = page.evaluate(
        """() => {
          const data = new DataTransfer(), link = document.querySelector("#take a.file");
          link.dispatchEvent(new DragEvent("dragstart", { dataTransfer: data, bubbles: true }));
          return [data.getData("DownloadURL"), data.getData("text/uri-list")];
        }"""
    )
    kind, name, url = data[0].split(":", 2)
    assert (kind, name, url) == ("audio/midi", "img-src-x-onerror-alert-1.mid", data[1])
    assert httpx.get(url).content[:4] == b"MThd"
    stale = "text => { studio.tune.change(text, ''); return document.querySelectorAll('#take a.file[href]').length; }"
    assert page.evaluate(stale, TUNE.replace("D8", "D4 D4")) == 0  # what is dragged is never an earlier version


def test_what_cannot_be_taken_away_says_why(open_page):
    page = _ready(open_page(expected="400"))
    _change(page, "X:1\nT:None\nK:C\n")
    page.wait_for_selector("#take a[href]:has-text('ABC')")
    page.locator("#take").get_by_role("button", name="PDF").click()
    page.wait_for_selector("#take .error:visible")
    assert "note" in page.locator("#take .error:visible").inner_text()
    _saved(page)


def test_a_reload_restores_text_versions_and_undo(page):
    first = page.evaluate("studio.tune.abc")
    _change(page, TUNE)
    _change(page, TUNE.replace("D8", "d8"), "again")
    page.reload()
    _ready(page)
    assert page.evaluate("studio.tune.abc") == TUNE.replace("D8", "d8")
    assert page.evaluate("studio.tune.versions.map(each => each.label)") == ["new", "pasted", "again"]
    assert page.locator(".candidate").count() == 6
    page.evaluate("studio.tune.undo()")
    assert page.evaluate("studio.tune.abc") == TUNE
    page.evaluate("studio.tune.undo()")
    assert page.evaluate("studio.tune.abc") == first
    page.evaluate("studio.tune.redo()")
    _saved(page)
    page.reload()
    _ready(page)
    assert page.evaluate("studio.tune.abc") == TUNE
    page.evaluate("studio.tune.redo()")
    assert page.evaluate("studio.tune.abc") == TUNE.replace("D8", "d8")


def test_another_visit_opens_the_newest_tune(page, open_page):
    _change(page, TUNE)
    _saved(page)
    other = _ready(open_page())
    assert other.evaluate("studio.tune.abc") == TUNE
    assert other.locator("#history-list .titled").first.inner_text() == TUNE.split("\n")[1][2:]


def test_two_pages_with_one_tune_lose_nothing(page, open_page):
    _change(page, TUNE)
    _saved(page)
    other = _ready(open_page(expected="409"))
    _change(page, TUNE.replace("D8", "d8"))
    _saved(page)
    _change(other, TUNE.replace("D8", "A8"))
    _until(other, "id => studio.tune.id !== id", page.evaluate("studio.tune.id"))
    _saved(other)
    texts = set()
    for each in (page, other):
        each.reload()
        _ready(each)
        texts.add(each.evaluate("studio.tune.abc"))
    assert texts == {TUNE.replace("D8", "d8"), TUNE.replace("D8", "A8")}


def test_a_tune_of_the_history_is_opened_again(page):
    first = page.evaluate("studio.tune.abc")
    _change(page, first.replace("T:", "T:Changed "))
    page.locator(".candidate:not([aria-current])").first.click()
    _until(page, "text => studio.tune.abc !== text", first.replace("T:", "T:Changed "))
    _saved(page)
    page.locator("#history-list .titled", has_text="Changed").first.click()
    _until(page, "text => studio.tune.abc === text", first.replace("T:", "T:Changed "))
    page.evaluate("studio.tune.undo()")
    assert page.evaluate("studio.tune.abc") == first


def test_what_cannot_be_saved_is_said_and_sent_later(open_page):
    page = _ready(open_page(expected="507"))
    _saved(page)
    page.route("**/api/history", lambda route: route.fulfill(status=507, json={"error": "the disk is full"}))
    _change(page, TUNE)
    page.wait_for_selector("text=This tune is not saved yet: the disk is full")
    page.unroute("**/api/history")
    _saved(page)
    page.wait_for_selector("text=This tune is not saved yet", state="hidden")


def test_a_tune_is_collected_into_a_book_and_removed(page, folder):
    _change(page, TUNE)
    page.get_by_role("button", name="Collect").click()
    page.wait_for_selector("#take .taken:has-text('tunes')")
    assert (folder / "tunes/img-src-x-onerror-alert-1.abc").read_text() == TUNE
    assert (folder / "tunes/img-src-x-onerror-alert-1.mid").exists()
    page.click("#collection > summary")
    with page.expect_download(timeout=180_000) as waiting:
        page.click("text=Make the book")
    book = Path(waiting.value.path()).read_text()
    assert "<audio" in book
    assert "&lt;img src=x" in book
    page.click("#collection >> text=Remove")
    page.wait_for_selector("#collection li", state="detached")
    assert list((folder / "tunes").iterdir()) == []
    page.click("#collection >> text=Undo")
    page.wait_for_selector("#collection li")
    assert (folder / "tunes/img-src-x-onerror-alert-1.abc").read_text() == TUNE


@pytest.mark.parametrize("width", [390, 1440])
def test_both_tunes_are_shown_with_the_shared_bars_marked(open_page, width):
    page = _ready(open_page(width))
    button = page.locator("#candidate-list .verdict").first
    button.click()
    page.wait_for_selector("#compare .sides :is(svg, button)")
    build = page.get_by_role("button", name="Build the book")
    if build.is_visible():
        pytest.importorskip("music21")
        build.click()
        page.wait_for_selector("#compare .sides svg", timeout=180_000)
    assert page.locator("#compare .sides section").count() == 2
    for section in page.locator("#compare .sides section").all():
        assert section.locator("rect.shared").count() >= 1
        marked, paper = section.locator("rect.shared").first.bounding_box(), section.locator("svg").bounding_box()
        assert paper["x"] <= marked["x"] < paper["x"] + paper["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")
    page.wait_for_selector("#compare", state="hidden")
