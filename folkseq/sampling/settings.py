"""The sampling settings of all representations; options, records and documentation derive from them."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.sampling.strategies import Strategy
from folkseq.settings import setting

INT8, FLOAT32 = PRECISIONS = ("int8", "float32")
MOST_CANDIDATES = 10_000


@dataclass(frozen=True)
class SamplingSettings(Strategy):
    """The settings of new pieces."""

    prime: str | None = setting(None, "Beginning to continue: a file, or text in the format of the model.")
    grammar: bool = setting(True, "Write only valid pieces, or let the model write freely.")
    limit: int | None = setting(
        None, "Maximum number of tokens in a piece.  [default: from the other options or the training set]"
    )
    max_copy: int | None = setting(None, "Longest passage, in tokens, that a piece may share with the training set.")
    best: int | None = setting(
        None,
        "Maximum number of candidates for each piece, of which folkseq selects one."
        "  [default: 8 if the model can rank them, else 1]",
        low=1,
        high=MOST_CANDIDATES,
    )
    precision: str = setting(INT8, "Number format of the network: int8, or float32 as in training.", choices=PRECISIONS)
