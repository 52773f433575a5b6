"""A trained model in the library: it writes new pieces."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.sampling.settings import SamplingSettings
from folkseq.settings import parse, spelled
from folkseq.verbs.piece import Event, Sampled
from folkseq.verbs.record import Record
from folkseq.verbs.sampling_run import SamplingRun, again
from folkseq.verbs.trained import TrainedRun, check_task, newest

_SEEDS = range(1000, 100_000)
"""Seeds that are drawn, which are short enough to type; a user may give any."""
SETTINGS = {field.name for field in fields(SamplingSettings)}
"""Names of the settings of the sampler; other options are those of a representation."""


@dataclass(frozen=True)
class Model(TrainedRun):
    """A trained run, ready to write new pieces."""

    def sample(
        self, count: int = 1, *, seed: int | None = None, prime_data: bytes | None = None, **asked: Any
    ) -> Iterator[Sampled]:
        """Write new pieces while the iterator is consumed.

        Args:
            count: number of pieces.
            seed: the same seed gives the same pieces; by default, folkseq draws a seed and records it.
            prime_data: the contents of the file `prime`, which is then not opened.
            asked: fields of `SamplingSettings` and of the representation's options, such as `temperature` and `key`.

        Returns:
            The pieces in order of their index.

        Raises:
            RequestError: an argument is invalid.
        """
        return self.sampling_run(seed=seed, prime_data=prime_data, **asked).pieces(count)

    def sampling_run(self, *, seed: int | None = None, prime_data: bytes | None = None, **asked: Any) -> SamplingRun:
        """Validate a request and prepare sampling; arguments and errors are those of `sample`."""
        check_task(self.run, CONTINUE)
        return SamplingRun(self, self.record(seed=seed, **asked), prime_data)

    def again(self, records: Sequence[Record]) -> Iterator[Sampled]:
        """Reproduce pieces from their records. Raises RequestError if another run wrote them."""
        return (piece for piece, _ in again(self, records, lambda place, piece: None))

    def stream(self, count: int = 1, *, seed: int | None = None, **asked: Any) -> Iterator[Event]:
        """Write pieces one after another, and yield each token as soon as it is drawn.

        If a piece needs several candidates or may be redrawn, it is complete before its first token appears. Arguments
        and errors are those of `sample`, without `best`.
        """
        return self.sampling_run(seed=seed, **asked).events(count)

    def record(self, *, seed: int | None = None, task: str = CONTINUE, **asked: Any) -> Record:
        """Return the record of settings and options. Raises RequestError for a value that is not allowed."""
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        if task == CONTINUE:
            factor = given.get("repeating", self.codec.generation.repeating)
            given["repeating"] = None if factor == 1 else factor
        settings = parse(SamplingSettings, {name: given.pop(name) for name in SETTINGS & given.keys()})
        options = {name: spelled(value) if isinstance(value, list | tuple) else value for name, value in given.items()}
        facts = {
            "run": self.run.folder.resolve().name,
            "weights": self.run.weights_digest(settings.precision),
            "seed": drawn_seed() if seed is None else seed,
            "task": task,
        }
        return replace(parse(Record, facts), settings=settings, options=options)


def drawn_seed() -> int:
    """Return a seed from the system's entropy."""
    return secrets.choice(_SEEDS)


def load(run: Path | str | None = None, task: str | None = None) -> Model:
    """Load the model in a run folder; by default, the newest under `runs` with the task. Raises RunError for none."""
    return Model(newest(task) if run is None else Run.open(run))
