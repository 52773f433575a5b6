"""`folkseq train`: train a model on files of music, and write it into a run folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.corpora import Split, TokenStore
from folkseq.corpora.baseline import Baseline
from folkseq.corpora.files import names as names_of
from folkseq.corpora.named import Corpus, files, listed, skipped
from folkseq.corpora.reader import TokenizedCorpus, tokenize_corpus
from folkseq.corpora.sides import sides
from folkseq.errors import CorpusError, FolkseqError, RequestError, RunError, few
from folkseq.extensions import extension
from folkseq.extras import require
from folkseq.files import clear_temporary
from folkseq.machine import ranks
from folkseq.models.settings import EncoderSettings, ModelSettings, TrainSettings
from folkseq.representations.base import Codec, Representation
from folkseq.representations.task import CONTINUE, TASKS
from folkseq.run import CorpusFile, Run, RunConfig, typical_length
from folkseq.sampling.overlaps import Overlaps
from folkseq.settings import option_name, parse
from folkseq.verbs.base_model import LEARNING_RATE, BaseModel
from folkseq.verbs.trained import find_task
from folkseq.version import __version__
from folkseq.voice_memory import RememberingLookback

if TYPE_CHECKING:
    from folkseq.corpora.named.folders import BuildReport
    from folkseq.training import Ranks

FEWEST_PIECES = 2
INDEX = "novelty"
"""The folder of the index of the training set."""
SETTINGS: dict[type[Any], tuple[str, ...]] = {
    TrainSettings: ("minutes", "steps", "precision", "threads"),
    ModelSettings: ("cell", "layers", "hidden"),
    RunConfig: ("seed", "task"),
    EncoderSettings: ("direction", "attention"),
}
"""The settings that a user may choose; those of an encoder only with a task other than to continue."""
_SHOWN = 3  # changed files that are named


@dataclass(frozen=True)
class TrainingStart:
    """The run and its data before training."""

    run: Run
    corpus: TokenizedCorpus
    split: Split
    near_duplicates: int
    """Number of pieces that have a near-duplicate."""
    baseline: Baseline | None
    """The n-gram model for comparison; None for a task, since an n-gram model cannot see past a gap."""
    notices: tuple[str, ...]


def train(
    representation: str,
    corpus: Corpus,
    *,
    valid: Corpus = (),
    out: Path | str | None = None,
    resume: bool = False,
    base: Path | str | None = None,
    on_build: Callable[[BuildReport], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    on_start: Callable[[TrainingStart], None] | None = None,
    on_report: Callable[[Mapping[str, Any]], None] | None = None,
    **asked: Any,
) -> Run:
    """Train a model on a corpus, and write the best weights into a run folder.

    Args:
        representation: name of the representation, with non-default fields: `abc`, `abc:grace=false`.
        corpus: files and folders; a named corpus such as `corpora/folk.abc` is built if it does not exist.
        valid: files and folders of the validation set, which selects the best weights; by default, validation and test
            set are parts of the corpus.
        out: the run folder; by default, the next free `runs/REPRESENTATION-N`.
        resume: continue the run in `out`, or start it if there is none. Files and settings must be the same.
        base: a run or pretrained model whose weights replace random ones; the new vocabulary then contains the tokens
            of both. A resumed run already has its initial weights.
        on_build: called after a named corpus was built.
        on_read: called with the number of files read so far and the number of all files.
        on_start: called before training.
        on_report: called with each new line of the metrics.
        asked: settings, as on the command line: `minutes`, `steps`, `cell`, `layers`, `hidden`, …; see `SETTINGS`.

    Returns:
        The run, with its figures.

    Raises:
        FolkseqError: the user can fix the error; the folder of a run without any update is removed.
    """
    require("torch", "onnx", "sklearn")
    known = {name for names in SETTINGS.values() for name in names}
    if unknown := asked.keys() - known:
        raise TypeError(f"train has no setting {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    asked = {name: value for name, value in asked.items() if value is not None}
    task = asked.get("task", CONTINUE)
    if task not in TASKS:
        raise RequestError(f"--task must be one of {', '.join(TASKS)}, got {task!r}")
    for name in SETTINGS[EncoderSettings]:
        if name in asked and task == CONTINUE:
            option = option_name(EncoderSettings, name)
            raise RequestError(f"{option} needs a model that fills or harmonises; add --task fill, or leave it out")
    if resume and out is None:
        raise RequestError("--resume needs the run to continue: add --out RUN")
    asked_for = representations.find(representation)
    start = None if base is None else BaseModel.open(base, asked_for, asked)
    signature = None if start is None else start.signature

    def start_and_train(joined: Ranks | None) -> Run:
        corpora = [*listed(corpus), *listed(valid)]
        chosen, found = _read(start.representation if start else asked_for, corpora, signature, on_build, on_read)
        asked["valid_files"] = _valid_files(found, files(valid, asked_for.suffixes) if listed(valid) else [])
        tokens = found.codec.vocabulary.tokens
        if start is not None:
            found = start.adapt(found)
        numbers = found.codec.vocabulary.array(tokens)
        labels, new_split = sides(chosen, found, asked["valid_files"])
        with _claimed(chosen.name, out) as folder:
            notices: tuple[str, ...] = ()
            if resume and (folder / "config.json").exists():
                run = Run.open(folder)
                notices = _check_unchanged(run, chosen, found, numbers, new_split, asked, start)
            else:
                run = Run(folder, _config(chosen, found, numbers, new_split, asked, start), found.codec.vocabulary)
                run.check_new()
                rmtree(folder / INDEX, ignore_errors=True)  # of a start that was killed, with another corpus
                run.write_tokens(found.folder, new_split, found.labels, numbers)
                run.write_titles([*found.titles, *([] if start is None else start.run.titles())])
                if start is not None:
                    from folkseq.training import checkpoint

                    notices = (start.notice(run.vocabulary),)
                    checkpoint.save_start(folder, start.weights(run.config.model, run.vocabulary))
            baseline, (store, own) = None, run.tokens()
            if run.config.task == CONTINUE:
                baseline = Baseline.fit(store, own, len(run.vocabulary), run.config.training.validation_ids)
            if on_start is not None:
                alike = sum(count for count in Counter(labels.tolist()).values() if count > 1)
                told = (*skipped(corpora, asked_for.suffixes), *found.notices, *notices)
                on_start(TrainingStart(run, found, own, alike, baseline, told))
            run = _train(joined.broadcast(run) if joined else run, resume, baseline, on_report, joined)
            _build_index(run)  # now, so that training began at once
            if run.config.task == CONTINUE and run.config.figures["steps"] == run.config.training.steps:
                from folkseq.verbs.rank import learn_to_rank

                learn_to_rank(run, on_report)
            return run

    if ranks()[1] == 1:  # torch is imported after the corpus was read, since the processes that read it are forked
        return start_and_train(None)
    from folkseq.training import join_ranks

    with join_ranks() as joined:
        if joined.is_main:
            return start_and_train(joined)
        return _train(joined.broadcast(), resume, None, None, joined)


def _read(
    representation: Representation[Any],
    corpus: Corpus,
    signature: str | None,
    on_build: Callable[[BuildReport], None] | None,
    on_read: Callable[[int, int], None] | None,
) -> tuple[Representation[Any], TokenizedCorpus]:
    """Read a corpus; return it with the representation that suits its files."""
    paths = files(corpus, representation.suffixes, on_build)
    suited = representation.suited_to(paths)
    found = tokenize_corpus(suited, paths, on_read=on_read, signature=signature)
    if len(found.store) < FEWEST_PIECES:
        reason = f"; not read: {found.faults[0]}" if found.faults else ""
        few = f"{len(found.store)} piece to learn from; a model needs {FEWEST_PIECES} or more"
        raise CorpusError(f"{names_of(paths)}: {few}{reason}")
    return suited, found


def _valid_files(found: TokenizedCorpus, paths: list[Path]) -> int:
    """Return the number of files of a corpus, the last ones, that are at some paths.

    Raises:
        RequestError: one of them is also among the others, or none can be read.
    """
    wanted = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}
    places = [place for place, (_, digest) in enumerate(found.digests) if digest in wanted]
    if wanted and not places:
        raise CorpusError(f"{names_of(paths)}: none of them can be read; --valid needs pieces")
    if places and places[0] < len(found.digests) - len(places):
        raise RequestError(f"--valid {wanted[found.digests[places[0]][1]]}: is trained on, too; leave it out of CORPUS")
    return len(places)


def _config(
    representation: Representation[Any],
    found: TokenizedCorpus,
    numbers: NDArray[Any],
    split: Split,
    asked: Mapping[str, Any],
    start: BaseModel | None,
) -> RunConfig:
    """Return the configuration of a new run: settings as asked, else from the recipe, else by default."""
    codec, task = found.codec, asked.get("task", CONTINUE)
    if task == CONTINUE:
        recipe = codec.recipe
        sizes: dict[str, Any] = {"vocabulary_size": len(codec.vocabulary)}
    else:
        problem = find_task(task, codec)
        positions = problem.relative_positions
        source = {"source": problem.source_sizes, "along": positions.along, "within": positions.within}
        encoder = parse(EncoderSettings, source | _of(EncoderSettings, asked))
        recipe = problem.recipe
        sizes = {"vocabulary_size": problem.vocabulary_size, "fields": problem.fields, "encoder": encoder}
    model = parse(ModelSettings, _of(ModelSettings, recipe) | sizes | _of(ModelSettings, asked))
    if start is not None:
        model = start.settings(model)
        recipe = {**recipe, "learning_rate": LEARNING_RATE}
    model = _with_memory(model, found.store, numbers, split)
    plan_hidden = start is None and task == CONTINUE and not asked.keys() & {"hidden", "steps"}
    training = _of(TrainSettings, recipe) | {"plan_hidden": plan_hidden} | _of(TrainSettings, asked)
    facts = {"representation": representation.spec, "model": model, "training": parse(TrainSettings, training)}
    facts |= {"corpus": _corpus_files(found), "version": __version__}
    facts["base"] = "" if start is None else start.described
    facts["typical_length"] = typical_length(found.store, split)
    return parse(RunConfig, facts | _of(RunConfig, asked))


def _with_memory(model: ModelSettings, store: TokenStore, numbers: NDArray[Any], split: Split) -> ModelSettings:
    """Return the settings with the training pieces in the memory of voices, if they ask for one."""
    if model.voices is None or not isinstance(model.voice_lookback, RememberingLookback):
        return model
    memory = model.voice_lookback.remember((piece, numbers[store[piece]]) for piece in split.train)
    return replace(model, voices=replace(model.voices, memory=memory))


def _check_unchanged(
    run: Run,
    representation: Representation[Any],
    found: TokenizedCorpus,
    numbers: NDArray[Any],
    split: Split,
    asked: Mapping[str, Any],
    start: BaseModel | None,
) -> tuple[str, ...]:
    """Complete the files of a run that is to be resumed, and return notices for the user.

    Raises:
        RequestError: it was started with other files or settings.
    """
    config = run.config
    changed = _changed_files(config.corpus, _corpus_files(found))
    for section in filter(None, (config, config.training, config.model, config.model.encoder)):
        for name, value in _of(type(section), asked).items():
            if (was := getattr(section, name)) != value:
                changed.append(f"its {option_name(type(section), name)} is {was}, not {value}")
    base = "" if start is None else start.described
    if config.base != base:
        changed.append(f"it started from {config.base or 'random weights'}, not from {base or 'random weights'}")
    if config.representation != representation.spec:
        changed.append(f"its representation is {config.representation}, not {representation.spec}")
    if changed:
        raise RequestError(f"{run.folder} cannot be resumed: {'; '.join(changed)}; train into another folder")
    clear_temporary(run.folder)
    try:
        run.tokens()
    except RunError:  # they were removed
        run.write_tokens(found.folder, split, found.labels, numbers)
    if run.vocabulary != found.codec.vocabulary or not np.array_equal(run.tokens()[0].offsets, found.store.offsets):
        raise RequestError(
            f"{run.folder} was started with folkseq {config.version}, which read these files in another way; "
            "train into another folder"
        )
    if config.version == __version__:
        return ()
    versions = f"started with folkseq {config.version}, continues with {__version__}"
    return (f"{versions}: results may not be bit-identical",)


def _changed_files(before: Sequence[CorpusFile], now: Sequence[CorpusFile]) -> list[str]:
    """Describe the difference between the files of a run and those of its corpus now."""
    if [file.sha256 for file in before] == [file.sha256 for file in now]:
        return []
    was, is_now = ({(file.name, file.sha256) for file in files} for files in (before, now))
    names_before, names_now = ({name for name, _ in files} for files in (was, is_now))
    lists = {
        "changed": {name for name, _ in was ^ is_now} & names_before & names_now,
        "gone": names_before - names_now,
        "new": names_now - names_before,
    }
    found = [f"{kind}: {few(sorted(names), _SHOWN)}" for kind, names in lists.items() if names]
    return found or ["the order of the files has changed"]


def _corpus_files(found: TokenizedCorpus) -> tuple[CorpusFile, ...]:
    return tuple(CorpusFile(name, digest) for name, digest in found.digests)


def _of(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that are settings of a dataclass."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}


def _build_index(run: Run) -> None:
    """Write the index of the training set, unless it is there or there is no extension for it."""
    overlaps: type[Overlaps] | None = extension("novelty")
    if overlaps is not None and not (run.folder / INDEX).exists():
        overlaps.build(run)


def _train(
    run: Run,
    resume: bool,
    baseline: Baseline | None,
    on_report: Callable[[Mapping[str, Any]], None] | None,
    joined: Ranks | None,
) -> Run:
    """Train a run whose folder holds its pieces."""
    from folkseq.training import TrainingData, TrainingRun

    codec: Codec[Any] = representations.find(run.config.representation).codec(run.vocabulary)
    task = None if run.config.task == CONTINUE else find_task(run.config.task, codec)
    data = TrainingData(*run.tokens(), codec.augmentation, task)
    try:
        return TrainingRun(run, data, baseline=baseline, on_report=on_report, ranks=joined).train(resume)
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error):
            raise
        sizes = f"{run.config.model.layers} layers of {run.config.model.hidden}"
        raise RequestError(f"{sizes} do not fit into this machine's memory; lower --hidden or --layers") from None


def _is_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Return whether an error says, in the words of PyTorch, CUDA or a library of theirs, that memory is exhausted."""
    from torch.distributed import DistBackendError

    words = any(word in str(error).lower() for word in ("alloc", "out of memory"))
    return isinstance(error, MemoryError) or (words and not isinstance(error, DistBackendError))


@contextmanager
def _claimed(name: str, out: Path | str | None) -> Iterator[Path]:
    """Yield the run folder; if an error ends a run that has learned nothing, remove what was made for it."""
    if out is not None:
        folder, made = Path(out), _make(Path(out))
    else:
        numbered = (Path("runs") / f"{name}-{number}" for number in count(1))
        folder, made = next((path, made) for path in numbered if (made := _make(path)))
    try:
        yield folder
    except BaseException:
        from folkseq.training import checkpoint

        if made and not checkpoint.has_learned(folder):
            rmtree(folder, ignore_errors=True)
            for parent in made[1:]:
                with suppress(OSError):  # another run may be in it
                    parent.rmdir()
        raise


def _make(folder: Path) -> tuple[Path, ...]:
    """Make a folder, which then belongs to this process; return it and its parents that were made, or nothing."""
    missing = tuple(each for each in (folder, *folder.parents) if not each.exists())
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return ()
    except OSError as error:
        raise FolkseqError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return missing
