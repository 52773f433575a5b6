"""How a piece came about, as it stands in its file, so that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from folkseq.errors import RequestError
from folkseq.representations.task import CONTINUE
from folkseq.version import __version__

PRECISIONS = ("int8", "float32")
_BEGINS = '{"folkseq": '
_NUMBER, _WHOLE, _TEXT = (int, float), (int, type(None)), (str, type(None))
_KINDS: dict[str, Any] = {  # of the fields' values
    "run": str,
    "weights": str,
    "seed": int,
    "index": int,
    "draw": _WHOLE,
    "temperature": _NUMBER,
    "top_k": _WHOLE,
    "top_p": (*_NUMBER, type(None)),
    "min_p": (*_NUMBER, type(None)),
    "prime": _TEXT,
    "prime_sha256": _TEXT,
    "grammar": bool,
    "limit": _WHOLE,
    "max_copy": _WHOLE,
    "precision": str,
    "task": str,
}


@dataclass(frozen=True)
class Record:
    """All that a piece depends on: the run, and what was asked of it."""

    run: str
    """The folder's name."""
    weights: str
    """What tells the network that wrote it from any other."""
    seed: int
    index: int
    """Of the pieces written with this seed, from 1."""
    draw: int | None = None
    """Of all that were drawn for them, from 1, where it is another."""
    temperature: float | tuple[float, float] = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    prime: str | None = None
    """Text of music, or the path of a file."""
    prime_sha256: str | None = None
    """Of that file."""
    grammar: bool = True
    limit: int | None = None
    max_copy: int | None = None
    precision: str = "int8"
    task: str = CONTINUE
    """What the model was asked for."""
    controls: Mapping[str, Any] = field(default_factory=dict)
    """What the representation understands."""
    version: str = __version__
    """folkseq's own."""

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            two = name == "temperature" and isinstance(value, tuple) and len(value) == 2
            if not all(isinstance(one, kinds) for one in (value if two else (value,))):
                raise TypeError(f"{name} cannot be {value!r}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"a seed is from 0 to 2**64 - 1, not {self.seed}")
        if not (0 <= self.index < 2**63 and 0 < (self.draw or 1) < 2**63):
            raise ValueError(f"there is no piece {self.index} of seed {self.seed}")

    ASKED: ClassVar[tuple[str, ...]] = (
        "temperature",
        "top_k",
        "top_p",
        "min_p",
        "prime",
        "grammar",
        "limit",
        "max_copy",
        "precision",
    )
    """The fields that a user sets."""

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, where it is not the usual; controls under their own names."""
        usual = {each.name: each.default for each in fields(self)}
        names = (*self.ASKED, "prime_sha256", "draw", "task")
        asked = {name: getattr(self, name) for name in names if getattr(self, name) != usual[name]}
        return {**asked, **self.controls}

    def to_json(self) -> str:
        """The record in one line of ASCII, without the signs that end a comment in ABC."""
        facts: dict[str, Any] = {"folkseq": self.version, "run": self.run, "weights": self.weights}
        facts |= {"seed": self.seed, "index": self.index, **self.settings}
        return json.dumps(facts).replace("%", "\\u0025")

    def describe(self) -> str:
        """The record in a few words."""
        said = [f"folkseq {self.version}", f"run {self.run}", f"seed {self.seed}", f"piece {self.index}"]
        for name, value in {"temperature": self.temperature, **self.settings}.items():
            if name == "prime":
                said.append("primed")
            elif name == "grammar":
                said.append("no grammar")
            elif name not in ("prime_sha256", "draw"):
                said.append(f"{name.replace('_', '-')} {spelt(value, '-')}")
        return ", ".join(said)

    @classmethod
    def find(cls, data: bytes, file: str) -> list[Self]:
        """The records in a file's bytes, of whatever format.

        Raises:
            RequestError: there are none, or damaged ones, or one of a piece that was made from another.
        """
        found = []
        for facts in _objects(data.decode("latin-1")):
            own = {"version": facts.pop("folkseq")}
            own |= {each.name: facts.pop(each.name) for each in fields(cls) if each.name in facts}
            if isinstance(own.get("temperature"), list):
                own["temperature"] = tuple(own["temperature"])
            try:
                found.append(cls(**own, controls=facts))
                if found[-1].index < 1:
                    raise ValueError("pieces are counted from 1")
            except (TypeError, ValueError) as error:
                raise RequestError(f"{file}: its record of how it came about is damaged ({error})") from None
        if not found:
            raise RequestError(
                f"{file}: holds no record of how it came about; what folkseq wrote as .abc, .mid or .png is made again"
            )
        for record in found:
            if record.task != CONTINUE:
                verb = f"folkseq {record.task} RUN FILE --seed {record.seed}"
                raise RequestError(f"{file}: was made from another; ask that again, with all options: {verb}")
        return found

    @staticmethod
    def stands_in(data: bytes) -> bool:
        """Whether a file holds what may be a record."""
        return _BEGINS.encode() in data


def _objects(text: str) -> Iterator[dict[str, Any]]:
    at = text.find(_BEGINS)
    while at >= 0:
        with suppress(ValueError):  # something else that begins so
            yield json.JSONDecoder().raw_decode(text, at)[0]
        at = text.find(_BEGINS, at + 1)


def spelt(value: Any, between: str = ",") -> str:
    """A setting as the command line would have it; lists of lists with a stroke between."""
    if isinstance(value, list | tuple):
        return ("/" if any(isinstance(each, list | tuple) for each in value) else between).join(map(spelt, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
