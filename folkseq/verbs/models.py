"""`folkseq models`: the pretrained models and their cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from folkseq import pretrained
from folkseq.errors import RequestError
from folkseq.run import Run

_RULE, _MARK = "---\n", "<!-- card -->"


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model, as described by its card."""

    name: str
    task: str
    writes: str
    data: str
    licence: str
    heldout_nll: float
    """Nats per token on held-out pieces."""
    of_ngram: float | None
    """The same, relative to the best n-gram model; None for tasks without an n-gram model."""
    megabytes: float
    card: str
    """In Markdown."""

    @classmethod
    def read(cls, folder: Path) -> Pretrained:
        """Read the model in a folder."""
        run = Run.open(folder)
        _, head, card = (folder / pretrained.CARD).read_text(encoding="utf-8").split(_RULE, 2)
        facts = dict(line.split(": ", 1) for line in head.splitlines())
        figures, size = run.config.figures, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        ngram = figures.get("ngram_nll")
        return cls(
            folder.name,
            run.config.task,
            **{name: facts[name] for name in ("writes", "data", "licence")},
            heldout_nll=figures["heldout_nll"],
            of_ngram=figures["heldout_nll"] / ngram if ngram else None,
            megabytes=size / 1e6,
            card=card.replace(_MARK, "").strip(),
        )


def models(name: str | None = None) -> list[Pretrained]:
    """Return all pretrained models, or the one with a name. Raises RequestError for an unknown name."""
    found = [Pretrained.read(folder) for folder in pretrained.folders() if name in (None, folder.name)]
    if name is not None and not found:
        known = ", ".join(folder.name for folder in pretrained.folders())
        raise RequestError(f"{name}: is not a pretrained model; they are {known}")
    return found
