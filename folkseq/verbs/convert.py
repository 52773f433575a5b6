"""`folkseq convert`: convert a file to another format, given by its suffix."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError
from folkseq.files import write_atomically
from folkseq.formats import abc, audio, derived, midi, musicxml, score, tunes
from folkseq.music.accompaniment import ACCOMPANIMENT_HELP, STYLES
from folkseq.settings import parse, setting
from folkseq.verbs.output import Output

SLOWEST, FASTEST = 10, 2_000
"""Beats per minute; MIDI can hardly represent slower tempos if beats are short."""
NATIVE = (".abc", ".mid", ".musicxml")
INPUTS, OUTPUTS = (*tunes.SUFFIXES, *midi.SUFFIXES), tuple(derived.possible(NATIVE))


@dataclass(frozen=True)
class Converted:
    """The written files, what was lost by kind and count, and the tunes that could not be read."""

    files: tuple[Path, ...]
    lost: Counter[str]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class ConversionSettings:
    """The settings of MIDI and sound output."""

    swing: float | None = setting(
        None,
        "Swing: the share of a beat of its first eighth note; 0.66 without a number.",
        low=0.5,
        high=0.75,
        bare=0.66,
    )
    accompaniment: str | None = setting(None, ACCOMPANIMENT_HELP, choices=STYLES)
    bpm: float | None = setting(None, "Beats per minute, instead of the tempo of the tune.", low=SLOWEST, high=FASTEST)
    repair: bool = setting(False, "Read a damaged MIDI file, and replace data bytes above 127 with 127.")
    soundfont: str | None = setting(None, "An .sf2 file for .wav, .flac and .ogg.  [default: the system's]")


def convert(source: Path | str, target: Path | str, **asked: Any) -> Converted:
    """Convert a file of tunes.

    Args:
        source: an ABC or MusicXML file, or a MIDI file in steady time, whose melody is transcribed.
        target: an .abc file in normal form, a score (.musicxml, .mxl, .svg, .pdf, .png), or a .mid, .wav, .flac or .ogg
            file. An .abc or .pdf file can contain several tunes; in other formats, they become numbered files.
        asked: fields of `ConversionSettings`.

    Raises:
        FolkseqError: the source cannot be read, a suffix is unknown, or the target cannot be written.
    """
    settings = parse(ConversionSettings, asked)
    source, target = Path(source), Path(target)
    with open_file(source, None) as opened:
        data = opened.read()
    from_midi = midi.is_midi(data) or source.suffix.lower() in midi.SUFFIXES
    suffix = target.suffix.lower()
    for path, known in ((source, INPUTS), (target, OUTPUTS)):
        if path.suffix.lower() not in known and not (from_midi and path is source):
            raise RequestError(f"{path}: cannot be converted; its suffix must be one of {', '.join(known)}")
    if target.exists() and target.samefile(source):
        raise RequestError(f"{target}: is the file to convert; name another file to write")
    _check(settings, source, target, from_midi)
    derived.check([suffix], NATIVE, settings.soundfont)
    output = Output(target, (), NATIVE, settings.soundfont)
    clipped = Counter[str]()
    if settings.repair:
        data, clipped["data byte clipped to 127"] = midi.repair(data, str(source))
    if from_midi and derived.origin(suffix) == ".mid":
        reading = midi.parse(data, str(source), whole=True)
        reading.lost.update(clipped)
        return _rewritten(reading, output, settings.bpm)
    if suffix in score.SUFFIXES and not from_midi and musicxml.is_musicxml(data):
        # A score is engraved from its own file, which has marks and a layout that a tune has not.
        write_atomically(target, score.format([musicxml.expand(data, str(source))], suffix))
        return Converted((target,), Counter(), ())
    book = tunes.parse_any(data, str(source))
    if not book.tunes:
        raise ParseError(str(book.faults[0]))
    found, faults = list(book.tunes), tuple(map(str, book.faults))
    lost = sum(map(Counter, book.lost), Counter(book.stray) + clipped)
    if suffix == ".abc":
        numbers = [tune.number for tune in found]
        if len(set(numbers)) < len(numbers):
            found = [replace(tune, number=place) for place, tune in enumerate(found, 1)]
        write_atomically(target, "\n".join(map(abc.format, found)).encode())
        return Converted((target,), lost, faults)
    if derived.origin(suffix) == ".abc":
        lost = sum(map(musicxml.unwritten, found), lost)
    if suffix == ".pdf":
        write_atomically(target, score.format(list(map(musicxml.format, found)), suffix))
        return Converted((target,), lost, faults)
    files = [target] if len(found) == 1 else _numbered(target, len(found))
    format = partial(tunes.format, swing=settings.swing, bpm=settings.bpm, accompaniment=settings.accompaniment)
    for file, tune in zip(files, found, strict=True):
        write_atomically(file, output.format(partial(format, tune), suffix))
    return Converted(tuple(files), lost, faults)


def _check(settings: ConversionSettings, source: Path, target: Path, from_midi: bool) -> None:
    """Check that the settings apply to the files. Raises RequestError."""
    heard = derived.origin(target.suffix.lower()) == ".mid"
    if settings.repair and not from_midi:
        raise RequestError(f"--repair applies only to MIDI, not to {source}; leave it out")
    for name in ("swing", "accompaniment"):
        if getattr(settings, name) is not None and (from_midi or not heard):
            both = f"not from {source.suffix} to {target.suffix}; leave it out"
            raise RequestError(f"--{name} applies only from ABC to MIDI or sound, {both}")
    if settings.bpm is not None and not heard:
        raise RequestError(f"--bpm applies only to MIDI and sound; leave it out, and write Q: into {target}")
    if settings.soundfont is not None and target.suffix.lower() not in audio.SUFFIXES:
        raise RequestError(f"--soundfont applies only to sound, not to {target.suffix}; leave it out")


def _rewritten(reading: midi.Reading, output: Output, bpm: float | None) -> Converted:
    """Write a MIDI file as sound or in the form that sequencers import best, with another tempo if asked."""
    performance, lost, channels = reading
    if bpm is not None:
        try:
            performance = replace(performance, tempos=((0.0, bpm),))
        except ValueError as error:
            raise RequestError(f"--bpm {bpm}: {error}") from None
    write_atomically(output.place, output.format(lambda _: midi.format(performance), output.place.suffix.lower()))
    return Converted((output.place,), lost + midi.unwritten(performance, channels), ())


def _numbered(target: Path, count: int) -> list[Path]:
    width = len(str(count))
    return [target.with_stem(f"{target.stem}-{number:0{width}d}") for number in range(1, count + 1)]
