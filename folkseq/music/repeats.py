"""Repeats: made explicit, and played out.

Where a `:|` has no `|:`, the section begins at the start of the tune if this is its first repeat, since the old books
print `A || B :|` for a tune that is played whole twice; else after the section repeated last, or at the double bar
since then. abc2midi does the same. A `|:` that nothing closes is a plain section line, and so is a `:|` that closes a
section's last ending, after which nothing is left to be played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from folkseq.music.tune import Bar, Element

_LONGEST = (
    20_000  # elements played, after which nothing is repeated any more: guards against a misprint's thousand repeats
)


def explicit(body: Sequence[Element], *, whole: bool = True) -> tuple[Element, ...]:
    """`body` with every repeated section between a bar that opens it and one that closes it, and no other that opens.

    A section that begins at the very start gets an opening bar of its own there. Where `body` is not the whole tune,
    its last `|:` may still be open.
    """
    elements = list(body)
    boundary = -1  # index of the bar line where the current section begins; −1 is the start of the tune
    opened = False
    after_ending = False  # whether the last `:|` was followed by another ending of the same section
    ending, highest = 0, 0  # the last number of the ending under way, and of all of the section's
    to_open: set[int] = set()
    unmatched: set[int] = set()
    spent: set[int] = set()  # that close a last ending
    for index, element in enumerate(elements):
        if not isinstance(element, Bar):
            continue
        if element.closes:
            if not opened and not after_ending:
                to_open.add(boundary)
            elif after_ending and not element.endings and ending == highest:
                spent.add(index)
            opened, after_ending = False, bool(element.endings)
            boundary = index
        elif element.style in ("||", "|]") and not element.endings and boundary >= 0 and not opened:
            boundary, after_ending = index, False
        if element.opens:
            if opened:
                unmatched.add(boundary)
            boundary, opened, after_ending = index, True, False
        if boundary == index and not after_ending:
            ending, highest = 0, 0
        if element.endings:
            ending, highest = max(element.endings), max(highest, *element.endings)
    if opened and whole:
        unmatched.add(boundary)
    for index, bar in enumerate(elements):
        if isinstance(bar, Bar) and index in unmatched:
            elements[index] = bar = replace(bar, opens=False, style="|" if bar.closes else "||")
        if isinstance(bar, Bar) and index in spent:
            elements[index] = bar = replace(bar, closes=0, style="|" if bar.opens else "||")
        if isinstance(bar, Bar) and index in to_open:
            elements[index] = replace(bar, opens=True, style="|")
    return (Bar(opens=True), *elements) if -1 in to_open else tuple(elements)


def unfold(body: Sequence[Element]) -> Iterator[Element]:
    """The elements of `body` in the order in which they are played: repeats and endings played out.

    A bar line is yielded each time it is passed, as it stands.
    """
    elements = explicit(body)
    # Of this section: where it begins, which time it is played, and how often its endings ask for.
    start, turn, last = 0, 1, 0
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
        elif element.opens:
            start, turn, last = index, 1, 0
        elif element.endings and turn not in element.endings:
            index = _next_ending(elements, index, turn)
        elif element.closes and not element.endings:
            start, turn, last = index, 1, 0


def _next_ending(elements: Sequence[Element], index: int, turn: int) -> int:
    """The index after the bar that opens the ending for `turn`; the end of the section if it has none."""
    for place in range(index, len(elements)):
        element = elements[place]
        if isinstance(element, Bar):
            if turn in element.endings:
                return place + 1
            if element.opens or (element.closes and not element.endings):
                return place + (not element.opens)
    return len(elements)
