"""The pieces that a run is judged on: those of its own split, or those of other files that it has not learnt from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.corpus import Split, TokenStore, cluster
from folkseq.corpus.named import Corpus, files, listed, locate
from folkseq.corpus.reader import tokenize_corpus
from folkseq.errors import CorpusError
from folkseq.novelty import Overlap, TrainingSet
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Profile
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run

Pieces = list[NDArray[Any]]
TWINS = "with a near twin among those trained on"
SHORT = 1000  # ids, below which a piece may have no figure to be known by, and is compared whole


@dataclass(frozen=True)
class Unseen:
    """Pieces in a run's own ids."""

    side: str
    """Of the run's own split, `test` or, where that is empty, `valid`; empty if other files were given."""
    pieces: Pieces
    """At least one."""
    left_out: Counter[str]
    """Pieces that are none of them, by reason."""
    lost: Counter[str]
    """What could not be read as it stands in the files given."""
    faults: tuple[str, ...]


def unseen(
    run: Run, store: TokenStore, sides: Split, corpus: Corpus, on_read: Callable[[int, int], None] | None
) -> Unseen:
    """The pieces of a corpus that have no near twin among those a run was trained on; of no corpus, its own test side.

    Args:
        run: the run.
        store: its pieces.
        sides: their split.
        corpus: files and folders, or none.
        on_read: called with the number of files read and that of all, as they are.

    Raises:
        FolkseqError: the files cannot be read, or there is no such piece.
    """
    paths = listed(corpus)
    if not paths:
        side = "test" if sides.test else "valid"
        found = Unseen(side, [store[piece] for piece in getattr(sides, side)], Counter(), Counter(), ())
    else:
        representation = representations.find(run.config.tokenizer)
        codec = representation.codec(run.vocabulary)
        named = [file for path in paths for file in files(locate(path), representation.files.suffixes)]
        read = tokenize_corpus(representation, named, on_read=on_read)
        if read.codec.signature != codec.signature:
            raise CorpusError(
                f"{paths[0]}: has {read.codec.signature}, but {run.folder} was trained on {codec.signature}"
            )
        left_out: Counter[str] = Counter()
        pieces = _in_vocabulary(read.store, read.codec.vocabulary, run.vocabulary, left_out)
        known = [store[piece] for piece in (*sides.train, *sides.valid)]  # the latter chose the weights
        pieces = _apart(codec, known, pieces, left_out)
        if representation.files.continuous and pieces:  # whose pieces begin and end where a file happens to be cut
            known_texts = TrainingSet.of(store, (*sides.train, *sides.valid), codec.profile)
            pieces = _not_known(Overlap(known_texts, codec.profile), codec.profile, pieces, left_out)
        found = Unseen("", pieces, left_out, read.lost, read.faults)
    if not found.pieces:
        more = f" and {len(paths) - 1} more" * (len(paths) > 1)
        where = f"{paths[0]}{more}" if paths else f"the {found.side} side of {run.folder}"
        why = ", ".join(f"{count} {reason}" for reason, count in found.left_out.items()) or "there is none"
        raise CorpusError(f"{where}: no piece left to judge the run on ({why}); name other files")
    return found


def _in_vocabulary(store: TokenStore, theirs: Vocabulary, ours: Vocabulary, left_out: Counter[str]) -> Pieces:
    """The pieces of a store in another vocabulary's ids; those with tokens that it lacks are left out."""
    if theirs == ours:
        return [store[piece] for piece in range(len(store))]
    ids = np.array([ours.id(token) if token in ours else -1 for token in theirs.tokens])
    moved = [ids[store[piece]] for piece in range(len(store))]
    known = [piece for piece in moved if piece.min() >= 0]
    left_out["with tokens that the run does not know"] += len(moved) - len(known)
    return known


def _apart(codec: Codec[Any], trained: Pieces, pieces: Pieces, left_out: Counter[str]) -> Pieces:
    """The pieces that are not among those trained on, and have no near twin there."""
    similar = codec.transposition
    everything = (*trained, *pieces)
    fingerprints = [similar.fingerprint(ids) if similar else np.zeros(0, np.int64) for ids in everything]
    figure, share = (similar.figure, similar.twin_share) if similar else (9, 0.5)
    labels = cluster(fingerprints, figure, share).tolist()
    seen = set(labels[: len(trained)])
    whole = [
        len(figures) == 0 or len(ids) < SHORT for ids, figures in zip((*trained, *pieces), fingerprints, strict=True)
    ]
    exact = {_digest(ids) for ids, alike in zip(trained, whole, strict=False) if alike}
    apart = [
        piece
        for piece, label, alike in zip(pieces, labels[len(trained) :], whole[len(trained) :], strict=True)
        if label not in seen and not (alike and _digest(piece) in exact)
    ]
    left_out[TWINS] += len(pieces) - len(apart)
    return apart


def _not_known(known: Overlap, profile: Profile, pieces: Pieces, left_out: Counter[str]) -> Pieces:
    """The pieces of which no half stands in one trained on."""
    runs = known.longest(pieces)
    kept = [ids for ids, run in zip(pieces, runs, strict=True) if 2 * run.length < np.sum(~profile.ends[ids])]
    left_out[TWINS] += len(pieces) - len(kept)
    return kept


def _digest(ids: NDArray[Any]) -> bytes:
    return hashlib.sha256(np.asarray(ids, np.int64).tobytes()).digest()
