"""Write performances, read them from MIDI files, and regenerate passages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from folkseq.errors import FolkseqError
from folkseq.formats import midi
from folkseq.representations.performance.files import PerformanceFiles
from folkseq.representations.performance.generation import PerformanceGeneration
from folkseq.representations.task import CONTINUE
from folkseq.settings import REQUIRED, setting, spelled
from folkseq.studio.continuing import drums_of
from folkseq.studio.operations import operation
from folkseq.studio.passages import Passage
from folkseq.studio.performing import ShownPerformance, decoded, plain_name, shown, stem_of
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import Model

MOST_PERFORMANCES = 16
MOST_SEGMENTS = 64
"""Maximum number of values over time for the density and the pitch classes."""
_DENSITY = "Notes per second, one value or several over time."
_PITCH_CLASSES = (
    "Names of the pitch classes to favour, as in C,E,G: one set or several over time; an empty one is free."
)
_MOST_DENSITY = 64
MOST_PRIME_NOTES = 20_000
"""Maximum number of notes of a performance to continue."""
_BPM = 120.0


@dataclass(frozen=True)
class AskForPerformances:
    """The settings of new performances."""

    model: str = setting(REQUIRED, "One of the models.")
    count: int = setting(1, "Number of performances.", low=1, high=MOST_PERFORMANCES)
    seconds: float = setting(20.0, "Duration of what is new.", low=1, high=600)
    seed: int | None = setting(None, "The same seed gives the same performances.", low=0, high=2**63 - 1)
    temperature: float = setting(1.0, "Above 1 bolder, below 1 plainer.", low=0, high=4)
    top_p: float | None = setting(None, "Draw among the likeliest tokens of this total probability.", low=0, high=1)
    density: tuple[float, ...] = setting((), _DENSITY, low=0, high=_MOST_DENSITY)
    pitch_classes: tuple[str, ...] = setting((), _PITCH_CLASSES)
    prime: str = setting("", "A MIDI file to continue, in base64.")
    prime_name: str = setting("", "What that file is called.")
    keep_prime: bool = setting(True, "Put the prime before what is new.")
    bpm: float = setting(_BPM, "Tempo of drums.", low=20, high=400)


@dataclass(frozen=True)
class AskToRead:
    """A MIDI file to open."""

    midi: str = setting(REQUIRED, "The file in base64.")
    name: str = setting("", "What it is called.")


@dataclass(frozen=True)
class AskForSeconds:
    """A passage of a performance to regenerate."""

    midi: str = setting(REQUIRED, "The performance as a MIDI file in base64.")
    start_s: float = setting(REQUIRED, "Where the passage begins.", low=0, high=1e6)
    stop_s: float = setting(REQUIRED, "Where it ends.", low=0, high=1e6)
    name: str = setting("", "What the performance is called, if it has no title in itself.")
    model: str = setting("", "One of the models; one that fills passages by default, or else one that continues.")
    count: int = setting(4, "Number of versions.", low=1, high=MOST_PERFORMANCES)
    seed: int | None = setting(None, "The same seed gives the same versions.", low=0, high=2**63 - 1)
    temperature: float = setting(1.0, "Above 1 bolder, below 1 plainer.", low=0, high=4)
    density: tuple[float, ...] = setting((), f"{_DENSITY} By default as it is now.", low=0, high=_MOST_DENSITY)
    pitch_classes: tuple[str, ...] = setting((), f"{_PITCH_CLASSES} By default as they are around it.")


def write_performances(workshop: Workshop, request: AskForPerformances) -> Iterator[ShownPerformance]:
    """Write new performances, each as soon as it is finished; they continue a MIDI file if one is given."""
    model = workshop.model(request.model, CONTINUE)
    options = _options(model, request)
    name = plain_name(request.prime_name, ".mid")
    data = None
    if request.prime:
        data = decoded(request.prime, name)
        options = _continuing(model, data, name, options)
        options |= {"prime": name, "prime_data": data}
    sampled = model.sample(
        request.count, seed=request.seed, temperature=request.temperature, top_p=request.top_p, **options
    )
    for piece in sampled:
        file = piece.format(".mid")
        found = shown(file, name)
        yield replace(found, index=piece.index, seed=piece.seed, verdict=piece.verdict, notices=piece.notices)


def read_performance(workshop: Workshop, request: AskToRead) -> ShownPerformance:
    """Read a MIDI file: its notes, its pedal, and the number of other items by kind."""
    name = plain_name(request.name, ".mid")
    return shown(decoded(request.midi, name), name, stem_of(request.name))


def regenerate(workshop: Workshop, request: AskForSeconds) -> Iterator[ShownPerformance]:
    """Regenerate a passage of a performance in several versions; all events that begin outside of it stay."""
    name = plain_name(request.name, ".mid")
    _check_segments(request.density, request.pitch_classes)
    passage = Passage.of(decoded(request.midi, name), name, request.start_s, request.stop_s)
    model = passage.model(workshop, request.model)
    texts = spelled(request.density), "/".join(request.pitch_classes)
    versions = passage.versions(model, request.count, request.seed, request.temperature, *texts)
    for index, version in enumerate(versions, 1):
        seed, verdict, notices = version.record.seed, version.verdict, version.notices
        yield replace(shown(version.data, name, request.name), index=index, seed=seed, verdict=verdict, notices=notices)


def _options(model: Model, request: AskForPerformances) -> dict[str, Any]:
    """Return the options of the model's representation. Raises FolkseqError for options that it does not have."""
    _check_segments(request.density, request.pitch_classes)
    representation = model.representation
    if isinstance(representation.files, PerformanceFiles):
        texts = {"density": spelled(request.density), "pitch_classes": "/".join(request.pitch_classes)}
        return {"seconds": request.seconds, **texts, "keep_prime": request.keep_prime or None}
    drums = drums_of(model)
    if request.density or request.pitch_classes:
        raise FolkseqError(f"{request.model}: cannot be asked for a density or pitch classes; leave them out")
    bar_s = 240 / request.bpm * float(drums.meter.bar)
    return {"bars": max(round(request.seconds / bar_s), 1), "bpm": request.bpm}


def _continuing(model: Model, data: bytes, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options for a prime; if the prime is kept, its duration is added to the requested one."""
    representation, tracks = (
        model.representation,
        [track for track in midi.parse(data, name).performance.tracks if len(track)],
    )
    if (count := sum(map(len, tracks))) > MOST_PRIME_NOTES:
        raise FolkseqError(f"{name}: has {count:,} notes; a beginning has at most {MOST_PRIME_NOTES:,}")
    drums = getattr(representation, "drums", True)
    if tracks and all(track.drum != drums for track in tracks):
        found, other = ("no drums", "without") if drums else ("only drums", "of")
        raise FolkseqError(f"{name}: has {found}, so {model.run.address} cannot go on; choose a model {other} drums")
    if options.get("keep_prime", True) is None:
        return options
    parsed = {key: value for key, value in options.items() if value not in (None, "")}
    generation = model.codec.generation
    prime = generation.prime_file(data, name, representation.options(**parsed))
    if isinstance(generation, PerformanceGeneration):
        return {**options, "seconds": options["seconds"] + generation.steps(prime) / generation.config.steps_per_second}
    return {**options, "bars": options["bars"] - (-len(prime.piece.rows) // drums_of(model).bar)}


def _check_segments(*given: tuple[Any, ...]) -> None:
    if any(len(each) > MOST_SEGMENTS for each in given):
        raise FolkseqError(f"density and pitch classes have at most {MOST_SEGMENTS} values over time; give fewer")


OPERATIONS = (
    operation("POST", "/api/performances", write_performances),
    operation("POST", "/api/performances/read", read_performance),
    operation("POST", "/api/performances/regenerate", regenerate),
)
