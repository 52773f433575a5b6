"""Several answers to one question: a model writes a part of a piece, given the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from folkseq.corpora.files import open_file
from folkseq.errors import FolkseqError, ParseError, RequestError
from folkseq.files import file_stem
from folkseq.formats import musicxml
from folkseq.formats.midi import is_midi
from folkseq.infill.asked import Asked, NewAnswer
from folkseq.representations.task import CONTINUE, Answer
from folkseq.sampling.batch import Sample
from folkseq.settings import changed
from folkseq.verbs.model import Model, load
from folkseq.verbs.output import Output
from folkseq.verbs.record import Record
from folkseq.verbs.sample import model_of

MOST_ANSWERS = 10_000
MOST_BYTES = 1 << 22
"""Maximum size of a file in bytes, enough for a book of about ten thousand tunes."""


@dataclass(frozen=True)
class WrittenAnswer(NewAnswer):
    """An answer with its files."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    """One line for each format in which the answer cannot be written."""


@dataclass(frozen=True)
class Answers:
    """The notices about a question, and an iterator over its answers that writes the files of each."""

    notices: tuple[str, ...]
    answers: Iterator[WrittenAnswer]


def write_answers(
    run: Path | str | None,
    task: str,
    file: Path | str,
    count: int,
    where: Mapping[str, Any],
    *,
    out: Path | str | None = None,
    formats: list[str] | None = None,
    soundfont: Path | str | None = None,
    seed: int | None = None,
    **settings: Any,
) -> Answers:
    """Write several versions of a part of the piece in a file, and save them as files.

    Args:
        run: the folder of a run trained for the task; by default, the newest such run under `runs`.
        task: a task such as `fill`.
        file: a file, or `-` for standard input.
        count: number of answers.
        where: the part to write, by options of the task such as `bars`.
        out: a folder, or a file for a single answer; by default, `samples` in the run folder.
        formats: formats to write into a folder, such as `wav`.
        soundfont: an .sf2 file for sound, instead of the default one.
        seed: the same seed gives the same answers.
        settings: fields of `SamplingSettings`.

    Raises:
        FolkseqError: the request is impossible; then nothing is written.
    """
    data, name = _read(file)
    model = load(run, task)
    if not 1 <= count <= MOST_ANSWERS:
        raise RequestError(f"-n {count}: ask for 1 to {MOST_ANSWERS:,} answers")
    asked = Asked.of(model, task, data, name, seed, where=where, **settings)
    output = _output(model, count, out=out, formats=formats, soundfont=soundfont)
    answers = _answers(asked, asked.samples(range(count)), output, Path(name).stem)
    return Answers(asked.question.notices, answers)


def again(file: Path | str, run: Path | str | None = None, **files: Any) -> Answers:
    """Write an answer again from the record in its file; the rest of the piece must be unchanged.

    Args:
        file: a filled tune or performance, or a harmonised melody.
        run: the run folder; by default, the run under `runs` that wrote the answer.
        files: `out`, `formats` and `soundfont`, as for `write_answers`.

    Raises:
        FolkseqError: the file does not contain exactly one such record, another run wrote it, or the rest of the piece
            has changed, as in MIDI made from a tune with repeats.
    """
    data, name = _read(file)
    data = musicxml.expand(data, name)
    records = [record for record in Record.find(data, name) if record.task != CONTINUE]
    if len(records) != 1:
        raise RequestError(f"{name}: holds the records of {len(records)} answers; give a file with one")
    (record,) = records
    model = load(run) if run is not None else model_of(record, file)
    if record.weights != model.run.weights_digest(record.settings.precision):
        raise RequestError(
            f"{model.run.address} did not write it, but the run {record.run} (weights {record.weights}); name that"
        )
    differs = RequestError(f"{name}: {record.is_of_other}")
    suffix = ".mid" if is_midi(data) else ".musicxml" if musicxml.is_musicxml(data) else ".abc"
    try:
        where, settings = record.options, changed(record.settings) | {"temperature": record.settings.temperature}
        asked = Asked.of(model, record.task, data, name, record.seed, where=where, **settings)
        asked = replace(asked, record=record)  # the old record names the original run and version
        samples = list(asked.samples([record.index - 1]))
        new = asked.answer(samples[0])
    except FolkseqError:
        raise differs from None
    if suffix not in model.task.outputs or new.answer.format(suffix, new.comments) != data:
        raise differs
    return Answers((), _answers(asked, samples, _output(model, 1, **files), Path(name).stem))


def _output(
    model: Model,
    count: int,
    *,
    out: Path | str | None = None,
    formats: list[str] | None = None,
    soundfont: Path | str | None = None,
) -> Output:
    return Output.of(
        out,
        formats,
        count,
        outputs=model.task.outputs,
        collections=(),
        usual=model.run.results("samples"),
        soundfont=soundfont,
    )


def _read(file: Path | str) -> tuple[bytes, str]:
    """Return the bytes of a file, or of standard input, and its name."""
    if str(file) == "-":
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise RequestError(f"stdin: more than {MOST_BYTES:,} bytes; give one tune")
        return data, "stdin"
    try:
        with open_file(Path(file), MOST_BYTES) as opened:
            return opened.read(), str(file)
    except (OSError, ParseError) as error:
        raise RequestError(str(error)) from None


def _answers(asked: Asked, samples: Iterable[Sample], output: Output, stem: str) -> Iterator[WrittenAnswer]:
    for sample in samples:
        new = asked.answer(sample)
        named = file_stem(stem, f"{new.record.seed}-{new.record.index}")
        files, left_out = _write(new.answer, output, named, new.comments)
        yield WrittenAnswer(new.answer, new.nll, new.copied, new.record, tuple(files), tuple(left_out))


def _write(answer: Answer, output: Output, stem: str, comments: list[str]) -> tuple[list[Path], list[str]]:
    """Write the files of an answer; return their paths, and a line for each format in which it cannot be written."""
    format = partial(answer.format, comments=comments)
    if output.is_file:
        suffix = output.place.suffix
        return output.write(stem, {suffix: output.format(format, suffix.lower())}), []
    written: dict[str, bytes] = {}
    left_out = []
    for suffix in output.suffixes:
        try:
            written[suffix] = output.format(format, suffix)
        except RequestError as error:  # MusicXML cannot represent all durations
            if suffix == output.suffixes[-1] and not written:
                raise
            left_out.append(str(error))
    return output.write(stem, written), left_out
