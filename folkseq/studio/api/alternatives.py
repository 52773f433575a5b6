"""Alternatives to an open tune: what is asked, and what comes."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.sampling.overlaps import Copied
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.tunes import LONGEST_TEXT

MOST_ALTERNATIVES = 16
TURNS = 2
"""Times as many are written as are wanted at most, since some come out alike."""


@dataclass(frozen=True)
class AskForAlternatives:
    """A tune in which something is to be new."""

    abc: str = setting(REQUIRED, "The tune in ABC.", longest=LONGEST_TEXT)
    count: int = setting(4, "Number of alternatives.", low=1, high=MOST_ALTERNATIVES)
    seed: int | None = setting(None, "The same seed gives the same alternatives.", low=0, high=2**62)
    model: str = setting("", "One of the models; the first that suits by default.")
    temperature: float | None = setting(None, "Above 1 bolder, below 1 plainer.", low=0, high=4)


@dataclass(frozen=True)
class Alternative:
    """The tune with something new in it."""

    abc: str
    """The whole tune with its record; all other bars are the same, byte for byte."""
    summary: str
    """The new bars as text."""
    score: str
    """The new bars as a tune of their own, to be drawn."""
    way: str
    first: int
    """The number of the first bar of the passage that was written."""
    last: int
    nll: float
    """Nats per token of the new music under the model."""
    copied: Copied
