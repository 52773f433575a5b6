"""Bars of a tune's tokens as ABC in lines, with some of the tokens underlined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from folkseq.formats.abc.fields import SIGNS, format_key, parse_key
from folkseq.formats.abc.lexer import parse_note
from folkseq.formats.abc.writer import format_step
from folkseq.music import Interval, Key, Pitch, Tune
from folkseq.music.harmony import move_symbol
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import HEADER, key_token, kind
from folkseq.representations.base import END, START

WIDTH = 76
"""Maximum number of characters in a line, unless a bar is longer."""
_BEFORE = ("[", "{", "}", "tuplet", "harmony")  # kinds without a space after them
_AFTER = ("]", "}", "length", "tie")  # kinds without a space before them


def excerpt(tokens: Sequence[str], start: int, stop: int, spelling: Spelling, piece: Tune | None = None) -> str:
    """Return the bars that contain the tokens from `start` to `stop` as ABC, with these tokens underlined.

    >>> tokens = "M:4/4 K:Cmaj C D | [ E G ] 2 F | C |]".split()
    >>> print(excerpt(tokens, 5, 10, Spelling()))
    M:4/4  L:1/8  K:Cmaj
    [EG]2 F |
    ^^^^^

    Args:
        tokens: tokens of the whole tune.
        start: index of the first token to mark.
        stop: index after the last token to mark.
        spelling: spelling of the tokens.
        piece: tune that determines the key, if the tokens are transposed.
    """
    interval = Interval(0, 0) if piece is None else -spelling.interval(piece)
    bar_of = read_bars(tokens).positions[:, 0]
    heading, meter, bars, chord, last = "", "M:none", [("", "")], False, ""
    for place, (token, what, key) in enumerate(_moved(tokens, interval)):
        meter = token.strip("[]") if what in ("M:", "meter") else meter
        if not bar_of[start] <= bar_of[place] <= bar_of[stop - 1] or what in (START, END, *HEADER):
            continue
        heading = heading or f"{meter}  L:1/8  K:{format_key(key)}"
        text, marks = bars[-1]  # the bar so far
        glued = not text or what in _AFTER or last in _BEFORE or (chord and what == "pitch")
        sign, before = "^" if start <= place < stop else " ", marks[-1:]
        text, marks = text + " " * (not glued), marks + (sign if sign == before else " ") * (not glued)
        bars[-1] = text + token, marks + sign * len(token)
        if what == "bar":
            bars.append(("", ""))
        chord, last = what in ("[", "{") or (chord and what not in ("]", "}")), what
    lines: list[tuple[str, str]] = []
    for bar in filter(all, bars):
        if lines and len(lines[-1][0]) + len(bar[0]) < WIDTH:
            text, marks = lines.pop()
            bar = f"{text} {bar[0]}", marks + ("^" if marks[-1] == bar[1][0] == "^" else " ") + bar[1]
        lines.append(bar)
    return "\n".join([heading, *(line.rstrip() for each in lines for line in each)]).rstrip()


def _moved(tokens: Sequence[str], interval: Interval) -> Iterator[tuple[str, str, Key]]:
    """Yield the transposed tokens with their kinds and their key."""
    key, moved = Key(), Key()
    for token in tokens:
        what = kind(token)
        if what in ("K:", "key"):
            key = parse_key(token.strip("[]")[2:])[0] or key
            moved = key.moved(interval)
            token = key_token(moved)
        elif what == "harmony":
            token = f'"{move_symbol(token[1:-1], interval)}"'
        elif what == "pitch":
            step, alter, _ = parse_note(token)
            pitch = interval.apply(Pitch(step, key.alters[step % 7] if alter is None else alter))
            token = ("" if pitch.alter == moved.alters[pitch.letter] else SIGNS[pitch.alter]) + format_step(pitch.step)
        yield token, what, moved
