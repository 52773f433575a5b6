"""Durations as note values, and the beams that join them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

TYPES = {
    Fraction(2) ** power: name
    for power, name in zip(
        range(3, -11, -1),
        [
            "maxima",
            "long",
            "breve",
            "whole",
            "half",
            "quarter",
            "eighth",
            "16th",
            "32nd",
            "64th",
            "128th",
            "256th",
            "512th",
            "1024th",
        ],
        strict=True,
    )
}
"""The name of each note value, by its length in whole notes."""
LENGTHS = {name: length for length, name in TYPES.items()}
_MOST_DOTS = 3
_DOTTED = {
    length * (2 - Fraction(1, 2**dots)): (name, dots)
    for length, name in TYPES.items()
    for dots in range(_MOST_DOTS + 1)
}
_PLAIN = sorted((length for length, (_, dots) in _DOTTED.items() if dots < 2), reverse=True)
Value = tuple[str, int]
"""The name of a note value, and the number of its dots."""


def note_values(length: Fraction) -> list[tuple[Fraction, Value]] | None:
    """Return the note values that add up to a length in whole notes, longest first; None if there are none.

    >>> note_values(Fraction(5, 8))
    [(Fraction(1, 2), ('half', 0)), (Fraction(1, 8), ('eighth', 0))]
    """
    if length in _DOTTED:
        return [(length, _DOTTED[length])]
    if length.denominator & (length.denominator - 1) or length.denominator > 1024:
        return None
    found = []
    while length:
        part = next(each for each in _PLAIN if each <= length)
        found.append((part, _DOTTED[part]))
        length -= part
    return found


def ratio_of(length: Fraction) -> tuple[int, int]:
    """Return the ratio, such as (5, 4), of a tuplet in which a length is a note value; (1, 1) if it already is one."""
    odd = length.denominator // (length.denominator & -length.denominator)
    return odd, 1 << (odd.bit_length() - 1)


def beams(notes: Sequence[tuple[Fraction, str, bool]], group: Fraction) -> list[list[str]]:
    """Return the beams of the notes of a bar: for each note, one word per beam, outermost first.

    Args:
        notes: The place of each note or rest in the bar, the name of its value, and whether it is a note.
        group: The length of a group, whose ends break beams; 0 to write no beams.
    """
    levels = [_flags(name) if is_note else 0 for _, name, is_note in notes]
    found: list[list[str]] = [[] for _ in notes]
    for first, stop in _groups(notes, levels, group):
        if stop - first < 2:
            continue
        for index in range(first, stop):
            for level in range(1, levels[index] + 1):
                before = index > first and levels[index - 1] >= level
                after = index + 1 < stop and levels[index + 1] >= level
                word = {(False, True): "begin", (True, True): "continue", (True, False): "end"}.get((before, after))
                found[index].append(word or ("backward hook" if index > first else "forward hook"))
    return found


def _groups(
    notes: Sequence[tuple[Fraction, str, bool]], levels: Sequence[int], group: Fraction
) -> Iterator[tuple[int, int]]:
    """Yield the index range, (start, stop), of each run of flagged notes within a group."""
    first = 0
    for index in range(1, len(notes) + 1):
        ends = index == len(notes) or not (levels[index] and levels[index - 1])
        if ends or not group or notes[index][0] // group != notes[index - 1][0] // group:
            if levels[first]:
                yield first, index
            first = index


def _flags(name: str) -> int:
    """Return the number of flags of a note value."""
    length = LENGTHS[name]
    return max(length.denominator.bit_length() - 3, 0)
