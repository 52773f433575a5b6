"""Neuron analysis: the neurons of a run that follow labels best, and their values while the network reads a piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.analysis.reading import GateSaturation, Neuron, NeuronReading
from folkseq.analysis.selectivity import ETA, R, Selectivity, selectivity
from folkseq.analysis.source import numbered
from folkseq.analysis.trace import GATES, Trace, trace
from folkseq.corpora.files import read_file
from folkseq.errors import ParseError, RequestError, RunError, TokenError
from folkseq.models.language_model import LanguageModel
from folkseq.music.performance import Performance
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Timing
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.verbs.trained import TrainedRun, check_task

MOST_IDS = 65_536  # held-out ids on which neurons are ranked
MOST_READ, MOST_BARS, MOST_S = 4_000, 52, 40.0  # maximum ids, bars or seconds of a piece in one picture
GUESSES, RANKED = 5, 5  # reported tokens per position, the likeliest, and reported neurons per label


@dataclass(frozen=True, eq=False)
class NeuronAnalysis:
    """A run's most selective neurons and its gates, measured on held-out pieces."""

    run: Run
    model: LanguageModel
    selectivity: Mapping[str, Selectivity]  # by label; neurons are numbered through all layers
    gates: tuple[GateSaturation, ...]
    pieces: int
    tokens: int

    def read(self, file: Path, number: int | None = None) -> NeuronReading:
        """Read a piece of a file, up to the length that fits into one picture.

        Args:
            file: a file in a format that the run's representation reads.
            number: number of the piece: its `X:` in a tune book, else its position from 1; by default, the first piece.

        Raises:
            FolkseqError: the file cannot be read, or contains tokens that the run does not know.
        """
        run, model = self.run, self.run.config.model
        name, ids, timing, codec = _open(run, file, number)
        count = excerpt(timing)
        part = _part(timing, count)
        bar = None if timing.bar is None else timing.bar[:count]
        ids, timing = ids[:count], Timing(timing.start[:count], timing.length[:count], bar)
        (read,) = trace(self.model, [ids])
        decoded = codec.decode(ids) if bar is None else None
        neurons = []
        for label, found in self.selectivity.items():
            layer, neuron = divmod(found.ranking[0], model.hidden)
            values = read.states[:, layer, neuron].astype(np.float64)
            values = np.tanh(values) if "c" in model.carried else values
            label = label.replace("_", " ")
            neurons.append(Neuron(label, layer + 1, neuron, found.measure, found.score, found.null, values))
        return NeuronReading(
            name=name,
            about=run.about,
            shown="tanh(c)" if "c" in model.carried else "h",
            tokens=tuple(run.vocabulary.decode(ids)),
            surprise=read.surprise(ids),
            guesses=_guesses(read, run),
            neurons=tuple(neurons),
            timing=timing,
            performance=decoded if isinstance(decoded, Performance) else None,
            part=part,
        )

    def facts(self, reading: NeuronReading) -> dict[str, Any]:
        """Return the figures by name; layers count from 1, and the neurons of a layer from 0."""
        hidden = self.run.config.model.hidden
        neurons = [
            {
                "label": label,
                "layer": found.ranking[0] // hidden + 1,
                "cell": found.ranking[0] % hidden,
                "measure": {ETA: "eta_squared", R: "r_squared"}[found.measure],
                "score": found.score,
                "shuffled": found.null,
                "ranking": [[neuron // hidden + 1, neuron % hidden] for neuron in found.ranking[:RANKED]],
            }
            for label, found in self.selectivity.items()
        ]
        bits = float(np.nanmean(reading.surprise)) if len(reading.tokens) > 1 else None
        return {"pieces": self.pieces, "tokens": self.tokens, "cells": neurons, "bits_per_token": bits}


def analyse(run: Run) -> NeuronAnalysis:
    """Rank the neurons of a run on every other held-out piece, and score them on the remaining pieces.

    Raises:
        RunError: weights or pieces are missing, or too few pieces are held out.
        RequestError: the representation has no labels, or the run reads more than its own past.
    """
    check_task(run, CONTINUE)
    store, sides = run.tokens()
    pieces = store.some(sides.test if len(sides.test) > 1 else (*sides.test, *sides.valid), MOST_IDS)
    if len(pieces) < 2:
        raise RunError(f"{run.address}: neuron analysis needs two held-out pieces, got {len(pieces)}; train on more")
    trained = TrainedRun(run)
    labels = [trained.codec.analysis.labels(ids) for ids in pieces]
    if not labels[0]:
        name = run.config.representation
        raise RequestError(f"{run.address}: {name} has no labels for its tokens; name a run of abc or performance")
    model, tokens = trained.network, sum(map(len, pieces))
    traces = trace(model, pieces)
    shut, opened = (sum(getattr(each, name) for each in traces) / tokens for name in ("shut", "open"))
    gates = tuple(
        GateSaturation(name, layer + 1, shut[layer, gate], opened[layer, gate])
        for gate, name in enumerate(GATES[run.config.model.cell])
        for layer in range(run.config.model.layers)
    )
    flat = [each.states.reshape(len(each.states), -1) for each in traces]  # (T, L · H) each
    states = [np.concatenate(flat[half::2]) for half in (0, 1)]
    del traces, flat  # they fill much memory
    found = {}
    for name in labels[0]:
        halves = [np.concatenate([each[name] for each in labels[half::2]]) for half in (0, 1)]
        if (selective := selectivity(states, halves, run.config.seed)) is not None:
            found[name] = selective
    return NeuronAnalysis(run, model, found, gates, len(pieces), tokens)


def excerpt(timing: Timing) -> int:
    """Return the number of ids of a piece to read, at least one."""
    time, end = (timing.start, MOST_S) if timing.bar is None else (timing.bar, MOST_BARS)
    return max(min(int(np.searchsorted(time, end)), MOST_READ), 1)


def _part(timing: Timing, count: int) -> str:
    """Return a description of the part that the first `count` ids cover; an empty string for the whole piece."""
    if count == len(timing.start):
        return ""
    if timing.bar is not None:
        return f"first {timing.bar[count - 1] + 1:,} of {timing.bar.max() + 1:,} bars"
    ends = timing.start + timing.length
    return f"first {ends[:count].max():.3g} of {ends.max():,.0f} s"


def _guesses(read: Trace, run: Run) -> tuple[tuple[tuple[str, float], ...], ...]:
    """Return the likeliest tokens at each position with their probabilities; none at the first position."""
    ids, probabilities = read.guesses(min(GUESSES, len(run.vocabulary)))
    rows = zip(ids[:-1].tolist(), probabilities[:-1].tolist(), strict=True)
    return ((), *(tuple(zip(run.vocabulary.decode(row), each, strict=True)) for row, each in rows))


def _open(run: Run, file: Path, number: int | None) -> tuple[str, NDArray[Any], Timing, Codec[Any]]:
    """Return a piece's name, ids and timing, and the codec that decodes the ids."""
    files, codec = TrainedRun(run).representation.files, TrainedRun(run).codec
    if file.suffix.lower() not in files.suffixes:
        raise RequestError(f"{file}: a model of {run.config.representation} reads {', '.join(files.suffixes)}")
    parts = list(read_file(files, file))
    pieces = [piece for part in parts for piece in part.pieces]
    if not pieces:
        faults = [fault for part in parts for fault in part.faults]
        raise ParseError(faults[0] if faults else f"{file}: holds no piece")
    piece = numbered(pieces, number, file)
    try:
        ids = codec.encode(piece)
    except TokenError as error:
        raise TokenError(f"{file}: cannot be read by {run.address}: {error}") from None
    timing = codec.analysis.timing(ids)
    if timing is None:
        raise RequestError(f"{file}: tokens of {run.config.representation} have no timing")
    return files.title(piece) or file.stem, ids, timing, codec
