"""Where the tokens of a piece stand on a page, in musical time: by bar where there are bars, else by second.

Lengths are inches from the left of the music. Within a bar a sound is as wide as it is long, and its tokens share that;
what takes no time, such as a bar line, stands in a gap between bars. Full bars stand below one another, four to a line
where their tokens can be read so, and a pickup before the first of them. Where time is in seconds, a token is as wide
as it is long, and what takes no time has no width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.capabilities import Timing

WIDTH = 11.4
"""Inches that a line may take."""
LETTER, PAD = 0.072, 0.07
"""Inches: of a letter of the usual size, and around a token."""
BARS_A_LINE, FEWEST_A_LINE = 4, 2
LINE_S = 10.0
"""Seconds in a line."""
CROWDED, SHRUNK = 0.9, 0.65  # the share of sounds whose tokens must fit, and how far letters may shrink for that
LONGEST = 1.25  # times a usual bar; longer ones are pressed into as much

Floats = NDArray[np.float64]
_Box = tuple[int, int, float, float]  # token, line, left, right


@dataclass(frozen=True, eq=False)
class Layout:
    """Boxes on lines, from above: each of a token, which may have two where it goes on in the next line."""

    token: NDArray[np.int64]
    """(B,) which token a box is of."""
    line: NDArray[np.int64]
    """(B,) from 0."""
    left: Floats
    right: Floats
    """(B,) inches; equal for what takes no time."""

    @property
    def lines(self) -> int:
        """How many there are."""
        return int(self.line.max(initial=0)) + 1

    def on(self, line: int) -> NDArray[np.int64]:
        """The boxes of a line."""
        return np.flatnonzero(self.line == line)


def lay_out(tokens: Sequence[str], places: Timing) -> Layout:
    """The page of a piece: by bar where its tokens are in bars, else by second."""
    return by_second(places) if places.bar is None else by_bar(tokens, places)


def by_second(places: Timing) -> Layout:
    """Lines of `LINE_S` seconds."""
    scale = WIDTH / LINE_S
    boxes: list[_Box] = []
    lines = int(places.start.max(initial=0) // LINE_S) + 1
    for token, (start, length) in enumerate(zip(places.start.tolist(), places.length.tolist(), strict=True)):
        line = int(start // LINE_S)
        while True:
            first, last = max(start - line * LINE_S, 0.0), min(start + length - line * LINE_S, LINE_S)
            boxes.append((token, line, first * scale, last * scale))
            line += 1
            if start + length <= line * LINE_S or line == lines:
                break
    return _layout(boxes)


@dataclass(frozen=True)
class _Bar:
    """Tokens between two bar lines: those before any sound, and the sounds, each of some tokens."""

    head: tuple[int, ...]
    sounds: tuple[tuple[float, float, tuple[int, ...]], ...]
    """When each begins and how long it is, in whole notes, and its tokens."""

    @property
    def length(self) -> float:
        return max((start + length for start, length, _ in self.sounds), default=0.0)


@dataclass(frozen=True)
class _Sizes:
    """How wide things are, in inches where nothing else is said."""

    bars_a_line: int
    unit: float
    """A whole note."""
    head: float
    """The gap before a bar, in which what takes no time stands."""
    longest: float
    """A full bar, in whole notes."""
    zone: float
    """The room before the first full bar of a line, for a pickup; 0 where there is none."""

    @classmethod
    def of(cls, bars: Sequence[_Bar], needs: Sequence[float]) -> _Sizes:
        """The sizes in which the tokens of most sounds can be read, with as many bars to a line as then fit.

        Args:
            bars: one of them sounds, at least.
            needs: (T,) inches that each token's letters take.
        """
        sounding = [bar for bar in bars if bar.length]
        usual = _usual(bars)
        pickup = max((bar.length for bar in sounding if bar.length <= usual / 2), default=0.0)
        longest = min(max(bar.length for bar in sounding), LONGEST * usual)
        head = max(sum(needs[token] for token in bar.head) for bar in sounding)
        asked = [sum(needs[token] for token in sound) / length for bar in sounding for _, length, sound in bar.sounds]
        unit = float(np.quantile(asked, CROWDED)) * SHRUNK
        count = BARS_A_LINE
        while count > FEWEST_A_LINE and (count + 1) * head + (count * longest + pickup) * unit > WIDTH:
            count -= 1
        unit = (WIDTH - (count + 1) * head) / (count * longest + pickup)
        return cls(count, unit, head, longest, head + pickup * unit if pickup else 0.0)


def by_bar(tokens: Sequence[str], places: Timing) -> Layout:
    """Lines of bars; what comes before the first bar has a line of its own."""
    needs = [LETTER * len(token) + PAD for token in tokens]
    before, bars = _bars(places)
    boxes = _row(before, 0, 0.0, needs)
    line, usual = int(bool(before)) - 1, _usual(bars)
    if not usual:
        return _layout([*boxes, *_row([token for bar in bars for token in bar.head], line + 1, 0.0, needs)])
    sizes = _Sizes.of(bars, needs)
    column = sizes.bars_a_line
    for bar in bars:
        if not bar.length:  # nothing but lines, which stand after the bar before
            boxes += _row(bar.head, max(line, 0), boxes[-1][3] if boxes else 0.0, needs)
            continue
        pickup = bar.length <= usual / 2
        if pickup or column >= sizes.bars_a_line:
            line, column = line + 1, 0
        start = sizes.zone + (sizes.head + sizes.longest * sizes.unit) * column
        if pickup:
            start = sizes.zone - sizes.head - bar.length * sizes.unit
        boxes += _boxes(bar, line, start, sizes, needs)
        column += not pickup
    return _layout(boxes)


def _usual(bars: Sequence[_Bar]) -> float:
    """How long a usual bar is, in whole notes; 0 if none sounds."""
    lengths = [bar.length for bar in bars if bar.length]
    return float(np.median(lengths)) if lengths else 0.0


def _row(tokens: Sequence[int], line: int, x: float, needs: Sequence[float], share: float = 1.0) -> list[_Box]:
    """Boxes side by side, as wide as their letters, or a share of that."""
    boxes = []
    for token in tokens:
        boxes.append((token, line, x, x + share * needs[token]))
        x += share * needs[token]
    return boxes


def _boxes(bar: _Bar, line: int, start: float, sizes: _Sizes, needs: Sequence[float]) -> list[_Box]:
    """The boxes of a bar whose gap begins at `start`."""
    unit = sizes.unit * min(1.0, sizes.longest / bar.length)
    asked = sum(needs[token] for token in bar.head)
    boxes = _row(bar.head, line, start + sizes.head - asked, needs)  # next to what they lead into
    for onset, length, sound in bar.sounds:
        left = start + sizes.head + onset * unit
        share = length * unit / sum(needs[token] for token in sound)
        boxes += _row(sound, line, left, needs, share)
    return boxes


def _bars(places: Timing) -> tuple[list[int], list[_Bar]]:
    """The tokens before the first bar, and the bars."""
    number: list[int] = [] if places.bar is None else places.bar.tolist()
    before = [token for token, bar in enumerate(number) if bar < 0]
    bars = []
    for bar in sorted({bar for bar in number if bar >= 0}):
        within = [token for token, other in enumerate(number) if other == bar]
        head = tuple(token for token in within if not places.length[token])
        sounds: dict[float, list[int]] = {}
        for token in within:
            if places.length[token]:
                sounds.setdefault(float(places.start[token]), []).append(token)
        timed = ((start, float(places.length[sound[0]]), tuple(sound)) for start, sound in sorted(sounds.items()))
        bars.append(_Bar(head, tuple(timed)))
    return before, bars


def _layout(boxes: Sequence[_Box]) -> Layout:
    token, line, left, right = zip(*boxes, strict=True) if boxes else ((), (), (), ())
    return Layout(np.array(token, np.int64), np.array(line, np.int64), np.array(left, float), np.array(right, float))
