"""How fast files become ids, on one core."""

from __future__ import annotations

import time
from pathlib import Path

from folkseq import representations
from folkseq.corpus.named import files, locate
from folkseq.errors import ParseError

TURNS = 5


def reading() -> None:
    """From ABC text to ids, on one core: tunes a second, the best of several turns."""
    data = locate(Path("corpora/folk.abc")).read_bytes()
    tokenizer = representations.find("abc")
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


def performances(folder: str) -> None:
    """From MIDI files to ids, on one core: notes a second, the best of several turns, and both halves by themselves."""
    tokenizer = representations.find("performance")
    vocabulary = tokenizer.vocabulary
    paths = files(Path(folder), tokenizer.suffixes)
    best = {"parsing": float("inf"), "encoding": float("inf"), "file to ids": float("inf")}
    for _ in range(TURNS):
        notes = ids = 0
        parsing = encoding = 0.0
        for path in paths:
            start = time.process_time()
            try:
                (performance,) = tokenizer.parse(path.read_bytes(), str(path)).pieces
            except ParseError:
                continue
            between = time.process_time()
            encoded = tokenizer.encode(performance, vocabulary)
            parsing += between - start
            encoding += time.process_time() - between
            notes += sum(map(len, performance.tracks))
            ids += len(encoded)
        for name, seconds in (("parsing", parsing), ("encoding", encoding), ("file to ids", parsing + encoding)):
            best[name] = min(best[name], seconds)
    print(f"{len(paths):,} files, {notes:,} notes, {ids:,} ids")
    for name, seconds in best.items():
        print(f"{name}: {notes / seconds:,.0f} notes a second, {len(paths) / seconds:,.0f} files a second")
