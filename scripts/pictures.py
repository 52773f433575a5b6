"""Draw the pictures of the documentation: a new tune, a cell while the network reads that tune, a chorale, the studio.

    python scripts/pictures.py          # all of them, or some: python scripts/pictures.py studio

The pretrained models write the music, and the pictures go into scripts/pictures/. That needs the extras `score`,
`plot`, `train`, `corpora` and `test`, and for the studio the program chromium.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from playwright.sync_api import sync_playwright

import folkseq
from folkseq.analysis.neurons import analyse
from folkseq.analysis.reading import Neuron, NeuronReading
from folkseq.plots.layout import WIDTH, lay_out
from folkseq.plots.style import render, shade, styled
from folkseq.representations.base import END
from folkseq.studio.server import Server
from folkseq.studio.workshop import Workshop
from folkseq.verbs.trained import restore

FOLDER = Path(__file__).parent / "pictures"
TUNE_SEED, NUMBER = 2, 3  # the number is that among the tunes of the seed
SEED, CANDIDATES = 42, 16
"""The seed and the number of answers; the chorale is the likeliest."""
MELODY = """X:1
T:Old Hundredth
M:4/4
L:1/4
K:G
G | G F E D | G A HB B | B B A G | c B HA G | A B A G | E F HG d | B G A c | B A HG |]
"""
STUDIO_SEED = 7
LABEL = "place in bar"  # the label of the cell that is drawn
INCHES, LINE, HEADING = 8.4, 0.56, 0.5  # width of the picture, height of a line, height of the title


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    drawn = {"music": draw_music, "studio": draw_studio}
    for name in sys.argv[1:] or drawn:
        drawn[name]()


def draw_music() -> None:
    """Draw the tune, the cell and the chorale."""
    model = folkseq.load("tunes")
    *_, tune = model.sample(NUMBER, seed=TUNE_SEED, rhythm="jig", temperature=0.9)
    with TemporaryDirectory() as scratch:
        file = tune.save(Path(scratch) / "tune.abc")
        folkseq.convert(file, FOLDER / "tune.svg")
        reading = analyse(restore(model.run)).read(file)
        (neuron,) = (neuron for neuron in reading.neurons if neuron.label == LABEL)
        (FOLDER / "cell.svg").write_bytes(render(draw(reading, neuron), ".svg"))
        print(file.read_text(), neuron.summary, tune.copied, sep="\n")
        melody = Path(scratch) / "melody.abc"
        melody.write_text(MELODY)
        out = Path(scratch) / "answers"
        found = folkseq.harmonise("chorales", melody, CANDIDATES, seed=SEED, temperature=0.7, out=out, formats=["abc"])
        likeliest = min(found.answers, key=lambda written: written.nll)
        folkseq.convert(likeliest.files[0], FOLDER / "chorale.svg")


def draw_studio() -> None:
    """Take a picture of the studio, with alternatives for two bars."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Workshop(Path(folder)))
        thread = Thread(target=server.run, daemon=True)
        thread.start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1140}, color_scheme="light")
        page.goto(server.address)
        page.wait_for_selector(".candidate")
        page.wait_for_selector("#stop", state="hidden")
        page.locator("#ask-form details summary").click()
        page.fill("[name=seed]", str(STUDIO_SEED))
        page.locator("#ask-form details summary").click()
        page.select_option("[name=rhythm]", "jig")
        page.fill("[name=key]", "D")
        page.select_option("[name=form]", "AABB")
        page.click("#ask-form [type=submit]")
        page.wait_for_selector("#stop", state="visible")
        page.wait_for_selector("#stop", state="hidden")
        page.locator(".candidate").first.click()
        page.wait_for_timeout(1000)  # until the file has been read
        page.evaluate("studio.tune.select(2, 3)")
        page.get_by_role("button", name="Again").first.click()
        page.wait_for_selector(".small-score svg >> nth=3")
        page.mouse.move(5, 1100)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(1500)
        page.screenshot(path=FOLDER / "studio.png")
        browser.close()
        server.stop()
        thread.join()


def draw(reading: NeuronReading, neuron: Neuron) -> Figure:
    """Draw a neuron's value below each token of a piece, with letters that are legible in a README."""
    layout = lay_out(reading.tokens, reading.timing)
    lines = range(1, layout.lines)  # without the header
    height = HEADING + LINE * len(lines)
    with styled():
        figure = Figure(figsize=(INCHES, height))
        axes = figure.add_axes((0.01, 0, 0.98, 1))
        axes.set_xlim(0, WIDTH + 0.25)
        axes.set_ylim(height, 0)
        axes.axis("off")
        title = f"{neuron.name}, while the network reads {reading.name}: where are we in the bar?"
        axes.text(0, 0.2, title, fontsize=11, fontweight="bold", va="center")
        for line in lines:
            top = HEADING + LINE * (line - lines[0])
            for box in (box for box in layout.on(line) if reading.tokens[layout.token[box]] != END):
                left, right, token = layout.left[box], layout.right[box], layout.token[box]
                colour = shade(neuron.values[token])
                look = {"facecolor": colour, "edgecolor": colour, "linewidth": 0.3}
                axes.add_patch(Rectangle((left, top + 0.16), right - left, 0.26, **look))
                axes.text((left + right) / 2, top + 0.06, reading.tokens[token], ha="center", va="center", fontsize=9)
    return figure


if __name__ == "__main__":
    main()
