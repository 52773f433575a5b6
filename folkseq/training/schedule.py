"""The learning rate by step."""

from __future__ import annotations

import math

from folkseq.models.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """The rate of update number `step`, counted from 0: a straight rise, then half a cosine down to zero.

    While the number of steps is not known, the rate stays where the rise ends.
    """
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    if settings.steps is None:
        return settings.learning_rate
    done = (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
