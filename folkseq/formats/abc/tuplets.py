"""Read tuplets, and flatten nested ones to consecutive tuplets that every program plays.

`(3:2:5A(3BcdB` is read as `(3:2:1A (9:4:3Bcd (3:2:1B`. The outer count includes the sounds of the inner tuplet, as in
abcm2ps. If the inner tuplet has more sounds than the count has left, it counts as the notes whose time it takes:
`(3A(3Bcd` is one note and a triplet in the time of two.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from folkseq.music.tune import Element, Tuplet

_MOST = 64  # sounds of a tuplet
_ONE = Fraction(1)


class TupletReader:
    """Tracks the tuplets of one voice; `open` tells whether the next sound is in a tuplet."""

    def __init__(self) -> None:
        self.open = False
        self._factor = _ONE
        self._left = 0  # remaining sounds of the inner tuplet
        self._outer: list[Tuplet] = []  # the rest of the enclosing tuplets

    def begin(self, tuplet: Tuplet, body: list[Element]) -> bool:
        """Add a tuplet to `body`; return whether an earlier tuplet lacks sounds and cannot contain this one."""
        resumed = bool(self._outer) and not self._left
        if resumed:
            self._add(self._outer.pop(), body)
        left, count = self._left, tuplet.count
        if not left:
            self._add(tuplet, body)
            return False
        index = next(index for index in range(len(body) - 1, -1, -1) if isinstance(body[index], Tuplet))
        outer = body[index]
        assert isinstance(outer, Tuplet)
        rest = left - (count if count <= left else tuplet.normal)
        factor = Fraction(outer.normal * tuplet.normal, outer.actual * tuplet.actual)
        begun = outer.count > left
        holds = rest >= 0 if begun or resumed else rest > 0 and index == len(body) - 1
        if not holds or max(factor.as_integer_ratio()) > _MOST:
            # With its full count, the outer tuplet could contain the following notes.
            if begun:
                body[index] = replace(outer, count=outer.count - left)
            elif index == len(body) - 1:
                body.pop()
            self._add(tuplet, body)
            return True
        body[index : index + 1] = [replace(outer, count=outer.count - left)] if begun else []
        self._outer += [replace(outer, count=rest)] if rest else []
        self._add(Tuplet(factor.denominator, factor.numerator, count), body)
        return False

    def take(self, body: list[Element]) -> Fraction:
        """Return the factor of the length of the next sound, which is in a tuplet."""
        if not self._left:
            self._add(self._outer.pop(), body)
        self._left -= 1
        self.open = self._left > 0 or bool(self._outer)
        return self._factor

    def _add(self, tuplet: Tuplet, body: list[Element]) -> None:
        body.append(tuplet)
        self._factor, self._left, self.open = Fraction(tuplet.normal, tuplet.actual), tuplet.count, True
