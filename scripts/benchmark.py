"""How fast folkseq is on this machine: `python scripts/benchmark.py reading`, on a quiet one."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from folkseq import tokenizers
from folkseq.corpora import locate

TURNS = 5


def reading() -> None:
    """From ABC text to ids, on one core: tunes a second, the best of several turns."""
    data = locate(Path("corpora/folk.abc")).read_bytes()
    tokenizer = tokenizers.find("abc")
    best = float("inf")
    for _ in range(TURNS):
        start = time.process_time()
        tunes = tokenizer.parse(data, "folk.abc").pieces
        tokens = [tokenizer.tokenize(tune) for tune in tunes]
        vocabulary = tokenizer.learn(tokens)
        ids = [vocabulary.encode(each) for each in tokens]
        best = min(best, time.process_time() - start)
    count = sum(map(len, ids))
    print(f"{len(tunes):,} tunes, {count:,} ids: {len(tunes) / best:,.0f} tunes a second")


BENCHMARKS = {"reading": reading}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(f"usage: python scripts/benchmark.py {'|'.join(BENCHMARKS)}")
    BENCHMARKS[sys.argv[1]]()
