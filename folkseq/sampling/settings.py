"""The settings of a sampler, whatever the representation: options, records and documentation derive from them."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.sampling.strategies import Strategy
from folkseq.settings import setting

INT8, FLOAT32 = PRECISIONS = ("int8", "float32")
MOST_CANDIDATES = 10_000


@dataclass(frozen=True)
class SamplingSettings(Strategy):
    """The settings of new pieces."""

    prime: str | None = setting(None, "A beginning to continue: a file, or text in the notation of the model's files.")
    grammar: bool = setting(True, "Keep to valid pieces, or let the model write freely.")
    limit: int | None = setting(None, "Most tokens in a piece.  [default: by the other options, else as in training]")
    max_copy: int | None = setting(None, "Most tokens in a row that a piece may share with the training set.")
    best: int | None = setting(
        None,
        "Write this many candidates for each piece and keep the one most like the corpus."
        "  [default: 8 if the model has learned to rank them, else 1]",
        low=1,
        high=MOST_CANDIDATES,
    )
    precision: str = setting(INT8, "Arithmetic of the network: int8, or float32 as trained.", choices=PRECISIONS)
