"""The task of adding chords to a tune: given its beats, write a chord for each, and keep the melody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.ensemble.beats import SOURCE_SIZES, Beats, Label, label_of
from folkseq.ensemble.chord_grammar import BEAT, END, FIRST, START, ChordGrammar, ChordTones
from folkseq.ensemble.chord_score import ChordQuestion, read_tune
from folkseq.errors import RequestError
from folkseq.music.harmony import canonical
from folkseq.pairs import Integers, Pair, RelativePositions
from folkseq.representations.abc import AbcCodec
from folkseq.representations.abc.tokens import kind
from folkseq.representations.task import Task

FEWEST_SYMBOLS = 0.3
"""Minimum number of chord symbols per bar for a tune to be used for training."""


class ChordTask(Task):
    """The task of writing a chord for each beat of a tune."""

    outputs = (".abc", ".mid", ".musicxml")
    source_sizes = SOURCE_SIZES
    relative_positions = RelativePositions(8, 8)
    """In bars, and in beats within one."""
    recipe: Mapping[str, Any] = {"batches": "pairs", "weight_decay": 0.3, "hidden": 128, "dropout": 0.2}

    temperature = 0.3  # at 1, the root agreement with the books is six percentage points lower

    def __init__(self, codec: AbcCodec) -> None:
        self.codec = codec
        tokens = (token for token in codec.vocabulary.tokens if kind(token) == "harmony")
        spelt: dict[Label | None, str] = {None: "N.C."}
        for token in tokens:
            symbol = canonical(token[1:-1].partition("/")[0])
            spelt.setdefault(label_of(symbol, 0), symbol)
        self.labels = tuple(spelt)
        """The chord of each id from `FIRST` on; the first entry stands for no chord."""
        self.symbols = tuple(spelt.values())
        """The symbol of each of these chords in C."""
        self.roots = np.array([-1, -1, *(-1 if label is None else label[0] for label in self.labels)])
        """(V,) the root of each id; −1 for none."""
        self.vocabulary_size = FIRST + len(self.labels)
        self._ids = {label: FIRST + place for place, label in enumerate(self.labels)}
        self._pairs: dict[bytes, Pair | None] = {}

    def draw(self, ids: NDArray[Any], random: np.random.Generator, left_only: bool | None = None) -> Pair | None:
        """Return a whole tune; None if it has too few chords."""
        key = ids.tobytes()
        if key not in self._pairs:  # reading a tune takes as long as a training step
            self._pairs[key] = self.pair(Beats.of(self.codec.decode(ids)))
        return self._pairs[key]

    def hold_out(self, ids: NDArray[Any], piece: int, turn: int, left_only: bool | None = None) -> Pair | None:
        """Return the whole tune, once."""
        return self.pair(Beats.of(self.codec.decode(ids))) if turn == 0 else None

    def ngram_ids(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the chords of a tune."""
        pair = self.draw(ids, np.random.default_rng(0))
        return np.zeros(0, np.int64) if pair is None else pair.ids

    def amounts(self, pair: Pair) -> dict[str, float]:
        """Return the number of beats."""
        return {"beat": float(len(pair.source))}

    def ask(self, data: bytes, file: str, **where: Any) -> ChordQuestion:
        """Find the tune in a file.

        Args:
            data: the bytes of the file.
            file: its name.
            where: `tune`, the number of the tune in a file of several; `every`, the positions at which chords may
                change; and `accompaniment`.
        """
        for name in ("bars", "seconds"):
            if where.get(name) is not None:
                raise RequestError(f"--{name} is of a gap; a tune gets chords as a whole")
        tune, notices = read_tune(data, file, where.get("tune"))
        beats = Beats.of(tune)
        grammar = self.grammar(beats, where.get("every") or BEAT)
        return ChordQuestion(
            tune=tune,
            beats=beats,
            symbols=self.symbols,
            accompaniment=where.get("accompaniment"),
            source=beats.source,
            grammar=grammar,
            opening=(START,),
            end_id=END,
            limit=grammar.limit,
            target=self.target(beats),
            notices=notices,
        )

    def beats(self, pieces: Iterable[NDArray[Any]]) -> list[Beats]:
        """Return the beats of those pieces that have enough chords, from their ids."""
        found = (Beats.of(self.codec.decode(ids)) for ids in pieces)
        return [beats for beats in found if self.pair(beats) is not None]

    def grammar(self, beats: Beats, every: str = BEAT) -> ChordGrammar:
        """Return the grammar of the chords over a tune."""
        return ChordGrammar(self.vocabulary_size, beats, every)

    def target(self, beats: Beats) -> ChordTones:
        """Return the preference for chords that contain the notes of a tune."""
        return ChordTones(self.labels, beats)

    def ids(self, labels: tuple[Label | None, ...]) -> Integers:
        """Return the ids of labels; an unknown chord is replaced by its triad, or else by the previous chord."""
        ids, before = [], FIRST
        for label in labels:
            triads = () if label is None else ((label[0], "m" if label[1].startswith("m") else ""),)
            before = next((self._ids[each] for each in (label, *triads) if each in self._ids), before)
            ids.append(before)
        return np.array(ids, np.int64)

    def pair(self, beats: Beats) -> Pair | None:
        """Return the source and target of a tune; None if it has too few chords."""
        if not len(beats) or beats.symbols < FEWEST_SYMBOLS * beats.bars:
            return None
        ids = np.concatenate([[START], self.ids(beats.labels), [END]])
        free = np.append(np.ones(len(beats), np.bool_), False)  # the end is given
        return Pair(beats.source, ids, np.append(np.arange(len(beats)), len(beats) - 1), free)
