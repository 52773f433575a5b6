"""Speed and quality benchmarks of folkseq. Run them on a machine that does nothing else.

python scripts/benchmark.py reading             ABC files to ids
python scripts/benchmark.py performances FOLDER the MIDI files of a folder to ids
python scripts/benchmark.py sampling [RUN]      speed of network and sampler; RUN is a run of abc, the newest by default
python scripts/benchmark.py training            updates per second, compared with a plain PyTorch loop
python scripts/benchmark.py recipes --help      held-out loss of several recipes after the same training time
python scripts/benchmark.py cells --help        held-out loss of each recurrent cell after the same training time
python scripts/benchmark.py compass [RUN]      the range of new tunes by key, compared with the books
python scripts/benchmark.py instruments [RUN]  new tunes for each instrument: do they keep its range, and at what cost
python scripts/benchmark.py judges FILES...    the notes of ABC files, compared with those that abc2midi plays
python scripts/benchmark.py finetune --help     a small collection: base model, training from scratch, and fine-tuning
python scripts/benchmark.py scale [IDS]         memory and time to the first batch with a store of a billion ids
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
    "compass": "compass.main",
    "instruments": "instruments.main",
    "judges": "judges.main",
    "finetune": "finetune.main",
    "scale": "scale.main",
}
"""The module under `benchmarks` and the function of each benchmark."""

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(__doc__)
    module, function = BENCHMARKS[sys.argv[1]].split(".")
    getattr(import_module(f"benchmarks.{module}"), function)(*sys.argv[2:])
