"""What training and sampling ask of the performance tokenizer, beside ids for music and music for ids."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc
from folkseq.music.performance import Performance
from folkseq.music.playback import perform
from folkseq.music.sustain import bake
from folkseq.representations.base import Prime, Tokenizer
from folkseq.representations.performance import asking
from folkseq.representations.performance.controls import Controls, ControlSchedule
from folkseq.representations.performance.events import Layout, length
from folkseq.representations.performance.excerpt import KEYBOARD, SEMITONES, excerpt
from folkseq.representations.performance.grammar import PerformanceGrammar
from folkseq.representations.vocabulary import Vocabulary

_ABC = (".abc", ".txt")


class Steered(Tokenizer[Performance]):
    """A tokenizer whose windows are varied, and whose models can be steered.

    Attributes:
        steps_per_second: 1 to 1000.
        sustain: Whether notes last as long as the pedal holds them (`baked`), or the pedal has `tokens` of its own.
        order: `canonical`, or `magenta` for ids that equal note_seq's.
        drums: Whether pitches are drums, which have no key.
        density: Whether a model can be told how many notes a second to play.
        pitch_classes: Whether a model can be told which pitch classes to play.
    """

    steps_per_second: int
    sustain: str
    order: str
    drums: bool
    density: bool
    pitch_classes: bool

    controls: ClassVar[tuple[str, ...]] = asking.CONTROLS
    steering: ClassVar[tuple[str, ...]] = asking.STEERING

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Which id is which."""

    @cached_property
    def side(self) -> Controls:
        """What a model reads beside the ids."""
        return Controls(self.layout, self.steps_per_second, self.density, self.pitch_classes)

    @property
    def control_size(self) -> int:
        """C: the width of `side`."""
        return self.side.size

    @property
    def lookahead(self) -> int:
        """Ids beyond an excerpt: about what the next 5 s hold, or a few for those that go where time is shortened."""
        return 400 if self.side.size else 16

    def span(self, ids: NDArray[Any]) -> tuple[int, int]:
        """The lowest and the highest pitch."""
        pitches = ids[ids < self.layout.note_off]
        return (int(pitches.min()), int(pitches.max())) if len(pitches) else KEYBOARD

    def excerpt(
        self,
        ids: NDArray[Any],
        length: int,
        span: tuple[int, int],
        vocabulary: Vocabulary,
        random: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """A window in another key and at another tempo, with its controls."""
        semitones = 0 if self.drums else SEMITONES
        canonical = self.order == "canonical"
        return excerpt(ids, length, self.layout, self.side, span, random, canonical=canonical, semitones=semitones)

    def prime(self, text: str, **controls: Any) -> Prime[Performance]:
        """Raises RequestError: only a file primes a performance."""
        raise RequestError(f"{text}: the {self.name} tokenizer is primed by a file of MIDI or ABC; name one")

    def prime_file(self, data: bytes, file: str, **controls: Any) -> Prime[Performance]:
        """The performance in a MIDI file, or of the tune in one of ABC. Raises ParseError if it holds none."""
        piece = _played(data, file) if file.lower().endswith(_ABC) else self.parse(data, file).pieces[0]
        plain = replace(self, order="canonical")  # type: ignore[type-var]  # in it a pitch ends before it begins again
        tokens = self.tokenize(plain.canonical(piece))[:-1]
        if len(tokens) < 2:
            raise RequestError(f"{file}: holds no notes to go on from")
        return Prime(tuple(tokens), piece)

    def grammar(
        self, vocabulary: Vocabulary, prime: Prime[Performance] | None = None, **controls: Any
    ) -> PerformanceGrammar:
        """Notes that end in time, as asked. Raises RequestError for what cannot be asked.

        A performance lasts at most the seconds asked for, and at least nine tenths of them; 30 at most if none are.
        """
        asked, opening = self._asked(**controls), self._opening(prime)
        return PerformanceGrammar(
            self.layout,
            canonical=self.order == "canonical",
            end=opening + max(round(asked.seconds * self.steps_per_second), 1),
            earliest=opening + round(asked.at_least_s * self.steps_per_second),
            longest=max(round(asked.longest_note_s * self.steps_per_second), 1),
            most=asked.most_notes,
            opening=opening,
        )

    def schedule(self, prime: Prime[Performance] | None = None, **controls: Any) -> ControlSchedule | None:
        """The density and pitch classes asked for over the seconds after the prime; None if the model reads none."""
        asked = self._asked(**controls)
        if not self.side.size:
            return None
        steps = max(round(asked.seconds * self.steps_per_second), 1)
        return ControlSchedule(self.side, asked.densities, asked.pitch_classes, steps=steps, after=self._opening(prime))

    def limit(self, prime: Prime[Performance] | None = None, **controls: Any) -> int:
        """The most tokens: more than the densest music takes in the time."""
        given = len(prime.tokens) if prime else 0
        return given + asking.FEWEST_TOKENS + round(self._asked(**controls).seconds * asking.TOKENS_PER_SECOND)

    def glimpse(self, piece: Performance) -> str:
        """How much it holds, and its first notes."""
        return asking.glimpse(piece)

    def title(self, piece: Performance) -> str:
        """What the performance is called."""
        return piece.name

    def finish(
        self, piece: Performance, name: str, prime: Prime[Performance] | None = None, **controls: Any
    ) -> Performance:
        """The performance named, in the tempo asked for, with the pedal and the prime as asked."""
        asked = self._asked(**controls)
        piece = bake(piece) if asked.pedal == "baked" else piece
        if prime is not None:
            opening_s = self._opening(prime) / self.steps_per_second
            given = bake(prime.piece) if asked.pedal == "baked" else prime.piece
            piece = asking.keep(piece, given, opening_s) if asked.keep_prime else asking.strip(piece, opening_s)
        return asking.hand_over(piece, name, asked)

    def _asked(self, **controls: Any) -> asking.Asked:
        """What is asked. Raises RequestError if it means nothing, or the model cannot be asked it."""
        for control, told in (("density", self.density), ("pitch_classes", self.pitch_classes)):
            if not told and controls.get(control) is not None:
                spec = f"{self.name}:{control}=true"
                raise RequestError(f"this model was trained without {control}; train one with {spec}")
        asked = asking.Asked.of(**controls)
        if asked.pedal == "cc" and self.sustain != "tokens":
            raise RequestError(
                "this model knows no pedal, only notes as long as it holds them; "
                f"for --pedal cc train one with {self.name}:sustain=tokens"
            )
        return asked

    def _opening(self, prime: Prime[Performance] | None) -> int:
        """The steps that a prime takes."""
        return length(np.array(self.layout.vocabulary.encode(prime.tokens)), self.layout) if prime else 0


def _played(data: bytes, file: str) -> Performance:
    """The one tune in a file of ABC, as it is played. Raises ParseError if there is not one."""
    book = abc.parse_bytes(data, file)
    if book.faults:
        raise ParseError(str(book.faults[0]))
    if len(book.tunes) != 1:
        raise ParseError(f"{file}: holds {len(book.tunes)} tunes; give one to go on from")
    return perform(book.tunes[0])
