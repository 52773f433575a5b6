"""A trained network laid open: what its cells hold and how far its gates stand open, id by id, in NumPy.

It is the plain reading of the equations, step by step, beside which the quick ones of PyTorch and ONNX are tested. The
network's controls are off. Gates are counted as shut below 0.1 and open above 0.9 (Karpathy, Johnson and Li,
Visualizing and understanding recurrent networks, 2015, who call them left- and right-saturated).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.models.settings import ModelSettings

GATES = {"rnn": (), "gru": ("reset", "update"), "lstm": ("input", "forget", "output")}
GATES["peephole"] = GATES["lstm"]
"""The gates of each cell. A GRU's update gate keeps what there is where it is open, as a forget gate does."""
SHUT, OPEN = 0.1, 0.9

Matrix = NDArray[np.float32]
Weights = Mapping[str, Matrix]
Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """What went on in the network while it read one piece of T ids."""

    states: Matrix
    """(T, L, H) after each id: c where the cells have one, else h."""
    logits: Matrix
    """(T, V) the scores of the id after each."""
    shut: NDArray[np.int64]
    """(L, G, H) how many of the T times each gate stood below `SHUT`, in the order of `GATES`."""
    open: NDArray[np.int64]
    """(L, G, H) how many of them above `OPEN`."""

    def surprise(self, ids: Ids) -> NDArray[np.float64]:
        """What each id cost in bits, −log₂ p, (T,); NaN of the first, which nothing foretells."""
        scores = self.logits[:-1].astype(np.float64)
        top = scores.max(axis=1, keepdims=True)
        nats = np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0] - scores[np.arange(len(scores)), ids[1:]]
        return np.concatenate(([np.nan], nats / np.log(2)))

    def guesses(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The likeliest ids after each one, (T, count) from the likeliest on, and their probabilities."""
        scores = self.logits.astype(np.float64)
        ids = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return ids, np.take_along_axis(shares, ids, axis=1) / shares.sum(axis=1, keepdims=True)


class Network:
    """A language model whose cells make a step an id."""

    def __init__(self, weights: Weights, settings: ModelSettings) -> None:
        """Take over `LanguageModel`'s weights, by the names it gives them.

        Raises:
            ValueError: ids come in frames, or there is an encoder.
        """
        if settings.compound is not None or settings.encoder is not None:
            raise ValueError("cells that step a frame at a time, or look at a source, are not read id by id")
        self.weights, self.settings = weights, settings
        self.gates = GATES[settings.cell]

    def read(self, pieces: Sequence[Ids], rows: int = 64) -> Iterator[tuple[int, Trace]]:
        """Read whole pieces, each from a zero state; those of like length side by side, `rows` at a time.

        Returns:
            The number of each piece, in no order, and its trace.
        """
        order = sorted(range(len(pieces)), key=lambda piece: -len(pieces[piece]))
        for first in range(0, len(order), rows):
            batch = order[first : first + rows]
            yield from zip(batch, self._read([np.asarray(pieces[piece]) for piece in batch]), strict=True)

    def _read(self, batch: Sequence[Ids]) -> Iterator[Trace]:
        settings, rows, steps = self.settings, len(batch), len(batch[0])  # the longest comes first
        lengths = np.array([len(ids) for ids in batch])
        lookback = settings.lookback
        beside = [] if lookback is None else [lookback.indices(ids) for ids in batch]
        state = [np.zeros((settings.layers, rows, settings.hidden), np.float32) for _ in settings.carried]
        states = np.zeros((steps, rows, settings.layers, settings.hidden), np.float32)
        logits = np.zeros((steps, rows, settings.vocabulary_size), np.float32)
        counts = np.zeros((2, rows, settings.layers, len(self.gates), settings.hidden), np.int64)
        for step in range(steps):
            going = int((lengths > step).sum())
            below = self.weights["embedding.weight"][[int(ids[step]) for ids in batch[:going]]]  # (B, E)
            if lookback is not None:
                shown = np.stack([memory[step] for memory in beside[:going]])  # (B, W)
                below = below + self.weights["recalled.weight"][shown].sum(axis=1)
            state = [part[:, :going] for part in state]
            for layer in range(settings.layers):
                after, gates = self._step(layer, below, [part[layer] for part in state])
                for part, value in zip(state, after, strict=True):
                    part[layer] = value
                states[step, :going, layer] = after[-1]  # c comes after h
                counts[0, :going, layer] += gates < SHUT
                counts[1, :going, layer] += gates > OPEN
                below = np.float32(settings.gain) * after[0]
            logits[step, :going] = below @ self.weights["output.weight"].T + self.weights["output.bias"]
            if settings.copy_pointer:
                trust = below @ self.weights["pointers.heard.weight"].T + self.weights["pointers.heard.bias"]  # (B, P)
                trust = trust + self.weights["pointers.told.weight"][shown].sum(axis=1)
                for row, column in np.ndindex(trust.shape):
                    one = shown[row, column] - column * (settings.vocabulary_size + 1)
                    if one < settings.vocabulary_size:
                        logits[step, row, one] += trust[row, column]
        for row, length in enumerate(lengths.tolist()):
            yield Trace(states[:length, row], logits[:length, row], counts[0, row], counts[1, row])

    def _step(self, layer: int, x: Matrix, state: Sequence[Matrix]) -> tuple[list[Matrix], Matrix]:
        """One layer's states after x, (B, N), and its gates, (B, G, H)."""
        name, hidden, cell = f"cells.{layer}.", self.settings.hidden, self.settings.cell
        read = x @ self.weights[f"{name}weight_ih_l0"].T + self.weights[f"{name}bias_ih_l0"]
        heard = state[0] @ self.weights[f"{name}weight_hh_l0"].T + self.weights[f"{name}bias_hh_l0"]
        if cell == "rnn":
            return [np.tanh(read + heard)], np.zeros((len(x), 0, hidden), np.float32)
        if cell == "gru":
            gates = _sigmoid((read + heard)[:, : 2 * hidden]).reshape(-1, 2, hidden)
            reset, update = gates[:, 0], gates[:, 1]
            written = np.tanh(read[:, 2 * hidden :] + reset * heard[:, 2 * hidden :])
            return [written + update * (state[0] - written)], gates
        sums, c = (read + heard).reshape(-1, 4, hidden), state[1]
        seen = self.weights[f"{name}peephole"] if cell == "peephole" else np.zeros((3, hidden), np.float32)
        into, keep = _sigmoid(sums[:, 0] + seen[0] * c), _sigmoid(sums[:, 1] + seen[1] * c)
        c = keep * c + into * np.tanh(sums[:, 2])
        out = _sigmoid(sums[:, 3] + seen[2] * c)
        return [out * np.tanh(c), c], np.stack([into, keep, out], axis=1)


def _sigmoid(x: Matrix) -> Matrix:
    half = np.float32(0.5)
    squashed: Matrix = half + half * np.tanh(half * x)  # which overflows nowhere
    return squashed
