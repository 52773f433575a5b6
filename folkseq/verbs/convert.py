"""`folkseq convert`: one format to another, by suffix."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError
from folkseq.files import write_atomically
from folkseq.formats import abc, audio, midi
from folkseq.music.performance import Performance
from folkseq.music.playback import STRAIGHT, perform
from folkseq.music.tune import Tune
from folkseq.settings import parse, setting
from folkseq.verbs.output import Output

ABC = (".abc", ".txt")
SLOWEST, FASTEST = 10, 2_000
"""Beats per minute; MIDI can hardly represent slower tempos if beats are short."""
INPUTS, OUTPUTS = (*ABC, *midi.SUFFIXES), (".abc", ".mid", *audio.SUFFIXES)


@dataclass(frozen=True)
class Converted:
    """The written files, what was lost by kind and count, and the tunes that could not be read."""

    files: tuple[Path, ...]
    lost: Counter[str]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class ConversionSettings:
    """The settings of MIDI and sound that is written."""

    swing: float | None = setting(
        None, "Share of a beat that the first eighth takes; 0.66 without a number.", low=0.5, high=0.75, bare=0.66
    )
    bpm: float | None = setting(None, "Beats per minute, in place of the tune's own.", low=SLOWEST, high=FASTEST)
    repair: bool = setting(False, "Read a damaged MIDI file, with data bytes above 127 as 127.")
    soundfont: str | None = setting(None, "An .sf2 file for .wav, .flac and .ogg, in place of the system's.")


def convert(source: Path | str, target: Path | str, **asked: Any) -> Converted:
    """Convert a file of tunes.

    Args:
        source: an ABC file, or a MIDI file that keeps time, whose melody is transcribed.
        target: an .abc file, written in one normal form, or a .mid, .wav, .flac or .ogg file; a book of several tunes
            becomes several numbered ones.
        asked: fields of `ConversionSettings`.

    Raises:
        FolkseqError: the source cannot be read, a suffix is unknown, or the target cannot be written.
    """
    settings = parse(ConversionSettings, asked)
    swing, bpm = settings.swing, settings.bpm
    source, target = Path(source), Path(target)
    from_midi = _is_midi(source)
    for path, known in ((source, INPUTS), (target, OUTPUTS)):
        if path.suffix.lower() not in known and not (from_midi and path is source):
            raise RequestError(f"{path}: cannot be converted; its suffix must be one of {', '.join(known)}")
    if target.exists() and source.exists() and target.samefile(source):
        raise RequestError(f"{target}: is the file to convert; name another file to write")
    if settings.repair and not from_midi:
        raise RequestError(f"--repair applies only to MIDI, not to {source}; leave it out")
    if swing is not None and (from_midi or target.suffix.lower() == ".abc"):
        raise RequestError(
            f"--swing applies only from ABC to MIDI or sound, not from {source.suffix} to {target.suffix}; leave it out"
        )
    if bpm is not None and target.suffix.lower() in ABC:
        raise RequestError(f"--bpm applies only to MIDI and sound; leave it out, and write Q: into {target}")
    if settings.soundfont is not None and target.suffix.lower() not in audio.SUFFIXES:
        raise RequestError(f"--soundfont applies only to sound, not to {target.suffix}; leave it out")
    output = Output(target, (), settings.soundfont)
    if from_midi and target.suffix.lower() != ".abc":
        return _rewritten(source, output, bpm, settings.repair)
    tunes, lost, faults = _from_midi(source, settings.repair) if from_midi else _from_abc(source)
    if target.suffix.lower() == ".abc":
        numbers = [tune.number for tune in tunes]
        if len(set(numbers)) < len(numbers):
            tunes = [replace(tune, number=place) for place, tune in enumerate(tunes, 1)]
        write_atomically(target, "\n".join(map(abc.format, tunes)).encode())
        return Converted((target,), lost, faults)
    try:
        performances = [perform(tune, swing=swing or STRAIGHT, bpm=bpm) for tune in tunes]
    except ValueError as error:
        raise RequestError(str(error)) from None
    files = [target] if len(performances) == 1 else _numbered(target, len(performances))
    for file, performance in zip(files, performances, strict=True):
        _write(output, file, performance)
    return Converted(tuple(files), lost, faults)


def _write(output: Output, file: Path, performance: Performance) -> None:
    write_atomically(file, output.format(lambda _: midi.format(performance), file.suffix.lower()))


def _is_midi(source: Path) -> bool:
    """Return whether a file is to be read as MIDI: by its content or else by its suffix."""
    try:
        with source.open("rb") as file:
            return midi.is_midi(file.read(16)) or source.suffix.lower() in midi.SUFFIXES
    except OSError:  # what is wrong with it is told where it is read
        return source.suffix.lower() in midi.SUFFIXES


def _rewritten(source: Path, output: Output, bpm: float | None, repair: bool) -> Converted:
    """Write a MIDI file as sound or in the form that sequencers import best, with another tempo if asked."""
    performance, lost, channels = _parse_midi(source, repair)
    if bpm is not None:
        try:
            performance = replace(performance, tempos=((0.0, bpm),))
        except ValueError as error:
            raise RequestError(f"--bpm {bpm}: {error}") from None
    _write(output, output.place, performance)
    return Converted((output.place,), lost + midi.unwritten(performance, channels), ())


def _from_abc(source: Path) -> tuple[list[Tune], Counter[str], tuple[str, ...]]:
    book = abc.read(source)
    if not book.tunes:
        raise ParseError(str(book.faults[0]))
    return list(book.tunes), sum(map(Counter, book.lost), Counter(book.stray)), tuple(map(str, book.faults))


def _from_midi(source: Path, repair: bool) -> tuple[list[Tune], Counter[str], tuple[str, ...]]:
    from folkseq.formats.transcription import transcribe

    performance, lost, _ = _parse_midi(source, repair)
    try:
        tune, not_written = transcribe(performance)
    except ParseError as error:
        raise error if str(source) in str(error) else ParseError(f"{source}: {error}") from None
    return [tune], lost + not_written, ()


def _parse_midi(source: Path, repair: bool) -> midi.Reading:
    """Return what a MIDI file holds, with clipped bytes among what is lost."""
    with open_file(source, midi.LARGEST) as file:
        data, clipped = file.read(), 0
    if repair:
        data, clipped = midi.repair(data, str(source))
    reading = midi.parse(data, str(source))
    reading.lost.update({"data byte clipped to 127": clipped} if clipped else {})
    return reading


def _numbered(target: Path, count: int) -> list[Path]:
    width = len(str(count))
    return [target.with_stem(f"{target.stem}-{number:0{width}d}") for number in range(1, count + 1)]
