"""The held-out pieces for evaluating a run, from its own split or from other files.

The known pieces are the training pieces and the pieces that chose the run's weights. A piece of another file is left
out if it is a near-duplicate of a known piece; without a fingerprint, if it equals a known piece. Texts are cut into
pieces at arbitrary positions, so a piece of text is also left out if half of it is one known run of ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.corpora import TokenStore
from folkseq.corpora.duplicates import near_duplicates
from folkseq.corpora.named import Corpus, files, listed, skipped
from folkseq.corpora.reader import tokenize_corpus
from folkseq.errors import CorpusError
from folkseq.novelty.overlap import Overlap
from folkseq.representations.base import Codec
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run

Pieces = list[NDArray[Any]]
TWINS = "with a near twin among those trained on"
UNKNOWN = "with tokens that the run does not know"


@dataclass(frozen=True)
class HeldOutPieces:
    """Held-out pieces in a run's own ids."""

    side: str
    """The side of the run's own split: `test` or, if that is empty, `valid`; an empty string for other files."""
    pieces: Pieces
    """At least one."""
    left_out: Counter[str]
    """Number of pieces of the files that were left out, by reason."""
    lost: Counter[str]
    """Counts of what the reader dropped, by kind."""
    faults: tuple[str, ...]
    """One line for each piece of the files that cannot be read."""
    notices: tuple[str, ...] = ()
    """Decisions of the reader about ambiguous content."""


def held_out(
    run: Run, corpus: Corpus, on_read: Callable[[int, int], None] | None, keep_duplicates: bool = False
) -> HeldOutPieces:
    """Return the held-out pieces of files and folders; without files, those of the run's own split.

    Args:
        run: the run to evaluate.
        corpus: files and folders.
        on_read: called with the number of files read so far and the number of all files.
        keep_duplicates: keep pieces of the files that are near-duplicates of known pieces.

    Raises:
        FolkseqError: the files cannot be read, or no piece is left.
    """
    paths = listed(corpus)
    if paths:
        where = f"{paths[0]}" + f" and {len(paths) - 1} more" * (len(paths) > 1)
        found = _of_files(run, paths, on_read, keep_duplicates)
    else:
        store, sides = run.tokens()
        side = "test" if sides.test else "valid"
        where = f"the {side} side of {run.address}"
        found = HeldOutPieces(side, [store[piece] for piece in getattr(sides, side)], Counter(), Counter(), ())
    if not found.pieces:
        why = ", ".join(f"{count} {reason}" for reason, count in found.left_out.items() if count)
        fault = f"; not read: {found.faults[0]}" if found.faults else ""
        reason = why or "there is none"
        raise CorpusError(f"{where}: no piece left to evaluate the run on ({reason}{fault}); name other files")
    return found


def _of_files(
    run: Run, paths: Sequence[Path], on_read: Callable[[int, int], None] | None, keep_duplicates: bool
) -> HeldOutPieces:
    store, sides = run.tokens()
    seen = sides.train + sides.valid
    representation = representations.find(run.config.representation).matching(run.vocabulary)
    codec = representation.codec(run.vocabulary)
    suffixes = representation.files.suffixes
    read = tokenize_corpus(representation, files(paths, suffixes), on_read=on_read, signature=codec.signature)
    known = _in_vocabulary(read.store, read.codec.vocabulary, run.vocabulary)
    new = known if keep_duplicates else _without_duplicates(codec, [store[piece] for piece in seen], known)
    if representation.files.continuous and not keep_duplicates:
        runs = Overlap(store, seen, codec.profile).longest(new)
        inner = [np.sum(~codec.profile.ends[ids]) for ids in new]
        new = [ids for ids, run, count in zip(new, runs, inner, strict=True) if 2 * run.length < count]
    left_out = Counter({UNKNOWN: len(read.store) - len(known), TWINS: len(known) - len(new)})
    notices = (*skipped(paths, suffixes), *read.notices)
    return HeldOutPieces("", new, left_out, read.lost, read.faults, notices)


def _in_vocabulary(store: TokenStore, theirs: Vocabulary, ours: Vocabulary) -> Pieces:
    """Return the pieces of a store in ids of another vocabulary; pieces with unknown tokens are left out."""
    pieces = [store[piece] for piece in range(len(store))]
    if theirs == ours:
        return pieces
    ids = np.array([ours.id(token) if token in ours else -1 for token in theirs.tokens])
    return [ids[piece] for piece in pieces if ids[piece].min() >= 0]


def _without_duplicates(codec: Codec[Any], seen: Pieces, pieces: Pieces) -> Pieces:
    """Return the pieces that have no near-duplicate among the known ones."""
    similar, every = codec.transposition, [*seen, *pieces]
    labels: list[Any] = [sha256(np.asarray(ids, np.int64).tobytes()).digest() for ids in every]
    if similar is not None:
        fingerprints = [similar.fingerprint(ids) for ids in every]
        clusters = near_duplicates(fingerprints, similar).tolist()
        for piece in np.flatnonzero([len(fingerprint) for fingerprint in fingerprints]).tolist():
            labels[piece] = clusters[piece]
    known = set(labels[: len(seen)])
    return [ids for ids, label in zip(pieces, labels[len(seen) :], strict=True) if label not in known]
