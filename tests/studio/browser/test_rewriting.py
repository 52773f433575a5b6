"""Bars written again, the tune continued and harmonised, and the choices at a note, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from folkseq.formats.abc.splice import find_bars
from folkseq.studio.open_text import OpenText

pytestmark = pytest.mark.slow

TUNE = """X:1
T:Bread & <b>Butter</b>
R:reel
M:4/4
L:1/8
K:D % two sharps
|:A2FA   d2fd|.e2cA "Em"B2 GB|(A2F)A d2fd|ecAc d4 |
A2FA d2fd| e2cA B2GB  |A2FA d2fd|ecAc d4:|
"""


@pytest.fixture
def page(open_page):
    """Return a page with the tune."""
    page = open_page()
    page.wait_for_selector("#paper svg .abcjs-note")
    page.wait_for_selector("#stop", state="hidden")
    page.evaluate("abc => studio.tune.open(abc, 'given')", TUNE)
    page.wait_for_selector("#play:enabled")
    return page


def text(page):
    return page.evaluate("studio.tune.abc")


def bars(abc):
    found, _ = find_bars(abc)
    return [tuple(abc[start:stop] for start, stop in bar.parts) for bar in found]


def select(page, first, last):
    page.evaluate(f"studio.tune.select({first}, {last})")
    page.wait_for_selector("#menu", state="visible")


@pytest.mark.parametrize("way", ["Again", "Plainer", "Bolder", "Vary"])
def test_only_the_selected_bars_change_and_undo_brings_them_back(page, way):
    select(page, 3, 6)
    page.click(f"#menu button:text-is('{way}')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    assert page.locator(".alternative svg path").count() > 0
    page.locator(".alternative button:text-is('Take')").first.click()
    taken = text(page)
    assert taken != TUNE
    assert bars(taken)[:2] + bars(taken)[6:] == bars(TUNE)[:2] + bars(TUNE)[6:]
    page.keyboard.press("Control+z")
    assert text(page) == TUNE
    page.keyboard.press("Control+Shift+z")
    assert text(page) == taken
    page.click("#whole button:text-is('Undo')")
    assert text(page) == TUNE
    assert page.locator("#whole button:text-is('Undo')").is_disabled()


def test_an_alternative_is_heard_among_the_bars_around_it(page):
    select(page, 4, 4)
    page.click("#menu button:text-is('Again')")
    page.wait_for_selector(".alternative")
    listen = page.locator(".alternative button").first
    listen.click()
    page.wait_for_selector(".alternative button:text-is('Stop')")
    for _ in range(600):
        if page.evaluate("studio.player.state") == "playing":
            break
        page.wait_for_timeout(100)
    assert page.evaluate("studio.player.music.abc === studio.tune.abc") is False
    page.locator(".alternative button:text-is('Stop')").click()
    page.wait_for_selector(".alternative button:text-is('Stop')", state="detached")


def test_bars_are_rewritten_with_the_keyboard_alone(page):
    page.focus("#paper")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("studio.tune.selection") == {"first": 2, "last": 3}
    assert page.evaluate("document.activeElement.textContent") == "Again"
    page.keyboard.press("Enter")
    page.wait_for_selector(".alternative")
    assert page.evaluate("document.activeElement.id") == "alternatives-heading"
    page.keyboard.press("Escape")
    assert page.locator("#alternatives").is_hidden()
    assert page.evaluate("document.activeElement.id") == "paper"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("#menu").is_hidden()


@pytest.mark.parametrize("way", ["Continue", "New second part", "Harmonise"])
def test_the_whole_tune_goes_on_or_gets_voices(page, way):
    page.click(f"#whole button:text-is('{way}')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    page.locator(".alternative button:text-is('Take')").last.click()
    new = OpenText.read(text(page))
    assert len(new.tune.voices) == (4 if way == "Harmonise" else 1)
    assert way == "Harmonise" or bars(text(page))[:8] == bars(TUNE)
    page.wait_for_selector("#play:enabled")
    assert page.evaluate("studio.tune.reading.faults.filter(each => !each.lost)") == []


def test_what_cannot_be_done_is_said_where_the_alternatives_would_be(page, open_page):
    page = open_page(expected="400")
    page.wait_for_selector("#stop", state="hidden")
    page.evaluate("studio.tune.open('X:1\\nM:4/4\\nL:1/8\\nK:C\\nV:1\\nC8|\\nV:2\\nE8|\\n', 'given')")
    page.click("#whole button:text-is('Continue')")
    page.wait_for_selector("#alternatives .error:visible")
    assert "several voices" in page.locator("#alternatives .error").inner_text()


def test_settings_are_used_and_more_can_be_asked_for(page):
    page.click("#settings summary")
    page.fill("#settings [name=count]", "2")
    page.fill("#settings [name=seed]", "5")
    select(page, 1, 4)
    page.click("#menu button:text-is('Bolder')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    assert page.locator("#menu").is_hidden()
    records = page.locator(".alternative details")
    assert ["seed 5, piece 1, temperature 1.4" in each.text_content() for each in records.all()] == [True, False]
    page.click("#alternatives button:text-is('More')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    assert records.count() == 4


def test_what_is_written_can_be_cancelled(page):
    page.click("#settings summary")
    page.fill("#settings [name=count]", "16")
    page.click("#whole button:text-is('New second part')")
    page.wait_for_selector(".alternative")
    page.click("#alternatives button:text-is('Cancel')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    found = page.locator(".alternative").count()
    assert 1 <= found < 16
    page.wait_for_timeout(1500)
    assert page.locator(".alternative").count() == found
    assert page.locator("#alternatives .error").is_hidden()


def test_typing_makes_the_alternatives_go_away(page):
    select(page, 1, 1)
    page.click("#menu button:text-is('Again')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    page.evaluate("studio.tune.change(studio.tune.abc + '% more\\n', 'typing')")
    assert page.locator("#alternatives").is_hidden()


def test_surprise_is_told_by_words_and_weight_and_choices_lead_somewhere(page):
    page.click("#whole button:text-is('Surprise')")
    page.wait_for_selector(".legend")
    notes = page.locator("#paper [data-note]")
    names = {each.get_attribute("aria-label") or "" for each in notes.all()}
    assert len(names) > 10
    assert any("expected" in name for name in names)
    assert any("surprising" in name for name in names)
    style = "getComputedStyle(document.querySelector('.surprise-{} path')).strokeWidth"
    widths = {page.evaluate(style.format(level)) for level in (0, 2)}
    assert len(widths) == 2
    note = page.locator("#paper [data-note='9']").first
    note.hover()
    page.wait_for_selector("#choices li")
    assert 5 <= page.locator("#choices li").count() <= 6
    assert page.locator("#choices [aria-current]").count() == 1
    page.keyboard.press("Escape")
    page.locator("#choices button:not([aria-current])").first.click()
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    page.locator(".alternative button:text-is('Take')").first.click()
    assert bars(text(page))[0] == bars(TUNE)[0]
    page.wait_for_selector("#paper [data-note]")  # the new tune is shaded, too
    page.click("#whole button:text-is('Surprise')")
    assert page.locator("#paper [data-note]").count() == 0


def test_choices_are_reached_with_the_keyboard(page):
    page.click("#whole button:text-is('Surprise')")
    page.wait_for_selector(".legend")
    page.focus("#paper [data-note][tabindex='0']")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.note") == "1"
    page.keyboard.press("Enter")
    page.wait_for_selector("#choices li button:focus")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('#choices') !== null")
    page.keyboard.press("Escape")
    assert page.locator("#choices").is_hidden()
    assert page.evaluate("document.activeElement.dataset.note") == "1"


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_in_the_menus_and_alternatives(open_page, dark):
    page = open_page(dark=dark)
    page.wait_for_selector("#paper svg .abcjs-note")
    page.wait_for_selector("#stop", state="hidden")
    page.click("#whole button:text-is('Surprise')")
    page.wait_for_selector(".legend")
    page.click("#whole button:text-is('Harmonise')")
    page.wait_for_selector("#alternatives[aria-busy]", state="detached")
    select(page, 1, 2)
    page.focus("#paper [data-note][tabindex='0']")
    page.wait_for_selector("#choices li")
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
