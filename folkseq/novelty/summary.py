"""A summary of a training set, which is sufficient for verdicts; with marks, a model does not need its corpus.

The summary is one file, `summary.npz`, with the label, sketch, marks and places (the bar or second of each id) of each
piece, and the scale of the verdicts. Pieces cannot be reconstructed from it, but one can test whether a given piece is
in it. For 2,450 tunes it takes 0.5 MB. For a training set of more than `MOST_IDS` ids it has no marks and no places, so
such a model needs its corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.corpora import Split, TokenStore
from folkseq.errors import RunError
from folkseq.files import write_atomically
from folkseq.novelty.marks import NONE, MarkedOverlap, Marks, marks_of
from folkseq.novelty.overlap import Overlap
from folkseq.novelty.scale import Scale, between, groups_of, within
from folkseq.novelty.sketches import Sketches, fingerprint_of
from folkseq.representations.base import Codec

FILE = "summary.npz"
MOST_IDS = 4_000_000
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Summary:
    """A summary of P pieces."""

    numbers: Integers
    """(P,) numbers of the pieces in the run's store, rising."""
    labels: tuple[str, ...]
    lengths: Integers
    """(P,) lengths of the pieces in ids, without the ids that begin and end a piece."""
    lead: int
    """Number of ids that begin a piece."""
    marks: Marks
    """Marks of all pieces end to end; empty for a training set that is too large."""
    places: Integers
    """Place of each id of all pieces end to end (`Analysis.places`); empty for a training set that is too large."""
    sketches: Sketches
    scale: Scale

    @classmethod
    def of(
        cls,
        codec: Codec[Any],
        overlap: Overlap,
        store: TokenStore,
        split: Split,
        labels: Sequence[str],
        continuous: bool,
    ) -> Self:
        """Summarise the pieces of an overlap, the training pieces of a store; see `scale`."""
        known = overlap.training_set
        pieces = [known.store[piece] for piece in known.pieces]
        numbers = known.numbers
        inner = [ids[~codec.profile.ends[ids]] for ids in pieces]
        few = sum(map(len, inner)) <= MOST_IDS
        marks = [marks_of(ids, overlap.hashing) for ids in inner if few]
        places = [codec.analysis.places(codec.vocabulary.decode(ids.tolist())) for ids in pieces if few]
        inside = [place[~codec.profile.ends[ids]] for place, ids in zip(places, pieces, strict=False)]
        flat, similar = np.concatenate([np.zeros(0, np.uint8), *marks]), codec.transposition
        fingerprints = [fingerprint_of(ids, similar) for ids in pieces]
        names = tuple(labels[number] for number in numbers)
        sketches = Sketches.of(fingerprints, similar)
        if continuous:
            scale = between(codec, store, split.train, split.valid)
        else:
            groups = groups_of(fingerprints, similar, names)
            scale = within(codec, known.store, known.pieces, sketches, groups)
        return cls(
            np.array(numbers, np.int64),
            names,
            np.array(list(map(len, inner)), np.int64),
            min(
                (int(np.argmin(ends)) for ends in (codec.profile.ends[ids] for ids in pieces) if not ends.all()),
                default=1,
            ),
            flat[flat != NONE],
            np.concatenate([np.zeros(0, np.int64), *inside]),
            sketches,
            scale,
        )

    def write(self, folder: Path) -> None:
        """Write the file into a folder. Raises FolkseqError if the disk refuses."""
        arrays: dict[str, Any] = {
            "numbers": _small(np.diff(self.numbers, prepend=0)),
            "labels": np.frombuffer("\n".join(self.labels).encode(), np.uint8),
            "lengths": _small(self.lengths),
            "lead": np.array(self.lead),
            "marks": self.marks,
            "places": _small(np.diff(self.places, prepend=0)),
            "figures": self.sketches.figures,
            "figure_counts": _small(self.sketches.counts),
            "twin_share": np.array(self.sketches.twin_share),
            "scale": _small(self.scale),
        }
        data = BytesIO()
        np.savez_compressed(data, **arrays)
        write_atomically(folder / FILE, data.getvalue())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the file written by `write`. Raises RunError if it is missing or broken."""
        path = folder / FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                found = dict(file)
            text, counts = found["labels"].tobytes().decode(), found["figure_counts"].astype(np.int64)
            summary = cls(
                np.cumsum(found["numbers"], dtype=np.int64),
                tuple(text.split("\n")),
                found["lengths"].astype(np.int64),
                int(found["lead"]),
                found["marks"],
                np.cumsum(found["places"], dtype=np.int64),
                Sketches(found["figures"], counts, float(found["twin_share"])),
                found["scale"].astype(np.int64),
            )
            if len({len(each) for each in (summary.numbers, summary.labels, summary.lengths, counts)}) != 1:
                raise ValueError("it does not hold the same number of pieces throughout")
        except Exception as error:  # numpy and zipfile raise several unrelated classes
            raise RunError(f"{path}: cannot be read: {' '.join(str(error).split())}; remove the folder") from None
        return summary

    def marked(self, codec: Codec[Any]) -> MarkedOverlap:
        """Return the index of the marks. Raises ValueError if there are none."""
        return MarkedOverlap(self.marks, self.lengths, self.numbers.tolist(), codec.profile, self.lead)

    def index(self, number: int) -> int:
        """Return the index of the piece with a number in the run's store."""
        return int(np.searchsorted(self.numbers, number))

    def span(self, number: int, start: int, stop: int) -> tuple[int, int]:
        """Return the first and the last place of the ids from `start` up to `stop` in a piece."""
        before = int(self.lengths[: self.index(number)].sum()) - self.lead
        return int(self.places[before + start]), int(self.places[before + stop - 1])


def _small(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Return integers in the smallest sufficient type."""
    kinds = (np.min_scalar_type(int(bound)) for bound in (numbers.min(initial=0), numbers.max(initial=0)))
    return numbers.astype(np.result_type(*kinds))
