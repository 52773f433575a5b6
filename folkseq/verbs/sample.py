"""`folkseq sample`: new pieces from a run, as files, or token by token."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from folkseq import pretrained
from folkseq.errors import RequestError, RunError
from folkseq.formats import musicxml
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.verbs.model import SETTINGS, Model, load
from folkseq.verbs.output import Output
from folkseq.verbs.piece import Event, PieceMaker, Sampled
from folkseq.verbs.record import Record
from folkseq.verbs.sampling_run import again as rewrite
from folkseq.verbs.trained import newest

Written = Iterator[tuple[Sampled, list[Path]]]
Pieces = Callable[[Callable[[int, Sampled], Any]], Iterator[tuple[Sampled, Any]]]
"""Writes pieces, each with what a function makes of its place and itself."""


def sample(
    run: Path | str | None = None,
    count: int = 1,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] | None = None,
    soundfont: Path | str | None = None,
    **asked: Any,
) -> Written:
    """Write new pieces to files.

    Args:
        run: the run folder; by default, the newest under `runs` that supports the options and formats.
        count: number of pieces.
        out: a folder, a file for one piece, or an .abc file for all; by default, `samples` in the run folder.
        formats: formats to write into the folder, such as `wav`; by default, all formats of the representation.
        soundfont: an .sf2 file for sound, instead of the default one.
        asked: as for `Model.sample`.

    Returns:
        Each piece with its files, which are written when the iterator yields the piece.

    Raises:
        FolkseqError: the request is impossible; then nothing is written.
    """
    model = load(run) if run is not None else _newest(asked, *_suffixes(out, formats))
    output = _output(model, count, out, formats, soundfont)
    return _write(output, partial(model.sampling_run(**asked).formatted, count))


def again(
    file: Path | str,
    run: Path | str | None = None,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] | None = None,
    soundfont: Path | str | None = None,
) -> Written:
    """Reproduce the pieces in a file from their records.

    Args:
        file: a file that folkseq wrote.
        run: the run folder; by default, the run under `runs` that wrote the file.
        out: as for `sample`.
        formats: as for `sample`.
        soundfont: as for `sample`.

    Raises:
        FolkseqError: the file contains no record, or the run cannot be found.
    """
    records = records_of(file)
    for record in records:
        if record.task != CONTINUE:
            raise RequestError(f"{file}: {record.is_of_other}")
    model = load(run) if run is not None else model_of(records[0], file)
    output = _output(model, len(records), out, formats, soundfont)
    return _write(output, partial(rewrite, model, records))


def stream(run: Path | str | None = None, count: int = 1, **asked: Any) -> Iterator[Event]:
    """Write new pieces and yield each token as soon as it is drawn; arguments are as for `Model.stream`."""
    model = load(run) if run is not None else _newest(asked)
    return model.stream(count, **asked)


def _newest(asked: Mapping[str, Any], *suffixes: str) -> Model:
    """Find the newest run under `runs` that has the options and writes the suffixes."""
    given = {name for name, value in asked.items() if value not in (None, "")}
    return Model(newest(CONTINUE, given - SETTINGS - {"seed"}, suffixes))


def _suffixes(out: Path | str | None, formats: Sequence[str] | None) -> Iterator[str]:
    """Return the suffixes of the files to write."""
    named = [f".{name.strip().lstrip('.').lower()}" for name in formats or ()]
    if out is not None and not Path(out).is_dir():
        named.append(Path(out).suffix.lower())
    return filter(None, named)


def records_of(file: Path | str) -> list[Record]:
    """Read the records in a file. Raises RequestError if it cannot be read, or there are none."""
    try:
        data = Path(file).read_bytes()
        return Record.find(musicxml.expand(data, str(file)), str(file))
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror or error})") from None


def model_of(record: Record, file: Path | str) -> Model:
    """Find the run under `runs`, or the pretrained model, that wrote a piece, by its weights."""
    for folder in [*(config.parent for config in sorted(Path("runs").glob("*/config.json"))), *pretrained.folders()]:
        with suppress(RunError, OSError):  # another run may be broken
            found = Run.open(folder)
            if found.weights_digest(record.settings.precision) == record.weights:
                return Model(found)
    raise RequestError(f"{file}: the run that wrote it, {record.run}, is not under runs/; name its folder")


def _output(
    model: Model,
    count: int,
    out: Path | str | None,
    formats: Sequence[str] | None,
    soundfont: Path | str | None,
) -> Output:
    files = model.representation.files
    return Output.of(
        out,
        formats,
        count,
        outputs=files.outputs,
        collections=files.collections,
        usual=model.run.results("samples"),
        soundfont=soundfont,
    )


def _write(output: Output, pieces: Pieces) -> Written:
    return _to_file(output, pieces) if output.is_file else _to_folder(output, pieces)


def _to_folder(output: Output, pieces: Pieces) -> Written:
    def format(place: int, piece: Sampled) -> dict[str, bytes]:
        written = {}
        for suffix in output.suffixes:
            try:
                written[suffix] = output.format(piece.format, suffix)
            except RequestError:
                if piece.record.settings.grammar:  # without a grammar, a piece may be impossible to play
                    raise
        return written

    for piece, written in pieces(format):
        yield piece, output.write(piece.stem, written)


def _to_file(output: Output, pieces: Pieces) -> Written:
    """Write all pieces to one file; they are kept on disk until it is complete, since there may be many."""
    suffix = output.place.suffix

    def format(place: int, piece: Sampled) -> bytes:
        return output.format(partial(piece.format, number=place + 1), suffix.lower())

    with TemporaryFile() as text, TemporaryFile() as kept:
        makers: list[PieceMaker] = []
        for piece, formatted in pieces(format):
            text.write(b"\n" * bool(makers) + formatted)
            pickle.dump(piece, kept)
            makers.append(piece.maker)
        paths = output.write("", {suffix: text})
        kept.seek(0)
        for maker in makers:
            yield replace(pickle.load(kept), maker=maker), paths
