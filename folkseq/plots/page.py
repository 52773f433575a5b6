"""A reading as one HTML file: the figure of `neurons` with the expected tokens where the reader points.

Over each token, or all tokens of one moment where time is in seconds, are its surprise, the likeliest tokens in its
place and the neurons' values. The file loads nothing (its content security policy says so), and user text is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape

import numpy as np

from folkseq.analysis.reading import NeuronReading
from folkseq.plots.layout import lay_out
from folkseq.plots.neurons import EVENT, LEFT, draw, line_box
from folkseq.plots.style import plain, render

POINTS = 72.0  # in an inch of matplotlib's SVG
MOST_NAME, MOST_TOKEN = 100, 24  # characters

_HEADER = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|\sxmlns(:\w+)?=\"[^\"]*\"", re.DOTALL)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title><style>
body {{ font: 14px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 1.2rem }}
svg {{ display: block; max-width: 100%; height: auto }}
.over {{ fill: transparent }} .over:hover {{ fill: #0001; stroke: #222; stroke-width: .7 }}
#told {{ position: fixed; display: none; pointer-events: none; background: #fff; border: 1px solid #888;
  padding: .35rem .55rem; font-size: 12.5px; max-width: 32rem; box-shadow: 0 2px 6px #0003; white-space: pre-wrap }}
</style></head><body>
<p>Point at a token to see what was expected in its place.</p>
{figure}
<div id="told"></div>
<script type="application/json" id="data">{data}</script>
<script type="application/json" id="names">{names}</script>
<script>
const [data, names] = ["data", "names"].map(id => JSON.parse(document.getElementById(id).textContent));
const told = document.getElementById("told");
function tell(event) {{
  const over = event.target.closest ? event.target.closest(".over") : null;
  told.style.display = over ? "block" : "none";
  if (!over) return;
  told.textContent = over.dataset.i.split(" ").map(i => {{
    const it = data[i], guesses = it.g.map(g => g[0] + " " + (100 * g[1]).toFixed(0) + " %");
    return it.t + (it.s === null ? "" : "   " + it.s.toFixed(1) + " bits")
      + (guesses.length ? "\\n   expected: " + guesses.join(", ") : "")
      + "\\n   " + it.v.map((v, n) => names[n] + " " + v.toFixed(2)).join(", ");
  }}).join("\\n");
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
    drawing = _HEADER.sub("", render(draw(reading), ".svg").decode())
    data = [
        {
            "t": plain(token, MOST_TOKEN),
            "s": None if np.isnan(bits) else round(float(bits), 2),
            "g": [[plain(guess, MOST_TOKEN), round(probability, 4)] for guess, probability in guesses],
            "v": [round(float(neuron.values[place]), 3) for neuron in reading.neurons],
        }
        for place, (token, bits, guesses) in enumerate(
            zip(reading.tokens, reading.surprise, reading.guesses, strict=True)
        )
    ]
    page = _PAGE.format(
        title=escape(f"{plain(reading.name, MOST_NAME)}, read by {plain(reading.about, MOST_NAME)}"),
        figure=drawing.replace("</svg>", "".join(_overlay(reading)) + "</svg>"),
        data=_embedded(data),
        names=_embedded([plain(neuron.label, MOST_TOKEN) for neuron in reading.neurons]),
    )
    return page.encode()


def _embedded(value: object) -> str:
    """Return JSON that no markup can end: without `<`, `>` and `&`."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _overlay(reading: NeuronReading) -> Iterator[str]:
    """Yield a rectangle to point at for each moment of each line, with the numbers of its tokens."""
    layout = lay_out(reading.tokens, reading.timing)
    for line in range(layout.lines):
        top, height = line_box(reading, line)
        boxes = layout.on(line)
        moments, which = np.unique(np.round(layout.left[boxes], 6), return_inverse=True)
        for place, left in enumerate(moments.tolist()):
            there = boxes[which == place]
            width = max(float(layout.right[there].max()) - left, EVENT)
            x, y, w, h = (POINTS * inches for inches in (LEFT + left, top, width, height))
            tokens = " ".join(map(str, layout.token[there].tolist()))
            yield f'<rect class="over" data-i="{tokens}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
