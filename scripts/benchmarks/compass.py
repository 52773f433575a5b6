"""Compare the range of new tunes with that of a corpus: the share of tunes that go below D4 (flute) and G3 (fiddle).

python scripts/benchmark.py compass [RUN] [CORPUS]   the model `tunes` and corpora/folk-open.abc by default
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import folkseq
from folkseq.corpora.named import locate
from folkseq.formats import abc
from folkseq.music import Tune

BELOW = {"D4": 62, "G3": 55}
"""MIDI note numbers."""
PIECES = 400
KEYS = ("D", "G", "A", "C", "Em", "Am", "Bm", "Dm", "F", "Bb")
FEWEST = 20
"""Tunes of the corpus in a key that is compared."""


def main(run: str = "tunes", corpus: str = "corpora/folk-open.abc") -> None:
    """Print the shares, for all tunes and by key."""
    path = locate(Path(corpus))
    books: defaultdict[str, list[int]] = defaultdict(list)
    for tune in abc.parse_bytes(path.read_bytes(), corpus).tunes:
        lowest = min((pitch.midi for sound in tune.sounds() for pitch in sound.pitches), default=None)
        if lowest is not None:
            books["all"].append(lowest)
            books[name_of(tune)].append(lowest)
    model = folkseq.load(run)
    print(f"{'':8}" + "".join(f"{f'below {name}, %':>26}" for name in BELOW))
    print(f"{'key':8}" + f"{'samples':>15}{'books':>11}" * len(BELOW) + f"{'books, tunes':>15}")
    for key in ("all", *KEYS):
        if len(books[key]) >= FEWEST:
            asked = {} if key == "all" else {"key": key}
            written = [
                min(pitch.midi for sound in sampled.piece.sounds() for pitch in sound.pitches)
                for sampled in model.sample(PIECES, seed=1, **asked)
            ]
            columns = (f"{share(written, low):15.1f}{share(books[key], low):11.1f}" for low in BELOW.values())
            print(f"{key:8}{''.join(columns)}{len(books[key]):15,}", flush=True)


def name_of(tune: Tune) -> str:
    """Return a tune's key, such as D or Em; the modes other than major and minor have names of their own."""
    return str(tune.key).replace("maj", "").replace("min", "m")


def share(lowest: Iterable[int], bound: int) -> float:
    """Return the percentage below a bound."""
    every = list(lowest)
    return 100 * sum(each < bound for each in every) / len(every)
