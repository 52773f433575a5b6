"""Requests for alternatives to an open tune, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

from folkseq.sampling.overlaps import Copied
from folkseq.settings import REQUIRED, setting
from folkseq.studio.api.tunes import LONGEST_TEXT

MOST_ALTERNATIVES = 16
TURNS = 2
"""Maximum number of draws per requested alternative, since some draws are equal."""


@dataclass(frozen=True)
class AskForAlternatives:
    """A request for alternatives to a tune."""

    abc: str = setting(REQUIRED, "The tune in ABC.", longest=LONGEST_TEXT)
    count: int = setting(4, "Number of alternatives.", low=1, high=MOST_ALTERNATIVES)
    seed: int | None = setting(None, "The same seed gives the same alternatives.", low=0, high=2**62)
    model: str = setting("", "One of the models; the first that suits by default.")
    temperature: float | None = setting(None, "Above 1 bolder, below 1 plainer.", low=0, high=4)


@dataclass(frozen=True)
class Alternative:
    """A tune with new music in it."""

    abc: str
    """The whole tune with its record; all other bars are unchanged, byte for byte."""
    summary: str
    """The new bars as text."""
    score: str
    """The new bars as a separate tune, for display."""
    way: str
    first: int
    """The number of the first new bar."""
    last: int
    nll: float
    """Nats per token of the new music under the model."""
    copied: Copied
