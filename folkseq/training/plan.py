"""The plan of a training run: the number of steps that fit into the minutes, measured with discarded updates.

The plan counts everything in steps, so other programs can slow down training but never change its result.

The number of threads is part of the plan: with lookback, one and two threads give weights that differ in their last
bits. PyTorch's threads wait for each other by spinning. On two quiet cores, two threads need 0.6 times as long for an
update as one thread, but next to a busy program seven times as long. A run with `minutes` therefore measures all cores
and one thread at its start, and uses the faster. A run with `steps` uses all cores, so that it always gives the same
weights.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from statistics import quantiles

import torch

from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.run import RunConfig
from folkseq.training import checkpoint
from folkseq.training.learner import Learner, TrainingData
from folkseq.training.ranks import Ranks
from folkseq.training.validate import HeldOut, mean_nll

WARM, TRIED = 2, 6
"""Updates before a measurement, and updates that are measured together."""
TRYING, LONGEST_S = 0.01, 5.0
"""Share of the time, and seconds, that more measurements may take if updates are short."""
VALIDATING, FEWEST_VALIDATIONS = 0.05, 4
"""Largest share of the time for validations, unless it allows fewer than `FEWEST_VALIDATIONS`."""
LEARNING = 0.5
"""Minimum share of the time for updates, even if the final evaluation then ends late."""
SAVE_EVERY_S = 60.0
USUAL_HIDDEN = ModelSettings.hidden
WIDTH, WIDTHS, UPDATES, PER_OCTAVE, MOST_WIDTHS = 64, 3, 1600, 0.4, 8
"""A layer is `WIDTHS` times `WIDTH` wide if there is time for `UPDATES` of the usual width; twice the updates add
`PER_OCTAVE`. The lab book (`docs/lab-book.md`) has the figures."""
EPOCHS, DROPOUT, PER_DOUBLING, MOST_DROPOUT = 5.0, 0.14, 0.045, 0.6
"""Dropout after `EPOCHS` epochs, its increase per doubling of the epochs, and its maximum."""
TUNING_EPOCHS, TUNING_DROPOUT = 10.0, 0.5
"""Maximum number of epochs in fine-tuning, and its dropout."""
ENOUGH, MOST_HALVINGS = 100_000, 5.0
"""Training tokens from which on only the minutes matter, and the maximum number of halvings below it that count."""
NARROWER, DECAY, MORE_DROPOUT, MOST_UPDATES = 0.75, 0.5, 0.1, 6000.0
"""With h halvings of `ENOUGH` tokens, layers are at most 2 ** (−`NARROWER` h) times as wide as the widest, the weight
decay is 2 ** (`DECAY` h) times as large, the dropout grows by `MORE_DROPOUT` h, and there are at most `MOST_UPDATES` /
h² updates, so that the learning rate has come down when the network would begin to memorise the pieces."""


@dataclass(frozen=True)
class Pace:
    """Durations of the operations of a network, and its fastest settings."""

    step_s: float
    """Of an update."""
    validation_s: float
    """Of a validation, with the networks that are built after it."""
    threads: int
    precision: str


def plan(config: RunConfig, data: TrainingData, held_out: HeldOut, ranks: Ranks, started: float) -> RunConfig:
    """Return the complete configuration; all ranks call this and get the same result.

    Args:
        config: configuration with `minutes` or `steps`.
        data: the pieces.
        held_out: the pieces of a validation.
        ranks: the processes that train together.
        started: when the minutes began, by `time.monotonic`.
    """
    pace, halvings = measure(config, data, held_out, ranks), 0.0
    # The pairs of a task, and the windows of a recipe without dropout, are never the same twice; a model that has
    # learned from others already has a plan of its own.
    if config.model.encoder is None and config.model.dropout is None and not config.base:
        halvings = scarcity(data.store.count(data.split.train))
    if config.training.plan_hidden:
        hidden = width(60 * config.training.minutes / pace.step_s, halvings)
        config = replace(config, model=replace(config.model, hidden=hidden))
        pace = measure(config, data, held_out, ranks)
    spent_s = time.monotonic() - started
    model = config.model
    training = count_steps(config.training, pace, spent_s, held_out.final_validations, halvings)
    training = replace(training, weight_decay=training.weight_decay * 2 ** (DECAY * halvings))
    pieces = data.split.train[ranks.rank :: ranks.count]
    rows_per_epoch: float = len(pieces)
    if model.encoder is None:
        rows_per_epoch = data.store.count(pieces) / (training.length * model.ids_per_step)
    if config.base and config.training.steps is None:
        most = math.ceil(TUNING_EPOCHS * rows_per_epoch / training.rows)
        training = replace(training, steps=min(training.steps or most, most))
    if model.dropout is None:
        epochs = (training.steps or 0) * training.rows / rows_per_epoch
        model = replace(model, dropout=TUNING_DROPOUT if config.base else dropout(epochs, model.hidden, halvings))
    planned: RunConfig = ranks.broadcast(replace(config, model=model, training=training))
    return planned


def measure(config: RunConfig, data: TrainingData, held_out: HeldOut, ranks: Ranks) -> Pace:
    """Return the pace of a network, which is then discarded; all ranks call this and get the same result.

    Updates at a learning rate of 0 take as long as others and change no weights.
    """
    learner, training = Learner(data, config, ranks), config.training
    most = torch.get_num_threads()
    # The same number of steps must give the same weights on any day.
    counts = {training.threads or most} if training.threads or training.steps else {most, 1}
    took: dict[int, float] = {}
    for threads in ranks.broadcast(sorted(counts)):
        torch.set_num_threads(threads)
        _update_s(learner, WARM)
        took[threads] = _update_s(learner, TRIED)
    threads, step_s = ranks.broadcast(min(took.items(), key=lambda item: item[1]))
    torch.set_num_threads(threads)
    # Other programs only ever slow an update down, and come and go; therefore the lower quartile.
    budget_s = 60 * training.minutes if training.steps is None else 0.0
    trials = [_update_s(learner, TRIED) for _ in range(int(min(TRYING * budget_s, LONGEST_S) / step_s / TRIED))]
    start = time.monotonic()
    mean_nll(learner.model, held_out.validation, ranks)
    checkpoint.networks(learner)
    validation_s = time.monotonic() - start
    torch.set_num_threads(most)
    step_s = quantiles([step_s, *trials])[0] if trials else step_s
    pace: Pace = ranks.broadcast(Pace(step_s, validation_s, threads, learner.precision))
    return pace


def count_steps(
    settings: TrainSettings, pace: Pace, spent_s: float, final_validations: float, halvings: float = 0.0
) -> TrainSettings:
    """Return training settings with everything counted in steps.

    Args:
        settings: with `minutes`, or with `steps`.
        pace: of training.
        spent_s: seconds of the minutes that have passed.
        final_validations: the duration of the final evaluation, in validations.
        halvings: the `scarcity` of the tokens.
    """
    steps, validations, budget_s = settings.steps, settings.validations, 60 * settings.minutes
    if steps is None:
        most = int(VALIDATING * budget_s / max(pace.validation_s, 1e-9))
        validations = min(validations, max(FEWEST_VALIDATIONS, most))
        left_s = budget_s - spent_s - (final_validations + validations) * pace.validation_s
        steps = max(1, int(max(left_s, LEARNING * budget_s) / pace.step_s))
        if halvings:
            steps = min(steps, max(1, int(MOST_UPDATES / halvings**2)))
    save_every = max(1, int(SAVE_EVERY_S / pace.step_s))
    planned = replace(settings, steps=steps, validations=validations, save_every=save_every)
    return replace(planned, threads=pace.threads, precision=pace.precision)


def scarcity(tokens: int) -> float:
    """Return the number of halvings from `ENOUGH` tokens to this number; 0 if there are enough.

    >>> scarcity(1_000_000), scarcity(25_000), scarcity(100)
    (0.0, 2.0, 5.0)
    """
    return min(max(math.log2(ENOUGH / max(tokens, 1)), 0.0), MOST_HALVINGS)


def dropout(epochs: float, hidden: int, halvings: float = 0.0) -> float:
    """Return the dropout, which increases with the number of epochs and with the scarcity of tokens.

    A narrower network gets less dropout, since it memorises less.

    >>> [dropout(epochs, 320) for epochs in (1.5, 5, 30, 1000)], dropout(30, 160), dropout(30, 160, halvings=2)
    ([0.06, 0.14, 0.26, 0.48], 0.13, 0.33)
    """
    doublings = math.log2(max(epochs, 1e-9) / EPOCHS)
    usual = min(max(DROPOUT + PER_DOUBLING * doublings, 0.0), MOST_DROPOUT) * min(hidden / USUAL_HIDDEN, 1.0)
    more = MORE_DROPOUT * min(halvings, max(doublings, 0.0))  # pieces that are seldom read are not memorised
    return round(min(usual + more, MOST_DROPOUT), 2)


def width(updates: float, halvings: float = 0.0) -> int:
    """Return the width of the layers, given the number of updates of the default width that fit into the time.

    A narrow network makes more updates in that time, and needs them, since it learns less from each. With few tokens
    the width is smaller still, since a narrow network memorises less.

    >>> [width(updates) for updates in (100, 1_000, 10_000, 100_000)], width(10_000, halvings=2)
    ([64, 192, 256, 320], 192)
    """
    octaves = math.log2(max(updates, 1.0) / UPDATES)
    widest = MOST_WIDTHS * 2 ** (-NARROWER * halvings)
    planned = WIDTH * min(max(round(WIDTHS + octaves * PER_OCTAVE), 1), MOST_WIDTHS)
    return min(planned, WIDTH // 2 * max(round(2 * widest), 2))


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Return the learning rate of update number `step`, from 0: a linear warm-up, then half a cosine down to zero.

    Without a number of steps, the rate stays constant after the warm-up.
    """
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    if settings.steps is None:
        return settings.learning_rate
    done = (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def validate_every(settings: TrainSettings) -> int:
    """Return the number of steps between two validations; the last step has one, too."""
    return math.ceil((settings.steps or 1) / settings.validations)


def _update_s(learner: Learner, count: int) -> float:
    """Return the mean duration of an update."""
    start = time.monotonic()
    for _ in range(count):
        update = learner.update(0.0)
    float(update.loss)  # waits for the device
    return (time.monotonic() - start) / count
