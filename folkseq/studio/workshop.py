"""The shared state of the operations: the available models, the folder of the user's tunes, and the soundfont."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from folkseq import pretrained
from folkseq.errors import FolkseqError, RequestError, RunError
from folkseq.run import Run
from folkseq.studio.errors import MissingError
from folkseq.studio.takeaway import PreparedFiles
from folkseq.verbs.model import Model

_MOST_LOADED = 8  # models in memory


@dataclass
class Workshop:
    """The models, the folder and the soundfont of one studio."""

    folder: Path
    """The folder of the history and the collection."""
    runs: Sequence[Path] = ()
    """Folders of runs that the user named; runs under `runs` are found automatically."""
    soundfont: Path | None = None
    prepared: PreparedFiles = field(default_factory=PreparedFiles)
    _loaded: OrderedDict[tuple[str, int], Model] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def folders(self) -> dict[str, Path]:
        """Return the folder of each available model, by its name for the user; runs come first."""
        found = (config.parent for config in Path("runs").glob("*/config.json"))
        whole = [path for path in found if (path / "model.onnx").exists()]
        runs = sorted(whole, key=lambda path: (path / "config.json").stat().st_mtime_ns, reverse=True)
        return {
            **{str(path): path for path in dict.fromkeys([*self.runs, *runs])},
            **{path.name: path for path in pretrained.folders()},
        }

    def model(self, name: str, task: str, representation: str = "") -> Model:
        """Return an available model, loaded.

        Args:
            name: a name from `folders`; if empty, the first suitable model.
            task: the task that it must be trained for.
            representation: the representation that it must be trained in; any if empty.

        Raises:
            MissingError: the model does not exist, or no longer exists.
            FolkseqError: the model is broken, or was trained for another task.
        """
        folders = self.folders()
        if not name:
            name = next((each for each, path in folders.items() if _suits(path, task, representation)), "")
        folder = folders.get(name)
        if folder is None:
            raise MissingError(f"{name or 'no model'}: is not among the models; choose another one")
        try:
            changed = (folder / "config.json").stat().st_mtime_ns
            run = Run.open(folder)
        except (OSError, RunError) as error:
            raise MissingError(f"{name}: cannot be opened any more ({error}); choose another one") from None
        if run.config.task != task:
            raise RequestError(f"{name}: was trained to {run.config.task}; choose a model that can {task}")
        if not run.config.representation.startswith(representation):
            raise RequestError(
                f"{name}: was trained on {run.config.representation}; choose a model of {representation}"
            )
        with self._lock:
            model = self._loaded.pop((name, changed), None) or Model(run)
            self._loaded[name, changed] = model
            while len(self._loaded) > _MOST_LOADED:
                self._loaded.popitem(last=False)
        return model

    def forget(self, model: Model) -> None:
        """Unload a model, so that it is loaded again with files that were built for it meanwhile."""
        with self._lock:
            for key in [key for key, loaded in self._loaded.items() if loaded.run.folder == model.run.folder]:
                del self._loaded[key]


def _suits(folder: Path, task: str, representation: str) -> bool:
    try:
        config = Run.open(folder).config
    except (FolkseqError, OSError):
        return False
    return config.task == task and config.representation.startswith(representation)
