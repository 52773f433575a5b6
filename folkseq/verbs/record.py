"""The record of a sampled piece: everything that it depends on, stored in its file for reproduction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Self

from folkseq.errors import RequestError
from folkseq.representations.task import CONTINUE
from folkseq.sampling.settings import SamplingSettings
from folkseq.settings import changed, from_json, setting, spelled, validate
from folkseq.version import __version__

PASSAGE = "passage"
"""The task of a model of performances in the studio: it continues what is before a passage, up to what is after it."""

_BEGINNING = '{"folkseq": '
_SAMPLING = {each.name for each in fields(SamplingSettings)} - {"best"}  # `draw` tells which candidate was best
_ESCAPED = "%&<>"
_SILENT = ("prime_sha256", "draw", "target")


@dataclass(frozen=True)
class Record:
    """The run, the settings and the options of one piece."""

    run: str = setting("", "Name of the run folder.")
    weights: str = setting("", "Digest of the network's file.")
    seed: int = setting(0, "Seed.", low=0, high=2**64 - 1)
    index: int = setting(0, "Number of the piece among those of this seed, from 1.", low=0, high=2**63 - 1)
    prime_sha256: str | None = setting(None, "Digest of the file of the prime.")
    draw: int | None = setting(None, "Number among all candidates, from 1, if it differs.", low=1, high=2**63 - 1)
    target: int | None = setting(None, "Version of the target that made the piece resemble the corpus, if any did.")
    task: str = setting(CONTINUE, "The task of the model.")
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of the representation that were given."""
    version: str = __version__

    def __post_init__(self) -> None:
        validate(self)

    @property
    def asked(self) -> dict[str, Any]:
        """Return the settings and options that differ from the default, by name."""
        own = {name: value for name, value in changed(self).items() if name in (*_SILENT, "task")}
        sampling = {name: value for name, value in changed(self.settings).items() if name in _SAMPLING}
        return {**sampling, **own, **self.options}

    def to_json(self) -> str:
        """Format the record as one line of ASCII without what has a meaning in ABC or XML."""
        facts = {"folkseq": self.version, "run": self.run, "weights": self.weights}
        text = json.dumps({**facts, "seed": self.seed, "index": self.index, **self.asked})
        return "".join(f"\\u{ord(sign):04x}" if sign in _ESCAPED else sign for sign in text)

    def describe(self) -> str:
        """Return the record in a few words."""
        words = [f"folkseq {self.version}", f"run {self.run}", f"seed {self.seed}", f"piece {self.index}"]
        for name, value in {"temperature": self.settings.temperature, **self.asked}.items():
            if name == "prime":
                words.append("primed")
            elif name == "grammar":
                words.append("no grammar")
            elif name not in _SILENT:
                words.append(f"{name.replace('_', '-')} {spelled(value, '-')}")
        return ", ".join(words)

    @classmethod
    def find(cls, data: bytes, file: str) -> list[Self]:
        """Find the records in a file of any format.

        Raises:
            RequestError: there are none, or one is damaged.
        """
        found = []
        for facts in _objects(data.decode("latin-1")):
            own = {"version": facts.pop("folkseq")}
            own |= {each.name: facts.pop(each.name) for each in fields(cls) if each.name in facts}
            sampling = {name: facts.pop(name) for name in _SAMPLING if name in facts}
            try:
                found.append(cls(**own, settings=from_json(SamplingSettings, sampling), options=facts))
                if found[-1].index < 1:
                    raise ValueError("index must be at least 1")
            except (TypeError, ValueError) as error:
                raise RequestError(f"{file}: its record is damaged ({error})") from None
        if not found:
            known = "scores (.abc, .musicxml, .mxl, .svg), .mid files, sound and pictures"
            raise RequestError(f"{file}: holds no record; only {known} by folkseq can be made again")
        return found

    @property
    def is_of_other(self) -> str:
        """Return an error for an answer whose file lacks the question, so that it cannot be made again."""
        if self.task == PASSAGE:
            where = self.options.get("seconds", "some")
            return f"its seconds {where} were written again in the studio; do that there, with seed {self.seed}"
        verb = f"folkseq {self.task} RUN FILE --seed {self.seed}"
        given = "does not hold all that the model was given"
        return f"{given}; give the score beside it (.abc, .musicxml), or use the same options again: {verb}"


def _objects(text: str) -> Iterator[dict[str, Any]]:
    at = text.find(_BEGINNING)
    while at >= 0:
        with suppress(ValueError):  # something else begins like a record
            yield json.JSONDecoder().raw_decode(text, at)[0]
        at = text.find(_BEGINNING, at + 1)
