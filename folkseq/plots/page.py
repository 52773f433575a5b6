"""A reading as one HTML file: the figure of `neurons`, with the network's predictions at the position of the pointer.

The file loads nothing (its content security policy forbids it), and user text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

import numpy as np

from folkseq.analysis.reading import NeuronReading
from folkseq.plots.layout import lay_out
from folkseq.plots.neurons import EVENT, LEFT, draw, line_box
from folkseq.plots.style import plain, render

POINTS = 72.0  # points per inch in matplotlib's SVG
MOST_NAME, MOST_TOKEN = 100, 24  # characters

_DROPPED = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|\sxmlns(:\w+)?=\"[^\"]*\"", re.DOTALL)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title><style>
body {{ font: 14px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 1.2rem }}
svg {{ display: block; max-width: 100%; height: auto }}
.over {{ fill: transparent }} .over:hover {{ fill: #0001; stroke: #222; stroke-width: .7 }}
#told {{ position: fixed; pointer-events: none; background: #fff; border: 1px solid #888; padding: .35rem .55rem;
  max-width: 32rem; box-shadow: 0 2px 6px #0003; white-space: pre-wrap }}
</style></head><body>
<p>Point at a token to see what was expected in its place.</p>
{figure}
<div id="told" hidden></div>
<script>
const told = document.getElementById("told");
function tell(event) {{
  const over = event.target.closest?.(".over");
  told.hidden = !over;
  told.textContent = over?.dataset.told;
  told.style.left = Math.max(0, Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8)) + "px";
  told.style.top = Math.max(0, Math.min(event.clientY + 16, innerHeight - told.offsetHeight - 8)) + "px";
}}
document.addEventListener("pointermove", tell);
document.addEventListener("pointerdown", tell);
</script>
</body></html>
"""


def write(reading: NeuronReading) -> bytes:
    """Return the page of a reading, in UTF-8."""
    title = escape(f"{plain(reading.name, MOST_NAME)}, read by {plain(reading.about, MOST_NAME)}")
    figure = _DROPPED.sub("", render(draw(reading), ".svg").decode())
    figure = figure.replace("</svg>", "".join(_overlay(reading)) + "</svg>")
    return _PAGE.format(title=title, figure=figure).encode()


def _overlay(reading: NeuronReading) -> Iterator[str]:
    """Yield a rectangle with a tooltip for each token; if time is in seconds, simultaneous tokens share one."""
    layout = lay_out(reading.tokens, reading.timing)
    texts = [_described(reading, token) for token in range(len(reading.tokens))]
    for line in range(layout.lines):
        top, height = line_box(reading, line)
        boxes = layout.on(line)
        moments, which = np.unique(np.round(layout.left[boxes], 6), return_inverse=True)
        for moment, left in enumerate(moments.tolist()):
            there = boxes[which == moment]
            width = max(float(layout.right[there].max()) - left, EVENT)
            x, y, w, h = (f"{POINTS * inches:.1f}" for inches in (LEFT + left, top, width, height))
            told = escape("\n".join(texts[token] for token in layout.token[there]))
            yield f'<rect class="over" x="{x}" y="{y}" width="{w}" height="{h}" data-told="{told}"/>'


def _described(reading: NeuronReading, token: int) -> str:
    """Return a token with its surprise, the likeliest tokens at its position, and the neurons' values after it."""
    bits = reading.surprise[token]
    guesses = [f"{plain(guess, MOST_TOKEN)} {share:.0%}" for guess, share in reading.guesses[token]]
    values = [f"{plain(neuron.label, MOST_TOKEN)} {neuron.values[token]:.2f}" for neuron in reading.neurons]
    surprise = "" if np.isnan(bits) else f"   {bits:.1f} bits"
    expected = f"\n   expected: {', '.join(guesses)}" if guesses else ""
    return f"{plain(reading.tokens[token], MOST_TOKEN)}{surprise}{expected}\n   {', '.join(values)}"
