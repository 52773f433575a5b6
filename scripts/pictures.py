"""Draw the pictures of the documentation: a new tune, a cell while the network reads that tune, and a chorale.

    python scripts/pictures.py                      # trains a small model first, about two minutes
    python scripts/pictures.py --run runs/mine
    python scripts/pictures.py --choir runs/hymns   # only the chorale, from a run that harmonises

The pictures go into scripts/pictures/. Scores need the extra `score`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import folkseq
from folkseq.analysis.neurons import analyse
from folkseq.analysis.reading import Neuron, NeuronReading
from folkseq.music.tune import Tune
from folkseq.plots import score
from folkseq.plots.layout import WIDTH, lay_out
from folkseq.plots.style import render, shade, styled
from folkseq.representations.base import END

FOLDER = Path(__file__).parent / "pictures"
STEPS, HIDDEN = 1500, 128
SEED, CANDIDATES = 42, 16
MELODY = """X:1
T:Old Hundredth
M:4/4
L:1/4
K:G
G | G F E D | G A HB B | B B A G | c B HA G | A B A G | E F HG d | B G A c | B A HG |]
"""
LABEL = "place in bar"  # the label of the cell that is drawn
INCHES, LINE, HEADING = 8.4, 0.56, 0.5  # width of the picture, height of a line, height of the title


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run of abc; by default a small one is trained and removed")
    parser.add_argument("--choir", type=Path, help="a run that harmonises; draw only its chorale")
    arguments = parser.parse_args()
    if arguments.choir is not None:
        (FOLDER / "chorale.svg").write_bytes(score.engrave(chorale(arguments.choir)))
        return
    with TemporaryDirectory() as scratch:
        run = arguments.run or Path(scratch) / "abc"
        if arguments.run is None:
            book = Path(__file__).parents[1] / "corpora" / "folk.abc"
            folkseq.train("abc", book, steps=STEPS, hidden=HIDDEN, seed=1, out=run)
        settings = {"rhythm": "jig", "key": "D", "form": "AB", "temperature": 0.9}
        (tune,) = folkseq.load(run).sample(1, seed=SEED, best=CANDIDATES, **settings)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / "tune.svg").write_bytes(score.engrave(tune.piece))
        reading = analyse(folkseq.load(run).run).read(tune.save(Path(scratch) / "tune.abc"))
        (neuron,) = (neuron for neuron in reading.neurons if neuron.label == LABEL)
        (FOLDER / "cell.svg").write_bytes(render(draw(reading, neuron), ".svg"))
        print(neuron.summary, tune.copied, sep="\n")


def chorale(run: Path) -> Tune:
    """Return a hymn whose other three voices the model wrote: the likeliest of several answers."""
    with TemporaryDirectory() as scratch:
        melody = Path(scratch) / "melody.abc"
        melody.write_text(MELODY)
        found = folkseq.harmonise(run, melody, CANDIDATES, seed=SEED, temperature=0.7, out=Path(scratch) / "answers")
        likeliest = min(found.answers, key=lambda written: written.nll)
        return likeliest.answer.tune


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
