"""The processes that train one model together, as `torchrun` starts them; or the only one.

Each rank reads pieces of its own, and their gradients are averaged (DistributedDataParallel), so that k ranks learn
from k times as large batches. One of them, the first, writes. Between them go tensors and bytes, never pickles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

import torch
from torch import distributed, nn

from folkseq.errors import FolkseqError
from folkseq.machine import ranks as launched

PATIENCE = timedelta(hours=24)
"""How long ranks wait for the first, which may be reading a large corpus. One that has died is noticed at once."""
_LOST = ("connection", "remote", "timed out", "timeout")
"""Words of what gloo and NCCL say where another rank is gone."""


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is, and what it computes on."""

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - a device never changes

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, with its gradients averaged over the ranks; all of them begin with the first's weights."""
        return nn.parallel.DistributedDataParallel(model) if self.count > 1 else model

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums of every rank's values."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return [float(value) for value in total]

    def share(self, data: bytes = b"") -> bytes:
        """What the first gives, for all."""
        return self.gather(data)[0]

    def gather(self, data: bytes) -> list[bytes]:
        """What each gives, for all, by rank."""
        if self.count == 1:
            return [data]
        sizes = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.count)]
        distributed.all_gather(sizes, torch.tensor([len(data)], device=self.device))
        longest = max(int(size) for size in sizes)
        padded = torch.zeros(longest, dtype=torch.uint8, device=self.device)
        padded[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else padded[:0]
        parts = [torch.zeros_like(padded) for _ in range(self.count)]
        distributed.all_gather(parts, padded)
        return [part[: int(size)].cpu().numpy().tobytes() for part, size in zip(parts, sizes, strict=True)]


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the ranks that torchrun started, for as long as the context lasts; alone otherwise.

    Raises:
        FolkseqError: another rank has ended, and this one cannot go on without it.
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
    import_module("torch.distributed.nn")  # its defaults keep the group alive that is there when DDP imports it
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    whole = False
    try:
        yield Ranks(rank, count, device)
        whole = True
    except RuntimeError as error:  # what the backends raise, gloo without a class of its own
        reason = " ".join(str(error).split())
        if any(word in reason.lower() for word in _LOST):
            raise FolkseqError(
                f"rank {rank} has lost another rank, which must have ended; its reason stands beside this line; "
                f"go on from the last state with --resume ({reason})"
            ) from None
        if isinstance(error, distributed.DistBackendError):
            raise FolkseqError(f"rank {rank} cannot work with the others: {reason}") from None
        raise
    finally:
        # NCCL lets go of a group when all ranks do, and the others of one that failed are waiting for it elsewhere;
        # torchrun ends them when it sees this one end.
        if whole or device.type != "cuda":
            distributed.destroy_process_group()
            # Gloo's threads end with the last reference to their group. One that still lets go of a tensor when the
            # interpreter ends aborts the process, so none may be left to what a trainer's cycles hold.
            gc.collect()
