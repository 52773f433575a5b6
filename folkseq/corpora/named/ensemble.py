"""A generated quartet in which the followers' dependence on their leader is known.

Each of four players makes one of nine gestures at every step, nine steps per second. The leader keeps its gesture with
probability `STAYS`, or changes to any other. A follower makes its fixed answer to the leader's gesture of the same step
with probability `HEARD`, keeps its gesture with probability `KEPT`, or makes a random one. So the leader's gesture
helps to predict a follower's; `information` returns the mutual information.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.formats import table
from folkseq.music.grid import Grid

GESTURES, FOLLOWERS = 9, 3
COLUMNS = ("leader", "second", "third", "fourth")
STAYS, HEARD, KEPT = 0.6, 0.6, 0.3
PERFORMANCES, STEPS = 40, 720
_SEED = 9

Matrix = NDArray[np.float64]


def make() -> dict[str, bytes]:
    """Return performances as CSV files, by name."""
    random = np.random.default_rng(_SEED + 1)
    made = {}
    for number in range(1, PERFORMANCES + 1):
        rows = tuple(tuple(map(str, row)) for row in performance(STEPS, random).tolist())
        made[f"{number:02d}.csv"] = table.format(Grid(COLUMNS, rows))
    return made


def answers() -> NDArray[np.int64]:
    """Return the answer of each follower to each gesture of the leader, (FOLLOWERS, GESTURES)."""
    random = np.random.default_rng(_SEED)
    return np.stack([random.permutation(GESTURES) for _ in range(FOLLOWERS)])


def performance(steps: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the gestures of a performance, (steps, 1 + FOLLOWERS)."""
    gestures = np.zeros((steps, 1 + FOLLOWERS), np.int64)
    before, replies = random.integers(0, GESTURES, 1 + FOLLOWERS), answers()
    for step in range(steps):
        leader = before[0] if random.random() < STAYS else (before[0] + random.integers(1, GESTURES)) % GESTURES
        ways, any_gesture = random.random(FOLLOWERS), random.integers(0, GESTURES, FOLLOWERS)
        kept = np.where(ways < HEARD + KEPT, before[1:], any_gesture)
        before = gestures[step] = np.append(leader, np.where(ways < HEARD, replies[:, leader], kept))
    return gestures


def information() -> float:
    """Return the mutual information, in bits, of a follower's gesture and the leader's, given all gestures before."""
    leads = np.full((GESTURES, GESTURES), (1 - STAYS) / (GESTURES - 1))  # (leader before, leader)
    np.fill_diagonal(leads, STAYS)
    # Each follower's gesture is represented by the leader's gesture that it answers, so that all followers are equal.
    follows = np.full((GESTURES,) * 3, (1 - HEARD - KEPT) / GESTURES)  # (leader, own before, own)
    every = np.arange(GESTURES)
    follows[every, :, every] += HEARD
    follows[:, every, every] += KEPT
    joint = np.full((GESTURES, GESTURES), GESTURES**-2.0)  # (leader before, own before)
    for _ in range(200):
        joint = np.einsum("lf,lm,mfg->mg", joint, leads, follows)
    unheard = np.einsum("lm,mfg->lfg", leads, follows)
    return _entropy(joint, unheard) - _entropy(np.einsum("lf,lm->mf", joint, leads), follows)


def _entropy(joint: Matrix, probabilities: Matrix) -> float:
    """Return the mean entropy in bits of `probabilities`, (…, own), over conditions with the probabilities `joint`."""
    return float((joint * -(probabilities * np.log2(probabilities)).sum(-1)).sum())
