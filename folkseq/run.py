"""A run folder, which contains everything to use, evaluate and resume a trained model.

    config.json         representation, settings, corpus files, seed and figures
    vocabulary.json     the tokens in the order of their ids
    model.safetensors   the best weights
    model.onnx          the network for sampling: one step, int8
    encoder.onnx        the encoder for sampling, if the task has one
    tokens/             the pieces as ids, their labels, and their split
    titles.json         the titles of the corpus, which new titles resemble but never repeat
    ranking.npz         the classifiers of sampled and corpus pieces, which choose among candidates
    novelty/            an index of the passages of the training set, and its summary
    metrics.jsonl       reports and events of training, one per line
    state/              the state for an exact resume
    samples/            pieces by the model
    plots/              pictures of training, neurons and gradients

No file is pickled. folkseq writes each file under a temporary name and renames it; only metrics.jsonl grows in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq import pretrained
from folkseq.corpora import Split, TokenStore, cache
from folkseq.corpora.store import IDS, copy_store
from folkseq.errors import RunError
from folkseq.files import write_array, write_atomically
from folkseq.metrics import Metrics
from folkseq.models.compression import decompressed
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.task import CONTINUE, TASKS
from folkseq.representations.vocabulary import Vocabulary
from folkseq.settings import from_json, setting, validate

RENAMED: dict[str, dict[str, str | None]] = {
    "config": {"tokenizer": "representation", "split": None},
    "model": {
        "recall": "lookback_bars",
        "recall_reach": "lookback_bar_length",
        "recall_places": "lookback_position",
        "recall_match": "lookback_match",
        "pointers": "copy_pointer",
        "controls": "conditioning",
    },
    "training": {"suit": "plan_hidden", "checks": "validations", "look": "validation_ids"},
    "state": {"standing": "progress"},
}
"""Keys that were renamed after version 0.1.0, in `config.json`, its sections, and the state: old to new, or None."""
LONGER = 0.005
"""Share of the training pieces that are longer than a new piece may be."""
_TITLES = "titles.json"
TRY = "train one with `folkseq train REPRESENTATION CORPUS`"


def renamed(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a section under the names that they have now."""
    names = {**{name: name for name in values}, **RENAMED[section]}
    return {new: value for name, value in values.items() if (new := names[name]) is not None}


def typical_length(store: TokenStore, split: Split) -> int:
    """Return the number of tokens that a share of `LONGER` of the training pieces exceeds."""
    return int(np.quantile(np.diff(store.offsets)[list(split.train)], 1 - LONGER))


@dataclass(frozen=True)
class CorpusFile:
    """A training file of the run."""

    name: str
    sha256: str


@dataclass(frozen=True)
class RunConfig:
    """The configuration of a run, and its results."""

    representation: str
    """As on the command line: `abc`, `abc:grace=false`."""
    model: ModelSettings
    training: TrainSettings
    corpus: tuple[CorpusFile, ...]
    version: str
    """The version of folkseq that started the run."""
    base: str = setting("", "Name of the base model, and the digest of its network.")
    typical_length: int | None = setting(
        None, "Length in tokens that few training pieces exceed; longer new pieces are redrawn.", low=1
    )
    valid_files: int = setting(
        0, "Number of files at the end of the corpus that select the best weights.", low=0, flags=("--valid",)
    )
    seed: int = setting(0, "Seed for the weights, the order of the pieces and the dropout.", low=0, high=2**63 - 1)
    task: str = setting(CONTINUE, "Task: continue pieces, fill gaps in them, or harmonise melodies.", choices=TASKS)
    figures: Mapping[str, float] = field(default_factory=dict)
    """Results by name: ngram_nll, ngram_order, heldout_nll, test_nll, steps, epochs, minutes."""

    def __post_init__(self) -> None:
        validate(self)

    def to_json(self) -> str:
        """Return the configuration as readable JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the configuration that `to_json` wrote. Raises ValueError or TypeError for any other text."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError(f"expected an object, got {type(values).__name__}")
        values = renamed("config", values)
        for section in ("model", "training"):
            if isinstance(values.get(section), dict):
                values[section] = renamed(section, values[section])
        return from_json(cls, values)


@dataclass(frozen=True)
class Run:
    """A run folder with its configuration and vocabulary."""

    folder: Path
    config: RunConfig
    vocabulary: Vocabulary

    @classmethod
    def create(cls, folder: Path | str, config: RunConfig, vocabulary: Vocabulary) -> Self:
        """Write a new run folder. Raises RunError if it holds a run already."""
        run = cls(Path(folder), config, vocabulary)
        run.check_new()
        run.write()
        return run

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Read the run in a folder, or the pretrained model of that name. Raises RunError if there is none."""
        folder = Path(folder)
        model = pretrained.find(folder)
        if model is not None and not (folder / "config.json").exists():
            folder = model
        if folder.is_file():
            raise RunError(f"{folder}: is a file, not the folder of a run; name a run before the files, or {TRY}")
        if not folder.is_dir():
            models = ", ".join(each.name for each in pretrained.folders())
            raise RunError(f"{folder}: there is no such run, nor a pretrained model ({models}); {TRY}")
        path = folder / "config.json"
        if not path.exists():
            raise RunError(f"{folder}: not a run, it holds no config.json; {TRY}")
        with _reading(path):
            config = RunConfig.from_json(path.read_text(encoding="utf-8"))
        vocabulary = Vocabulary.read(folder / "vocabulary.json")
        if config.task == CONTINUE and len(vocabulary) != config.model.vocabulary_size:
            raise RunError(
                f"{folder}: the vocabulary holds {len(vocabulary)} tokens, the model {config.model.vocabulary_size}"
            )
        return cls(folder, config, vocabulary)

    @classmethod
    def latest(
        cls, parent: Path | str = "runs", fits: Callable[[RunConfig], bool] | None = None, wanted: str = ""
    ) -> Self:
        """Open the newest run under a folder that has a model, or else the first pretrained model.

        Args:
            parent: the folder.
            fits: whether a run suits the request; by default, any run does.
            wanted: what that is, for the message if no run can.

        Raises:
            RunError: there is no such run.
        """
        whole = (path for path in Path(parent).glob("*/config.json") if path.with_name("model.onnx").exists())
        newest = sorted(whole, key=lambda path: (path.stat().st_mtime_ns, path), reverse=True)
        for folder in [*(config.parent for config in newest), *pretrained.folders()]:
            run = cls.open(folder)
            if fits is None or fits(run.config):
                return run
        raise RunError(f"there is no run {wanted} under {parent}/; {TRY}".replace("  ", " "))

    def check_new(self) -> None:
        """Raise RunError if the folder holds a run already."""
        if (self.folder / "config.json").exists():
            raise RunError(f"{self.folder}: holds a run already; name another folder, or continue it with --resume")

    def write(self) -> None:
        """Write the vocabulary, and then the configuration, which makes the folder a run."""
        write_atomically(self.folder / "vocabulary.json", self.vocabulary.to_json().encode())
        write_atomically(self.folder / "config.json", self.config.to_json().encode())

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.folder.name or self.folder.resolve().name

    @property
    def address(self) -> str:
        """Return what a user names it by: its folder, or its name if it is a pretrained model."""
        return self.name if pretrained.includes(self.folder) else str(self.folder)

    def results(self, kind: str) -> Path:
        """Return the folder where its samples or plots go if no other is named; never one in the package."""
        return Path(kind) if pretrained.includes(self.folder) else self.folder / kind

    @property
    def about(self) -> str:
        """Return its name and the size of its network."""
        model = self.config.model
        return f"{self.name}: {model.layers} x {model.hidden} {model.cell}"

    def file(self, name: str) -> Path:
        """Return the path of one of its files. Raises RunError if the file does not exist."""
        path = self.folder / name
        if not path.exists():
            raise RunError(f"{self.folder}: holds no {name}, so its training did not get that far; {TRY}")
        return path

    @property
    def token_folder(self) -> Path:
        """Return the folder of its pieces. A pretrained model comes without; they may be built again in the cache."""
        if pretrained.includes(self.folder):
            return cache.folder() / "pretrained" / self.weights_digest()
        return self.folder / "tokens"

    def write_tokens(
        self, folder: Path, split: Split, labels: Sequence[str], numbers: NDArray[Any] | None = None
    ) -> None:
        """Take over the store in a folder, so that the run can be evaluated and analysed without its corpus.

        Args:
            folder: of the store.
            split: of its pieces.
            labels: of its pieces.
            numbers: the run's id for each id of the store; the same by default.

        Raises:
            FolkseqError: the disk refuses.
        """
        tokens = self.token_folder
        copy_store(folder, tokens)
        if numbers is not None and (numbers != np.arange(len(numbers))).any():
            write_array(tokens / IDS, numbers[TokenStore.read(folder).ids])
        write_atomically(tokens / "labels.txt", "".join(f"{' '.join(label.split())}\n" for label in labels).encode())
        # The split comes last; without it the other files do not count.
        write_atomically(tokens / "split.json", json.dumps(asdict(split)).encode())

    def write_titles(self, titles: Sequence[Sequence[str]]) -> None:
        """Write the titles of the pieces of the corpus, if there are any."""
        if titles:
            text = json.dumps(titles, ensure_ascii=False, separators=(",", ":"))
            write_atomically(self.folder / _TITLES, text.encode())

    def titles(self) -> list[list[str]]:
        """Return the titles of each piece of the corpus that has any. Raises RunError if their file is broken."""
        path = self.folder / _TITLES
        with _reading(path):
            titles: list[list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            return titles

    @property
    def has_tokens(self) -> bool:
        """Return whether it holds the pieces of its corpus."""
        return (self.token_folder / "split.json").exists()

    def tokens(self) -> tuple[TokenStore, Split]:
        """Return the pieces of the corpus and their split. Raises RunError if they are missing or broken."""
        folder = self.token_folder
        with _reading(folder):
            sides = json.loads((folder / "split.json").read_text(encoding="utf-8"))
            store, split = TokenStore.read(folder), Split(**{side: tuple(pieces) for side, pieces in sides.items()})
            if max(split.train + split.valid + split.test) >= len(store):
                raise ValueError("the split names pieces that the store does not hold")
        return store, split

    def labels(self) -> list[str]:
        """Return the label of each piece of `tokens`. Raises RunError if they are missing."""
        path = self.token_folder / "labels.txt"
        with _reading(path):
            return path.read_text(encoding="utf-8").split("\n")[:-1]

    def weights_digest(self, precision: str = "int8") -> str:
        """Return what identifies the network that samples: twelve digits of its file's SHA-256."""
        with self.file("model.onnx" if precision == "int8" else "model.safetensors").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the best weights by name. Raises RunError if they are missing or broken."""
        from safetensors.numpy import load_file

        path = self.file("model.safetensors")
        with _reading(path):
            return decompressed(load_file(path))

    @property
    def metrics(self) -> Metrics:
        """Return the reports and events of training."""
        return Metrics(self.folder / "metrics.jsonl")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert errors in reading a file to RunError."""
    try:
        yield
    except Exception as error:  # safetensors, numpy and json raise classes of their own
        raise RunError(f"{path}: cannot be read: {' '.join(str(error).split())}; {TRY}") from None
