"""Recognise numbers and times in the cells of tables, as people and programs write them."""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}(\.\d{3})+),\d+", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
_DATE = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
_CLOCK = r"\d{1,2}:\d\d(:\d\d)?([.,:]\d+)?( ?[ap]m)?( ?(Z|UTC|[+-]\d\d:?\d\d))?"
_TIME = re.compile(rf"{_DATE}|({_DATE}[T ,]\s*)?{_CLOCK}", re.ASCII | re.IGNORECASE)
MISSING = frozenset(
    {"#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "-nan", "-NaN"}
    | {sign + word for sign in ("", "-") for word in ("inf", "Inf", "Infinity")}
)
"""Words for a missing or non-finite value, as pandas and NumPy write them."""


class AmbiguousNumberError(ValueError):
    """A number such as 1,000, which may mean one or a thousand."""


def is_number(cell: str) -> bool:
    """Return whether a cell is a number; a decimal comma and thousands separators are allowed.

    >>> is_number("-0.5"), is_number("0,5"), is_number("1,000"), is_number("FT")
    (True, True, True, False)
    """
    return bool(_NUMBER.fullmatch(cell) or _COMMA.fullmatch(cell) or _GROUPED.fullmatch(cell))


def is_time(cell: str) -> bool:
    """Return whether a cell is a date, a time of day, or both.

    >>> is_time("2023-07-18T12:02:45.123"), is_time("00:01.5"), is_time("4.30")
    (True, True, False)
    """
    return bool(_TIME.fullmatch(cell))


def plain(cells: Collection[str], thousands: bool) -> dict[str, str]:
    """Return the numbers among the cells of a column, with a decimal point and without thousands separators.

    >>> plain(["0,5", "1,000", "FT"], thousands=False)
    {'0,5': '0.5', '1,000': '1.000'}

    Args:
        cells: Distinct cells.
        thousands: Whether 1,000 means a thousand if no other cell decides, as in a file separated by commas.

    Raises:
        AmbiguousNumberError: Nothing decides whether a comma is a decimal comma.
    """
    found = {cell: cell for cell in cells if _NUMBER.fullmatch(cell)}
    commas = [cell for cell in cells if "," in cell and is_number(cell)]
    unclear = [cell for cell in commas if _GROUPED.fullmatch(cell) and _COMMA.fullmatch(cell)]
    decimal = any(not _GROUPED.fullmatch(cell) for cell in commas)
    if unclear and not decimal and not thousands and len(unclear) == len(commas):
        raise AmbiguousNumberError(unclear[0])
    for cell in commas:
        found[cell] = cell.replace(".", "").replace(",", ".") if decimal else cell.replace(",", "")
    return found
