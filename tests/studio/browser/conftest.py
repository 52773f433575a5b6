from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="module")
def browser(program: Callable[[str], str]) -> Iterator[Browser]:
    """Start Debian's Chromium, in which sound may start without a gesture.

    It keeps the time of sound itself: on a machine without a sound card, the clock of a device may never start.
    """
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-audio-output"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program("chromium"), args=arguments)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, address: str, folder: Path) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the studio, which remembers nothing from before the test, in a window.

    A request that leaves the machine, an error on the console, or a fault in a script fails the test.
    """
    rmtree(folder / "history", ignore_errors=True)
    host = address.partition("/?")[0]
    contexts, faults = [], []

    def open_window(width: int = 1440, height: int = 900, *, dark: bool = False, expected: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: faults.append(request.url) if not _is_local(request.url, host) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: (
                faults.append(message.text)
                if message.type == "error" and not (expected and expected in message.text)
                else None
            ),
        )
        page.goto(address)
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert faults == []


def _is_local(url: str, host: str) -> bool:
    return url.startswith((f"{host}/", "blob:", "data:"))
