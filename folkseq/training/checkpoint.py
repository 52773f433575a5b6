"""Checkpoints: the state for resuming, and the best weights.

The state is a single safetensors file, `state/last.safetensors`, so that one rename replaces all of it; its metadata
stores values other than tensors as JSON. It contains the weights, the optimizer, the progress, and for each rank the
carried state, the position in the pieces and the random states. A run resumed from it ends with the same bytes as an
uninterrupted run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from folkseq.errors import RunError
from folkseq.files import write_atomically
from folkseq.models.export.step import build_step
from folkseq.run import renamed
from folkseq.training.learner import Learner

STATE, START = "state/last.safetensors", "state/start.safetensors"
WEIGHTS, STEP, ENCODER = "model.safetensors", "model.onnx", "encoder.onnx"


def exists(folder: Path) -> bool:
    """Return whether a run folder contains a state."""
    return (folder / STATE).exists()


def has_learned(folder: Path) -> bool:
    """Return whether a run folder contains weights, or a state after the first update."""
    return (folder / WEIGHTS).exists() or (exists(folder) and read_facts(folder / STATE)["progress"]["step"] > 0)


def save_state(learner: Learner, progress: dict[str, Any], folder: Path) -> None:
    """Write the state for an exact resume; all ranks call this, and the main rank writes.

    Raises:
        FolkseqError: the file cannot be written; the previous state is kept.
    """
    own = {f"carried.{index}": tensor.cpu() for index, tensor in enumerate(learner.carried)}
    own["random.cpu"] = torch.get_rng_state()
    if learner.ranks.device.type == "cuda":
        own["random.cuda"] = torch.cuda.get_rng_state()
    ranks = learner.ranks.all_gather((own, learner.batches.state()))
    if learner.ranks.is_main:
        tensors = {f"model.{name}": tensor for name, tensor in learner.model.state_dict().items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in learner.optimizer.state().items()}
        for rank, (others, _) in enumerate(ranks):
            tensors |= {f"rank.{rank}.{name}": tensor for name, tensor in others.items()}
        cursors = [cursor for _, cursor in ranks]
        _write(folder / STATE, tensors, {"progress": progress, "cursors": cursors, "torch": torch.__version__})


def load_state(learner: Learner, folder: Path) -> tuple[dict[str, Any], str]:
    """Load a saved state into a new learner.

    Returns:
        The progress, and the version of PyTorch that wrote the state.

    Raises:
        RunError: the state is missing or broken, or belongs to a model of other sizes or another number of ranks.
    """
    path, ranks = folder / STATE, learner.ranks
    if not path.exists():
        raise RunError(f"{folder}: holds no {STATE} to resume from; train into another folder")
    try:
        facts, tensors = read_facts(path), load_file(path)
        if len(facts["cursors"]) != ranks.count:
            raise RunError(
                f"{path}: was written by {len(facts['cursors'])} ranks, and there are {ranks.count}; start as many, "
                "since each rank has its own position in the pieces"
            )
        own = _under(f"rank.{ranks.rank}.", tensors)
        learner.model.load_state_dict(_under("model.", tensors))
        learner.optimizer.load(_under("optimizer.", tensors))
        learner.carried = tuple(own[f"carried.{index}"].to(ranks.device) for index in range(len(learner.carried)))
        learner.batches.restore(facts["cursors"][ranks.rank])
        torch.set_rng_state(own["random.cpu"])
        if ranks.device.type == "cuda" and "random.cuda" in own:
            torch.cuda.set_rng_state(own["random.cuda"])
        return facts["progress"], str(facts["torch"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be resumed from: {reason}; train into another folder") from None


def save_start(folder: Path, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write initial weights, which training uses instead of random ones."""
    _write(folder / START, {name: torch.from_numpy(array) for name, array in weights.items()}, {})


def load_start(learner: Learner, folder: Path) -> bool:
    """Load the weights of `save_start`, if there are any; return whether there are."""
    if not (folder / START).exists():
        return False
    learner.model.load_state_dict(load_file(folder / START, device=str(learner.ranks.device)))
    return True


def save_weights(learner: Learner, folder: Path, heldout_nll: float, step: int) -> None:
    """Write the weights as the model of the run, with their loss, and the networks for sampling."""
    _write(folder / WEIGHTS, learner.model.state_dict(), {"heldout_nll": heldout_nll, "step": step})
    save_networks(learner, folder)


def load_weights(learner: Learner, folder: Path) -> None:
    """Load the weights that `save_weights` wrote. Raises RunError if they are missing or broken."""
    path = folder / WEIGHTS
    try:
        learner.model.load_state_dict(load_file(path, device=str(learner.ranks.device)))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: cannot be read: {reason}; train into another folder") from None


def save_networks(learner: Learner, folder: Path) -> None:
    """Write the ONNX networks for sampling, so that users can sample from a run during training."""
    for name, data in networks(learner).items():
        write_atomically(folder / name, data)


def networks(learner: Learner) -> dict[str, bytes]:
    """Build the ONNX networks for sampling, by file name."""
    weights, settings = learner.weights(), learner.model.settings
    built = {STEP: build_step(weights, settings)}
    if settings.encoder is not None:
        from folkseq.models.export.encoder_decoder import build_encoder

        built[ENCODER] = build_encoder(weights, settings)
    return built


def _write(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(contiguous, {"json": json.dumps(facts)}))


def read_facts(path: Path) -> dict[str, Any]:
    """Return the metadata of a state: progress, cursors, and the version of PyTorch."""
    with safe_open(path, framework="pt") as file:
        return renamed("state", json.loads(file.metadata()["json"]))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
