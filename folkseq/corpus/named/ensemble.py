"""A quartet that is made up, so that it is known how much its followers listen to their leader.

Each of four players makes one of nine gestures at every step, a ninth of a second. The leader stays with a gesture, or
goes to any other. A follower answers what the leader does now, each gesture by one of its own (`HEARD` of the time), or
stays with what it did (`KEPT`), or does anything. So of its next gesture one knows more when one hears the leader; how
much more follows from the rules, and is what `information` gives: a model that listens learns that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus.named.made import Made
from folkseq.formats import table
from folkseq.music.grid import Grid

GESTURES, FOLLOWERS = 9, 3
COLUMNS = ("leader", "second", "third", "fourth")
STAYS = 0.6
"""How often the leader stays with a gesture."""
HEARD, KEPT = 0.6, 0.3
PERFORMANCES, STEPS = 40, 720
_SEED = 9

Matrix = NDArray[np.float64]


def answers() -> NDArray[np.int64]:
    """(FOLLOWERS, GESTURES) what each follower answers to a gesture of the leader."""
    random = np.random.default_rng(_SEED)
    return np.stack([random.permutation(GESTURES) for _ in range(FOLLOWERS)])


def performance(steps: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(steps, 1 + FOLLOWERS) gestures of a performance."""
    gestures = np.zeros((steps, 1 + FOLLOWERS), np.int64)
    before, replies = random.integers(0, GESTURES, 1 + FOLLOWERS), answers()
    for step in range(steps):
        leader = before[0] if random.random() < STAYS else (before[0] + random.integers(1, GESTURES)) % GESTURES
        ways = random.random(FOLLOWERS)
        anything = random.integers(0, GESTURES, FOLLOWERS)
        followers = np.where(ways < HEARD, replies[:, leader], np.where(ways < HEARD + KEPT, before[1:], anything))
        before = gestures[step] = np.array([leader, *followers])
    return gestures


def information() -> float:
    """The bits that a follower's next gesture has in common with the leader's, where all before them is known."""
    leads = np.full((GESTURES, GESTURES), (1 - STAYS) / (GESTURES - 1))
    np.fill_diagonal(leads, STAYS)  # (leader before, leader)
    # What a follower is to answer stands for its gestures here, so that all followers are alike.
    follows = np.full((GESTURES,) * 3, (1 - HEARD - KEPT) / GESTURES)  # (leader, own before, own)
    every = np.arange(GESTURES)
    follows[every, :, every] += HEARD
    follows[:, every, every] += KEPT
    joint = np.full((GESTURES, GESTURES), GESTURES**-2.0)  # (leader before, own before)
    for _ in range(200):
        joint = np.einsum("lf,lm,mfg->mg", joint, leads, follows)
    blind = np.einsum("lm,mfg->lfg", leads, follows)  # where the leader is not heard
    return _entropy(joint, blind) - _entropy(np.einsum("lf,lm->mf", joint, leads), follows)


def _entropy(joint: Matrix, chances: Matrix) -> float:
    """The mean bits of what is drawn with `chances`, (leader, own before, own), where the former two are `joint`."""
    bits = -(chances * np.log2(chances)).sum(-1)  # (leader, own before)
    return float((joint * bits).sum())


def make() -> dict[str, bytes]:
    """Performances as CSV files, by name."""
    random = np.random.default_rng(_SEED + 1)
    made = {}
    for number in range(1, PERFORMANCES + 1):
        rows = tuple(tuple(map(str, row)) for row in performance(STEPS, random).tolist())
        made[f"{number:02d}.csv"] = table.format(Grid(COLUMNS, rows))
    return made


MADE = Made(
    "ensemble", "A leader and three who listen, nine gestures a second each (made up)", "performances, made up", make
)
