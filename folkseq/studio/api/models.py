"""The available models and their options."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from folkseq import representations
from folkseq.errors import FolkseqError
from folkseq.representations.abc.instruments import INSTRUMENTS
from folkseq.representations.abc.options import AbcOptions
from folkseq.representations.abc.rhythms import RHYTHMS
from folkseq.run import Run
from folkseq.studio.operations import Nothing, operation
from folkseq.studio.workshop import Workshop


@dataclass(frozen=True)
class ModelFacts:
    """An available model."""

    name: str
    task: str
    """`continue`, `fill` or `harmonise`."""
    representation: str
    rhythms: tuple[str, ...]
    """Its options; empty for a model that does not write tunes."""
    meters: tuple[str, ...]
    modes: tuple[str, ...]
    instruments: tuple[str, ...]
    """The instruments whose range it can keep."""
    writes: str
    """The suffix of its files, such as `.abc` or `.mid`."""
    drums: bool
    """Whether it writes only drums."""
    density: bool
    """Whether it has an option for notes per second."""
    pitch_classes: bool
    """Whether it has an option for pitch classes."""
    heldout_nll: float | None
    """Nats per token on held-out pieces."""


@dataclass(frozen=True)
class Models:
    """The models, newest run first and pretrained models last."""

    models: tuple[ModelFacts, ...]


def list_models(workshop: Workshop, request: Nothing) -> Models:
    """List the models: runs, and the pretrained ones."""
    found = []
    for name, folder in workshop.folders().items():
        with suppress(FolkseqError, OSError):  # a broken run must not hide the others
            found.append(_facts(name, folder, (folder / "config.json").stat().st_mtime_ns))
    return Models(tuple(found))


@lru_cache(maxsize=256)
def _facts(name: str, folder: Path, changed_ns: int) -> ModelFacts:
    """Return the facts of a run; they are cached until its configuration changes."""
    run = Run.open(folder)
    tokens, representation = run.vocabulary.tokens, representations.find(run.config.representation)

    def after(prefix: str) -> tuple[str, ...]:
        return tuple(sorted(token.removeprefix(prefix) for token in tokens if token.startswith(prefix)))

    return ModelFacts(
        name,
        run.config.task,
        run.config.representation,
        rhythms=tuple(
            name for name, rhythm in RHYTHMS.items() if any(f"M:{meter}" in run.vocabulary for meter in rhythm.meters)
        ),
        meters=after("M:"),
        modes=after("K:C"),
        instruments=tuple(INSTRUMENTS) if representation.options is AbcOptions else (),
        writes=representation.files.outputs[0],
        drums=bool(getattr(representation, "drums", getattr(representation, "grid", "") == "drums")),
        density=bool(getattr(representation, "density", False)),
        pitch_classes=bool(getattr(representation, "pitch_classes", False)),
        heldout_nll=run.config.figures.get("heldout_nll"),
    )


OPERATIONS = (operation("GET", "/api/models", list_models),)
