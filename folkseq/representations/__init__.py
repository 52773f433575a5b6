"""Representations of music as categorical sequences: one module each, found by its name."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from folkseq.errors import RequestError
from folkseq.representations.base import Tokenizer, parse_field

_NOT_REPRESENTATIONS = ("base", "places", "task", "traits", "vocabulary")


@cache
def names() -> tuple[str, ...]:
    """The names of the representations that there are."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if module.name not in _NOT_REPRESENTATIONS))


def find(spec: str) -> Tokenizer[Any]:
    """The tokenizer that `name` or `name:field=value,field=value` stands for.

    Raises:
        RequestError: if there is no such representation or field, or the value is not of the field's kind.
    """
    name, _, settings = spec.partition(":")
    if name not in names():
        raise RequestError(f"{name!r} is not a tokenizer; there are: {', '.join(names())}")
    module = import_module(f"{__name__}.{name}")
    kind = next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Tokenizer) and getattr(value, "name", None) == name
    )
    defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass, by contract
    given: dict[str, Any] = {}
    for setting in filter(None, settings.split(",")):
        field, _, value = setting.partition("=")
        if field not in defaults:
            raise RequestError(f"tokenizer {name} has no field {field!r}; it has: {', '.join(defaults) or 'none'}")
        given[field] = parse_field(name, field, value, defaults[field])
    try:
        return kind.of(**given)
    except ValueError as error:
        raise RequestError(f"tokenizer {spec}: {error}") from None
