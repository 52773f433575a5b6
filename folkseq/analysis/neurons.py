"""What the cells of a run tell of music, and what they hold while the network reads a piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.analysis.selectivity import ETA, FEWEST, Half, R, Tuned, best
from folkseq.analysis.trace import Network, Trace
from folkseq.corpus.files import read_file
from folkseq.errors import ParseError, RequestError, RunError, TokenError
from folkseq.music.performance import Performance
from folkseq.plots.cells import MOST_LINES
from folkseq.plots.gates import Gate
from folkseq.plots.layout import LINE_S
from folkseq.plots.reading import Cell, Reading
from folkseq.representations.base import Codec, Files
from folkseq.representations.capabilities import Timing
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.verbs.opened import numbered
from folkseq.verbs.trained import check_task

MOST_IDS = 65_536
"""Held-out ids that are read to rank cells."""
MOST_READ = 4_000
"""Ids of the piece that is drawn."""
MOST_S = 4 * LINE_S
"""Seconds of it, where it has no bars."""
GUESSES, RANKED = 5, 5

Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Heard:
    """What a run's network did with pieces that it was not trained on."""

    run: Run
    network: Network
    tuned: Mapping[str, Tuned]
    """By label, the cell that tells it best; the number of a cell counts through all layers."""
    gates: tuple[Gate, ...]
    """How they stand, of every kind and layer."""
    pieces: int
    tokens: int

    @classmethod
    def of(cls, run: Run) -> Heard:
        """Read the held-out pieces of a run, of which every other one chooses cells and the rest score them.

        Raises:
            RunError: its weights or pieces are missing, or it holds out too few.
            RequestError: its representation has no labels, or it looks at more than its own past.
        """
        check_task(run, CONTINUE)
        codec = _codec(run)
        store, sides = run.tokens()
        pieces = store.some(sides.test if len(sides.test) > 1 else (*sides.test, *sides.valid), MOST_IDS)
        if len(pieces) < 2:
            raise RunError(
                f"{run.folder}: cells are ranked on two held-out pieces, and it has {len(pieces)}; train on more"
            )
        if not codec.analysis.labels(pieces[0]):
            raise RequestError(
                f"{run.folder}: {run.config.tokenizer} labels no tokens, so cells cannot be ranked; "
                "name a run of abc or performance"
            )
        network = Network(run.weights(), run.config.model)
        traces = [trace for _, trace in sorted(network.read(pieces), key=lambda read: read[0])]
        gates = _gates(network, traces, sum(map(len, pieces)))
        states = [np.concatenate([_flat(trace) for trace in traces[first::2]]) for first in (0, 1)]
        del traces  # of large networks they fill much memory
        labels = [codec.analysis.labels(ids) for ids in pieces]
        tuned = {}
        for name in labels[0]:
            told = (np.concatenate([each[name] for each in labels[first::2]]) for first in (0, 1))
            choosing, scoring = (Half(*half) for half in zip(states, told, strict=True))
            if min(choosing.known, scoring.known) >= FEWEST:
                tuned[name] = best(choosing, scoring, run.config.seed)
        return cls(run, network, tuned, gates, len(pieces), sum(map(len, pieces)))

    def read(self, file: Path, number: int | None = None) -> Reading:
        """Read a piece of a file, or so much of it as is drawn.

        Args:
            file: of a kind that the run's representation reads.
            number: of the piece in its file: its X: in a tune book, else its place from 1; the first by default.

        Raises:
            FolkseqError: it cannot be read, or holds what the run does not know.
        """
        run, codec = self.run, _codec(self.run)
        files = representations.find(run.config.tokenizer).files
        piece = _piece(files, file, number)
        try:
            ids = codec.encode(piece)
        except TokenError as error:
            raise TokenError(f"{file}: cannot be read by {run.folder}: {error}") from None
        places = codec.analysis.timing(ids)
        if places is None:
            raise RequestError(f"{file}: {run.config.tokenizer} says nothing of when its tokens are heard")
        count = _drawn(places)
        part = _part(places, count)
        ids, places = ids[:count], _first(places, count)
        ((_, trace),) = self.network.read([ids])
        tokens = tuple(run.vocabulary.decode(ids))
        heard = codec.decode(ids)
        performance = heard if isinstance(heard, Performance) and places.bar is None else None
        return Reading(
            name=files.title(piece) or file.stem,
            about=run.about,
            shown="tanh(c)" if "c" in run.config.model.carried else "h",
            tokens=tokens,
            surprise=trace.surprise(ids),
            guesses=_guesses(trace, run),
            cells=tuple(self._cell(name, tuned, trace) for name, tuned in self.tuned.items()),
            places=places,
            performance=performance,
            part=part,
        )

    def facts(self, reading: Reading) -> dict[str, Any]:
        """What was found out, as figures by name; layers count from 1, and cells of a layer from 0."""
        hidden = self.run.config.model.hidden
        cells = [
            {
                "label": name,
                "layer": cell.layer,
                "cell": cell.number,
                "measure": {ETA: "eta_squared", R: "r_squared"}[tuned.measure],
                "score": tuned.score,
                "shuffled": tuned.null,
                "ranking": [[1 + place // hidden, place % hidden] for place in tuned.ranking[:RANKED]],
            }
            for (name, tuned), cell in zip(self.tuned.items(), reading.cells, strict=True)
        ]
        bits = float(np.nanmean(reading.surprise)) if len(reading.tokens) > 1 else None
        return {"pieces": self.pieces, "tokens": self.tokens, "cells": cells, "bits_per_token": bits}

    def _cell(self, label: str, tuned: Tuned, trace: Trace) -> Cell:
        layer, number = divmod(tuned.cell, self.run.config.model.hidden)
        values = trace.states[:, layer, number].astype(np.float64)
        shown = np.tanh(values) if "c" in self.run.config.model.carried else values
        return Cell(label.replace("_", " "), layer + 1, number, tuned.measure, tuned.score, tuned.null, shown)


def _flat(trace: Trace) -> NDArray[np.float32]:
    """(T, L · H) the states of all layers side by side."""
    return trace.states.reshape(len(trace.states), -1)


def _gates(network: Network, traces: Sequence[Trace], tokens: int) -> tuple[Gate, ...]:
    shut, opened = (sum(getattr(trace, name) for trace in traces) / tokens for name in ("shut", "open"))
    return tuple(
        Gate(name, layer + 1, shut[layer, place], opened[layer, place])
        for place, name in enumerate(network.gates)
        for layer in range(network.settings.layers)
    )


def _codec(run: Run) -> Codec[Any]:
    return representations.find(run.config.tokenizer).codec(run.vocabulary)


def _piece(files: Files[Any], file: Path, number: int | None) -> Any:
    if file.suffix.lower() not in files.suffixes:
        known = ", ".join(files.suffixes)
        raise RequestError(f"{file}: cannot be read by its suffix; it reads {known}")
    pieces: list[Any] = []
    faults: list[str] = []
    for part in read_file(files, file):
        pieces += part.pieces
        faults += part.faults
    if not pieces:
        raise ParseError(faults[0] if faults else f"{file}: holds no piece")
    return numbered(pieces, number, file)


def _drawn(places: Timing) -> int:
    """How many of a piece's ids are drawn."""
    if places.bar is None:
        return max(min(int(np.searchsorted(places.start, MOST_S)), MOST_READ), 1)
    bars = 4 * (MOST_LINES - 1)  # the header has a line of its own
    return max(min(int(np.searchsorted(places.bar, bars)), MOST_READ), 1)


def _part(places: Timing, count: int) -> str:
    """Which part of a piece its first ids are, if it has others."""
    if count == len(places.start):
        return ""
    if places.bar is not None:
        return f"first {places.bar[count - 1] + 1:,} of {places.bar.max() + 1:,} bars"
    ends = places.start + places.length
    return f"first {ends[:count].max():.3g} of {ends.max():,.0f} s"


def _first(places: Timing, count: int) -> Timing:
    return Timing(places.start[:count], places.length[:count], None if places.bar is None else places.bar[:count])


def _guesses(trace: Trace, run: Run) -> tuple[tuple[tuple[str, float], ...], ...]:
    """What was expected in the place of each token; nothing in the first's."""
    ids, shares = trace.guesses(min(GUESSES, len(run.vocabulary)))
    after = [
        tuple(zip(run.vocabulary.decode(row), share, strict=True))
        for row, share in zip(ids.tolist(), shares.tolist(), strict=True)
    ]
    return ((), *after[:-1])
