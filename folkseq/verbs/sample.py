"""`folkseq sample`: new pieces from a run, as files, or token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from folkseq.errors import RequestError, RunError
from folkseq.files import write_atomically
from folkseq.run import Run
from folkseq.verbs.model import Model, check_count, load
from folkseq.verbs.output import Output
from folkseq.verbs.record import Record
from folkseq.verbs.sampled import Event, Sampled

Written = Iterator[tuple[Sampled, list[Path]]]


def sample(
    run: Path | str | None = None,
    count: int = 1,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] | None = None,
    **settings: Any,
) -> Written:
    """Writes `count` new pieces to files.

    Args:
        run: the run folder; the newest under `runs` by default.
        count: how many.
        out: a folder, or a file for one piece, or an .abc file for all; `samples` in the run folder by default.
        formats: what to write of each into a folder; by default all that the representation can be written as.
        settings: as those of `Model.sample`.

    Returns:
        Each piece with the files that hold it; a piece is written when it is taken.

    Raises:
        FolkseqError: for what cannot be met, before anything is written.
    """
    model = load(run)
    check_count(count)
    output = _place(model, count, out, formats)
    pieces = model.sample(count, **settings)
    return _to_file(output.place, pieces) if output.is_file else _to_folder(output, pieces)


def again(
    file: Path | str,
    run: Path | str | None = None,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] | None = None,
) -> Written:
    """Writes the pieces in a file that folkseq wrote once more, from the record that stands in it.

    Args:
        file: that file.
        run: the run folder; by default the one under `runs` that wrote it.
        out: as that of `sample`.
        formats: as those of `sample`.

    Returns:
        Each piece with the files that hold it.

    Raises:
        FolkseqError: if the file holds no record, or the run is not to be found.
    """
    try:
        records = Record.find(Path(file).read_bytes(), str(file))
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror or error})") from None
    model = load(run) if run is not None else _model_of(records[0], file)
    output = _place(model, len(records), out, formats)
    pieces = model.again(records)
    return _to_file(output.place, pieces) if output.is_file else _to_folder(output, pieces)


def stream(run: Path | str | None = None, count: int = 1, **settings: Any) -> Iterator[Event]:
    """Writes `count` new pieces one after another, and gives out each token as soon as it is drawn.

    Args:
        run: the run folder; the newest under `runs` by default.
        count: how many.
        settings: as those of `Model.stream`.

    Raises:
        FolkseqError: for what cannot be met, before anything is drawn.
    """
    model = load(run)
    return model.stream(count, **settings)


def _model_of(record: Record, file: Path | str) -> Model:
    """The run under `runs` that wrote a piece, wherever it was moved to there."""
    for config in sorted(Path("runs").glob("*/config.json")):
        with suppress(RunError, OSError):  # another run may be broken
            found = Run.open(config.parent)
            if found.weights_digest(record.precision) == record.weights:
                return Model(found)
    raise RequestError(f"{file}: the run that wrote it, {record.run}, is not under runs/; name its folder")


def _place(model: Model, count: int, out: Path | str | None, formats: Sequence[str] | None) -> Output:
    """Where pieces go."""
    outputs, books = model.tokenizer.outputs, model.tokenizer.books
    return Output.of(out, formats, count, outputs=outputs, books=books, usual=model.run.folder / "samples")


def _to_folder(output: Output, pieces: Iterator[Sampled]) -> Written:
    for piece in pieces:
        written = {}
        for suffix in output.suffixes:
            try:
                written[suffix] = piece.format(suffix)
            except RequestError:
                if piece.record.grammar:  # without one, a piece may be such that it cannot be played
                    raise
        paths = output.free(f"{piece.seed}-{piece.index:03d}", written)
        for path, data in zip(paths, written.values(), strict=True):
            write_atomically(path, data)
        yield piece, paths


def _to_file(file: Path, pieces: Iterator[Sampled]) -> Written:
    written = list(pieces)
    tokenizer = written[0].tokenizer
    numbered = [replace(each, piece=tokenizer.numbered(each.piece, number)) for number, each in enumerate(written, 1)]
    write_atomically(file, b"\n".join(each.format(file.suffix.lower()) for each in numbered))
    for piece in written:
        yield piece, [file]
