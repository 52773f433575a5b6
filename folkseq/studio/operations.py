"""Operations of the API: functions from a validated request to an answer, a file, or a stream of answers.

A request is a dataclass of settings. Its limits are declared once, checked here, and described in the OpenAPI document.
The function's annotations give the types of request and answer; its docstring is the description.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import numpy as np

from folkseq.errors import RequestError
from folkseq.settings import from_json, validate

if TYPE_CHECKING:
    from folkseq.studio.workshop import Workshop

Function = Callable[["Workshop", Any], Any]


@dataclass(frozen=True)
class File:
    """An answer that is a file."""

    name: str
    type: str
    """MIME type."""
    data: bytes


@dataclass(frozen=True)
class StoredFile:
    """An answer that is a file on this machine, which a browser may cache until it changes."""

    path: Path
    type: str
    """MIME type."""


@dataclass(frozen=True)
class Nothing:
    """A request without parameters, or an answer without contents."""


@dataclass(frozen=True)
class Operation:
    """A method and a path with the function that answers."""

    method: str
    path: str
    run: Function
    request: type[Any]
    answers: tuple[type[Any], ...]
    """The types of the answers; only a stream has several."""
    streams: bool

    @property
    def summary(self) -> str:
        """Return the first line of the description."""
        return self.description.partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """Return the full description."""
        return (self.run.__doc__ or "").strip()

    def parse(self, values: Mapping[str, Any]) -> Any:
        """Return the request for JSON values. Raises RequestError if they are invalid."""
        try:
            request = from_json(self.request, values)
            validate(request)
        except (TypeError, ValueError) as error:
            raise RequestError(str(error)) from None
        return request


def operation(method: str, path: str, run: Function) -> Operation:
    """Return the operation of a function `run(workshop, request) -> answer` or `-> Iterator[answers]`."""
    hints = get_type_hints(run, localns={"Workshop": object})
    returned = hints.pop("return")
    _, request = hints.values()
    streams = get_origin(returned) is Iterator
    (answer,) = get_args(returned) if streams else (returned,)
    return Operation(method, path, run, request, get_args(answer) or (answer,), streams)


def to_json(value: Any) -> Any:
    """Return an answer as JSON values: fields by name, fractions and NumPy numbers as numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return float(value) if isinstance(value, Fraction) else value
