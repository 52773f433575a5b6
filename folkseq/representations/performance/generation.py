"""New performances: the options of a musician, limits, primes, and the tempo and name of the result."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from folkseq.errors import ParseError, RequestError
from folkseq.formats import midi
from folkseq.grammar import Grammar
from folkseq.music.performance import PEDAL_DOWN, Notes, Pedal, Performance, Track
from folkseq.music.pitch import LETTERS, PITCH_CLASSES, SEMITONES
from folkseq.music.sustain import bake
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Generation, Plan, Prime, too_long
from folkseq.representations.performance.conditioning import Conditioning, ConditioningSchedule
from folkseq.representations.performance.config import Ids, Integers, PerformanceConfig
from folkseq.representations.performance.files import PerformanceFiles
from folkseq.representations.performance.grammar import PerformanceGrammar
from folkseq.representations.performance.options import PerformanceOptions
from folkseq.representations.performance.quantization import quantize

SECONDS, SHORTEST_SHARE = 30.0, 0.9
"""Default maximum duration, and minimum share of a requested duration."""
LONGEST_NOTE_S, MOST_NOTES = 4.0, 20
"""Defaults of the maximum note length and of the maximum number of simultaneous notes.

A model forgets to end notes, and they accumulate: without limits, after ten minutes of training, 23 notes sound at once
where pianists play 4. With the pedal baked into the notes, 99.5 % of the notes of a hundred ASAP performances are
shorter than 3.8 s, and 99 % of the time at most 22 notes sound at once.
"""
TOKENS_PER_SECOND, MIN_TOKENS = 200, 200  # limits; the densest 30 s of a hundred ASAP performances have 122 per second
MOST_DENSITY = 1000.0
_PITCH_CLASSES = dict(zip(LETTERS, SEMITONES, strict=True))
_SHOWN = 12  # notes in a preview
_CLOSE_S = 1e-6  # maximum difference between a time in seconds and its step


class Timed(Protocol):
    """A layout of ids with the method that sampling needs."""

    start: int
    steps: Integers

    def duration(self, ids: Ids) -> int:
        """Return the duration of ids in steps."""
        ...


class PerformanceGeneration(Generation[Performance]):
    """The limits of new performances, and their primes."""

    layout: Timed
    width = 1
    """Number of start ids and of end ids of a piece."""
    longest_note_s, most_notes = LONGEST_NOTE_S, MOST_NOTES
    """The default limits."""

    def __init__(self, config: PerformanceConfig, codec: Codec[Performance]) -> None:
        super().__init__(codec.vocabulary)
        self.config, self.codec, self.layout = config, codec, config.layout
        self.files = PerformanceFiles(config)

    def plan(self, options: PerformanceOptions, prime: Prime[Performance] | None = None) -> Plan:
        """Return the grammar of notes that end in time, and the schedule of density and pitch classes.

        The maximum duration of the new part is the requested one (by default, 30 s) minus that of a kept prime. If a
        duration is requested, the new part lasts at least nine tenths of that.
        """
        self._check(options)
        rate, given, layout = self.config.steps_per_second, self.steps(prime), self.layout
        kept_s = given / rate if options.seconds and options.keep_prime else 0.0
        seconds = (options.seconds or SECONDS) - kept_s
        steps = round(seconds * rate)
        if steps < 1:
            raise too_long("seconds", options.seconds, f"{kept_s:.1f} s")
        longest = options.longest_note or self.longest_note_s
        grammar = self.grammar(
            end=given + steps,
            earliest=given + (round(SHORTEST_SHARE * seconds * rate) if options.seconds else 0),
            longest=max(round(longest * rate), 1),
            most=options.most_notes or self.most_notes,
            prime=given,
        )
        conditioning, schedule = Conditioning(self.config), None
        if conditioning.size:
            densities, weights = parse_densities(options.density), parse_pitch_classes(options.pitch_classes)
            schedule = ConditioningSchedule(conditioning, layout.steps, densities, weights, steps=steps, after=given)
        opening = prime.ids if prime else (layout.start,) * self.width
        limit = (len(prime.ids) if prime else 0) + MIN_TOKENS + round(seconds * TOKENS_PER_SECOND)
        return Plan(opening, limit, grammar, schedule)

    def grammar(self, *, end: int, earliest: int, longest: int, most: int, prime: int) -> Grammar:
        """Return the grammar with these limits, in steps."""
        return PerformanceGrammar(
            self.config,
            end=end,
            earliest=earliest,
            longest=longest,
            most=most,
            prime=prime,
            opening_rest=prime > 0,
        )

    def prime(self, text: str, options: PerformanceOptions) -> Prime[Performance]:
        """Raise RequestError, since a performance cannot be primed with text."""
        raise RequestError(f"{text}: the prime of a performance is a MIDI, ABC or MusicXML file; name one")

    def prime_file(self, data: bytes, file: str, options: PerformanceOptions) -> Prime[Performance]:
        """Parse the performance in a MIDI file, or play the tune in an ABC file."""
        from folkseq.formats import tunes
        from folkseq.music.playback import perform

        if file.lower().endswith(tunes.SUFFIXES) and not midi.is_midi(data):
            book = tunes.parse(data, file)
            if book.faults:
                raise ParseError(str(book.faults[0]))
            if len(book.tunes) != 1:
                raise ParseError(f"{file}: holds {len(book.tunes)} tunes; a prime is a file with one")
            piece, lost = perform(book.tunes[0]), Counter(book.lost[0])
        else:
            parsed = self.files.parse(data, file)
            (piece,), lost = parsed.pieces, Counter(parsed.lost_from(0))
            if options.keep_prime:
                read = midi.parse(data, file, whole=True)
                both = zip(piece.tracks, read.performance.tracks, strict=True)
                piece = replace(piece, tracks=tuple(replace(own, changes=each.changes) for own, each in both))
                lost.update(midi.unwritten(piece, read.channels))
        lost.update(self.codec.lost(piece))
        notes, pedal, _ = quantize(piece, replace(self.config, order="canonical"))  # a pitch sounds once at a time
        times = np.sort(np.concatenate([[0], notes.onset, notes.offset, pedal]))
        if np.diff(times).max(initial=0) > midi.LONG_GAP_S * self.config.steps_per_second:
            raise RequestError(f"{file}: nothing happens in it for more than an hour; cut what is before or after")
        ids = self.opening(piece, notes.performance(pedal, self.config))
        if len(ids) <= self.width:
            raise RequestError(f"{file}: holds no notes to continue")
        return Prime(tuple(ids), piece, lost)

    def opening(self, piece: Performance, quantized: Performance) -> list[int]:
        """Return the ids of a prime without its end, given the piece and its canonical quantization."""
        return list(map(int, self.codec.encode(quantized)[:-1]))

    def postprocess(
        self, piece: Performance, name: str, options: PerformanceOptions, prime: Prime[Performance] | None = None
    ) -> Performance:
        """Return the performance with a name, in the requested tempo, with pedal and prime as requested.

        The tempo only determines bar lines; times do not change.
        """
        piece = bake(piece) if options.pedal == "baked" else piece
        if prime is not None:
            prime_s = self.steps(prime) / self.config.steps_per_second
            given = bake(prime.piece) if options.pedal == "baked" else prime.piece
            piece = keep(piece, given, prime_s) if options.keep_prime else strip(piece, prime_s)
        if options.bpm is not None:
            piece = replace(piece, tempos=((0.0, options.bpm),), meters=())
        tracks = (replace(each, name=each.name or ("Drums" if each.drum else "Piano")) for each in piece.tracks)
        return replace(piece, tracks=tuple(tracks), name=f"Performance {name}")

    def preview(self, piece: Performance) -> str:
        """Return the number of notes, the duration, and the names of the first notes, with C4 as middle C."""
        pitches = [note.pitch for track in piece.tracks for note in track]
        names = [f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}" for pitch in pitches[:_SHOWN]]
        more = ["…"] if len(pitches) > _SHOWN else []
        return f"{len(pitches)} notes in {piece.length_s:.1f} s: {' '.join(names + more)}"

    def steps(self, prime: Prime[Performance] | None) -> int:
        """Return the step at which new notes begin after a prime."""
        return self.layout.duration(np.array(prime.ids)) if prime else 0

    def _check(self, options: PerformanceOptions) -> None:
        """Raise RequestError for options that the model was not trained for."""
        for name in ("density", "pitch_classes"):
            if getattr(options, name) is not None and not getattr(self.config, name):
                raise RequestError(f"this model was trained without {name}; train one with performance:{name}=true")
        if options.pedal == "cc" and self.config.sustain != "tokens":
            raise RequestError("--pedal cc: the notes have the pedal baked in; train performance:sustain=tokens")


def parse_densities(text: str | None) -> tuple[float, ...]:
    """Parse densities in notes per second. Raises RequestError.

    >>> parse_densities("2,8,16")
    (2.0, 8.0, 16.0)
    """
    with suppress(ValueError):
        densities = () if text is None else tuple(map(float, text.split(",")))
        if all(0 <= density <= MOST_DENSITY for density in densities):
            return densities
    allowed = f"notes per second from 0 to {MOST_DENSITY:g}"
    raise RequestError(f"--density {text}: write {allowed}, such as 8, or 2,8,16 for several values over time")


def parse_pitch_classes(text: str | None) -> list[list[float] | None]:
    """Parse names into weights of the twelve pitch classes, C first; a repeated name counts again. Raises RequestError.

    A set without names, between others, is None: all pitch classes are free.

    >>> parse_pitch_classes("C,E,G,C/")
    [[2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], None]
    """
    weights: list[list[float] | None] = []
    for part in text.split("/") if text is not None else ():
        if not part.strip() and "/" in (text or ""):
            weights.append(None)
            continue
        found = [0.0] * 12
        for name in map(str.strip, part.split(",")):
            letter, signs = name[:1].upper(), name[1:]
            if letter not in _PITCH_CLASSES or (signs.strip("#") and signs.strip("b")):
                raise RequestError(
                    f"--pitch-classes {text}: {name!r} is not one of C D E F G A B with # or b; "
                    "write C,E,G, or C,E,G/F,A,C for several sets over time"
                )
            found[(_PITCH_CLASSES[letter] + signs.count("#") - signs.count("b")) % 12] += 1
        weights.append(found)
    return weights


def keep(piece: Performance, prime: Performance, until_s: float) -> Performance:
    """Return all tracks of the prime, followed by the piece from `until_s` on.

    The new notes continue the prime's track of their kind, drums or not, if there is exactly one; otherwise they get a
    separate track.
    """
    tracks = []
    for track in prime.tracks:
        pedal = track.pedal[track.pedal["time_s"] <= until_s - _CLOSE_S]
        if len(pedal) and pedal["value"][-1] >= PEDAL_DOWN:
            pedal = np.append(pedal, np.array([(until_s, 0)], pedal.dtype))
        changes = track.changes[track.changes["time_s"] <= until_s]
        tracks.append(replace(track, pedal=pedal, changes=changes))
    for track in piece.tracks:
        notes, pedal = _after(track, until_s)
        own = [index for index, other in enumerate(tracks) if len(other) and other.drum == track.drum]
        if len(own) == 1:
            (at,) = own
            notes, pedal = np.append(tracks[at].notes, notes), np.append(tracks[at].pedal, pedal)
            tracks[at] = replace(tracks[at], notes=notes, pedal=pedal)
        else:
            tracks.append(replace(track, notes=notes, pedal=pedal))

    maps: dict[str, Any] = {
        name: tuple(each for each in getattr(prime, name) if each[0] <= until_s)
        for name in ("tempos", "meters", "keys", "markers")
    }
    return replace(piece, tracks=tuple(tracks), **maps)


def strip(piece: Performance, from_s: float) -> Performance:
    """Return the part of a piece that begins at `from_s` or later, shifted to the beginning."""
    tracks = []
    for track in piece.tracks:
        notes, pedal = _after(track, from_s)
        for times in (notes["onset_s"], notes["offset_s"], pedal["time_s"]):
            np.maximum(times - from_s, 0, out=times)
        tracks.append(replace(track, notes=notes, pedal=pedal))
    return replace(piece, tracks=tuple(tracks), length_s=max(piece.length_s - from_s, 0.0))


def _after(track: Track, from_s: float) -> tuple[Notes, Pedal]:
    """Return copies of the notes and pedal moves of a track at a time or later."""
    notes, pedal = track.notes, track.pedal
    return notes[notes["onset_s"] > from_s - _CLOSE_S], pedal[pedal["time_s"] > from_s - _CLOSE_S]
