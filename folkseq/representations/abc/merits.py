"""What speaks for a tune, so that the best of several can be kept: a critic's ear in two numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from folkseq.formats.abc.lexer import parse_note
from folkseq.representations.abc.spelling import kind
from folkseq.representations.base import END, START


def merits(tokens: Sequence[str]) -> dict[str, float]:
    """The merits of a whole tune whose tonic is C.

    Returns:
        `tonic`, 1 if its last note is C, else 0; `figures`, the share of its bars that are heard more than once in it,
        a repeat aside.
    """
    last = next((token for token in reversed(tokens) if kind(token) == "pitch"), None)
    again, bars = heard_again(tokens)
    tonic = last is not None and parse_note(last)[0] % 7 == 0
    return {"tonic": float(tonic), "figures": again / max(bars, 1)}


def heard_again(tokens: Sequence[str]) -> tuple[int, int]:
    """How many of a tune's bars are heard more than once in it, as it is written, and how many there are."""
    bars: list[list[str]] = [[]]
    for token in tokens:
        if kind(token) in ("bar", "ending"):
            bars.append([])
        elif token not in (START, END) and token[:2] not in ("R:", "M:", "K:"):
            bars[-1].append(token)
    heard = Counter(tuple(bar) for bar in bars if bar)
    return sum(count for count in heard.values() if count > 1), sum(heard.values())
