"""Ten tunes of each kind, as scores and sound; `sphinx-build -t listen docs docs/_build/html` adds their pages.

They are unselected: the first tunes of the pretrained model for the seeds 1 to 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import folkseq
from folkseq.book.verb import book
from folkseq.representations.abc.rhythms import named

KINDS = ("reel", "jig", "hornpipe", "slipjig", "strathspey", "waltz", "polka", "march")


def write(folder: Path, kinds: Sequence[str] = KINDS, seeds: Iterable[int] = range(1, 11), sound: bool = True) -> None:
    """Write a page `KIND.html` for each kind of tune into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model, seeds = folkseq.load("tunes"), list(seeds)
    for kind in kinds:
        with TemporaryDirectory() as scratch:
            tunes = [next(iter(model.sample(1, seed=seed, rhythm=kind))) for seed in seeds]
            file = Path(scratch) / f"{kind}.abc"
            file.write_bytes(b"\n".join(tune.format(".abc", number) for number, tune in enumerate(tunes, 1)))
            book([file], folder / f"{kind}.html", title=f"New tunes: {named(kind)}", sound=sound)
