"""Recognition of tunes in any key, and their features.

A tune is analysed as written: a repeated section counts once. Rests, grace notes and the lower notes of chords have no
pitch or duration in this analysis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.formats.abc.lexer import parse_note
from folkseq.music import Bar, Element, Key, Meter, Sound, Tune
from folkseq.representations.abc.bars import labels, read_bars
from folkseq.representations.abc.excerpt import excerpt
from folkseq.representations.abc.rhythms import named
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.tokens import HEADER, kind
from folkseq.representations.abc.validity import find_fault
from folkseq.representations.base import END, START, TokenCodec
from folkseq.representations.capabilities import Analysis, Features, Profile, Timing, Transposition

MELODY_UNITS = 322_560
"""Units of a melody's durations per whole note, which divide 128ths in tuplets of two to ten."""
SECTION = 8
"""Number of bars in most sections of dance tunes."""
_OUTSIDE = frozenset((START, END, *HEADER))
Ids = NDArray[Any]


class AbcTransposition(Transposition):
    """Tunes across keys: pitches as staff positions."""

    def __init__(self, codec: TokenCodec[Tune]) -> None:
        self.codec = codec

    def fingerprint(self, ids: Ids) -> NDArray[np.int64]:
        """Return the melody's intervals in diatonic steps, which no transposition changes."""
        ids = np.asarray(ids)
        return np.diff(self.profile.heights[ids[self.profile.pitched[ids]]])

    @cached_property
    def profile(self) -> Profile:
        """Return the staff position of each pitch; pitches of one accidental are of one kind, all replaceable."""
        tokens = self.codec.vocabulary.tokens
        size = len(tokens)
        heights, kinds = np.zeros(size, np.int64), np.arange(size)
        for index, token in enumerate(tokens):
            if kind(token) == "pitch":
                heights[index], sign, _ = parse_note(token)
                kinds[index] = size + (0 if sign is None else 3 + sign)
        pitched = kinds >= size
        ends, ties = (np.isin(tokens, some) for some in ((START, END), ("-",)))
        return Profile(heights, kinds, pitched, free=pitched, binding=ties, ends=ends)

    def melody(self, ids: Ids) -> NDArray[np.int64]:
        """Return the highest note of each sound, with durations in `MELODY_UNITS`; tied notes count as one."""
        return _melody(self.codec.decode(ids))


class AbcAnalysis(Analysis):
    """The analysis of tunes."""

    unit = "bar"

    def __init__(self, codec: TokenCodec[Tune], spelling: Spelling) -> None:
        super().__init__(codec.vocabulary)
        self.codec, self.spelling = codec, spelling

    def validate(self, ids: Ids) -> str:
        """Return the first fault by strict rules; see `validity`."""
        return find_fault(self.vocabulary.decode(ids))

    def features(self, ids: Ids) -> Features:
        """Count sections, endings on the tonic, repeated bars, pitches and durations."""
        tune = self.codec.decode(ids)
        notes, lengths = _melody(tune), sections(tune.body, tune.meter)
        return Features(
            shares={
                f"sections_of_{SECTION}_bars": (lengths.count(SECTION), len(lengths)),
                "last_note_on_tonic": (int(_ends_on_tonic(tune)), 1),
                "bars_heard_again": repeated_bars(self.vocabulary.decode(ids)),
            },
            values={"pitch": notes[:, 0], "duration": notes[:, 1], "section_length": np.array(lengths, np.int64)},
        )

    def kind(self, ids: Ids) -> str:
        """Return the rhythm of a tune; its meter, as in `in 3/4`, if the rhythm is unknown."""
        found = {token[:2]: token[2:] for token in self.vocabulary.decode(ids[: 1 + len(HEADER)])}
        return named(found["R:"]) if "R:" in found else f"in {found['M:']}" if "M:" in found else ""

    def labels(self, ids: Ids) -> Mapping[str, Ids]:
        """Label the position of each token in its bar and part, and whether it is in a repeat or in the header."""
        return labels(self.vocabulary.decode(ids))

    def timing(self, ids: Ids) -> Timing:
        """Return the bar of each token and the onset of its sound in it, in whole notes."""
        return read_bars(self.vocabulary.decode(ids)).timing

    def amounts(self, ids: Ids) -> dict[str, float]:
        """Return the number of notes."""
        return {"note": float(sum(kind(token) == "pitch" for token in self.vocabulary.decode(ids)))}

    def places(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the bar of each token, numbered as in printed music."""
        return read_bars(tokens).numbers

    def excerpt(self, tokens: Sequence[str], start: int, stop: int, piece: Tune | None = None) -> str:
        """Return the bars that contain some tokens as ABC, with these tokens underlined."""
        return excerpt(tokens, start, stop, self.spelling, piece)

    def bars(self, tokens: Sequence[str]) -> int:
        """Count the bar lines among tokens."""
        return sum(kind(token) == "bar" for token in tokens)


def repeated_bars(tokens: Sequence[str]) -> tuple[int, int]:
    """Count the bars that occur more than once in a tune, and all of its bars."""
    bars: list[list[str]] = [[]]
    for token in tokens:
        what = kind(token)
        if what in ("bar", "ending"):
            bars.append([])
        elif what not in _OUTSIDE:
            bars[-1].append(token)
    counts = Counter(map(tuple, filter(None, bars))).values()
    return sum(count for count in counts if count > 1), sum(counts)


def sections(body: Sequence[Element], meter: Meter) -> list[int]:
    """Return the number of bars of each section, in which a second ending replaces the first.

    A section ends at a bar line that ends or begins a section. A short bar at its beginning is a pickup, which does not
    count. A pickup alone is not a section.
    """
    lengths: list[int] = []
    bars, branch = 0, 0  # of this section, and up to its first ending
    length, pickup = Fraction(0), False
    for element in body:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Sound):
            length += element.duration
        elif isinstance(element, Bar):
            if length:
                pickup = pickup if bars else length < meter.bar
                bars, length = bars + 1, Fraction(0)
            if element.endings:  # all but the first follow a `:|`
                bars = branch = branch if element.closes else bars
            elif element.ends_section:
                if bars - pickup > 0:
                    lengths.append(bars - pickup)
                bars, branch, pickup = 0, 0, False
    return lengths


def _melody(tune: Tune) -> NDArray[np.int64]:
    notes: list[list[int]] = []
    tied = False
    for sound in tune.sounds():
        if not sound.pitches:
            tied = False
            continue
        pitch, duration = sound.pitches[-1].midi, _units(sound.duration)
        if tied and notes[-1][0] == pitch:
            notes[-1][1] += duration
        else:
            notes.append([pitch, duration])
        tied = sound.tied
    return np.array(notes, np.int64).reshape(-1, 2)


@lru_cache(maxsize=1 << 12)
def _units(duration: Fraction) -> int:
    return round(duration * MELODY_UNITS)


def _ends_on_tonic(tune: Tune) -> bool:
    """Return whether the tonic is in the last sound that has a pitch."""
    key, on_tonic = tune.key, False
    for element in tune.body:
        if isinstance(element, Key):
            key = element
        elif isinstance(element, Sound) and element.pitches:
            on_tonic = any(pitch.midi % 12 == key.tonic for pitch in element.pitches)
    return on_tonic
