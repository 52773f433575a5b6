"""How many steps fit into a number of minutes: tried out on a few updates that are then forgotten.

After that everything is counted in steps, so that a run that was stopped and goes on ends as if it had not been. What
other programs do to the machine afterwards makes training take longer, but changes nothing that it learns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import quantiles

import torch

from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.training.ranks import Ranks
from folkseq.training.trainer import Trainer

WARM, TRIED = 2, 6
"""Updates before an update's time is taken, and those of which it is."""
TRYING, LONGEST_S = 0.01, 5.0
"""The share of the time, and the seconds, that go into longer trials where updates are short."""
CHECKING = 0.05
"""The most of the time that goes into looking at the held-out pieces, unless that is too little for `FEWEST_CHECKS`."""
FEWEST_CHECKS = 4
LEARNING = 0.5
"""The least of the time that goes into updates, even if judging then takes longer than there is."""
SAVE_EVERY_S = 60.0
USUAL = ModelSettings.hidden
WIDTH, WIDTHS, UPDATES, PER_OCTAVE, MOST_WIDTHS = 64, 3, 1600, 0.4, 8
"""A layer has `WIDTHS` times so many cells where there is time for `UPDATES` of the usual width; what doubling those
adds, and the most. The lab book (`docs/lab-book.md`) has the figures."""
EPOCHS, DROPOUT, PER_DOUBLING, MOST_DROPOUT = 5.0, 0.14, 0.045, 0.6
"""The share of values dropped where the pieces are read `EPOCHS` times, what doubling that adds, and the most."""


@dataclass(frozen=True)
class Pace:
    """What was found out."""

    step_s: float
    """What an update takes."""
    check_s: float
    """What looking at the held-out pieces and saving takes."""
    most: int
    """Threads that there can be."""
    threads: int
    """The number that was fastest."""
    free: bool
    """Whether there are several and all give the same weights and figures to the bit, so that it may change."""


def measure(
    make: Callable[[], Trainer],
    check: Callable[[Trainer], float],
    budget_s: float,
    ranks: Ranks,
    choices: tuple[int, ...],
) -> Pace:
    """Try a few updates, and a look at the held-out pieces, with each number of threads.

    Args:
        make: a trainer at its very beginning.
        check: looks at the held-out pieces, and makes what is written then; gives the figure.
        budget_s: the whole time, of which trying takes a small part; 0 where the number of steps is known.
        ranks: all of which call this.
        choices: numbers of threads.
    """
    took: dict[int, float] = {}
    weights: list[torch.Tensor] = []
    for threads in choices:
        torch.set_num_threads(threads)
        trainer = make()
        _updates(trainer, WARM)
        took[threads] = _updates(trainer, TRIED)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()]))
    best = choices[agreed(ranks, min(range(len(choices)), key=lambda place: took[choices[place]]))]
    torch.set_num_threads(best)
    turns = agreed(ranks, int(min(TRYING * budget_s, LONGEST_S) / took[best] / TRIED))
    _updates(trainer, WARM)  # the last were made by other threads
    # Other work only ever slows an update down, and comes and goes; so the lower quartile.
    trials = [_updates(trainer, TRIED) for _ in range(turns)]
    step_s = quantiles(trials)[0] if len(trials) > 1 else took[best]
    fresh = make()  # whatever trying has done to the weights of the other
    figures, check_s = set[float](), 0.0
    for threads in (*(each for each in choices if each != best), best):
        torch.set_num_threads(threads)
        start = time.monotonic()
        figures.add(check(fresh))
        check_s = time.monotonic() - start
    same = len(figures) == 1 and all(torch.equal(weights[0], other) for other in weights)
    return Pace(step_s, check_s, choices[0], best, same and len(choices) > 1)


def plan(settings: TrainSettings, pace: Pace, spent_s: float, final_s: float) -> TrainSettings:
    """The settings with everything that was left open counted in steps.

    Args:
        settings: with `minutes`, unless they say how many steps.
        pace: of training.
        spent_s: of the minutes.
        final_s: what judging the best weights in the end takes.
    """
    budget_s = 60 * settings.minutes
    checks = settings.validations
    steps = settings.steps
    if steps is None:
        checks = min(checks, max(FEWEST_CHECKS, int(CHECKING * budget_s / max(pace.check_s, 1e-9))))
        left_s = budget_s - spent_s - final_s - checks * pace.check_s
        steps = max(1, int(max(left_s, LEARNING * budget_s) / pace.step_s))
    save_every = max(1, int(SAVE_EVERY_S / pace.step_s))
    # Who asks for a number of steps may want them again on another day, when another number of threads is fastest.
    threads = None if pace.free else pace.threads if settings.steps is None else pace.most
    return replace(settings, steps=steps, validations=checks, save_every=save_every, threads=threads)


def dropout(epochs: float, hidden: int) -> float:
    """The share of values to drop where the pieces are read so often: the more often, the more.

    Of what is narrower than usual it is a smaller part, since that learns less by heart.

    >>> [dropout(epochs, 320) for epochs in (1.5, 5, 30, 1000)], dropout(30, 160)
    ([0.06, 0.14, 0.26, 0.48], 0.13)
    """
    share = DROPOUT + PER_DOUBLING * math.log2(max(epochs, 1e-9) / EPOCHS)
    return round(min(max(share, 0.0), MOST_DROPOUT) * min(hidden / USUAL, 1.0), 2)


def width(updates: float) -> int:
    """How wide the layers of a network are to be, where training has the time for so many updates of the usual width.

    A narrow one makes more of them, and has to, since it learns less from each.

    >>> [width(updates) for updates in (100, 1_000, 10_000, 100_000)]
    [64, 192, 256, 320]
    """
    octaves = math.log2(max(updates, 1.0) / UPDATES)
    return WIDTH * min(max(round(WIDTHS + octaves * PER_OCTAVE), 1), MOST_WIDTHS)


def is_time_to_check(step: int, settings: TrainSettings) -> bool:
    """Evenly, and at the end."""
    return step == settings.steps or step % check_every(settings) == 0


def check_every(settings: TrainSettings) -> int:
    """Steps from one look at the held-out pieces to the next."""
    return math.ceil((settings.steps or 1) / settings.validations)


def _updates(trainer: Trainer, count: int) -> float:
    """What one of so many updates takes, in seconds."""
    trainer.wait()
    start = time.monotonic()
    for _ in range(count):
        trainer.update()
    trainer.wait()
    return (time.monotonic() - start) / count


def agreed(ranks: Ranks, value: int) -> int:
    """The first rank's value."""
    return int(ranks.share(str(value).encode()))
