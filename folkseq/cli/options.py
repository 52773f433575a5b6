"""What options take."""

from __future__ import annotations

import math
from typing import Any

import click


class _Share(click.FloatRange):
    """A number of a range, and not what is no number, which no comparison refuses."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number", param, ctx) if math.isnan(number) else number


SWING = _Share(0.5, 0.75)
LILT = 0.66  # what --swing alone means: a hornpipe's


class _Temperature(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """One number, or two with a dash between: at a piece's beginning and at its end."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return float(value)
        except ValueError:
            pass
        first, dash, last = value.partition("-")
        try:
            if dash:
                return float(first), float(last)
        except ValueError:
            pass
        return self.fail(f"{value!r} is not a number, nor two as in 0.7-1.2", param, ctx)


TEMPERATURE = _Temperature()
