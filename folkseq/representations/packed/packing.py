"""Packing: several small integers as one, as the neural iPad band did.

code = g₁ + g₂ · r₁ + g₃ · r₁ · r₂ + …, where 0 ≤ gᵢ < rᵢ: digits in a system of mixed radices, least significant first.
"""

from __future__ import annotations

from collections.abc import Sequence


def pack(values: Sequence[int], radices: Sequence[int]) -> int:
    """Return the code of some values, one per radix.

    >>> pack([3, 0, 8], [9, 9, 9])
    651

    Raises:
        ValueError: there is not one value per radix, or a value is not below its radix.
    """
    if len(values) != len(radices):
        raise ValueError(f"expected one value per radix, got {len(values)} values and {len(radices)} radices")
    code = 0
    for place in range(len(values) - 1, -1, -1):
        if not 0 <= values[place] < radices[place]:
            raise ValueError(f"value {place + 1} must be 0 to {radices[place] - 1}, got {values[place]}")
        code = code * radices[place] + values[place]
    return code


def unpack(code: int, radices: Sequence[int]) -> tuple[int, ...]:
    """Return the values of a code.

    >>> unpack(651, [9, 9, 9])
    (3, 0, 8)

    Raises:
        ValueError: a radix is below 1, or the code is out of range.
    """
    values, rest = [], code
    for radix in radices:
        if radix < 1:
            raise ValueError(f"a radix must be at least 1, got {radix}")
        rest, value = divmod(rest, radix)
        values.append(value)
    if rest or code < 0:
        raise ValueError(f"code {code} is out of range for the radices {tuple(radices)}")
    return tuple(values)
