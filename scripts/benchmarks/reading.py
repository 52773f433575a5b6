"""The speed of turning files into ids, on one core."""

from __future__ import annotations

import time
from pathlib import Path

from folkseq import representations
from folkseq.corpora.named import files, locate
from folkseq.errors import ParseError

TURNS = 5


def reading() -> None:
    """Print the tunes per second from ABC to ids, the best of several turns."""
    data = locate(Path("corpora/folk.abc")).read_bytes()
    representation = representations.find("abc")
    best = float("inf")
    for _ in range(TURNS):
        start = time.process_time()
        tunes = representation.files.parse(data, "folk.abc").pieces
        tokens = [representation.tokenize(tune) for tune in tunes]
        vocabulary = representation.merge(token for each in tokens for token in each)
        ids = [vocabulary.encode(each) for each in tokens]
        best = min(best, time.process_time() - start)
    count = sum(map(len, ids))
    print(f"{len(tunes):,} tunes, {count:,} ids: {len(tunes) / best:,.0f} tunes per second")


def performances(folder: str) -> None:
    """Print the notes per second from MIDI to ids, the best of several turns; parsing and encoding also separately."""
    representation = representations.find("performance")
    codec = representation.fit([])
    paths = files(Path(folder), representation.files.suffixes)
    best = {"parsing": float("inf"), "encoding": float("inf"), "file to ids": float("inf")}
    for _ in range(TURNS):
        notes = ids = 0
        parsing = encoding = 0.0
        for path in paths:
            start = time.process_time()
            try:
                (performance,) = representation.files.parse(path.read_bytes(), str(path)).pieces
            except ParseError:
                continue
            between = time.process_time()
            encoded = codec.encode(performance)
            parsing += between - start
            encoding += time.process_time() - between
            notes += sum(map(len, performance.tracks))
            ids += len(encoded)
        for name, seconds in (("parsing", parsing), ("encoding", encoding), ("file to ids", parsing + encoding)):
            best[name] = min(best[name], seconds)
    print(f"{len(paths):,} files, {notes:,} notes, {ids:,} ids")
    for name, seconds in best.items():
        print(f"{name}: {notes / seconds:,.0f} notes per second, {len(paths) / seconds:,.0f} files per second")
