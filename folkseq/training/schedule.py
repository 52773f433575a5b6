"""The learning rate by step, and how many steps fit into a number of minutes."""

from __future__ import annotations

import math

from folkseq.models.settings import TrainSettings

REPLAN_BEYOND = 0.1
"""A plan that misses its time by more than this share of it is made anew, until little of it is left."""
REPLAN_UNTIL = 0.9
CHECKING = 0.1
"""The most of the time that goes into looking at the held-out pieces, unless that is too little for `FEWEST_CHECKS`."""
FEWEST_CHECKS = 3


def learning_rate(step: int, settings: TrainSettings, steps: int | None) -> float:
    """The rate of update number `step`, counted from 0: a straight rise, then half a cosine down to zero.

    During the rise it does not depend on `steps`, which may still be unknown then.
    """
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    if steps is None:
        raise ValueError(f"the number of steps is planned before the warm-up of {settings.warm_up} ends")
    done = (step - settings.warm_up) / max(steps - settings.warm_up, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def affordable(checks: int, budget_s: float, check_s: float) -> int:
    """How many looks at the held-out pieces there is time for: `checks`, or those that take `CHECKING` of the time."""
    return min(checks, max(FEWEST_CHECKS, int(CHECKING * budget_s / max(check_s, 1e-9))))


def plan_steps(step: int, elapsed_s: float, budget_s: float, step_s: float, check_s: float, checks: int) -> int:
    """How many steps to make in all so that training ends when its time does.

    Args:
        step: those made so far.
        elapsed_s: the time they took, with everything else.
        budget_s: the whole time.
        step_s: what one more step takes.
        check_s: what looking at the held-out pieces and saving takes.
        checks: how many of those a whole run holds; as many again are left as there is time left, and one for the end.
    """
    share_left = max(0.0, 1 - elapsed_s / budget_s)
    left_s = budget_s - elapsed_s - (checks * share_left + 1) * check_s
    return step + max(1, int(left_s / step_s))


def misses(
    step: int, steps: int, elapsed_s: float, budget_s: float, step_s: float, check_s: float, checks: int
) -> bool:
    """Whether a plan of `steps` has come to miss its time by so much, so early, that a new one is worth its jolt."""
    again = plan_steps(step, elapsed_s, budget_s, step_s, check_s, checks)
    return elapsed_s < REPLAN_UNTIL * budget_s and abs(again - steps) * step_s > REPLAN_BEYOND * budget_s
