"""The known pieces for comparison with new ones: the training set of a model, or a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq import pretrained, representations
from folkseq.corpora import Split, TokenStore
from folkseq.corpora.reader import TokenizedCorpus
from folkseq.errors import FolkseqError, RunError
from folkseq.novelty.limit import CopyLimit
from folkseq.novelty.marks import MarkedLimit, MarkedOverlap
from folkseq.novelty.overlap import FOLDER, KEYS, Overlap
from folkseq.novelty.scale import share_as_close, share_of
from folkseq.novelty.sketches import fingerprint_of, sketch
from folkseq.novelty.summary import FILE, Summary
from folkseq.novelty.verdict import judge
from folkseq.representations.base import Codec
from folkseq.run import Run
from folkseq.sampling.overlaps import Copied, SharedPassage, Verdict


class KnownPieces:
    """A comparison of new pieces with known ones: by ids, or by marks if a run comes without its corpus."""

    def __init__(
        self,
        codec: Codec[Any],
        overlap: Overlap | MarkedOverlap,
        summarise: Callable[[], Summary],
        corpus: Overlap | None = None,
    ) -> None:
        """Store the index, the function that returns the summary, and the corpus, if the index has only marks."""
        self.codec, self._overlap, self._summarise = codec, overlap, summarise
        self._corpus = overlap if isinstance(overlap, Overlap) else corpus

    @classmethod
    def open(cls, run: Run) -> Self:
        """Open the training set of a run. Raises RunError if it is missing or broken.

        A pretrained model always uses marks, even if its corpus has been rebuilt, so that it writes the same pieces on
        every machine.
        """
        representation = representations.find(run.config.representation)
        codec, folder = representation.codec(run.vocabulary), run.folder / FOLDER
        corpus = None
        if run.has_tokens:
            store, split = run.tokens()
            corpus = Overlap(store, split.train, codec.profile)
        if corpus is None or pretrained.includes(run.folder):
            summary = Summary.read(folder)
            if not len(summary.marks):
                raise RunError(
                    f"{folder}: holds too little to compare pieces with; restore the folder tokens beside it"
                )
            return cls(codec, summary.marked(codec), lambda: summary, corpus)
        if (folder / KEYS).exists():
            corpus.read(folder)
        return cls._of(codec, corpus, store, split, run.labels, representation.files.continuous, folder)

    @classmethod
    def of(cls, corpus: TokenizedCorpus, continuous: bool) -> Self:
        """Return all pieces of a corpus. The summary is stored next to the ids in the cache."""
        everything = Split(tuple(range(len(corpus.store))), (), ())
        overlap = Overlap(corpus.store, everything.train, corpus.codec.profile)
        folder, labels = corpus.folder / FOLDER, list(corpus.labels)
        return cls._of(corpus.codec, overlap, corpus.store, everything, lambda: labels, continuous, folder)

    @classmethod
    def build(cls, run: Run) -> None:
        """Write the index and the summary of a run. Raises FolkseqError if the disk refuses."""
        folder = run.folder / FOLDER
        for name in (KEYS, FILE):
            (folder / name).unlink(missing_ok=True)
        known = cls.open(run)
        if isinstance(known._overlap, Overlap):
            known._overlap.write(folder)
        known.summary.write(folder)

    @classmethod
    def _of(
        cls,
        codec: Codec[Any],
        overlap: Overlap,
        store: TokenStore,
        split: Split,
        labels: Callable[[], list[str]],
        continuous: bool,
        folder: Path,
    ) -> Self:
        def summarise() -> Summary:
            with suppress(RunError):
                found, numbers = Summary.read(folder), overlap.training_set.numbers
                if np.array_equal(found.numbers, numbers):
                    return found
            made = Summary.of(codec, overlap, store, split, labels(), continuous)
            with suppress(FolkseqError):  # the run folder may be read-only
                made.write(folder)
            return made

        return cls(codec, overlap, summarise)

    @property
    def has_corpus(self) -> bool:
        """Return whether the known pieces themselves are available, not only their marks."""
        return self._corpus is not None

    @cached_property
    def summary(self) -> Summary:
        """Return the summary; build and write it if it is missing."""
        return self._summarise()

    def longest(self, pieces: Sequence[NDArray[Any]]) -> list[SharedPassage]:
        """Return the longest shared passage of each piece; see `Overlap.longest`."""
        return self._overlap.longest(pieces)

    def limit(self, most: int) -> CopyLimit | MarkedLimit:
        """Return a constraint for the sampler that limits shared passages to `most` ids, at least 8."""
        return self._overlap.limit(most)

    def describe(self, tokens: Sequence[str], shared: SharedPassage) -> Copied:
        """Describe a passage of tokens that also occurs in a known piece."""
        analysis, stop = self.codec.analysis, shared.start + shared.length
        if not shared.length:
            return Copied(0, 0, analysis.locate(tokens, 0), "", "")
        own = analysis.places(tokens)
        source_span = self._source_span(shared)
        label = self.summary.labels[self.summary.index(shared.source)]
        return Copied(
            shared.length,
            analysis.bars(tokens[shared.start : stop]),
            analysis.span(int(own[shared.start]), int(own[shared.start])),
            label,
            analysis.span(source_span[0], source_span[0]),
            analysis.span(int(own[shared.start]), int(own[stop - 1])),
            analysis.span(*source_span),
        )

    def judge(self, ids: NDArray[Any], copied: Copied, fingerprint: NDArray[np.int64] | None = None) -> Verdict:
        """Return the verdict whether a piece is a copy.

        Args:
            ids: ids of the piece.
            copied: its longest shared passage.
            fingerprint: its fingerprint; by default, the fingerprint of the ids.
        """
        length, similar = int(np.sum(~self.codec.profile.ends[ids])), self.codec.transposition
        fingerprint = fingerprint_of(ids, similar) if fingerprint is None else fingerprint
        closest = self.summary.sketches.closest(sketch(fingerprint, similar))
        scale = self.summary.scale
        share = share_of(scale, length, copied.tokens) if copied.tokens else None
        as_close = share_as_close(scale, closest.share) if closest else None
        return judge(length, copied, share, closest, closest and self.summary.labels[closest.piece], as_close)

    def excerpts(self, tokens: Sequence[str], shared: SharedPassage, piece: Any) -> tuple[str, str] | None:
        """Return the notation of the shared part in a piece and in the known piece; None without the known piece.

        Both are in the key of `piece`, the piece of the tokens.
        """
        source, excerpt = self.source(shared), self.codec.analysis.excerpt
        if source is None:
            return None
        here = excerpt(tokens, shared.start, shared.start + shared.length, piece)
        start, stop = shared.source_start, shared.source_start + shared.length
        return (here, excerpt(source, start, stop, piece)) if here else None

    def source(self, shared: SharedPassage) -> Sequence[str] | None:
        """Return the tokens of the known piece that contains a passage; None without one, or with marks only."""
        if not shared.length or self._corpus is None:
            return None
        known = self._corpus.training_set
        ids = known.store[known.pieces[self.summary.index(shared.source)]]
        return self.codec.vocabulary.decode(ids.tolist())

    def _source_span(self, shared: SharedPassage) -> tuple[int, int]:
        start, stop = shared.source_start, shared.source_start + shared.length
        if len(self.summary.places):
            return self.summary.span(shared.source, start, stop)
        places = self.codec.analysis.places(self.codec.vocabulary.decode(shared.source_ids.tolist()))
        return int(places[start]), int(places[stop - 1])
