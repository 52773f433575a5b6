"""What the tokens of a vocabulary mean to the grammar: which ids are pitches, how long lengths are, what fills a bar.

Durations are in ticks, of which an eighth note has `EIGHTH`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from folkseq.errors import RequestError
from folkseq.formats.abc.fields import parse_meter
from folkseq.formats.abc.lexer import parse_length, parse_note
from folkseq.music import Meter
from folkseq.representations.abc.spelling import UNIT, kind
from folkseq.representations.vocabulary import Vocabulary

EIGHTH = 128  # ticks; lengths that are no whole number of them stand only where tuplets made them, and are not sampled
HEADER = ("R:", "M:", "K:")


class Alphabet:
    """The ids of a vocabulary by what they are.

    Attributes:
        ids: those of each kind, as `spelling.kind` names it; of `R:`, `M:`, `K:`; or of the token itself.
        meters: those, of the header and of the body, whose bars can be filled.
        lengths: ticks of those lengths that one plain, dotted or double-dotted note has.
        steps: the staff position of each pitch.
        grid: ticks of which every length is a whole number.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.ids: dict[str, list[int]] = defaultdict(list)
        self.kinds: list[str] = []
        for token_id, token in enumerate(vocabulary.tokens):
            header = token[:2] if token[:2] in HEADER else ""
            self.kinds.append(header or kind(token) or token)
            self.ids[self.kinds[-1]].append(token_id)
        lengths = {i: _ticks(vocabulary.tokens[i]) for i in self.ids["length"]}
        lengths = {i: ticks for i, ticks in lengths.items() if _is_written_by_one_note(ticks)}
        self.grid = min([EIGHTH, *(ticks for ticks in lengths.values() if not ticks & (ticks - 1))])
        self.lengths = {i: ticks for i, ticks in lengths.items() if ticks % self.grid == 0}
        self.sizes = tuple(sorted({EIGHTH, *self.lengths.values()}))
        self.steps = {i: parse_note(vocabulary.tokens[i])[0] for i in self.ids["pitch"]}
        meters = {i: parse_meter(vocabulary.tokens[i].strip("[]")[2:]) for i in self.ids["M:"] + self.ids["meter"]}
        self.meters = {i: each for i, each in meters.items() if not each.free and bar_ticks(each) % self.grid == 0}

    def of(self, tokens: Iterable[str]) -> list[int]:
        """The ids of those of `tokens` that there are."""
        return [self.vocabulary.id(token) for token in tokens if token in self.vocabulary]

    def asked(self, header: str, token: str) -> list[int]:
        """The ids of a header's tokens: all, or the one asked for. Raises RequestError if there is no such token."""
        if not token:
            return self.ids[header]
        if token not in self.vocabulary:
            known = ", ".join(self.vocabulary.tokens[i][2:] for i in self.ids[header])
            raise RequestError(f"the model knows no {token}; it has met {known}")
        return [self.vocabulary.id(token)]

    def shortest_fill(self, room: int) -> int:
        """How many ids fill `room` ticks when each sound is as long as can be."""
        count = 0
        while room > 0:
            longest = max((size for size in self.sizes if size <= room), default=room)
            count += 1 if longest == EIGHTH else 2
            room -= longest
        return count


def bar_ticks(meter: Meter) -> int:
    """How long a bar is."""
    return int(meter.bar / UNIT * EIGHTH)


def _ticks(token: str) -> int:
    ticks = parse_length(token) * EIGHTH
    return int(ticks) if ticks.denominator == 1 else 0


def _is_written_by_one_note(ticks: int) -> bool:
    """Whether a length is a plain, dotted or double-dotted note; 5 or 9 of anything would need a tie."""
    return ticks > 0 and ticks // (ticks & -ticks) in (1, 3, 7)
