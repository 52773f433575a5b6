"""Representations of music as sequences of categories; folkseq finds them by name through entry points."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from folkseq.errors import RequestError
from folkseq.extensions import installed
from folkseq.representations.base import Representation


def names() -> tuple[str, ...]:
    """Return the names of the installed representations, sorted."""
    return tuple(installed("representations"))


def load(name: str) -> type[Representation[Any]]:
    """Return the class of a representation. Raises RequestError if none of that name is installed."""
    known = installed("representations")
    if name not in known:
        raise RequestError(f"{name!r} is not a representation; installed: {', '.join(known)}")
    kind: type[Representation[Any]] = known[name].load()
    return kind


def find(spec: str) -> Representation[Any]:
    """Return the representation for `name` or `name:field=value,field=value`.

    Raises:
        RequestError: there is no such representation or field, or the value does not suit the field.
    """
    name, _, configuration = spec.partition(":")
    kind = load(name)
    defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    given: dict[str, Any] = {}
    for part in filter(None, configuration.split(",")):
        field, _, value = part.partition("=")
        if field not in defaults:
            raise RequestError(f"{name} has no field {field!r}; it has: {', '.join(defaults) or 'none'}")
        given[field] = _parse_field(name, field, value, defaults[field])
    try:
        return kind(**given)
    except ValueError as error:
        raise RequestError(f"{spec}: {error}") from None


def _parse_field(name: str, field: str, value: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}[value.lower()]
        return type(default)(value)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "text")
        raise RequestError(
            f"{name}: {field}={value} is not {kind}; write for example {field}={str(default).lower()}"
        ) from None
