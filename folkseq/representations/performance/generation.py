"""New performances: the options of a musician, primes, and the tempo and name of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc
from folkseq.music.performance import PEDAL_DOWN, Performance, Track
from folkseq.music.pitch import LETTERS, SEMITONES
from folkseq.music.playback import perform
from folkseq.music.sustain import bake
from folkseq.representations.capabilities import Generation, Options, Plan, Prime
from folkseq.representations.performance.controls import ControlSchedule
from folkseq.representations.performance.events import length
from folkseq.representations.performance.grammar import PerformanceGrammar
from folkseq.settings import setting

if TYPE_CHECKING:
    from folkseq.representations.performance.codec import PerformanceCodec

_ABC = (".abc", ".txt")
SECONDS, MOST_SECONDS = 30.0, 3600.0
"""How long a performance is at most where nothing is said, and the most that may be asked."""
HELD = 0.9
"""A performance that is asked to last so long ends no earlier than this share of it."""
LONGEST_NOTE_S, MOST_NOTES = 4.0, 20
"""The longest note, and the most notes at once, where nothing is said.

A model loses sight of notes that it has begun, and those pile up: left alone after ten minutes of training, 23 sound at
once where pianists have 4. With the pedal baked in, 99.5 % of the notes of a hundred ASAP performances are shorter than
3.8 s, and for 99 % of the time no more than 22 sound at once.
"""
TOKENS_PER_SECOND, FEWEST_TOKENS = 200, 200
"""How many tokens a performance may take where nothing is said: as many a second, and so many more.

The densest 30 s of a hundred ASAP performances take 122 a second.
"""
PEDALS = ("cc", "baked")
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SHOWN = 12  # notes
_Value = TypeVar("_Value")
_PITCH_CLASSES = dict(zip(LETTERS, SEMITONES, strict=True))
_MOST_DENSITY = 1000.0
_CLOSE_S = 1e-6  # by which a time in seconds may miss its step


@dataclass(frozen=True)
class PerformanceOptions(Options):
    """The options for new performances."""

    seconds: float | None = setting(
        None, "Duration without a prime.  [default: up to 30]", low=1, high=MOST_SECONDS, needs_grammar=True
    )
    density: str | None = setting(None, "Notes per second, or several values over time: 2,8,16.")
    pitch_classes: str | None = setting(None, "Pitch classes to favour: C,E,G, or several sets over time: C,E,G/F,A,C.")
    longest_note: float | None = setting(
        None, "Longest note in seconds.  [default: 4]", low=0.1, high=MOST_SECONDS, needs_grammar=True
    )
    most_notes: int | None = setting(None, "Most notes at once.  [default: 20]", low=1, high=128, needs_grammar=True)
    bpm: float | None = setting(None, "Tempo of the file's bars.  [default: 120]", low=20, high=400)
    pedal: str | None = setting(None, "Pedal as a controller (cc), or baked into the notes.", choices=PEDALS)
    keep_prime: bool = setting(False, "Write the prime into the file, too.")

    @cached_property
    def duration_s(self) -> float:
        """Return the longest duration in seconds, without a prime."""
        return SECONDS if self.seconds is None else float(self.seconds)

    @cached_property
    def densities(self) -> tuple[float, ...]:
        """Return notes per second, one value after another."""
        return () if self.density is None else parse_densities(self.density)

    @cached_property
    def pitch_class_weights(self) -> tuple[tuple[float, ...], ...]:
        """Return weights of the twelve pitch classes, one list after another."""
        return () if self.pitch_classes is None else parse_pitch_classes(self.pitch_classes)


class PerformanceGeneration(Generation[Performance]):
    """Constraints on new performances."""

    def __init__(self, codec: PerformanceCodec) -> None:
        super().__init__(codec.vocabulary)
        self.codec, self.layout, self.representation = codec, codec.layout, codec.representation

    def plan(self, options: PerformanceOptions, prime: Prime[Performance] | None = None) -> Plan:
        """Return the grammar of notes that end in time, and the schedule of density and pitch classes.

        A performance lasts at most the requested seconds and at least nine tenths of them; at most 30 by default.
        """
        self._check(options)
        rate, given = self.representation.steps_per_second, self._steps(prime)
        steps = max(round(options.duration_s * rate), 1)
        longest_s = LONGEST_NOTE_S if options.longest_note is None else options.longest_note
        grammar = PerformanceGrammar(
            self.layout,
            canonical=self.representation.order == "canonical",
            end=given + steps,
            earliest=given + round((HELD * options.seconds if options.seconds is not None else 0.0) * rate),
            longest=max(round(longest_s * rate), 1),
            most=MOST_NOTES if options.most_notes is None else options.most_notes,
            opening=given,
        )
        schedule = None
        if self.codec.conditioning.size:
            weights = options.pitch_class_weights
            schedule = ControlSchedule(self.codec.conditioning, options.densities, weights, steps=steps, after=given)
        tokens = len(prime.ids) if prime else 0
        return Plan(
            opening=prime.ids if prime else (self.layout.start,),
            limit=tokens + FEWEST_TOKENS + round(options.duration_s * TOKENS_PER_SECOND),
            grammar=grammar,
            schedule=schedule,
        )

    def prime(self, text: str, options: PerformanceOptions) -> Prime[Performance]:
        """Raise RequestError: only a file primes a performance."""
        raise RequestError(f"{text}: a performance is primed by a MIDI or ABC file; name one")

    def prime_file(self, data: bytes, file: str, options: PerformanceOptions) -> Prime[Performance]:
        """Parse the performance in a MIDI file, or play the tune in an ABC file."""
        read = _played if file.lower().endswith(_ABC) else self._parsed
        piece = read(data, file)
        plain = type(self.codec)(replace(self.representation, order="canonical"))  # one note per pitch at a time
        ids = self.codec.encode(plain.canonical(piece))[:-1].tolist()
        if len(ids) < 2:
            raise RequestError(f"{file}: holds no notes to continue")
        return Prime(tuple(ids), piece)

    def postprocess(
        self,
        piece: Performance,
        name: str,
        options: PerformanceOptions,
        prime: Prime[Performance] | None = None,
    ) -> Performance:
        """Return the performance with a name, in the requested tempo, with pedal and prime as requested."""
        piece = bake(piece) if options.pedal == "baked" else piece
        if prime is not None:
            opening_s = self._steps(prime) / self.representation.steps_per_second
            given = bake(prime.piece) if options.pedal == "baked" else prime.piece
            piece = keep(piece, given, opening_s) if options.keep_prime else strip(piece, opening_s)
        return hand_over(piece, name, options)

    def preview(self, piece: Performance) -> str:
        """Return the size of the piece and its first notes."""
        return preview(piece)

    def _parsed(self, data: bytes, file: str) -> Performance:
        return self.representation.files.parse(data, file).pieces[0]

    def _steps(self, prime: Prime[Performance] | None) -> int:
        return length(np.array(prime.ids), self.layout) if prime else 0

    def _check(self, options: PerformanceOptions) -> None:
        """Raise RequestError for options that the model was not trained for."""
        for name in ("density", "pitch_classes"):
            if getattr(options, name) is not None and not getattr(self.representation, name):
                spec = f"{self.representation.name}:{name}=true"
                raise RequestError(f"this model was trained without {name}; train one with {spec}")
        if options.pedal == "cc" and self.representation.sustain != "tokens":
            raise RequestError(
                "--pedal cc: this model has the pedal baked into its notes; "
                f"train one with {self.representation.name}:sustain=tokens"
            )


def parse_densities(given: str | float | Sequence[float]) -> tuple[float, ...]:
    """Notes a second from a number, numbers, or text such as `2,8,16`. Raises RequestError if they are none.

    >>> parse_densities("2,8,16")
    (2.0, 8.0, 16.0)
    """
    values = given.split(",") if isinstance(given, str) else [given] if isinstance(given, int | float) else given
    try:
        densities = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        densities = ()
    if not densities or not all(0 <= density <= _MOST_DENSITY for density in densities):
        raise RequestError(
            f"density {given!r} is not in notes a second, 0 to {_MOST_DENSITY:g}; write 8, or 2,8,16 for some over time"
        )
    return densities


def parse_pitch_classes(given: str) -> tuple[tuple[float, ...], ...]:
    """Weights of the twelve pitch classes, C first, from their names; one that is repeated weighs more.

    Raises:
        RequestError: a name is none.

    >>> parse_pitch_classes("C,E,G,C")[0][:5]
    (2.0, 0.0, 0.0, 0.0, 1.0)
    """
    return tuple(_weights(part, given) for part in given.split("/"))


def _weights(part: str, given: str) -> tuple[float, ...]:
    weights = [0.0] * 12
    for name in part.split(","):
        letter, signs = name.strip()[:1].upper(), name.strip()[1:]
        if letter not in _PITCH_CLASSES or (signs.strip("#") and signs.strip("b")):
            raise RequestError(
                f"pitch classes {given!r}: {name.strip()!r} is not one of C D E F G A B with # or b; "
                "write C,E,G, or C,E,G/F,A,C for some over time"
            )
        weights[(_PITCH_CLASSES[letter] + signs.count("#") - signs.count("b")) % 12] += 1
    return tuple(weights)


def hand_over(piece: Performance, name: str, options: PerformanceOptions) -> Performance:
    """A sampled performance, named, in the tempo asked for: times stay what they are, and it says where bars fall."""
    tracks = tuple(replace(track, name=track.name or _name(track)) for track in piece.tracks)
    if options.bpm is not None:
        piece = replace(piece, tempos=((0.0, options.bpm),), meters=())
    return replace(piece, tracks=tracks, name=f"Performance {name}")


def _name(track: Track) -> str:
    return "Drums" if track.drum else "Piano"


def keep(piece: Performance, prime: Performance, until_s: float) -> Performance:
    """The prime as it stands in its file, all of its tracks, and then what the piece holds from `until_s` on.

    That goes on in the prime's own track, where there is one of its kind, and else in one of its own.
    """
    tracks = [_until(track, until_s) for track in prime.tracks]
    for new in (_after(track, until_s) for track in piece.tracks):
        own = [place for place, track in enumerate(tracks) if len(track) and track.drum == new.drum]
        if len(own) == 1:
            track = tracks[own[0]]
            notes, pedal = (np.concatenate(pair) for pair in ((track.notes, new.notes), (track.pedal, new.pedal)))
            tracks[own[0]] = replace(track, notes=notes, pedal=pedal)
        else:
            tracks.append(new)

    def held(pairs: Sequence[tuple[float, _Value]]) -> tuple[tuple[float, _Value], ...]:
        return tuple(pair for pair in pairs if pair[0] <= until_s)

    return replace(
        piece,
        tracks=tuple(tracks),
        tempos=held(prime.tempos),
        meters=held(prime.meters),
        keys=held(prime.keys),
        markers=held(prime.markers),
    )


def strip(piece: Performance, from_s: float) -> Performance:
    """What begins at `from_s` or later, from there on."""
    tracks = []
    for track in piece.tracks:
        new = _after(track, from_s)
        notes, pedal = new.notes.copy(), new.pedal.copy()
        for times in (notes["onset_s"], notes["offset_s"], pedal["time_s"]):
            np.maximum(times - from_s, 0, out=times)
        tracks.append(replace(new, notes=notes, pedal=pedal))
    return replace(piece, tracks=tuple(tracks), length_s=max(piece.length_s - from_s, 0.0))


def _after(track: Track, from_s: float) -> Track:
    """What of a track begins at a time or later."""
    notes = track.notes[track.notes["onset_s"] > from_s - _CLOSE_S]
    return replace(track, notes=notes, pedal=track.pedal[track.pedal["time_s"] > from_s - _CLOSE_S])


def _until(track: Track, at_s: float) -> Track:
    """A track whose pedal goes no further than a time, and is up from there on."""
    pedal = track.pedal[track.pedal["time_s"] <= at_s - _CLOSE_S]
    if len(pedal) and pedal["value"][-1] >= PEDAL_DOWN:
        pedal = np.append(pedal, np.array([(at_s, 0)], pedal.dtype))
    return replace(track, pedal=pedal)


def preview(piece: Performance) -> str:
    """How many notes in what time, and the names of the first, C4 in the middle.

    >>> from folkseq.music.performance import Note, Track
    >>> preview(Performance((Track.of([Note(0, 1, 60), Note(1, 2.5, 66)]),)))
    '2 notes in 2.5 s: C4 F#4'
    """
    pitches = [note.pitch for track in piece.tracks for note in track]
    names = [f"{_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in pitches[:_SHOWN]]
    more = ["…"] if len(pitches) > _SHOWN else []
    return f"{len(pitches)} notes in {piece.length_s:.1f} s: {' '.join(names + more)}"


def _played(data: bytes, file: str) -> Performance:
    """The one tune in a file of ABC, as it is played. Raises ParseError if there is not one."""
    book = abc.parse_bytes(data, file)
    if book.faults:
        raise ParseError(str(book.faults[0]))
    if len(book.tunes) != 1:
        raise ParseError(f"{file}: holds {len(book.tunes)} tunes; give one to go on from")
    return perform(book.tunes[0])
