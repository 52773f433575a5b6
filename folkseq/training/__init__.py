"""Fit a model to batches; metrics; exact resume."""

from folkseq.training.loop import Progress, TrainResult, fit

__all__ = ["Progress", "TrainResult", "fit"]
