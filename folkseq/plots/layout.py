"""The positions of a piece's tokens on a page, in musical time: by bar where there are bars, else by second.

Lengths are inches from the left of the music. The width of a sound is proportional to its duration, and its tokens
share this width. Tokens without duration, such as bar lines, are in a gap before each bar; if time is in seconds, they
have no width. A line has up to four aligned bars, if their tokens fit, and room for a pickup before the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkseq.analysis.reading import Floats
from folkseq.representations.capabilities import Timing

WIDTH = 11.4  # inches of a line
LETTER, PAD = 0.072, 0.07  # inches: the width of a letter of the usual size, and the space around a token
BARS_A_LINE, FEWEST_A_LINE = 4, 2
LINE_S = 10.0  # seconds in a line
CROWDED, SHRUNK = 0.9, 0.65  # the share of sounds whose tokens must fit, and the smallest factor on the letter size
LONGEST = 1.25  # maximum length of a bar in usual bars; longer bars are compressed

_Box = tuple[int, int, float, float]  # token, line, left, right


@dataclass(frozen=True, eq=False)
class Layout:
    """B boxes on lines; a token that continues on the next line has two."""

    token: NDArray[np.int64]  # (B,) the token in each box
    line: NDArray[np.int64]  # (B,) from 0 at the top
    left: Floats  # (B,) inches
    right: Floats  # (B,) inches; equal to `left` for tokens without duration

    @property
    def lines(self) -> int:
        """Return the number of lines."""
        return int(self.line.max(initial=0)) + 1

    def on(self, line: int) -> NDArray[np.int64]:
        """Return the boxes of a line."""
        return np.flatnonzero(self.line == line)


@dataclass(frozen=True)
class _Bar:
    head: Sequence[int]
    """Tokens without duration."""
    sounds: Sequence[tuple[float, float, Sequence[int]]]
    """Onset and duration of each sound, in whole notes, and its tokens."""

    @property
    def length(self) -> float:
        return max((onset + length for onset, length, _ in self.sounds), default=0.0)


def lay_out(tokens: Sequence[str], timing: Timing) -> Layout:
    """Return the layout of a piece: by bar if its tokens are in bars, else by second."""
    boxes = _by_second(timing) if timing.bar is None else _by_bar(tokens, timing, timing.bar)
    token, line, left, right = zip(*boxes, strict=True) if boxes else ((), (), (), ())
    return Layout(np.array(token, np.int64), np.array(line, np.int64), np.array(left, float), np.array(right, float))


def _by_second(timing: Timing) -> list[_Box]:
    boxes: list[_Box] = []
    lines = int(timing.start.max(initial=0) // LINE_S) + 1
    for token, (start, length) in enumerate(zip(timing.start.tolist(), timing.length.tolist(), strict=True)):
        first, end = int(start // LINE_S), math.ceil((start + length) / LINE_S)
        for line in range(first, max(min(end, lines), first + 1)):
            left, right = max(start - line * LINE_S, 0.0), min(start + length - line * LINE_S, LINE_S)
            boxes.append((token, line, left * WIDTH / LINE_S, right * WIDTH / LINE_S))
    return boxes


def _by_bar(tokens: Sequence[str], timing: Timing, bar_of: NDArray[np.int64]) -> list[_Box]:
    widths = [LETTER * len(token) + PAD for token in tokens]
    header = np.flatnonzero(bar_of < 0).tolist()
    boxes = _row(header, 0, 0.0, widths)
    line = int(bool(header)) - 1
    bars = [_bar(np.flatnonzero(bar_of == number).tolist(), timing) for number in np.unique(bar_of[bar_of >= 0])]
    sounding = [bar for bar in bars if bar.length]
    if not sounding:
        return boxes + _row([token for bar in bars for token in bar.head], line + 1, 0.0, widths)
    usual = float(np.median([bar.length for bar in sounding]))
    pickup = max((bar.length for bar in sounding if bar.length <= usual / 2), default=0.0)
    longest = min(max(bar.length for bar in sounding), LONGEST * usual)
    gap = max(sum(widths[token] for token in bar.head) for bar in sounding)
    tail = max((sum(widths[token] for token in bar.head) for bar in bars if not bar.length), default=0.0)
    room = WIDTH - tail  # bar lines after the last bar may end a full line
    # Use the largest number of bars in a line that leaves most sounds legible; `unit` is the width of a whole note.
    asked = [sum(widths[token] for token in sound) / length for bar in sounding for _, length, sound in bar.sounds]
    unit = float(np.quantile(asked, CROWDED)) * SHRUNK
    count = BARS_A_LINE
    while count > FEWEST_A_LINE and (count + 1) * gap + (count * longest + pickup) * unit > room:
        count -= 1
    unit = (room - (count + 1) * gap) / (count * longest + pickup)
    left = gap + pickup * unit if pickup else 0.0  # of the first full bar
    column = count
    for bar in bars:
        if not bar.length:  # only bar lines, which follow the bar before
            boxes += _row(bar.head, max(line, 0), boxes[-1][3] if boxes else 0.0, widths)
            continue
        short = bar.length <= usual / 2
        if short or column == count:
            line, column = line + 1, 0
        x = left - bar.length * unit if short else left + (gap + longest * unit) * column + gap
        column += not short
        boxes += _row(bar.head, line, x - sum(widths[token] for token in bar.head), widths)
        scale = unit * min(1.0, longest / bar.length)
        for onset, length, sound in bar.sounds:
            share = length * scale / sum(widths[token] for token in sound)
            boxes += _row(sound, line, x + onset * scale, widths, share)
    return boxes


def _bar(tokens: Sequence[int], timing: Timing) -> _Bar:
    sounds: dict[float, list[int]] = {}
    for token in tokens:
        if timing.length[token]:
            sounds.setdefault(float(timing.start[token]), []).append(token)
    timed = [(onset, float(timing.length[sound[0]]), sound) for onset, sound in sorted(sounds.items())]
    return _Bar([token for token in tokens if not timing.length[token]], timed)


def _row(tokens: Sequence[int], line: int, x: float, widths: Sequence[float], share: float = 1.0) -> list[_Box]:
    """Return boxes side by side, each with the width of its letters times `share`."""
    boxes = []
    for token in tokens:
        boxes.append((token, line, x, x + share * widths[token]))
        x += share * widths[token]
    return boxes
