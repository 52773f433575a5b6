"""Where training stands, on its way to the disk and back.

One safetensors file, `state/last.safetensors`, whose metadata holds what is not a tensor as JSON: one file, so that
one rename moves training on from one whole state to the next. It holds the weights, the optimizer, the schedule's place
and, of every rank, its random states, data cursor and carried state; going on from it gives the bytes that never
stopping would have given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from folkseq.errors import RunError
from folkseq.files import write_atomically
from folkseq.training.trainer import Trainer

STATE = "state/last.safetensors"


def write(trainer: Trainer, folder: Path) -> None:
    """Write everything that going on exactly needs; all ranks call this, and the first writes.

    Raises:
        FolkseqError: the disk refuses; the state before this one stands as it was.
    """
    own = save(_contiguous(_own_tensors(trainer)), {"json": json.dumps(trainer.batches.state())})
    everyone = trainer.ranks.gather(own)
    if not trainer.ranks.first:
        return
    tensors = {f"model.{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    for index, slots in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in slots.items()}
    cursors = []
    for rank, data in enumerate(everyone):
        tensors |= {f"rank.{rank}.{name}": tensor for name, tensor in load(data).items()}
        cursors.append(_metadata(data))
    scalars = {"standing": trainer.standing(), "cursors": cursors, "torch": torch.__version__}
    write_atomically(folder / STATE, save(_contiguous(tensors), {"json": json.dumps(scalars)}))


def exists(folder: Path) -> bool:
    """Whether there is a state to go on from."""
    return (folder / STATE).exists()


def step(folder: Path) -> int:
    """How many updates the state in a run's folder has behind it; 0 where there is none."""
    return int(_metadata((folder / STATE).read_bytes())["standing"]["step"]) if exists(folder) else 0


def read(trainer: Trainer, folder: Path) -> str:
    """Go on from what `write` wrote, and give the version of PyTorch that wrote it.

    Raises:
        RunError: it is missing, broken, of a model of other sizes, or of another number of ranks.
    """
    path = folder / STATE
    ranks = trainer.ranks
    if not path.exists():
        raise RunError(f"{folder}: holds no {STATE} to go on from; train anew into another folder")
    try:
        scalars = _metadata(path.read_bytes())
        tensors = load_file(path)
        if len(scalars["cursors"]) != ranks.count:
            raise RunError(
                f"{path}: was written by {len(scalars['cursors'])} ranks, and there are {ranks.count}; go on with as "
                "many, since each has its own place in the pieces"
            )
        own = _under(f"rank.{ranks.rank}.", tensors)
        trainer.model.load_state_dict(_under("model.", tensors))
        trainer.optimizer.load_state_dict(_optimizer_state(trainer, _under("optimizer.", tensors)))
        trainer.carried = tuple(own[f"carried.{index}"].to(ranks.device) for index in range(len(trainer.carried)))
        trainer.batches.restore(scalars["cursors"][ranks.rank])
        torch.set_rng_state(own["random.cpu"])
        if ranks.device.type == "cuda" and "random.cuda" in own:
            torch.cuda.set_rng_state(own["random.cuda"])
        trainer.stand(**scalars["standing"])
        return str(scalars["torch"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be gone on from: {reason}; train anew into another folder") from None


def write_weights(trainer: Trainer, path: Path, heldout_nll: float) -> None:
    """Write the weights alone, with the figure that made them the best."""
    metadata = {"json": json.dumps({"heldout_nll": heldout_nll, "step": trainer.step})}
    write_atomically(path, save(_contiguous(trainer.model.state_dict()), metadata))


def read_weights(trainer: Trainer, path: Path) -> None:
    """Take over the weights that `write_weights` wrote. Raises RunError if they are not there any more."""
    try:
        trainer.model.load_state_dict(load_file(path, device=str(trainer.ranks.device)))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be read: {reason}; train anew into another folder") from None


def _own_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """What each rank has for itself."""
    tensors = {f"carried.{index}": tensor for index, tensor in enumerate(trainer.carried)}
    tensors["random.cpu"] = torch.get_rng_state()
    if trainer.ranks.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def _optimizer_state(trainer: Trainer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = tensor
    return {"state": slots, "param_groups": trainer.optimizer.state_dict()["param_groups"]}


def _metadata(data: bytes) -> Any:
    """What stands beside the tensors: the header is eight bytes of its length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["json"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
