"""The meaning of a vocabulary's ids to the grammar: pitches, lengths in ticks, meters whose bars can be filled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from folkseq.errors import RequestError
from folkseq.formats.abc.lexer import parse_length, parse_note
from folkseq.representations.abc.bars import EIGHTH, bar_ticks
from folkseq.representations.abc.tokens import header_meter, kind
from folkseq.representations.vocabulary import Vocabulary


class Alphabet:
    """The ids of a vocabulary by their meaning.

    Attributes:
        kinds: the kind of each id.
        ids: the ids of each kind.
        steps: the staff position of each pitch.
        lengths: the ticks of each length that one plain, dotted or double-dotted note can have.
        sizes: those ticks and an eighth, rising.
        grid: ticks into which every length divides.
        meters: the meters, in header and body, whose bars can be filled.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.kinds = [kind(token) for token in vocabulary.tokens]
        self.ids: dict[str, list[int]] = defaultdict(list)
        for token_id, each in enumerate(self.kinds):
            self.ids[each].append(token_id)
        self.steps = {i: parse_note(vocabulary.tokens[i])[0] for i in self.ids["pitch"]}
        lengths = {i: _ticks(vocabulary.tokens[i]) for i in self.ids["length"]}
        lengths = {i: ticks for i, ticks in lengths.items() if _is_one_note(ticks)}
        self.grid = min([EIGHTH, *(ticks for ticks in lengths.values() if not ticks & (ticks - 1))])
        self.lengths = {i: ticks for i, ticks in lengths.items() if ticks % self.grid == 0}
        self.sizes = tuple(sorted({EIGHTH, *self.lengths.values()}))
        meters = {i: header_meter(vocabulary.tokens[i]) for i in self.ids["M:"] + self.ids["meter"]}
        self.meters = {i: each for i, each in meters.items() if not each.free and bar_ticks(each) % self.grid == 0}

    def of(self, names: Collection[str]) -> list[int]:
        """Return the ids of tokens, as far as there are any; `meter` and `key` are all changes to another."""
        found = [self.vocabulary.id(name) for name in names if name in self.vocabulary]
        found += [i for i in self.ids["meter"] if i in self.meters] if "meter" in names else []
        return found + (self.ids["key"] if "key" in names else [])

    def header_ids(self, kind: str, token: str) -> list[int]:
        """Return the ids of a kind of header token: all, or a requested one. Raises RequestError if there is none."""
        if not token:
            return self.ids[kind]
        if token not in self.vocabulary:
            known = ", ".join(self.vocabulary.tokens[i][2:] for i in self.ids[kind])
            raise RequestError(f"the model knows no {token}; it has met {known}")
        return [self.vocabulary.id(token)]

    def shortest_fill(self, room: int) -> int:
        """Return the number of ids that fill `room` ticks when each sound is as long as possible."""
        count = 0
        while room > 0:
            longest = max((size for size in self.sizes if size <= room), default=room)
            count += 1 if longest == EIGHTH else 2
            room -= longest
        return count


def _ticks(length: str) -> int:
    ticks = parse_length(length) * EIGHTH
    return int(ticks) if ticks.denominator == 1 else 0


def _is_one_note(ticks: int) -> bool:
    """Return whether a plain, dotted or double-dotted note has a length; 5 or 9 of anything would need a tie."""
    return ticks > 0 and ticks // (ticks & -ticks) in (1, 3, 7)
