"""What axe-core finds, in both themes, and whether the page fits phones and large print."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.slow


def _faults(page):
    """Return what axe-core calls serious or critical, with the elements concerned."""
    violations = Axe().run(page).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    return {each["id"]: [node["html"][:120] for node in each["nodes"]] for each in serious}


def _opened(page):
    page.wait_for_selector("#paper svg .abcjs-note")
    page.wait_for_selector("#stop", state="hidden")
    return page


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(open_page, dark):
    page = _opened(open_page(dark=dark))
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()
    assert _faults(page) == {}


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 256)])  # a phone; 1280 pixels at 400 %
def test_nothing_is_cut_off_on_a_narrow_page(open_page, width, height):
    page = _opened(open_page(width, height))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, h1, h2, summary")]
        .filter(each => each.checkVisibility({visibilityProperty: true}))
        .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
        .filter(([, box]) => box.width > 1 && (box.left < -1 || box.right > innerWidth + 1)).map(([html]) => html)"""
    )
    assert outside == []


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(open_page):
    page = _opened(open_page())
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, summary, a[href]")]
        .filter(each => each.checkVisibility() && !each.disabled && each.tabIndex >= 0 && each.type !== "radio")
        .length"""
    )
    reached = set()
    for _ in range(wanted + 40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(() => { const e = document.activeElement; return e.dataset.n ??= Math.random() })()")
        )
    assert len(reached) >= wanted
