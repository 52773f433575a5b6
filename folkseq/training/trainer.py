"""All that changes while a model is trained: one update of it, and its way to the disk and back.

The state is one safetensors file, `state/last.safetensors`, whose metadata holds what is not a tensor as JSON: one
file, so that one rename moves training on from one whole state to the next. It holds the weights, the optimizer, both
random states, the data cursor and the carried state, and going on from it gives the bytes that never stopping would
have given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from folkseq.dataset import IGNORED, Batches, Cut, Streams, TokenStore, Windows
from folkseq.errors import RunError
from folkseq.files import write_atomically
from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.training.schedule import learning_rate

STATE = "state/last.safetensors"


class Trainer:
    """A model, its optimizer, its batches and the state carried between them.

    Dropout draws from PyTorch's global generator, which the caller seeds, and forks so as to give it back.
    """

    def __init__(
        self,
        store: TokenStore,
        pieces: tuple[int, ...],
        model_settings: ModelSettings,
        settings: TrainSettings,
        seed: int,
        cut: Cut,
    ) -> None:
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = LanguageModel(model_settings).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        reading = (store, pieces, settings.rows, settings.length, np.random.default_rng(seed))
        windows = settings.batches == "windows"
        self.batches: Batches = Windows(*reading, cut, settings.passage) if windows else Streams(*reading)
        self.carried = self.model.init_state(settings.rows)
        self.step = 0
        self.steps: int | None = settings.steps
        """How many in all; None until they are planned."""
        self.best: float | None = None
        """The lowest held-out nats an id so far."""
        self.elapsed_s = 0.0
        """Time spent, as of the last save."""

    def update(self) -> tuple[Tensor, Tensor, float]:
        """Learn from one batch.

        Returns:
            The loss in nats an id and the length of its gradient, both left on the device, and the learning rate.
        """
        rate = learning_rate(self.step, self.settings, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = next(self.batches)
        x, y, fresh = (torch.from_numpy(array).to(self.device) for array in batch[:3])  # (B, T) twice, (B,)
        controls = None if batch.controls is None else torch.from_numpy(batch.controls).to(self.device)  # (B, T, C)
        # Most pieces begin inside a batch, in the state that the one before them left. Those that begin with it begin
        # at zero, as every piece does that is judged or sampled, or the model would never learn to.
        state = tuple(tensor.masked_fill(fresh[:, None], 0.0) for tensor in self.carried)  # (L, B, H)
        logits, carried = self.model(x, state, controls)  # (B, T, V)
        self.carried = tuple(state.detach() for state in carried)
        loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORED)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.step += 1
        return loss.detach(), norm, rate

    def save_weights(self, path: Path, heldout_nll: float) -> None:
        """Write the weights alone, with the figure that made them the best."""
        metadata = {"json": json.dumps({"heldout_nll": heldout_nll, "step": self.step})}
        write_atomically(path, save(_contiguous(self.model.state_dict()), metadata))

    def load_weights(self, path: Path) -> float:
        """Take over the weights that `save_weights` wrote, and give the figure that stands beside them."""
        self.model.load_state_dict(load_file(path, device=str(self.device)))
        return float(_metadata(path)["heldout_nll"])

    def save(self, folder: Path) -> None:
        """Write everything that going on exactly needs."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in slots.items()}
        tensors |= {f"carried.{index}": tensor for index, tensor in enumerate(self.carried)}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        scalars = {"step": self.step, "steps": self.steps, "best": self.best, "elapsed_s": self.elapsed_s}
        metadata = {"json": json.dumps({**scalars, "batches": self.batches.state()})}
        write_atomically(folder / STATE, save(_contiguous(tensors), metadata))

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote. Raises RunError if it is missing, broken, or of a model of other sizes."""
        path = folder / STATE
        if not path.exists():
            raise RunError(f"{folder}: holds no {STATE} to go on from; train anew into another folder")
        try:
            scalars = _metadata(path)
            tensors = load_file(path)
            self.model.load_state_dict(_under("model.", tensors))
            self.optimizer.load_state_dict(self._optimizer_state(_under("optimizer.", tensors)))
            carried = _under("carried.", tensors)
            self.carried = tuple(carried[str(index)].to(self.device) for index in range(len(self.carried)))
            self.batches.restore(scalars["batches"])
            torch.set_rng_state(tensors["random.cpu"])
            if self.device.type == "cuda" and "random.cuda" in tensors:
                torch.cuda.set_rng_state(tensors["random.cuda"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(f"{path}: cannot be gone on from: {reason}; train anew into another folder") from None
        self.step, self.steps = scalars["step"], scalars["steps"]
        self.best, self.elapsed_s = scalars["best"], scalars["elapsed_s"]

    def _optimizer_state(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = tensor
        return {"state": slots, "param_groups": self.optimizer.state_dict()["param_groups"]}


def _metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return cast(dict[str, Any], json.loads(file.metadata()["json"]))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
