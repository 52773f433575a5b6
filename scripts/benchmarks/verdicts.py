"""Accuracy of `folkseq check`: its verdicts on changed training tunes of a run, and on held-out tunes.

python scripts/benchmarks/verdicts.py RUN BOOK.abc      BOOK is the training corpus of the run
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from folkseq.corpora.titles import same_titles
from folkseq.formats import abc
from folkseq.music import Interval, Meter, Sound, Tune
from folkseq.novelty.verb import check
from folkseq.run import Run

STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
"""Of an interval of 0, 1, 2, … semitones."""


def in_another_key(tune: Tune, random: np.random.Generator) -> Tune:
    up = int(random.integers(1, 12))
    return tune.transposed(Interval(STEPS[up], up))


def in_longer_notes(tune: Tune, _: np.random.Generator) -> Tune:
    body = [replace(each, duration=2 * each.duration) if isinstance(each, Sound) else each for each in tune.body]
    meter = tune.meter if tune.meter.unit in (0, 1) else Meter(tune.meter.beats, tune.meter.unit // 2)
    return replace(tune, voices=(tuple(body),), meter=meter)


def verdicts(tunes: list[Tune], run: Run, change: Callable[..., Tune] | None = None) -> Iterator[str]:
    random = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        for first in range(0, len(tunes), 500):
            file = Path(folder) / "tunes.abc"
            changed = [change(tune, random) if change else tune for tune in tunes[first : first + 500]]
            file.write_text("\n".join(map(abc.format, changed)), encoding="utf-8")
            yield from (piece.verdict.kind for piece in check(file, run.folder).pieces)


def main() -> None:
    run, book = Run.open(sys.argv[1]), abc.read(Path(sys.argv[2])).tunes
    labels, sides = run.labels(), run.tokens()[1]
    groups, known = same_titles(labels), set(sides.train)
    by_label = {f"X:{tune.number} {' / '.join(tune.titles)}".strip(): tune for tune in book}
    of = [by_label.get(label[label.index("X:") :]) for label in labels]
    trained = [of[piece] for piece in sides.train]
    trained_groups = {int(groups[piece]) for piece in known}
    held_out = [of[piece] for piece in sides.valid + sides.test if int(groups[piece]) not in trained_groups]
    kinds: dict[str, tuple[list[Tune | None], Callable[..., Tune] | None]] = {
        "trained on": (trained, None),
        "in a random other key": (trained, in_another_key),
        "in double note values": (trained, in_longer_notes),
        "held out, of other titles": (held_out, None),
    }
    for name, (tunes, change) in kinds.items():
        counts = Counter(verdicts([tune for tune in tunes if tune is not None], run, change))
        shown = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
        print(f"{name:28}{sum(counts.values()):7,}   {shown}", flush=True)


if __name__ == "__main__":
    main()
