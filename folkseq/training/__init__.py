"""Fit a model to batches; metrics; exact resume; on one process or many."""

from folkseq.training.loop import TrainResult, fit
from folkseq.training.ranks import Ranks, joined
from folkseq.training.reports import Progress

__all__ = ["Progress", "Ranks", "TrainResult", "fit", "joined"]
