"""How fast folkseq is on this machine, on a quiet one, and how well it learns.

python scripts/benchmark.py reading             from ABC to ids
python scripts/benchmark.py performances FOLDER from the MIDI files in a folder to ids
python scripts/benchmark.py sampling [RUN]      from the network to new ids; RUN is one of abc, the newest by default
python scripts/benchmark.py training            updates a second, beside a bare loop's
python scripts/benchmark.py recipes --help      held-out loss after equal minutes, of recipes side by side
python scripts/benchmark.py cells --help        the same of the cells
python scripts/benchmark.py scale [IDS]         memory and first batch on a store of a billion ids
"""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = {
    "reading": "reading.reading",
    "performances": "reading.performances",
    "sampling": "sampling.main",
    "training": "training.main",
    "recipes": "recipes.main",
    "cells": "cells.main",
    "scale": "scale.main",
}
"""Each with the module under `benchmarks` that has it, and its function there."""

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(__doc__)
    module, function = BENCHMARKS[sys.argv[1]].split(".")
    getattr(import_module(f"benchmarks.{module}"), function)(*sys.argv[2:])
