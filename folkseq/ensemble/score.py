"""A user's melody to harmonise, read from a file, and the score with the other voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from folkseq.ensemble.cells import ChoraleLayout
from folkseq.ensemble.melody import Melody
from folkseq.errors import in_words
from folkseq.formats import abc, midi, musicxml
from folkseq.formats.transcription import transcription_notice
from folkseq.infill.abc.tune_text import TuneText
from folkseq.music import Tune
from folkseq.music.chorale import VOICES
from folkseq.music.playback import perform
from folkseq.pairs import Integers
from folkseq.representations.task import Answer, Question

CHOIR = 52
"""The General MIDI program of a choir."""
NAMES = [voice.capitalize() for voice in VOICES]
_PARTS = list(zip(NAMES, ("treble", "treble", "bass", "bass"), strict=True))  # names and clefs


@dataclass(frozen=True, kw_only=True, eq=False)
class MelodyQuestion(Question):
    """A melody to harmonise."""

    melody: Melody
    layout: ChoraleLayout

    def answer(self, ids: Sequence[int]) -> Harmonisation:
        """Return the melody with the other voices. The whole chorale will be compared with the training set."""
        voices, cells = self.layout.target_cells(np.array(ids)), self.melody.cells
        return Harmonisation(
            title=self.melody.tune.title,
            summary="",
            compared=self.layout.ids(np.column_stack([cells[:, 0], voices, cells[:, 1:]])),
            choices=voices.size,
            melody=self.melody,
            voices=voices,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Harmonisation(Answer):
    """A melody with its other voices."""

    melody: Melody
    voices: Integers
    """(N, 3) cells of alto, tenor and bass."""

    @cached_property
    def tune(self) -> Tune:
        """Return the score."""
        tune = self.melody.tune
        return replace(tune, voices=(*tune.voices, *map(self.melody.voice, self.voices.T)))

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the score as MIDI with four named tracks, as ABC with four voices, or as MusicXML."""
        if suffix == ".mid":
            played = perform(self.tune, program=CHOIR)
            # The track of chord symbols is left out, since the voices play the chords.
            tracks = tuple(replace(track, name=name) for track, name in zip(played.tracks, NAMES, strict=False))
            return midi.format(replace(played, tracks=tracks), comments)
        if suffix == ".abc":
            text = abc.format(self.tune, comments, [f'name="{name}" clef={clef}' for name, clef in _PARTS])
            # Without this, abc2midi lengthens each note with a fermata by its duration, and the voices drift apart.
            return text.replace("\nK:", "\n%%MIDI fermatafixed\nK:", 1).encode()
        return musicxml.format(self.tune, comments, _PARTS)


def read_melody(data: bytes, file: str, number: int | None) -> Melody:
    """Return the melody in an ABC, MusicXML or MIDI file.

    Raises:
        RequestError: there is no melody, or there are several and `number` selects none of them.
    """
    found = TuneText.find(data, file, number)
    what = in_words(found.lost)
    notice = transcription_notice(file, found.lost) if midi.is_midi(data) else what and f"{file}: lost: {what}"
    return Melody.of(found.tune, file, [notice] if notice else [])
