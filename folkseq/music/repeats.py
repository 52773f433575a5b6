"""Repeats: brought into pairs, and played out.

Where a `:|` has no `|:`, the section begins at the start of the tune if this is its first repeat, since the old books
print `A || B :|` for a tune that is played whole twice; else after the section repeated last, or at the double bar
since then. abc2midi does the same. A `|:` that nothing closes is a plain section line, and so is a `:|` that closes a
section's last ending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from folkseq.music.tune import Bar, Element

_LONGEST = 20_000  # elements played before nothing is repeated any more: a misprint may ask for a thousand repeats


def match_repeats(body: Sequence[Element], *, whole: bool = True) -> tuple[Element, ...]:
    """Return `body` with each repeated section between a bar that opens it and one that closes it.

    No other bar opens a section. A section that begins at the very start gets an opening bar there. Where `body` is not
    the `whole` tune, its last `|:` may still be open.
    """
    bars = {index: element for index, element in enumerate(body) if isinstance(element, Bar)}
    written = list(bars.items())
    bars[-1] = Bar("")  # the start of the tune
    boundary, opened = -1, False  # where the current section begins, and whether it does so with a `|:`
    after_ending = False  # whether the last `:|` was followed by another ending of the same section
    ending, highest = 0, 0  # the last number of the current ending, and of all of the section's
    for index, bar in written:
        if bar.closes:
            if not opened and not after_ending:
                bars[boundary] = replace(bars[boundary], opens=True, style="|")
            elif after_ending and not bar.endings and ending == highest:
                bars[index] = replace(bar, closes=0, style="|" if bar.opens else "||")
            boundary, opened, after_ending = index, False, bool(bar.endings)
        elif bar.style in ("||", "|]") and not bar.endings and boundary >= 0 and not opened:
            boundary, after_ending = index, False
        if bar.opens:
            if opened:
                bars[boundary] = _without_opening(bars[boundary])
            boundary, opened, after_ending = index, True, False
        if boundary == index and not after_ending:
            ending, highest = 0, 0
        if bar.endings:
            ending, highest = max(bar.endings), max(highest, *bar.endings)
    if opened and whole:
        bars[boundary] = _without_opening(bars[boundary])
    elements = [bars.get(index, element) for index, element in enumerate(body)]
    return (bars[-1], *elements) if bars[-1].opens else tuple(elements)


def _without_opening(bar: Bar) -> Bar:
    return replace(bar, opens=False, style="|" if bar.closes else "||")


def unfold(body: Sequence[Element]) -> Iterator[Element]:
    """Yield the elements of `body` in the order in which they are played, a bar line each time it is passed."""
    elements = match_repeats(body)
    start, turn, last = (
        0,
        1,
        0,
    )  # of the section: its first index, the current pass, and the highest pass of its endings
    index = played = 0
    while index < len(elements):
        element = elements[index]
        yield element
        index, played = index + 1, played + 1
        if not isinstance(element, Bar):
            continue
        if not element.opens:
            last = max(last, *element.endings, 0)
        if element.closes and played < _LONGEST and turn < max(element.closes + 1, last):
            turn, index = turn + 1, start
        elif element.opens or (element.closes and not element.endings):
            start, turn, last = index, 1, 0
        elif element.endings and turn not in element.endings:
            index = _next_ending(elements, index, turn)


def _next_ending(elements: Sequence[Element], index: int, turn: int) -> int:
    """Return the index after the bar that opens the ending for `turn`, or the end of the section if it has none."""
    for place in range(index, len(elements)):
        element = elements[place]
        if isinstance(element, Bar):
            if turn in element.endings:
                return place + 1
            if element.opens or (element.closes and not element.endings):
                return place + (not element.opens)
    return len(elements)
