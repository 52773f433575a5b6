"""Regenerate a passage of a performance with a model that fills gaps, or one that continues the music before it.

All events that begin before or after the passage stay exactly the same; see `folkseq.formats.midi.splice`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import midi
from folkseq.formats.midi.splice import splice, within
from folkseq.infill.asked import Asked
from folkseq.infill.performance.question import LONGEST_S as LONGEST_FILLED_S
from folkseq.music.performance import Performance
from folkseq.representations.task import CONTINUE, FILL
from folkseq.sampling.overlaps import Verdict
from folkseq.studio.continuing import Continuing
from folkseq.studio.errors import MissingError
from folkseq.studio.workshop import Workshop
from folkseq.verbs.model import Model
from folkseq.verbs.record import PASSAGE, Record

LONGEST_S = 120.0
_SPARE = 4  # extra pieces, to replace those without a note in the passage


@dataclass(frozen=True)
class NewPassage:
    """A performance with a new passage."""

    data: bytes
    record: Record
    verdict: Verdict | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Passage:
    """A time range of a performance in a MIDI file."""

    data: bytes
    name: str
    start_s: float
    stop_s: float
    piece: Performance

    @classmethod
    def of(cls, data: bytes, name: str, start_s: float, stop_s: float) -> Self:
        """Find a passage. Raises FolkseqError if it is not in the performance, or too long."""
        piece = midi.parse(data, name).performance
        if not start_s < stop_s:
            raise FolkseqError("the selection ends before it begins; select some seconds")
        if start_s > piece.length_s:
            raise FolkseqError(f"{name} lasts {piece.length_s:.1f} seconds; select some of them")
        if stop_s - start_s > LONGEST_S:
            raise FolkseqError(f"at most {LONGEST_S:g} seconds are written at once; select fewer")
        return cls(data, name, start_s, stop_s, piece)

    def model(self, workshop: Workshop, name: str) -> Model:
        """Return a model by name; by default the first that fills gaps, or else the first that continues pieces."""
        drums = any(map(len, self.piece.tracks)) and all(each.drum for each in self.piece.tracks if len(each))
        usual = ("packed:grid=drums",) if drums else ("performance", "notes")
        for task in (FILL, CONTINUE):
            for representation in ("performance", "notes", "packed:grid=drums") if name else usual:
                with suppress(RequestError if name else MissingError):
                    return workshop.model(name, task, representation)
        raise FolkseqError(f"{name or 'no model'}: writes no performances; choose another model")

    def versions(
        self, model: Model, count: int, seed: int | None, temperature: float, density: str = "", pitch_classes: str = ""
    ) -> Iterator[NewPassage]:
        """Yield new versions of the passage.

        Args:
            model: a model from `model`.
            count: the number of versions.
            seed: the same seed gives the same versions.
            temperature: the temperature of the sampler.
            density: notes per second, over time; by default, the present density.
            pitch_classes: names, over time; by default, the pitch classes around the passage.

        Raises:
            FolkseqError: the model cannot write the passage.
        """
        if model.run.config.task == FILL:
            if density or pitch_classes:
                raise FolkseqError(
                    f"{model.run.address}: cannot be asked for a density or pitch classes; leave them out"
                )
            return self._filled(model, count, seed, temperature)
        asked = {name: text for name, text in (("density", density), ("pitch_classes", pitch_classes)) if text}
        continuing = Continuing.of(model, self.piece, self.start_s, self.stop_s)
        return self._continued(continuing, count, seed, temperature, asked)

    @property
    def _where(self) -> dict[str, str]:
        return {"seconds": f"{self.start_s:.3f}-{self.stop_s:.3f}"}

    def _filled(self, model: Model, count: int, seed: int | None, temperature: float) -> Iterator[NewPassage]:
        if self.stop_s - self.start_s > LONGEST_FILLED_S:
            raise FolkseqError(f"{model.run.address}: writes at most {LONGEST_FILLED_S:g} seconds; select fewer")
        asked = Asked.of(model, FILL, self.data, self.name, seed, where=self._where, temperature=temperature)
        for sample in asked.samples(range(count)):
            new = asked.answer(sample)
            yield NewPassage(new.answer.format(".mid", new.comments), new.record, None, asked.question.notices)

    def _continued(
        self, continuing: Continuing, count: int, seed: int | None, temperature: float, asked: dict[str, str]
    ) -> Iterator[NewPassage]:
        options = continuing.options(asked.get("density", ""), asked.get("pitch_classes", ""))
        context, notices, drums = continuing.context(), self._notices(continuing.drums), continuing.drums
        if any(map(len, context.tracks)):
            options |= {"prime": "before.mid", "prime_data": midi.format(context)}
        found = 0
        for piece in continuing.model.sample(count + _SPARE, seed=seed, temperature=temperature, **options):
            notes = continuing.notes(piece.piece)
            if not notes:
                continue
            record = replace(piece.record, task=PASSAGE, options={**self._where, **asked})
            texts = [record.describe(), record.to_json()]
            data = splice(self.data, self.name, self.start_s, self.stop_s, notes, texts, drums=drums, lift=not drums)
            yield NewPassage(data, record, piece.verdict, notices)
            found += 1
            if found == count:
                return
        if not found:
            raise FolkseqError("no note came in these seconds; select more of them, or ask again")

    def _notices(self, drums: bool) -> tuple[str, ...]:
        parts = [
            track
            for track in self.piece.tracks
            if track.drum == drums and any(within(each, self.start_s, self.stop_s) for each in track.notes["onset_s"])
        ]
        return (f"these seconds have {len(parts)} parts; the new notes go into one",) if len(parts) > 1 else ()
