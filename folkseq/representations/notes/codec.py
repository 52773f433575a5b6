"""The codec of notes, with its augmentation, analysis and identity across keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from folkseq.music.performance import Performance
from folkseq.representations.base import Codec
from folkseq.representations.capabilities import Features, Profile, Timing
from folkseq.representations.notes.generation import NotesGeneration
from folkseq.representations.notes.layout import DRUMS, LENGTHS, NO_NOTE
from folkseq.representations.notes.quantization import Band, band_of, performance, quantized
from folkseq.representations.performance import events
from folkseq.representations.performance.analysis import PerformanceAnalysis, note_features
from folkseq.representations.performance.augmentation import SEMITONES, STRETCH, PerformanceAugmentation, draw_interval
from folkseq.representations.performance.conditioning import Conditioning
from folkseq.representations.performance.config import Ids
from folkseq.representations.performance.transposition import PerformanceTransposition

if TYPE_CHECKING:
    from folkseq.representations.notes import NotesRepresentation

LOOKAHEAD = 80  # notes, about the number in 5 s
NOISY, MOST_NOISY, NOISE = 0.5, 0.5, 0.5
"""Share of windows that are read with noise, largest share of their notes that are noisy, and standard deviation of the
logarithms of the noisy lengths."""


class NotesCodec(Codec[Performance]):
    """Performances to ids and back."""

    def __init__(self, representation: NotesRepresentation) -> None:
        self.representation, self.config = representation, representation.config
        self.layout, self.vocabulary = representation.layout, representation.layout.vocabulary
        self.transposition = NotesTransposition(representation)
        self.augmentation = NotesAugmentation(representation)
        self.analysis = NotesAnalysis(representation)
        self.generation = NotesGeneration(representation, self)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return settings for windows from the whole corpus; a note replaces about four events."""
        windows = {"batches": "windows", "rows": 16, "length": 64, "passage": 8}
        settings = {"learning_rate": 6e-3, "dropout": 0.1, "weight_decay": 0.3}
        layout = self.layout
        model = {"conditioning": Conditioning(self.config).size, "fields": layout.compound.fields}
        model["recent"] = layout.recent
        return {**windows, **settings, **model}

    def encode(self, piece: Performance) -> NDArray[np.uint16]:
        """Return the ids of the piece, (T,) uint16."""
        band, _ = quantized(piece, self.config, self.representation.tracks)
        binned = band._replace(velocity=self.layout.bins(band.velocity))
        start, end = (np.full(self.layout.width, each, np.uint16) for each in (self.layout.start, self.layout.end))
        return np.concatenate([start, self.layout.encode(binned.tokens()), end])

    def decode(self, ids: Ids) -> Performance:
        """Return the performance for any (T,) ids."""
        band = band_of(self.layout.tokens(ids))
        band = band._replace(velocity=self.layout.velocities(band.velocity))
        return performance(band, self.config, self.representation.tracks)

    def lost(self, piece: Performance) -> Mapping[str, int]:
        """Count what the ids do not represent, apart from rounding to steps and bins."""
        return Counter(quantized(piece, self.config, self.representation.tracks)[1])


class NotesTransposition(PerformanceTransposition):
    """Performances across keys, with the ids of notes."""

    def __init__(self, representation: NotesRepresentation) -> None:
        super().__init__(representation.config, representation.layout)
        self._notes = representation.layout

    @property
    def profile(self) -> Profile:
        """Return the pitches, all of one kind; all ids of a note are free."""
        layout, ids = self._notes, np.arange(self._notes.size)
        pitches = ids - layout.compound.offsets[layout.places["pitch"]]
        pitched = (pitches >= 0) & (pitches < NO_NOTE) & (not self.drums)
        return Profile(
            heights=np.where(pitched, pitches, 0),
            kinds=np.where(pitched, layout.size, ids),
            pitched=pitched,
            free=ids > layout.end,
            binding=np.zeros(layout.size, np.bool_),
            ends=ids <= layout.end,
        )


class NotesAugmentation(PerformanceAugmentation):
    """Windows of whole notes in random keys and tempos, with their conditioning."""

    def __init__(self, representation: NotesRepresentation) -> None:
        super().__init__(representation.config)
        self._layout = representation.layout
        self.lookahead = LOOKAHEAD * self._layout.width
        self._semitones = 0 if representation.drums else SEMITONES

    def span(self, ids: Ids) -> tuple[int, int]:
        """Return the lowest and highest pitch."""
        tokens = self._layout.tokens(ids)
        pitches = tokens.pitch[(tokens.pitch < NO_NOTE) & (tokens.instrument != DRUMS)]
        return (int(pitches.min()), int(pitches.max())) if len(pitches) else (0, 127)

    def excerpt(
        self, ids: Ids, length: int, span: tuple[int, int], random: np.random.Generator
    ) -> tuple[Ids, NDArray[np.float32] | None]:
        """Return a window in a random key and at a random tempo, with its conditioning."""
        layout, width = self._layout, self._layout.width
        interval = draw_interval(span, self._semitones, random)
        factor = random.uniform(1 - STRETCH, 1 + STRETCH)
        ids = ids[: len(ids) // width * width]
        band = self._varied(band_of(layout.tokens(ids)), interval, factor)
        starts = ids[: width * bool(len(ids) and ids[0] < width)]
        ends = ids[len(ids) - width * bool(len(ids) and ids[-1] == layout.end) :]
        tokens = band.tokens()
        window = np.concatenate([starts, layout.encode(tokens), ends])
        conditioning = None
        if self.conditioning.size:
            # Each token has the conditioning of the previous onset, from which its wait is counted.
            onset = np.cumsum(tokens.wait)
            moments, vectors = self._vectors(band, random)
            own = vectors[np.maximum(np.searchsorted(moments, np.append(0, onset[:-1]), side="right") - 1, 0)]
            around = [vectors[:1]] * (len(starts) // width), [vectors[-1:]] * (len(ends) // width)
            conditioning = np.repeat(np.concatenate([*around[0], own[: len(onset)], *around[1]]), width, axis=0)
            conditioning = conditioning[1 : min(length + 1, len(window))]
        return window[: length + 1], conditioning

    def heard(self, ids: Ids, random: np.random.Generator) -> Ids:
        """Return the notes of a window, in some windows with random changes of some lengths.

        A model that has only read the lengths of pianists trusts them too much: in its own pieces, notes then begin too
        soon after one another.
        """
        layout, heard = self._layout, np.array(ids)
        if random.random() >= NOISY:
            return heard
        rows = heard[: len(ids) // layout.width * layout.width].reshape(-1, layout.width)
        own = rows[rows[:, 0] > layout.end]
        tokens = layout.tokens(own.ravel())
        noisy = random.random(len(own)) < random.uniform(0, MOST_NOISY)
        factor = np.where(noisy, np.exp(random.normal(0, NOISE, len(own))), 1)
        length = np.clip(np.floor(tokens.length * factor + 0.5).astype(np.int64), 1, LENGTHS.size)
        rows[rows[:, 0] > layout.end] = layout.encode(tokens._replace(length=length)).reshape(-1, layout.width)
        return heard

    def _varied(self, band: Band, interval: int, factor: float) -> Band:
        """Return the notes in another key and at another tempo; if two equal pitches then coincide, one remains."""
        onset = np.floor(band.onset * factor + 0.5).astype(np.int64)
        offset = np.floor((band.onset + band.length) * factor + 0.5).astype(np.int64)
        pitch = np.where(band.instrument == DRUMS, band.pitch, band.pitch + interval)
        band = band._replace(onset=onset, length=np.maximum(offset - onset, 1), pitch=pitch).in_order()
        same = [np.diff(column, prepend=-1) == 0 for column in (band.onset, band.instrument, band.pitch)]
        return band.where(~np.logical_and.reduce(same))

    def _vectors(self, band: Band, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the steps at which the conditioning changes, (M,), and the new conditioning, (M, C)."""
        layout = self.config.layout
        notes = events.Notes(band.onset, band.onset + band.length, band.pitch, np.zeros_like(band.pitch))
        ids = events.encode(notes.events(np.zeros(0, np.int64)), layout)
        return np.cumsum(layout.steps[ids]), self.draw_conditioning(ids, random)


class NotesAnalysis(PerformanceAnalysis):
    """The analysis of notes."""

    def __init__(self, representation: NotesRepresentation) -> None:
        super().__init__(representation.config)
        self.vocabulary, self._notes = representation.layout.vocabulary, representation.layout

    def validate(self, ids: Ids) -> str:
        """Return the first fault of a whole performance, or an empty string."""
        layout = self._notes
        width, ids = layout.width, np.asarray(ids, np.int64)
        whole = len(ids) >= 2 * width and not len(ids) % width
        if not whole or (ids[:width] != layout.start).any() or (ids[-width:] != layout.end).any():
            return "no_end"
        tokens = layout.tokens(ids)
        if len(tokens.wait) != len(ids) // width - 2:
            return "field_out_of_place"
        onset = np.cumsum(tokens.wait)
        place = np.stack((onset, tokens.instrument, tokens.pitch))[:, tokens.pitch < NO_NOTE]
        order = np.lexsort(place[::-1])
        if (order != np.arange(len(order))).any() or (np.diff(place[:, order]) == 0).all(axis=0).any():
            return "notes_that_do_not_rise"
        return ""

    def features(self, ids: Ids) -> Features:
        """Count pitches, durations, velocities, notes per second and simultaneous notes."""
        band = band_of(self._notes.tokens(ids))
        return note_features(band.onset, band.length, band.pitch, band.velocity, self.config)

    def labels(self, ids: Ids) -> Mapping[str, NDArray[Any]]:
        """Return no labels: the cells step once per note, so there are no states for single ids."""
        return {}

    def timing(self, ids: Ids) -> Timing:
        """Return the time and duration of each id in seconds; only a wait has a duration."""
        length = self._notes.steps[ids] / self.config.steps_per_second
        return Timing(np.cumsum(length) - length, length)

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return the number of notes, and of seconds up to the last end."""
        band = band_of(self._notes.tokens(ids))
        last = float((band.onset + band.length).max(initial=0))
        return {"note": float(len(band.onset)), "second": last / self.config.steps_per_second}
