"""A run: a folder that stands alone and holds all that a trained model needs to be used, judged and trained on.

    config.json         what was trained, on what, how, and how well
    vocabulary.json     the tokens in order of their ids
    model.safetensors   the best weights
    model.onnx          the best weights as one step of the network, int8
    encoder.onnx        those of what reads the rest of a piece, where a part of it is to be written
    tokens/             the pieces as ids, on which side of the split each stands, and what is known of each
    novelty/            where each passage of those trained on stands
    metrics.jsonl       one line a report
    state/              where training stands, for going on exactly
    samples/            what the model wrote
    plots/              pictures of its training, cells and gradients

Nothing in it is pickled. Every file but the metrics, which only grow, is written beside its place and renamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus import Split, TokenStore
from folkseq.corpus.store import IDS, OFFSETS
from folkseq.errors import FolkseqError, RunError
from folkseq.files import sync, write_array, write_atomically
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.task import CONTINUE, TASKS
from folkseq.representations.vocabulary import Vocabulary
from folkseq.settings import from_json

SPANS = "spans.npy"
RENAMED = {
    "config": {"tokenizer": "representation"},
    "model": {
        "recall": "lookback_bars",
        "recall_reach": "lookback_bar_length",
        "recall_places": "lookback_position",
        "recall_match": "lookback_match",
        "pointers": "copy_pointer",
        "controls": "conditioning",
    },
    "training": {"suit": "plan_hidden", "checks": "validations", "look": "validation_ids"},
}
"""Keys of `config.json` that were renamed after version 0.1.0, at the top and in two sections: old to new."""
TRY = "train one with `folkseq train REPRESENTATION CORPUS`"


@dataclass(frozen=True)
class CorpusFile:
    """One file that was trained on."""

    name: str
    sha256: str


@dataclass(frozen=True)
class RunConfig:
    """What was trained, on what, how, and how well."""

    representation: str
    """As on the command line: `abc`, `abc:grace=false`."""
    model: ModelSettings
    training: TrainSettings
    """`training.steps` is filled in once training has planned it."""
    corpus: tuple[CorpusFile, ...]
    version: str
    """folkseq's own."""
    seed: int = 0
    task: str = CONTINUE
    """One of `TASKS`."""
    split: Mapping[str, int] = field(default_factory=dict)
    """How many pieces stand on each side: train, valid, test."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What was measured, by name: heldout_nll, test_nll, ngram_nll, ngram_order, minutes, …"""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"there is no task {self.task!r}; there are: {', '.join(TASKS)}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"the seed is from 0 to 2**63 - 1, got {self.seed}")

    def to_json(self) -> str:
        """The configuration as readable JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The configuration that `to_json` wrote. Raises ValueError or TypeError if `text` is anything else."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError(f"expected an object, got {type(values).__name__}")
        values = _renamed("config", values)
        for section in ("model", "training"):
            if isinstance(values.get(section), dict):
                values[section] = _renamed(section, values[section])
        return from_json(cls, values)


@dataclass(frozen=True)
class Run:
    """A run folder that is known to hold a configuration and a vocabulary."""

    folder: Path
    config: RunConfig
    vocabulary: Vocabulary

    @classmethod
    def create(cls, folder: Path | str, config: RunConfig, vocabulary: Vocabulary) -> Self:
        """Make a new run folder. Raises RunError if a run stands there already."""
        run = cls(Path(folder), config, vocabulary)
        if (run.folder / "config.json").exists():
            raise RunError(f"{folder}: holds a run already; name another folder, or go on with it by --resume")
        write_atomically(run.folder / "vocabulary.json", vocabulary.to_json().encode())
        write_atomically(run.folder / "config.json", config.to_json().encode())
        return run

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Read the run in `folder`. Raises RunError if there is none, or a broken one."""
        folder = Path(folder)
        if not folder.is_dir():
            raise RunError(f"{folder}: there is no such run; {TRY}")
        path = folder / "config.json"
        if not path.exists():
            raise RunError(f"{folder}: not a run, it holds no config.json; {TRY}")
        try:
            config = RunConfig.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"{path}: not the configuration of a run: {error}") from None
        vocabulary = Vocabulary.read(folder / "vocabulary.json")
        if config.task == CONTINUE and len(vocabulary) != config.model.vocabulary_size:
            raise RunError(
                f"{folder}: the vocabulary holds {len(vocabulary)} tokens, the model {config.model.vocabulary_size}"
            )
        return cls(folder, config, vocabulary)

    @classmethod
    def latest(cls, parent: Path | str = "runs") -> Self:
        """Open the newest run under `parent`. Raises RunError if there is none."""
        whole = (path for path in Path(parent).glob("*/config.json") if path.with_name("model.onnx").exists())
        configs = sorted(whole, key=lambda path: (path.stat().st_mtime_ns, path))
        if not configs:
            raise RunError(f"there is no run under {parent}/; {TRY}")
        return cls.open(configs[-1].parent)

    @property
    def name(self) -> str:
        """What a user calls it: its folder's name."""
        return self.folder.name or self.folder.resolve().name

    @property
    def about(self) -> str:
        """Its name, and what network it is."""
        model = self.config.model
        return f"{self.name}: {model.layers} x {model.hidden} {model.cell}"

    def file(self, name: str) -> Path:
        """The path of one of the run's files. Raises RunError if it is not there."""
        path = self.folder / name
        if not path.exists():
            raise RunError(f"{self.folder}: holds no {name}, so its training has not got that far; {TRY}")
        return path

    def with_config(self, **changes: Any) -> Self:
        """The run with some fields of its configuration replaced, there and on the disk."""
        run = replace(self, config=replace(self.config, **changes))
        write_atomically(self.folder / "config.json", run.config.to_json().encode())
        return run

    def keep_tokens(self, folder: Path, sides: Split, labels: Sequence[str], spans: NDArray[np.int64]) -> None:
        """Take over the store in `folder`, so that the run can be judged and looked into without its corpus.

        The files are linked where the disk can do that, else copied. Raises FolkseqError if the disk refuses.

        Args:
            folder: of a `StoreWriter`.
            sides: of the split.
            labels: what each piece is called.
            spans: (pieces, 2) what cutting an excerpt has to know of each.
        """
        tokens = self.folder / "tokens"
        try:
            tokens.mkdir(exist_ok=True)
            for name in (IDS, OFFSETS):
                (tokens / name).unlink(missing_ok=True)
                try:
                    (tokens / name).hardlink_to(folder / name)
                except OSError:
                    copyfile(folder / name, tokens / name)
                    sync(tokens / name)
        except OSError as error:
            raise FolkseqError(f"{tokens}: cannot be written: {error.strerror or error}") from error
        write_array(tokens / SPANS, spans)
        write_atomically(tokens / "labels.txt", "".join(f"{' '.join(label.split())}\n" for label in labels).encode())
        # The last, without which the others do not count.
        write_atomically(tokens / "split.json", json.dumps(asdict(sides)).encode())

    def tokens(self) -> tuple[TokenStore, Split]:
        """The pieces that the run was trained, chosen and tested on. Raises RunError if they are not there."""
        folder = self.folder / "tokens"
        try:
            kept = json.loads((folder / "split.json").read_text(encoding="utf-8"))
            store, sides = TokenStore.read(folder), Split(**{side: tuple(pieces) for side, pieces in kept.items()})
            if max(sides.train + sides.valid + sides.test) >= len(store):
                raise ValueError("the split names pieces that the store does not hold")
        except (OSError, EOFError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise RunError(f"{folder}: the pieces trained on cannot be read: {error}; {TRY}") from None
        return store, sides

    def spans(self) -> NDArray[np.int64]:
        """(pieces, 2) what cutting an excerpt has to know of each piece. Raises RunError if that is not known."""
        path = self.file(f"tokens/{SPANS}")
        try:
            spans: NDArray[np.int64] = np.load(path)
        except (OSError, EOFError, ValueError) as error:
            raise RunError(f"{path}: cannot be read: {error}; {TRY}") from None
        return spans

    def labels(self) -> list[str]:
        """What each piece of `tokens` is called. Raises RunError if that is not known."""
        path = self.file("tokens/labels.txt")
        try:
            return path.read_text(encoding="utf-8").split("\n")[:-1]
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read: {error}; {TRY}") from None

    def weights_digest(self, precision: str = "int8") -> str:
        """What tells the network that samples from any other: twelve digits of its file's SHA-256."""
        with self.file("model.onnx" if precision == "int8" else "model.safetensors").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The best weights by name. Raises RunError if there are none yet, or broken ones."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.file("model.safetensors")
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise RunError(f"{path}: cannot be read: {error}; {TRY}") from None

    def log(self, line: Mapping[str, Any]) -> None:
        """Add one line to the metrics. Raises FolkseqError if the disk refuses."""
        path = self.folder / "metrics.jsonl"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(line)) + "\n")
        except OSError as error:
            raise FolkseqError(f"{path}: cannot be written: {error.strerror or error}") from error

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the metrics in order of their steps, reports and events.

        Where training went on from an earlier step, the lines that it then wrote again stand for those before.

        Raises:
            RunError: if the file cannot be read.
        """
        lines: list[dict[str, Any]] = []
        path = self.folder / "metrics.jsonl"
        try:
            texts = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        except OSError as error:
            raise RunError(f"{path}: cannot be read: {error.strerror or error}") from None
        for text in texts:
            try:
                line = json.loads(text)
            except ValueError:  # the power failed in the middle of it
                continue
            if not isinstance(line, dict) or not isinstance(step := line.get("step"), int):
                continue
            while lines and lines[-1]["step"] > step:
                lines.pop()
            same = len(lines)
            while same and lines[same - 1]["step"] == step:
                same -= 1
            lines[same:] = [*(known for known in lines[same:] if known.get("event") != line.get("event")), line]
        return lines

    def rewind(self, step: int) -> None:
        """Take back the lines of the metrics after `step`, from which training goes on."""
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step]
        write_atomically(self.folder / "metrics.jsonl", "".join(kept).encode())


def _renamed(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    names = RENAMED[section]
    return {names.get(name, name): value for name, value in values.items()}
