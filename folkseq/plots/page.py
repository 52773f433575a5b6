"""A reading as one HTML file that needs no other: the picture of `cells`, with what was expected where one points.

Over a token, or over all tokens of a moment where time is in seconds, stand what each cost and the likeliest guesses in
its place. What comes from users is escaped, and the file may load nothing (its content security policy says so).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

import numpy as np

from folkseq.plots.history import plain
from folkseq.plots.layout import LINE_S, WIDTH, Layout, lay_out
from folkseq.plots.picture import SHADES
from folkseq.plots.reading import Reading
from folkseq.plots.roll import Roll
from folkseq.plots.shades import hexadecimal, shade
from folkseq.plots.strips import EVENT, costs, most_bits

INCH = 96.0
"""Pixels."""
LEFT, TEXT, ROW, SURPRISE, ROLL = 120.0, 22.0, 17.0, 46.0, 150.0
"""Pixels: to the left of the music, and of a line's rows."""
MOST_NAME, MOST_TOKEN = 100, 24
"""Characters."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; margin: 1.2rem; background: #fff }
h1 { font-size: 1.25rem; margin: 0 0 .4rem } ul { margin: 0 0 .8rem; padding-left: 1.2rem }
svg { display: block; margin: 0 0 14px } text { font: 12px ui-monospace, monospace; fill: #222 }
text.name { font: 11px system-ui, sans-serif } .over { fill: transparent } .over:hover { fill: #0001; stroke: #222 }
.key { display: flex; gap: .5rem; align-items: center; margin-bottom: 1rem }
.key i { display: inline-block; width: 16rem; height: .8rem; background: linear-gradient(90deg, STOPS) }
#told { position: fixed; display: none; pointer-events: none; background: #fff; border: 1px solid #888;
  padding: .35rem .55rem; font-size: 12.5px; max-width: 32rem; box-shadow: 0 2px 6px #0003; white-space: pre-wrap }
"""
_SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent), told = document.getElementById("told");
function tell(event) {
  const over = event.target.closest ? event.target.closest(".over") : null;
  told.style.display = over ? "block" : "none";
  if (!over) return;
  told.textContent = over.dataset.i.split(" ").map(function (i) {
    const it = data[i], guesses = it.g.map(function (g) { return g[0] + " " + (100 * g[1]).toFixed(0) + " %"; });
    return it.t + (it.s === null ? "" : "   " + it.s.toFixed(1) + " bits")
      + (guesses.length ? "\\n   expected: " + guesses.join(", ") : "")
      + "\\n   " + it.v.map(function (v, n) { return names[n] + " " + v.toFixed(2); }).join(", ");
  }).join("\\n");
  told.style.left = Math.max(0, Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8)) + "px";
  told.style.top = Math.max(0, Math.min(event.clientY + 16, innerHeight - told.offsetHeight - 8)) + "px";
}
const names = JSON.parse(document.getElementById("names").textContent);
document.addEventListener("pointermove", tell);
document.addEventListener("pointerdown", tell);
"""


def write(reading: Reading) -> bytes:
    """The page of a reading, in UTF-8."""
    layout = lay_out(reading.tokens, reading.places)
    title = escape(f"{plain(reading.name, MOST_NAME)}, read by {plain(reading.about, MOST_NAME)}")
    stops = ", ".join(hexadecimal(colour) for colour in shade(np.linspace(-1, 1, 9)))
    told = "".join(f"<li>{escape(plain(cell.told, MOST_NAME))}</li>" for cell in reading.cells)
    names = [plain(cell.label, MOST_TOKEN) for cell in reading.cells]
    whole = f" Its {reading.part}." if reading.part else ""
    lines = "\n".join(_line(reading, layout, number) for number in range(layout.lines))
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title><style>{_STYLE.replace("STOPS", stops)}</style></head><body>
<h1>{title}</h1>
<ul>{told}</ul>
<div class="key">−1 <i></i> 1 &nbsp; {escape(reading.shown)} after each token.{whole} Point at a token for what was
expected in its place.</div>
{lines}
<div id="told"></div>
<script type="application/json" id="data">{_embedded(_data(reading))}</script>
<script type="application/json" id="names">{_embedded(names)}</script>
<script>{_SCRIPT}</script>
</body></html>
"""
    return page.encode()


def _data(reading: Reading) -> list[dict[str, object]]:
    """What is told of each token."""
    return [
        {
            "t": plain(token, MOST_TOKEN),
            "s": None if np.isnan(reading.surprise[place]) else round(float(reading.surprise[place]), 2),
            "g": [[plain(guess, MOST_TOKEN), round(share, 4)] for guess, share in reading.guesses[place]],
            "v": [round(float(cell.values[place]), 3) for cell in reading.cells],
        }
        for place, token in enumerate(reading.tokens)
    ]


def _embedded(value: object) -> str:
    """JSON that no markup can end: without `<`, `>` and `&`."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _line(reading: Reading, layout: Layout, number: int) -> str:
    """One line of music as an SVG drawing."""
    rolled = Roll.of(reading.performance) if reading.performance is not None else None
    top = ROLL if rolled is not None else TEXT
    rows = top + ROW * len(reading.cells)
    foot = 16 if rolled is not None else 2
    width, height = LEFT + WIDTH * INCH + 20, rows + SURPRISE + foot
    parts = list(_notes(rolled, number)) if rolled is not None else list(_tokens(reading, layout, number))
    for place, cell in enumerate(reading.cells):
        y = top + ROW * place
        parts.append(_text(LEFT - 6, y + 12, plain(cell.label, MOST_TOKEN), "end", "name"))
        parts += [
            _box(left, y + 1, right - left, ROW - 2, hexadecimal(colour))
            for left, right, colour in _shaded(layout, number, cell.values)
        ]
    most = most_bits(reading, layout)
    parts.append(_text(LEFT - 6, rows + SURPRISE / 2, "surprise", "end", "name"))
    parts.append(_text(LEFT - 6, rows + SURPRISE / 2 + 12, f"≤{most:.0f} bits", "end", "name"))
    for left, bits, wide in zip(*costs(reading, layout, number), strict=True):
        tall = min(bits / most, 1) * (SURPRISE - 6)
        parts.append(_box(LEFT + left * INCH, rows + SURPRISE - tall, wide * INCH, tall, "#d9622b"))
    if rolled is not None:
        for second in range(int(LINE_S) + 1):
            x = LEFT + second * WIDTH * INCH / LINE_S
            parts.append(_text(x, height - 3, f"{number * LINE_S + second:g}", "middle", "name"))
        parts.append(_text(LEFT - 6, height - 3, "seconds", "end", "name"))
    parts += _pointed(layout, number, rows + SURPRISE)
    return f'<svg width="{width:g}" height="{height:g}">{"".join(parts)}</svg>'


def _shaded(layout: Layout, number: int, values: np.ndarray) -> Iterator[tuple[float, float, np.ndarray]]:
    boxes = layout.on(number)
    boxes = boxes[np.argsort(layout.left[boxes] == layout.right[boxes], kind="stable")]
    colours = shade(values[layout.token[boxes]])
    for box, colour in zip(boxes.tolist(), colours, strict=True):
        left = LEFT + layout.left[box] * INCH
        yield left, max(LEFT + layout.right[box] * INCH, left + EVENT * INCH), colour


def _tokens(reading: Reading, layout: Layout, number: int) -> Iterator[str]:
    for box in layout.on(number).tolist():
        text = plain(reading.tokens[layout.token[box]], MOST_TOKEN)
        room = (layout.right[box] - layout.left[box]) * INCH
        size = min(12.0, 12 * room / (7.4 * max(len(text), 1)))
        if size >= 7:
            middle = LEFT + (layout.left[box] + layout.right[box]) / 2 * INCH
            yield _text(middle, TEXT - 7, text, "middle", size=size)


def _notes(rolled: Roll, number: int) -> Iterator[str]:
    """The piano roll of a line, in its shades."""
    low, high = rolled.pitches
    tall = (ROLL - 6) / (high - low + 1)
    scale = WIDTH * INCH / LINE_S
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            y = (high - pitch + 1) * tall
            yield _box(LEFT, y, WIDTH * INCH, 0.7, "#e3e3e3")
            name = str(pitch) if rolled.drums else f"C{pitch // 12 - 1}"
            yield _text(LEFT - 6, max(y + 3, 10), name, "end", "name")
    start, end = number * LINE_S, (number + 1) * LINE_S
    for down, up in rolled.pedal.tolist():
        if down < end and up > start:
            x, until = (max(down, start) - start) * scale, (min(up, end) - start) * scale
            yield _box(LEFT + x, ROLL - 5, until - x, 3, "#8a8a8a")
    for onset, offset, pitch, velocity in rolled.notes.tolist():
        if onset < end and offset > start:
            x, until = (max(onset, start) - start) * scale, (min(offset, end) - start) * scale
            colour = hexadecimal(SHADES[min(int(velocity * len(SHADES) / 128), len(SHADES) - 1)])
            yield _box(LEFT + x, (high - pitch) * tall + 0.5, until - x, tall - 1, colour)


def _pointed(layout: Layout, number: int, height: float) -> Iterator[str]:
    """What can be pointed at: each token's box, or all that stands at one moment and the time after it."""
    boxes = layout.on(number)
    moments, which = np.unique(np.round(layout.left[boxes], 6), return_inverse=True)
    for place, left in enumerate(moments.tolist()):
        there = boxes[which == place]
        wide = max(float(layout.right[there].max()) - left, EVENT)
        tokens = " ".join(str(token) for token in layout.token[there].tolist())
        yield (
            f'<rect class="over" data-i="{tokens}" x="{LEFT + left * INCH:.1f}" y="0" '
            f'width="{wide * INCH:.1f}" height="{height:g}"/>'
        )


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.3):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "", size: float | None = None) -> str:
    named = f' class="{kind}"' if kind else ""
    sized = f' style="font-size:{size:.1f}px"' if size else ""
    return f'<text{named}{sized} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
