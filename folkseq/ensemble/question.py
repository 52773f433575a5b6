"""A melody that a user wants harmonised: read from ABC or MIDI, asked of the model, and written as a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from folkseq.ensemble.melody import Melody
from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi, musicxml
from folkseq.formats.transcription import transcribe, transcription_notice
from folkseq.music import Tune
from folkseq.music.chorale import VOICES
from folkseq.music.playback import perform
from folkseq.representations.task import Answer, Question

if TYPE_CHECKING:
    from folkseq.ensemble.task import HarmoniseTask

SINGERS = 52
"""General MIDI's choir."""
_CLEFS = {"soprano": "treble", "alto": "treble", "tenor": "bass", "bass": "bass"}


@dataclass(frozen=True, kw_only=True, eq=False)
class MelodyQuestion(Question):
    """A melody to harmonise."""

    task: HarmoniseTask
    melody: Melody

    @classmethod
    def of(cls, task: HarmoniseTask, melody: Melody, notices: tuple[str, ...]) -> Self:
        """Return the question of a melody; the notices say what of the file it does not hold."""
        choir = task.choir(melody.pitches)
        return cls(
            task=task,
            melody=melody,
            source=task.known(melody.pitches, melody.fermatas, melody.places),
            grammar=choir,
            opening=(0,) * task.compound.width,
            end_id=task.compound.end,
            limit=choir.limit,
            notices=notices,
        )

    def answer(self, ids: Sequence[int]) -> Harmonisation:
        """Return the melody with the other voices; the whole chorale is compared with the training set."""
        cells = self.task.written(np.array(ids, np.int64))
        return Harmonisation(
            title=self.melody.tune.title,
            summary="",
            compared=self.task.whole(self.melody, cells),
            choices=len(self.melody.pitches) * self.task.compound.width,
            melody=self.melody,
            cells=cells,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Harmonisation(Answer):
    """A melody with its other voices."""

    melody: Melody
    cells: dict[str, list[str]]
    """The cells of each voice that was written."""

    @cached_property
    def tune(self) -> Tune:
        """Return the score."""
        below = tuple(self.melody.voice(self.cells[voice]) for voice in VOICES[1:])
        return replace(self.melody.tune, voices=(*self.melody.tune.voices, *below))

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """As MIDI of four named tracks, as ABC of four voices, or as MusicXML."""
        names = [voice.capitalize() for voice in VOICES]
        if suffix == ".mid":
            played = perform(self.tune, program=SINGERS)
            # Without a track of what chord symbols stood over the melody: the voices are the chords now.
            named = [replace(track, name=name) for track, name in zip(played.tracks, names, strict=False)]
            return midi.format(replace(played, tracks=tuple(named)), comments)
        if suffix == ".abc":
            said = [f'name="{name}" clef={clef}' for name, clef in zip(names, _CLEFS.values(), strict=True)]
            text = abc.format(self.tune, comments, said)
            # Or abc2midi would hold each voice's note under a fermata by its own length, and the voices would part.
            return text.replace("\nK:", "\n%%MIDI fermatafixed\nK:", 1).encode()
        return musicxml.format(self.tune, list(zip(names, _CLEFS.values(), strict=True)), comments)


def ask(task: HarmoniseTask, data: bytes, file: str, number: int | None) -> MelodyQuestion:
    """The melody in a file of ABC or MIDI. Raises RequestError if there is none, or not one alone."""
    if midi.is_midi(data):
        try:
            tune, lost = transcribe(midi.parse(data, file)[0])
        except ParseError as error:
            raise RequestError(str(error) if str(error).startswith(file) else f"{file}: {error}") from None
        melody = Melody.of(tune, file)
        return MelodyQuestion.of(task, melody, (transcription_notice(file, lost), *melody.notices))
    try:
        book = abc.parse_bytes(data, file)
    except ParseError as error:
        raise RequestError(str(error)) from None
    tunes = [tune for tune in book.tunes if number is None or tune.number == number]
    if not tunes and book.faults:
        fault = book.faults[0]
        empty = "no note" in fault.reason
        raise RequestError(f"{file}: the melody is empty; give one with notes" if empty else str(fault))
    if len(tunes) != 1:
        known = ", ".join(str(tune.number) for tune in book.tunes[:8])
        many = f"holds {len(book.tunes)} tunes; name one with --tune, of"
        raise RequestError(f"{file}: {many if number is None else f'there is no one X:{number}; there are'}: {known}")
    melody = Melody.of(tunes[0], file)
    return MelodyQuestion.of(task, melody, melody.notices)
