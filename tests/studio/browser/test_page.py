"""The page in a real browser."""

import pytest

pytestmark = pytest.mark.slow


def test_a_tune_is_on_the_score_when_the_page_opens(open_page):
    page = open_page()
    page.wait_for_selector("#paper svg .abcjs-note")
    page.wait_for_selector("#stop", state="hidden")
    assert page.locator("#title").inner_text() not in ("", "…", "Untitled")
    assert page.locator(".candidate").count() == 6
    assert page.locator("#score-error").is_hidden()


def test_what_is_asked_for_is_written(open_page):
    page = open_page()
    page.wait_for_selector(".candidate")
    page.select_option("[name=rhythm]", "jig")
    page.select_option("[name=instrument]", "whistle")
    page.fill("[name=key]", "Em")
    page.click("#ask-form button[type=submit]")
    page.wait_for_selector("#stop", state="hidden")
    command = page.locator("#command").text_content()
    assert "--rhythm jig" in command
    assert "--instrument whistle" in command


def test_a_wrong_key_is_a_sentence_beside_the_form(open_page):
    page = open_page(expected="400")
    page.wait_for_selector(".candidate")
    page.fill("[name=key]", "H")
    page.click("#ask-form button[type=submit]")
    page.wait_for_selector("#ask-error:visible")
    assert "H" in page.locator("#ask-error").inner_text()
