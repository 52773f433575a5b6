"""Several small integers in one, their order preserved, as the neural iPad band had it.

code = g₁ + g₂ · r₁ + g₃ · r₁ · r₂ + …, where 0 ≤ gᵢ < rᵢ: the number whose digits, the least first, are the values, in
a system of mixed radices.
"""

from __future__ import annotations

from collections.abc import Sequence


def pack(values: Sequence[int], radices: Sequence[int]) -> int:
    """The code of values, one of each radix.

    >>> pack([3, 0, 8], [9, 9, 9])
    651

    Raises:
        ValueError: there is not one value of each radix, or one is out of its radix.
    """
    if len(values) != len(radices):
        raise ValueError(f"{len(values)} values cannot be packed by {len(radices)} radices")
    code = 0
    for place in range(len(values) - 1, -1, -1):
        value, radix = values[place], radices[place]
        if not 0 <= value < radix:
            raise ValueError(
                f"value {place + 1} of {len(values)} is {value}, which is out of its radix, 0 to {radix - 1}"
            )
        code = code * radix + value
    return code


def unpack(code: int, radices: Sequence[int]) -> tuple[int, ...]:
    """The values that `pack` made a code of.

    >>> unpack(651, [9, 9, 9])
    (3, 0, 8)

    Raises:
        ValueError: a radix is below 1, or the code is none of those radices'.
    """
    values, rest = [], code
    for radix in radices:
        if radix < 1:
            raise ValueError(f"a radix is 1 or above, got {radix}")
        rest, value = divmod(rest, radix)
        values.append(value)
    if rest or code < 0:
        raise ValueError(f"code {code} is out of the radices {tuple(radices)}")
    return tuple(values)
