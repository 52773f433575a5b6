"""A user's tune without chords, and the same tune with chord symbols over its notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from folkseq.ensemble.beats import Beats
from folkseq.errors import RequestError, in_words
from folkseq.formats import tunes
from folkseq.infill.abc.tune_text import TuneText
from folkseq.music import Bar, Element, Key, Sound, Tune
from folkseq.music.accompaniment import BLOCK
from folkseq.music.harmony import canonical, move_symbol
from folkseq.representations.task import Answer, Question


@dataclass(frozen=True, kw_only=True, eq=False)
class ChordQuestion(Question):
    """A tune to add chords to."""

    tune: Tune
    beats: Beats
    symbols: Sequence[str]
    """The symbol of each chord in C."""
    accompaniment: str | None = None

    def answer(self, ids: Sequence[int]) -> ChordedTune:
        """Return the tune with chords."""
        chosen = np.array([each for each in ids if each not in (*self.opening, self.end_id)], np.int64)
        interval = Key().interval_to(self.tune.key)
        written = [move_symbol(self.symbols[each - len(self.opening) - 1], interval) for each in chosen]
        tune = with_symbols(self.tune, self.beats, written)
        return ChordedTune(
            title=self.tune.title,
            summary=" ".join(mark.strip('"') for sound in tune.sounds() for mark in sound.marks if _is_symbol(mark)),
            compared=np.zeros(0, np.int64),  # chord progressions are not compared with the training set
            choices=len(chosen),
            tune=tune,
            accompaniment=self.accompaniment or BLOCK,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ChordedTune(Answer):
    """A tune with chord symbols."""

    tune: Tune
    accompaniment: str

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the tune as ABC, as MusicXML, or as MIDI with played chords."""
        return tunes.format(self.tune, suffix, comments, accompaniment=self.accompaniment)


def read_tune(data: bytes, file: str, number: int | None) -> tuple[Tune, tuple[str, ...]]:
    """Return a tune of an ABC, MusicXML or MIDI file without its chord symbols, and notices.

    Raises:
        RequestError: there is no tune, or there are several and `number` selects none of them.
    """
    found = TuneText.find(data, file, number)
    tune, gone = found.tune, 0
    voices = []
    for voice in tune.voices:
        kept: list[Element] = []
        for element in voice:
            if isinstance(element, Sound | Bar) and element.marks:
                marks = tuple(mark for mark in element.marks if not _is_symbol(mark))
                gone, element = gone + len(element.marks) - len(marks), replace(element, marks=marks)
            kept.append(element)
        voices.append(tuple(kept))
    if not any(sound.pitches for sound in tune.sounds()):
        raise RequestError(f"{file}: the tune is empty; give one with notes")
    notices = [
        f"{file}: lost: {in_words(found.lost)}" * bool(found.lost),
        f"{file}: replaced: {gone} chord symbol{'s' * (gone != 1)}" * bool(gone),
        f"{file}: the chords are those of its first voice, of {len(voices)}" * (len(voices) > 1),
    ]
    return replace(tune, voices=tuple(voices)), tuple(filter(None, notices))


def with_symbols(tune: Tune, beats: Beats, symbols: Sequence[str]) -> Tune:
    """Return a tune with a symbol over the first sound of each beat where the chord changes or a section begins."""
    over: dict[int, str] = {}
    before, again = "N.C.", False
    for symbol, sound, opens in zip(symbols, beats.sounds.tolist(), beats.opens_section.tolist(), strict=True):
        again = again or opens
        if sound >= 0 and (symbol != before or (again and symbol != "N.C.")):
            over[sound], before, again = f'"{symbol}"', symbol, False
    body = tuple(_with_marks(tune.body, over))
    return replace(tune, voices=(body, *tune.voices[1:]))


def _with_marks(body: Sequence[Element], over: dict[int, str]) -> Iterator[Element]:
    number = 0
    for element in body:
        if isinstance(element, Sound):
            marks = (over[number],) if number in over else ()
            element, number = replace(element, marks=(*marks, *element.marks)) if marks else element, number + 1
        yield element


def _is_symbol(mark: str) -> bool:
    return mark.startswith('"') and bool(canonical(mark[1:-1]))
