"""Several answers to one question: a model writes a part of the piece in a file, given the rest."""

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
"""Size of the largest file; a book of that size holds some ten thousand tunes."""


@dataclass(frozen=True)
class WrittenAnswer(NewAnswer):
    """An answer with its files."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    """One line for each format that the answer cannot be written in."""


@dataclass(frozen=True)
class Answers:
    """The notices about a question, and its answers, each of which is written when it is taken."""

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
    """Write a part of the piece in a file, several times, and write the answers into files.

    Args:
        run: the folder of a run that was trained for the task; the newest of them under `runs` by default.
        task: such as `fill`.
        file: a file, or `-` for standard input.
        count: number of answers.
        where: the part to write, as the representation names it, such as `bars`.
        out: a folder, or a file for one answer; `samples` in the run folder by default.
        formats: formats to write into a folder, such as `wav`.
        soundfont: an .sf2 file for sound, in place of the usual one.
        seed: the same seed gives the same answers.
        settings: fields of `SamplingSettings`.

    Raises:
        FolkseqError: something cannot be met; nothing is written then.
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
    """Write an answer again, from the record in its file, which has the rest of the piece as it was.

    Args:
        file: a filled tune or performance, or a harmonised melody.
        run: the run folder; the one under `runs` that wrote the answer by default.
        files: `out`, `formats` and `soundfont`, as for `write_answers`.

    Raises:
        FolkseqError: the file holds no such record, or several, or another run wrote it, or the rest of the piece is
            not as it was, as in MIDI that was made of a tune with repeats.
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
        asked = replace(asked, record=record)  # which names the run and the version of the time
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
    """Write the files of an answer; return their paths, and a line for each format that it cannot be written in."""
    format = partial(answer.format, comments=comments)
    if output.is_file:
        suffix = output.place.suffix
        return output.write(stem, {suffix: output.format(format, suffix.lower())}), []
    written: dict[str, bytes] = {}
    left_out = []
    for suffix in output.suffixes:
        try:
            written[suffix] = output.format(format, suffix)
        except RequestError as error:  # a score of odd lengths may have no MusicXML
            if suffix == output.suffixes[-1] and not written:
                raise
            left_out.append(str(error))
    return output.write(stem, written), left_out
