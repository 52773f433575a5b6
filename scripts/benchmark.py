"""How fast folkseq is on this machine, on a quiet one.

python scripts/benchmark.py reading             from ABC to ids
python scripts/benchmark.py performances FOLDER from the MIDI files in a folder to ids
python scripts/benchmark.py sampling [RUN]      from the network to new ids; RUN is one of abc, the newest by default
python scripts/benchmark.py training            updates a second, beside a bare loop's
python scripts/benchmark.py recipes --help      held-out loss after equal minutes, of recipes side by side
python scripts/benchmark.py scale [IDS]         memory and first batch on a store of a billion ids
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def _reading() -> None:
    from benchmarks import reading

    reading.reading()


def _performances(folder: str) -> None:
    from benchmarks import reading

    reading.performances(folder)


def _sampling(run: str | None = None) -> None:
    from benchmarks import sampling

    sampling.main(run)


def _training() -> None:
    from benchmarks import training

    training.main()


def _recipes(*arguments: str) -> None:
    from benchmarks import recipes

    recipes.main(*arguments)


def _scale(*arguments: str) -> None:
    from benchmarks import scale

    scale.main(*arguments)


BENCHMARKS: dict[str, Callable[..., Any]] = {
    "reading": _reading,
    "performances": _performances,
    "sampling": _sampling,
    "training": _training,
    "recipes": _recipes,
    "scale": _scale,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(__doc__)
    BENCHMARKS[sys.argv[1]](*sys.argv[2:])
