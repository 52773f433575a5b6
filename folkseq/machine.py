"""What the machine has, and which of several processes this is."""

from __future__ import annotations

import os


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ranks() -> tuple[int, int, int]:
    """This process's rank, how many ranks there are, and its rank on this machine, as `torchrun` says; else 0, 1, 0."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1, 0
    rank, count, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return rank, count, local
