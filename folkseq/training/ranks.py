"""The ranks: the processes, started by `torchrun`, that train one model together, or a single process.

Each rank reads its own share of the pieces, and DistributedDataParallel averages the gradients, so k ranks learn from
batches that are k times as large. Only the main rank writes files.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any

import torch
from torch import distributed, nn

from folkseq.errors import FolkseqError
from folkseq.machine import ranks as launched

TIMEOUT = timedelta(hours=24)
"""Maximum time to wait for the main rank, which may be reading a large corpus. Dead ranks are detected at once."""
_LOST = ("connection", "remote", "timed out", "timeout")  # words of gloo and NCCL if another rank has ended


@dataclass(frozen=True)
class Ranks:
    """The number of this process, the number of processes, and the device of this process."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    @property
    def is_main(self) -> bool:
        """Return whether this rank writes the files."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model with its gradients averaged over the ranks; all start with the main rank's weights."""
        return nn.parallel.DistributedDataParallel(model) if self.count > 1 else model

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums of the values of all ranks."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return [float(value) for value in total]

    def broadcast(self, value: Any = None) -> Any:
        """Return the value of the main rank; the other ranks wait for it."""
        return self.all_gather(value)[0]

    def all_gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values = [None] * self.count
        distributed.all_gather_object(values, value)
        return values


@contextmanager
def join_ranks() -> Iterator[Ranks]:
    """Join the ranks of torchrun within the context; without torchrun, this process is the only rank.

    Raises:
        FolkseqError: another rank has ended, or this rank has no GPU.
    """
    rank, count, local = launched()
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise FolkseqError(f"rank {rank} has no GPU: this machine has {torch.cuda.device_count()}; start fewer")
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    if count == 1:
        yield Ranks(device=device)
        return
    import_module("torch.distributed.nn")  # otherwise DDP imports it, and its default arguments keep the group alive
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    whole = False
    try:
        yield Ranks(rank, count, device)
        whole = True
    except RuntimeError as error:  # gloo raises no class of its own
        reason = " ".join(str(error).split())
        if any(word in reason.lower() for word in _LOST):
            raise FolkseqError(
                f"rank {rank} lost another rank, which has ended; see the other rank's message, then continue from the "
                f"last state with --resume ({reason})"
            ) from None
        if isinstance(error, distributed.DistBackendError):
            raise FolkseqError(f"rank {rank} cannot work with the others: {reason}") from None
        raise
    finally:
        # NCCL destroys a group only when all ranks do, and after a failure the others wait elsewhere; torchrun ends
        # them when this rank ends.
        if whole or device.type != "cuda":
            distributed.destroy_process_group()
            # Gloo's threads end with the last reference to their group. A thread that still releases a tensor when the
            # interpreter ends aborts the process, so collect what a learner's reference cycles hold.
            gc.collect()
