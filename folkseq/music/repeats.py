"""Pair up the repeat signs of a tune, and unfold repeats.

If a `:|` has no `|:`, and it is the tune's first repeat, its section begins at the start of the tune, since old books
print `A || B :|` for a tune that is played twice as a whole. Otherwise the section begins after the last repeated
section, or at a double bar since then. abc2midi does the same. An unclosed `|:` is a plain section line. A `:|` that
closes a section's last ending, if this ending is for one pass, repeats nothing at the end of the music, or if a part
with endings but without `|:` follows. Otherwise the music before the endings is played once more, as in abcjs.

Endings often lack a sign. `repair_endings` guesses it, so that every note is played.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from folkseq.music.tune import Bar, Element, Part, Sound

_STYLES = ("", "|", "||", "|]")
_DOUBLE = _STYLES[2:]
_AGAIN = ":| after the last ending, read as the section without endings once more"
_CLOSED = ":| after the last ending, read as a plain line"
_LONGEST = 20_000  # played elements after which repeats are ignored; a misprint may ask for a thousand repeats


def match_repeats(body: Sequence[Element], *, whole: bool = True) -> tuple[Element, ...]:
    """Return `body` with each repeated section between an opening and a closing bar.

    No other bar opens a section. A section that begins at the very start gets an opening bar there. If `body` is not
    the `whole` tune, its last `|:` may still be open.
    """
    body, _ = repair_endings(body, whole=whole)
    bars = _bars(body)
    written = list(bars.items())
    bars[-1] = Bar("")  # the start of the tune
    boundary, opened = -1, False  # the start of the current section, and whether a `|:` opens it
    after_ending = False  # whether the last `:|` was followed by another ending of the same section
    ending, highest = 0, 0  # the current ending's number if it has only one, and the section's highest
    for index, bar in written:
        if bar.closes:
            if not opened and not after_ending:
                bars[boundary] = replace(bars[boundary], opens=True, style="|")
            elif after_ending and not bar.endings and ending == highest:
                again = highest if _plays_again(body, index, bar) else 0
                bars[index] = replace(bar, closes=again, style="|" if bar.opens or again else "||")
            boundary, opened, after_ending = index, False, bool(bar.endings)
        elif bar.style in _DOUBLE and not (bar.endings or opened or boundary < 0) and (after_ending or not ending):
            boundary, after_ending = index, False
        if bar.opens:
            if opened:
                bars[boundary] = _without_opening(bars[boundary])
            boundary, opened, after_ending = index, True, False
        if boundary == index and not after_ending:
            ending, highest = 0, 0
        if bar.endings:
            ending, highest = bar.endings[0] if len(bar.endings) == 1 else -1, max(highest, *bar.endings)
    if opened and whole:
        bars[boundary] = _without_opening(bars[boundary])
    elements = [bars.get(index, element) for index, element in enumerate(body)]
    return (bars[-1], *elements) if bars[-1].opens else tuple(elements)


def repair_endings(body: Sequence[Element], *, whole: bool = True) -> tuple[Sequence[Element], Mapping[str, int]]:
    """Return `body` with bar lines changed so that every ending is played, and the number of guesses of each kind.

    An ending that follows another ending closes the section, with or without a `:|`. A first ending after further music
    belongs to a second part. That part begins at the last double bar or `P:`, or else at the point where the previous
    ending is as long as the section's first one. A `:|` before the first ending is a plain line, and so is a first
    ending without a repeat. Endings that are not numbered 1, 2, 3 and so on are played as written.
    """
    bars = _bars(body)
    if not any(bar.endings for bar in bars.values()):
        return body, {}
    changed, guesses = _find_repairs(body, bars, whole)
    repaired = _merge_bars(changed.get(index, element) for index, element in enumerate(body)) if changed else body
    return repaired, guesses


def _find_repairs(
    body: Sequence[Element], bars: Mapping[int, Bar], whole: bool
) -> tuple[Mapping[int, Bar], Mapping[str, int]]:
    """Return the bars that must change, by index, and the number of guesses of each kind."""
    changed: dict[int, Bar] = {}
    guesses: Counter[str] = Counter()
    section: list[int] = []  # the bars that open its endings
    passes: set[int] = set()  # the passes of these endings
    lines: list[int] = []  # the bar lines since the last ending
    doubles: list[int] = []  # double bar lines among them, and lines before a P:
    length = 0  # bars in the first ending
    first = 1  # the pass of the first ending

    def change(index: int, bar: Bar, guess: str) -> None:
        changed[index] = bar
        guesses[guess] += 1

    def end_section(closes: int = 0) -> None:
        nonlocal length, first
        if len(section) == 1 == first and not closes:
            change(section[0], replace(bars[section[0]], endings=()), "first ending of a section that is not repeated")
            section.clear()
            passes.clear()
        starts = [min(bars[index].endings) for index in section]
        if passes != set(range(first, first + len(passes))) or starts != sorted(set(starts)):
            for index in section:
                numbers = tuple(range(first, first := first + len(bars[index].endings)))
                change(
                    index, replace(changed.get(index, bars[index]), endings=numbers), "endings not numbered 1, 2, 3 …"
                )
        section.clear()
        passes.clear()
        length, first = 0, 1

    for index, bar in enumerate(body):
        if isinstance(bar, Part) and lines:
            doubles.append(lines[-1])
        if not isinstance(bar, Bar):
            continue
        if not bar.endings:
            if bar.closes and len(section) > 1 and bars[section[-1]].endings == (max(passes),):
                guesses[_AGAIN if _plays_again(body, index, bar) else _CLOSED] += 1
            if bar.closes or bar.opens or (len(section) > 2 - first and bar.style in _DOUBLE):
                end_section(bar.closes)
            lines += [index] if bar.style else []
            doubles += [index] if bar.style in _DOUBLE else []
            continue
        if bar.opens:
            end_section(bar.closes)
        elif not section:
            if bar.closes and 1 not in bar.endings:
                first = 2
            elif bar.closes:
                change(index, replace(bar, closes=0), "first ending after a :| that repeats nothing")
        elif not bar.closes:
            if doubles or (lines and passes.issuperset(bar.endings)):
                start = (doubles or lines[: length or 1])[-1]
                end_section()
                change(start, replace(bars[start], style="|", opens=True), "second part with endings but no |:")
            else:
                change(index, replace(bar, style="|", closes=1), "ending that no :| comes before")
        if len(section) == 1:
            length = len(lines) + 1
        section.append(index)
        passes.update(bar.endings)
        lines, doubles = [], []
    if whole:
        end_section()
    return changed, guesses


def _merge_bars(body: Iterable[Element]) -> tuple[Element, ...]:
    """Return the elements without empty bar lines, and with adjacent bar lines without endings merged, as when read."""
    joined: list[Element] = []
    for element in body:
        last = joined[-1] if joined else None
        if element == Bar(""):
            continue
        if isinstance(element, Bar) and isinstance(last, Bar) and not (last.endings or element.endings):
            closes, opens = max(last.closes, element.closes), last.opens or element.opens
            style = "|" if closes or opens else max(last.style, element.style, key=_STYLES.index)
            joined[-1] = Bar(style, closes, opens, (), last.marks + element.marks)
        else:
            joined.append(element)
    return tuple(joined)


def _plays_again(body: Sequence[Element], index: int, bar: Bar) -> bool:
    """Return whether a `:|` after the last ending plays the music before the endings once more."""
    following = body[index + 1 :]
    signs = (each for each in following if isinstance(each, Bar) and (each.closes or each.opens or each.endings))
    sign = bar if bar.opens else next(signs, bar)
    return bool(sign.closes or sign.opens) and any(isinstance(each, Sound) for each in following)


def _bars(body: Sequence[Element]) -> dict[int, Bar]:
    return {index: element for index, element in enumerate(body) if isinstance(element, Bar)}


def _without_opening(bar: Bar) -> Bar:
    return replace(bar, opens=False, style="|" if bar.closes else "||")


def unfold(body: Sequence[Element]) -> Iterator[Element]:
    """Yield the elements of `body` in playing order; a bar line comes each time it is passed."""
    elements = match_repeats(body)
    start, turn, last = 0, 1, 0  # the section's first index, its current pass, and the highest pass of its endings
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
            index, found = _next_ending(elements, index, turn)
            if not found:
                start, turn, last = index, 1, 0


def _next_ending(elements: Sequence[Element], index: int, turn: int) -> tuple[int, bool]:
    """Return the index after the bar that opens the ending for `turn`, or the section's end, and if it was found."""
    for place in range(index, len(elements)):
        element = elements[place]
        if isinstance(element, Bar):
            if turn in element.endings:
                return place + 1, True
            if element.opens or (element.closes and not element.endings):
                return place + (not element.opens), False
    return len(elements), False
