"""What a musician asks of a new performance, and how it is handed over: named, in a tempo, without its prime."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from folkseq.errors import RequestError
from folkseq.music.performance import PEDAL_DOWN, Performance, Track
from folkseq.music.pitch import LETTERS, SEMITONES

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
CONTROLS = ("seconds", "density", "pitch_classes", "longest_note", "most_notes", "bpm", "pedal", "keep_prime")
STEERING = ("seconds", "longest_note", "most_notes")
PEDALS = ("cc", "baked")
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SHOWN = 12  # notes
_Value = TypeVar("_Value")
_PITCH_CLASSES = dict(zip(LETTERS, SEMITONES, strict=True))
_MOST_DENSITY = 1000.0
_CLOSE_S = 1e-6  # by which a time in seconds may miss its step


@dataclass(frozen=True)
class Asked:
    """What is asked of a performance, checked."""

    seconds: float = SECONDS
    at_least_s: float = 0.0
    longest_note_s: float = LONGEST_NOTE_S
    most_notes: int = MOST_NOTES
    densities: tuple[float, ...] = ()
    """Notes a second, one after another."""
    pitch_classes: tuple[tuple[float, ...], ...] = ()
    """Weights of the twelve, one list after another."""
    bpm: float | None = None
    pedal: str = ""
    keep_prime: bool = False

    @classmethod
    def of(
        cls,
        *,
        seconds: float | None = None,
        density: str | float | Sequence[float] | None = None,
        pitch_classes: str | None = None,
        longest_note: float | None = None,
        most_notes: int | None = None,
        bpm: float | None = None,
        pedal: str = "",
        keep_prime: bool = False,
    ) -> Asked:
        """What the command line's values ask. Raises RequestError for one that means nothing."""
        if pedal and pedal not in PEDALS:
            raise RequestError(f"pedal {pedal!r} does not exist; there are: {', '.join(PEDALS)}")
        if most_notes is not None and not 1 <= most_notes <= 128:
            raise RequestError(f"the most notes at once are 1 to 128, got {most_notes}")
        return cls(
            seconds=_within("seconds", seconds, 1, MOST_SECONDS, SECONDS),
            at_least_s=HELD * seconds if seconds is not None else 0.0,
            longest_note_s=_within("the longest note", longest_note, 0.1, MOST_SECONDS, LONGEST_NOTE_S),
            most_notes=most_notes if most_notes is not None else MOST_NOTES,
            densities=parse_densities(density) if density is not None else (),
            pitch_classes=parse_pitch_classes(pitch_classes) if pitch_classes is not None else (),
            bpm=None if bpm is None else _within("bpm", bpm, 20, 400, bpm),
            pedal=pedal,
            keep_prime=keep_prime,
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


def _within(name: str, value: float | None, least: float, most: float, usual: float) -> float:
    if value is None:
        return usual
    if not (isinstance(value, int | float) and math.isfinite(value) and least <= value <= most):
        raise RequestError(f"{name}: from {least:g} to {most:g}, got {value}")
    return float(value)


def hand_over(piece: Performance, name: str, asked: Asked) -> Performance:
    """A sampled performance, named, in the tempo asked for: times stay what they are, and it says where bars fall."""
    tracks = tuple(replace(track, name=track.name or _name(track)) for track in piece.tracks)
    if asked.bpm is not None:
        piece = replace(piece, tempos=((0.0, asked.bpm),), meters=())
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


def glimpse(piece: Performance) -> str:
    """How many notes in what time, and the names of the first, C4 in the middle.

    >>> from folkseq.music.performance import Note, Track
    >>> glimpse(Performance((Track.of([Note(0, 1, 60), Note(1, 2.5, 66)]),)))
    '2 notes in 2.5 s: C4 F#4'
    """
    pitches = [note.pitch for track in piece.tracks for note in track]
    names = [f"{_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in pitches[:_SHOWN]]
    more = ["…"] if len(pitches) > _SHOWN else []
    return f"{len(pitches)} notes in {piece.length_s:.1f} s: {' '.join(names + more)}"
