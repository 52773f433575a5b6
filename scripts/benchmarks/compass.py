"""Compare the range of new tunes with that of a corpus: the share of tunes that go below D4 (flute) and G3 (fiddle).

python scripts/benchmark.py compass [RUN] [CORPUS] [PIECES]   tunes, corpora/folk-open.abc and 2000 by default
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import folkseq
from folkseq.corpora.named import locate
from folkseq.formats import abc
from folkseq.music import Tune

PIECES = 2000
KEYS = ("D", "G", "A", "C", "Em", "Am", "Bm", "Gm", "Dm", "F", "Bb")
FEWEST = 20
"""Minimum number of tunes of the corpus in a key to compare."""
Span = tuple[int, int, bool]
"""The lowest and highest MIDI note number of a tune, and whether it ends on its tonic."""
COLUMNS: dict[str, Callable[[Sequence[Span]], float]] = {
    "below D4, %": lambda spans: 100 * fmean(low < 62 for low, _, _ in spans),
    "below G3, %": lambda spans: 100 * fmean(low < 55 for low, _, _ in spans),
    "median lowest": lambda spans: median(low for low, _, _ in spans),
    "semitones": lambda spans: fmean(high - low for low, high, _ in spans),
    "last on tonic, %": lambda spans: 100 * fmean(tonic for _, _, tonic in spans),
}


def main(run: str = "tunes", corpus: str = "corpora/folk-open.abc", pieces: str = str(PIECES)) -> None:
    """Print samples/books for all tunes and by key, with the 95 % interval of the samples' share below D4."""
    books: defaultdict[str, list[Span]] = defaultdict(list)
    for tune in abc.parse_bytes(locate(Path(corpus)).read_bytes(), corpus).tunes:
        if found := span(tune):
            books["all"].append(found)
            books[name_of(tune)].append(found)
    model = folkseq.load(run)
    print(f"{'key':8}{'tunes':>6}" + "".join(f"{name:>20}" for name in COLUMNS) + f"{'interval':>10}")
    for key in ("all", *KEYS):
        if len(books[key]) < FEWEST:
            continue
        asked: dict[str, Any] = {} if key == "all" else {"key": key}
        spans = [span(sampled.piece) for sampled in model.sample(int(pieces), seed=1, **asked)]
        new = [each for each in spans if each]
        cells = (f"{f'{figure(new):.1f}/{figure(books[key]):.1f}':>20}" for figure in COLUMNS.values())
        share = fmean(low < 62 for low, _, _ in new)
        interval = 196 * (share * (1 - share) / len(new)) ** 0.5
        print(f"{key:8}{len(books[key]):6,}{''.join(cells)}{f'± {interval:.1f}':>10}", flush=True)


def span(tune: Tune) -> Span | None:
    """Return the span of a tune; None if it has no notes."""
    chords = [sound.pitches for sound in tune.sounds() if sound.pitches]
    notes = [pitch.midi for pitches in chords for pitch in pitches]
    return (min(notes), max(notes), chords[-1][-1].letter == tune.key.letter) if notes else None


def name_of(tune: Tune) -> str:
    """Return a tune's key, such as D or Em; the modes other than major and minor have names of their own."""
    return str(tune.key).replace("maj", "").replace("min", "m")
