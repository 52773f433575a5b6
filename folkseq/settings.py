"""Settings: dataclass fields, each declared once with its default, help text and allowed values.

All code that depends on a setting reads its declaration: `validate` and `from_json` in this module, and elsewhere the
command-line options, the records and the reference page.

>>> @dataclass(frozen=True)
... class Network:
...     layers: int = setting(2, "Number of recurrent layers.", low=1, high=64)
...     dropout: float = setting(0.0, "Share of the values to drop.", low=0, high=1, exclusive="high")
...     def __post_init__(self):
...         validate(self)
>>> Network(layers=0)
Traceback (most recent call last):
ValueError: layers must be at least 1 and at most 64, got 0
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from folkseq.errors import RequestError

T = TypeVar("T")
REQUIRED = dataclasses.MISSING
"""The default of a setting that must be given."""


@dataclass(frozen=True)
class Setting:
    """The declaration of a setting, stored as "setting" in the metadata of its field."""

    help: str
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    exclusive: Literal["low", "high", "both"] | None = None
    """Ends of the range that are not allowed."""
    longest: int | None = None
    """Maximum number of characters of a text."""
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    """Names of the command-line option; by default, derived from the name of the field."""
    bare: Any = None
    """The value of the option without an argument; None if it needs one."""
    needs_grammar: bool = False
    """Whether the setting has an effect only with a grammar."""
    needs_chance: bool = False
    """Whether the setting has an effect only at temperatures above 0."""

    @property
    def allowed(self) -> str:
        """Return the allowed values in words."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        low = "above" if self.exclusive in ("low", "both") else "at least"
        high = "below" if self.exclusive in ("high", "both") else "at most"
        return " and ".join(f"{word} {end}" for word, end in ((low, self.low), (high, self.high)) if end is not None)

    def allows(self, value: Any) -> bool:
        """Return whether a value, or an element of a tuple, is among the choices and within the range."""
        low = self.low is None or (value > self.low if self.exclusive in ("low", "both") else value >= self.low)
        high = self.high is None or (value < self.high if self.exclusive in ("high", "both") else value <= self.high)
        return low and high and (not self.choices or value in self.choices)


def setting(default: Any, help: str, **declared: Any) -> Any:
    """Declare a field as a setting, with its default or `REQUIRED`, its help text and the other fields of `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, **declared)})


def option_name(kind: type[Any], name: str) -> str:
    """Return the command-line option of a setting."""
    (declared,) = (field.metadata.get("setting") for field in dataclasses.fields(kind) if field.name == name)
    return declared.flags[0] if declared and declared.flags else f"--{name.replace('_', '-')}"


def validate(instance: Any) -> None:
    """Check each setting of a dataclass instance; check tuples element by element, and allow None if the type does.

    Raises:
        TypeError: a value does not have the annotated type.
        ValueError: a value is not among the choices, not within the range, or not finite.
    """
    hints = _hints(type(instance))
    for field in dataclasses.fields(instance):
        if "setting" not in field.metadata:
            continue
        declared, value, types = field.metadata["setting"], getattr(instance, field.name), _types(hints[field.name])
        if value is not None and not isinstance(value, tuple) and _only_tuples(hints[field.name]):
            raise TypeError(f"{field.name} must be a list, got {value!r}")
        for each in value if isinstance(value, tuple) and tuple in types else (value,):
            if not isinstance(each, types) or (isinstance(each, bool) and bool not in types):
                names = dict.fromkeys("None" if each is type(None) else each.__name__ for each in types)
                raise TypeError(f"{field.name} must be {' or '.join(names)}, got {value!r}")
            if isinstance(each, float) and not math.isfinite(each):
                raise ValueError(f"{field.name} must be {declared.allowed or 'finite'}, got {value!r}")
            if isinstance(each, str) and declared.longest is not None and len(each) > declared.longest:
                raise ValueError(f"{field.name} must have at most {declared.longest:,} characters, got {len(each):,}")
            if each is not None and not declared.allows(each):
                raise ValueError(f"{field.name} must be {declared.allowed}, got {value!r}")


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a dataclass of settings from values of a user: numbers, text, or lists for comma-separated text.

    Raises:
        RequestError: a value has the wrong type or is not allowed; the message names the option.
    """
    hints = _hints(kind)
    given: dict[str, Any] = {}
    for name, value in values.items():
        types = _types(hints[name])
        if str in types and not isinstance(value, str) and value is not None:
            value = spelled(value)
        elif isinstance(value, list):
            value = tuple(value)
        given[name] = value
    try:
        instance = kind(**given)
        validate(instance)
    except (TypeError, ValueError) as error:
        name, _, rest = str(error).partition(" ")
        raise RequestError(f"{option_name(kind, name)} {rest}" if name in hints else str(error)) from None
    return instance


def changed(instance: Any) -> dict[str, Any]:
    """Return the settings that differ from their defaults, by name."""
    fields = (field for field in dataclasses.fields(instance) if "setting" in field.metadata)
    return {field.name: value for field in fields if (value := getattr(instance, field.name)) != field.default}


def spelled(value: Any, separator: str = ",") -> str:
    """Return a value as written on the command line; `/` separates lists of lists.

    >>> spelled((0.7, 1.0), "-"), spelled([["C", "E"], ["F"]])
    ('0.7-1', 'C,E/F')
    """
    if isinstance(value, list | tuple):
        nested = any(isinstance(each, list | tuple) for each in value)
        return ("/" if nested else separator).join(map(spelled, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def from_json(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a dataclass from a JSON object; lists become tuples, and objects become the annotated dataclasses.

    Raises:
        TypeError, ValueError: a field is missing or unknown, or the dataclass rejects a value.
    """
    hints = _hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # T is a dataclass
    unknown = sorted(values.keys() - {field.name for field in fields})
    required = [field.name for field in fields if field.default is field.default_factory is REQUIRED]
    missing = [name for name in required if name not in values]
    if missing or unknown:
        raise ValueError(f"{kind.__name__}: fields missing: {missing}; unknown: {unknown}")
    return kind(**{name: _converted(value, _types(hints[name])) for name, value in values.items()})


def _converted(value: Any, types: tuple[type, ...]) -> Any:
    if isinstance(value, list):
        return tuple(_converted(each, types) for each in value)
    for nested in filter(dataclasses.is_dataclass, types):
        if isinstance(value, dict):
            return from_json(nested, value)
    return value


_hints: Any = cache(get_type_hints)  # the call takes longer than all checks of an instance


@cache
def _only_tuples(hint: Any) -> bool:
    """Return whether an annotation allows only tuples and None."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return {get_origin(part) or part for part in parts} - {type(None)} == {tuple}


@cache
def _types(hint: Any) -> tuple[type, ...]:
    """Return the classes in an annotation, at any depth; float also allows int."""
    origin = get_origin(hint)
    if origin is None:
        return (float, int) if hint is float else (hint,)
    parts = tuple(each for part in get_args(hint) if part is not ... for each in _types(part))
    return parts if origin in (Union, UnionType) else (origin, *parts)
