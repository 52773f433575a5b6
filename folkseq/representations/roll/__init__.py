"""Piano rolls: frames of notes on a grid, as in Boulanger-Lewandowski et al. (2012).

A frame is the set of pitches that sound at one step. Its tokens are the pitches from the highest to the lowest and an
end of frame, so their losses add up to the loss of a distribution over sets. A set does not distinguish held and
repeated notes, so a pitch in consecutive frames is one note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.base import END, START, Representation, TokenCodec
from folkseq.representations.capabilities import (
    Analysis,
    Augmentation,
    Features,
    Generation,
    Options,
    Plan,
    Prime,
    Profile,
    Timing,
    Transposition,
    too_long,
)
from folkseq.representations.roll.files import PianoRoll, RollFiles
from folkseq.representations.roll.grammar import FRAME, RollGrammar
from folkseq.representations.vocabulary import Vocabulary
from folkseq.settings import setting

PITCHES = tuple(map(str, range(128)))
BEATS = 4
"""Quarter notes in a bar; the published data sets contain no meters."""
_SEMITONES = 6  # maximum transposition, up or down
Ids = NDArray[Any]


@dataclass(frozen=True)
class RollOptions(Options):
    """The sampling options."""

    frames: int | None = setting(None, "Number of frames.  [default: the model decides]", low=1, needs_grammar=True)
    bpm: float = setting(120.0, "Tempo of the MIDI file.", low=1, high=1000)


@dataclass(frozen=True)
class RollRepresentation(Representation[PianoRoll]):
    """Frames of notes.

    Attributes:
        steps_per_quarter: Frames in a quarter note.
        transpose: Transpose each training window to a random key.
    """

    steps_per_quarter: int = 2
    transpose: bool = False

    name: ClassVar[str] = "roll"
    options: ClassVar[type[RollOptions]] = RollOptions

    def __post_init__(self) -> None:
        if not 1 <= self.steps_per_quarter <= 48:
            raise ValueError(f"steps_per_quarter must be from 1 to 48, got {self.steps_per_quarter}")

    @property
    def files(self) -> RollFiles:
        """Return the input and output files."""
        return RollFiles(self.steps_per_quarter)

    def tokenize(self, piece: PianoRoll) -> list[str]:
        """Return the tokens of each frame: its pitches from the highest down, and its end."""
        frames = (token for frame in piece.frames for token in (*map(str, sorted(frame, reverse=True)), FRAME))
        return [START, *frames, END]

    def detokenize(self, tokens: Sequence[str]) -> PianoRoll:
        """Return the frames for any tokens; an unclosed frame counts."""
        frames: list[set[int]] = [set()]
        for token in tokens:
            if token == FRAME:
                frames.append(set())
            elif token not in (START, END):
                frames[-1].add(int(token))
        return PianoRoll(tuple(frozenset(frame) for frame in (frames if frames[-1] else frames[:-1])))

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all pitches, since held-out pieces may have other pitches than training pieces."""
        return Vocabulary((*PITCHES, FRAME, END, START))

    def codec(self, vocabulary: Vocabulary) -> RollCodec:
        """Return the codec over a vocabulary."""
        return RollCodec(self, vocabulary)


class RollCodec(TokenCodec[PianoRoll]):
    """Frames to ids and back; the id of a pitch is the pitch."""

    representation: RollRepresentation

    def __init__(self, representation: RollRepresentation, vocabulary: Vocabulary) -> None:
        super().__init__(representation, vocabulary)
        self.transposition, self.analysis = RollTransposition(vocabulary), RollAnalysis(self)
        self.generation = RollGeneration(self)
        self.augmentation = RollAugmentation(vocabulary) if representation.transpose else None

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for frames: lookback to the previous frame, and to a beat, a bar and two bars ago."""
        beat = self.representation.steps_per_quarter
        return {
            "lookback_bars": tuple(sorted({1, beat, BEATS * beat, 2 * BEATS * beat})),
            "lookback_bar_length": 16,
            "lookback_match": True,
            "copy_pointer": True,
            "bar_ends": (self.vocabulary.id(FRAME),),
            "weight_decay": 0.3,
        }


class RollTransposition(Transposition):
    """Frames across keys."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self._frame = vocabulary, vocabulary.id(FRAME)

    def fingerprint(self, ids: Ids) -> NDArray[np.int64]:
        """Return the intervals of the highest notes, at each frame in which they change."""
        return np.diff(self.melody(ids)[:, 0])

    def melody(self, ids: Ids) -> NDArray[np.int64]:
        """Return the highest note of each frame with its duration in frames."""
        ids = np.asarray(ids, np.int64)
        first = np.flatnonzero((ids < len(PITCHES)) & (np.append(0, ids[:-1]) >= len(PITCHES)))
        frame = np.cumsum(ids == self._frame)[first]
        pitches = ids[first]
        if not len(pitches):
            return np.zeros((0, 2), np.int64)
        begins = np.append(True, (np.diff(pitches) != 0) | (np.diff(frame) != 1))
        lengths = np.diff(np.append(np.flatnonzero(begins), len(pitches)))
        return np.stack((pitches[begins], lengths), axis=1)

    @cached_property
    def profile(self) -> Profile:
        """Return the pitches, all of one kind."""
        size = len(self.vocabulary)
        pitched = np.arange(size) < len(PITCHES)
        heights, kinds = np.where(pitched, np.arange(size), 0), np.where(pitched, size, np.arange(size))
        ends = np.isin(self.vocabulary.tokens, (START, END))
        return Profile(heights, kinds, pitched, free=pitched, binding=np.zeros(size, np.bool_), ends=ends)


class RollAugmentation(Augmentation):
    """Windows in random keys."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._pitches = len(PITCHES)

    def span(self, ids: Ids) -> tuple[int, int]:
        """Return the lowest and highest pitch."""
        pitches = ids[ids < self._pitches]
        return (int(pitches.min()), int(pitches.max())) if len(pitches) else (0, self._pitches - 1)

    def excerpt(
        self, ids: Ids, length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Return a window in a random key."""
        low, high = max(-_SEMITONES, -span[0]), min(_SEMITONES, self._pitches - 1 - span[1])
        window = ids[: length + 1].astype(np.int64)
        return np.where(window < self._pitches, window + random.integers(low, high, endpoint=True), window), None


class RollAnalysis(Analysis):
    """The analysis of frames."""

    unit = "frame"

    def __init__(self, codec: RollCodec) -> None:
        super().__init__(codec.vocabulary)
        self._codec, self._frame = codec, codec.vocabulary.id(FRAME)

    def validate(self, ids: Ids) -> str:
        """Return the first fault: an unclosed frame, or pitches in the wrong order."""
        ids = np.asarray(ids, np.int64)
        end, start = (self.vocabulary.id(token) for token in (END, START))
        if not len(ids) or ids[0] != start or ids[-1] != end or (np.isin(ids[1:-1], (start, end))).any():
            return "no_end"
        pitched = ids < len(PITCHES)
        if (pitched[:-1] & pitched[1:] & (ids[1:] >= ids[:-1])).any():
            return "pitches_that_do_not_fall"
        return "frame_that_is_not_closed" if (pitched[:-1] & (ids[1:] == end)).any() else ""

    def features(self, ids: Ids) -> Features:
        """Count simultaneous notes and repeated frames."""
        frames = self._codec.decode(ids).frames
        same = sum(one == other for one, other in pairwise(frames))
        pitches = np.array([pitch for frame in frames for pitch in sorted(frame)], np.int64)
        return Features(
            shares={"frames_as_the_one_before": (same, max(len(frames) - 1, 0))},
            rates={"notes_at_once": (float(len(pitches)), float(len(frames)))},
            values={"pitch": pitches, "notes_in_a_frame": np.array(list(map(len, frames)), np.int64)},
        )

    def timing(self, ids: Ids) -> Timing:
        """Return the frame of each id, as a bar with a length of 1."""
        ends = np.asarray(ids) == self._frame
        return Timing(np.zeros(len(ids)), ends.astype(np.float64), np.cumsum(ends) - ends)

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the frame of each token, from 1."""
        ends = np.array([token == FRAME for token in tokens], np.int64)
        return 1 + np.cumsum(ends) - ends

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return the number of frames and of notes in them."""
        ids = np.asarray(ids)
        return {"frame": float((ids == self._frame).sum()), "note": float((ids < len(PITCHES)).sum())}


class RollGeneration(Generation[PianoRoll]):
    """Constraints on new frames."""

    def __init__(self, codec: RollCodec) -> None:
        super().__init__(codec.vocabulary)
        self._codec = codec

    def plan(self, options: RollOptions, prime: Prime[PianoRoll] | None = None) -> Plan:
        """Return the constraints: falling pitches, closed frames, and their number if one is requested."""
        given = len(prime.piece.frames) if prime else 0
        if options.frames is not None and given >= options.frames:
            raise too_long("frames", options.frames, f"{given} frames")
        grammar = RollGrammar(self.vocabulary, options.frames)
        opening = prime.ids if prime else (self.vocabulary.id(START),)
        limit = 1500 if options.frames is None else grammar.fewest + 16 * options.frames
        return Plan(opening, limit=limit + len(opening), grammar=grammar, typical_length=options.frames is None)

    def prime_file(self, data: bytes, file: str, options: RollOptions) -> Prime[PianoRoll]:
        """Return the first piece of a file, without its end."""
        parsed = self._codec.representation.files.parse(data, file)
        ids = self._codec.encode(parsed.pieces[0])[:-1]
        return Prime(tuple(ids.tolist()), parsed.pieces[0], parsed.lost_from(0))

    def preview(self, piece: PianoRoll) -> str:
        """Return the first frames."""
        return "  ".join(" ".join(map(str, sorted(frame, reverse=True))) or "-" for frame in piece.frames[:8])
