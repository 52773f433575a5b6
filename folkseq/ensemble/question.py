"""A melody that a user wants harmonised: read from ABC or MIDI, asked of the model, and written as a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.grammar import Choir
from folkseq.ensemble.melody import Melody
from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi, musicxml
from folkseq.formats.transcription import transcribe, written_down
from folkseq.music import Tune
from folkseq.music.chorale import VOICES
from folkseq.music.playback import perform
from folkseq.pairs import EncoderSource

if TYPE_CHECKING:
    from folkseq.ensemble.task import HarmoniseTask

SINGERS = 52
"""General MIDI's choir."""
_CLEFS = {"soprano": "treble", "alto": "treble", "tenor": "bass", "bass": "bass"}


@dataclass(frozen=True)
class AskedMelody:
    """A `folkseq.representations.task.Asked`."""

    task: HarmoniseTask
    melody: Melody
    notices: tuple[str, ...] = ()
    """What of the file the melody does not hold, and whether it was moved."""

    @cached_property
    def source(self) -> EncoderSource:
        """See the protocol."""
        return self.task.known(self.melody.pitches, self.melody.fermatas, self.melody.places)

    @cached_property
    def grammar(self) -> Choir:
        """See the protocol."""
        return self.task.choir(self.melody.pitches)

    @property
    def opening(self) -> tuple[int, ...]:
        """See the protocol."""
        return (0,) * self.task.compound.width

    @property
    def end(self) -> int:
        """See the protocol."""
        return self.task.compound.end

    @property
    def limit(self) -> int:
        """See the protocol."""
        return self.grammar.limit

    def finish(self, ids: Sequence[int]) -> Harmonised:
        """See the protocol."""
        return Harmonised(self, np.array(ids, np.int64))


@dataclass(frozen=True)
class Harmonised:
    """A `folkseq.representations.task.Finished`: a melody with its other voices."""

    asked: AskedMelody
    ids: NDArray[np.int64]

    @property
    def title(self) -> str:
        """See the protocol."""
        return self.asked.melody.tune.title

    @property
    def written(self) -> str:
        """Nothing: three voices are not told in a line."""
        return ""

    @property
    def free(self) -> int:
        """See the protocol."""
        return len(self.asked.melody.pitches) * self.asked.task.compound.width

    @cached_property
    def cells(self) -> dict[str, list[str]]:
        """The cells of the voices that were written."""
        return self.asked.task.written(self.ids)

    @property
    def compared(self) -> NDArray[Any]:
        """See the protocol: the whole chorale, as those trained on stand there."""
        return self.asked.task.whole(self.asked.melody, self.cells)

    @cached_property
    def tune(self) -> Tune:
        """The score."""
        melody = self.asked.melody
        below = tuple(melody.voice(self.cells[voice]) for voice in VOICES[1:])
        return replace(melody.tune, voices=(*melody.tune.voices, *below))

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


def ask(task: HarmoniseTask, data: bytes, file: str, number: int | None) -> AskedMelody:
    """The melody in a file of ABC or MIDI. Raises RequestError if there is none, or not one alone."""
    if midi.is_midi(data):
        try:
            tune, lost = transcribe(midi.parse(data, file)[0])
        except ParseError as error:
            raise RequestError(str(error) if str(error).startswith(file) else f"{file}: {error}") from None
        melody = Melody.of(tune, file)
        return AskedMelody(task, melody, (written_down(file, lost), *melody.notices))
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
    return AskedMelody(task, melody, melody.notices)
