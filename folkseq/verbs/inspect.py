"""`folkseq inspect`: what a run is, what it was trained on, and how well."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from folkseq.run import Run


def inspect(run: Path | str | None = None) -> dict[str, Any]:
    """What a run's configuration says, and its size; the newest run under `runs` by default.

    Raises:
        RunError: if there is none.
    """
    found = Run.latest() if run is None else Run.open(run)
    config = asdict(found.config)
    weights = sum(int(array.size) for array in found.weights().values())
    return {"run": str(found.folder), **config, "parameters": weights}
