"""The text of a tune that is continued: its kept bars stay unchanged, byte for byte, and new music follows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import takewhile
from typing import Any, Self

from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import abc
from folkseq.formats.abc.fields import format_key
from folkseq.formats.abc.splice import find_bars, replace_record
from folkseq.formats.abc.writer import format_bar
from folkseq.infill.abc.tune_text import TuneText, bars_of
from folkseq.music import Bar, Element, Key, Meter, Sound, Tune
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.instruments import INSTRUMENTS
from folkseq.representations.abc.rhythms import canonical_rhythm
from folkseq.representations.vocabulary import Vocabulary
from folkseq.verbs.record import Record

NAME = "the tune"
# Phrases about the command line in errors of the library, and their replacements for the page.
_PLAIN = (
    (r"^--bars ([\d-]+): ", r"bars \1: "),
    (r"; name one with --tune, of: .*", "; keep one of them"),
    (r"; ask for others, or with another --seed", ""),
    (
        r"the prime breaks the grammar in (.*); correct it, or use --no-grammar",
        r"\1 does not fit the meter; correct it",
    ),
    (r"; raise --limit or give a shorter one", "; give a shorter one"),
    (r"the tokens? (.*) (?:is|are) not among the \d+ that .*", r"the model has not met \1, which the tune holds"),
    (r"\bthe prime\b", NAME),
)


def plainly(error: FolkseqError) -> FolkseqError:
    """Return an error without references to the command line."""
    text = str(error)
    for pattern, plain in _PLAIN:
        text = re.sub(pattern, plain, text)
    return FolkseqError(text)


@dataclass(frozen=True)
class Beginning:
    """The prime of a continuation: elements of a tune from some bar on, possibly with others after them."""

    body: Sequence[Element]
    bar: int = 0
    """Number of the tune's bars before this music."""


@dataclass(frozen=True)
class OpenText:
    """The text of one tune, and the tune."""

    data: bytes
    found: TuneText

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text of a request. Raises FolkseqError if it does not hold one tune."""
        try:
            data = text.encode()
            return cls(data, TuneText.find(data, NAME, None))
        except UnicodeEncodeError:
            raise FolkseqError(f"{NAME} holds half a character, which cannot be saved; remove it") from None
        except RequestError as error:
            raise plainly(error) from None

    @property
    def tune(self) -> Tune:
        """Return the tune."""
        return self.found.tune

    @cached_property
    def lines(self) -> list[int]:
        """Return the index in the tune's body of the line that ends each bar."""
        return closing_lines(self.tune.body)

    @cached_property
    def numbers(self) -> list[int]:
        """Return the number of each bar, counted as in engraving."""
        spans = read_bars(AbcRepresentation().tokenize(self.tune)).spans
        return [span.number for span in spans]

    @cached_property
    def instrument(self) -> str | None:
        """Return the instrument in the tune's record, if there is one and the tune stays within its range."""
        with suppress(RequestError):  # most texts hold no record
            for record in Record.find(self.data, NAME):
                instrument = INSTRUMENTS.get(record.options.get("instrument", ""))
                if instrument is not None and instrument.room(self.tune)[0] <= 0 <= instrument.room(self.tune)[1]:
                    return str(record.options["instrument"])
        return None

    def prime(self, beginning: Beginning, vocabulary: Vocabulary) -> str:
        """Return a prime with this tune's header, for a model with the given vocabulary."""
        known = f"R:{canonical_rhythm(self.tune.rhythm)}" in vocabulary
        key, meter = in_force(self.tune, self.lines[beginning.bar - 1] if beginning.bar else -1)
        rhythm = self.tune.rhythm if known else ""
        return abc.format(Tune((tuple(beginning.body),), key, meter, rhythm=rhythm, unit=self.tune.unit))

    def going_on(self, kept: int, tune: Tune, comments: Sequence[str], after: int | None = None) -> str | None:
        """Return the text with its first bars kept and bars of another tune after them.

        Args:
            kept: the number of bars to keep.
            tune: the other tune, in the same key.
            comments: the record of the new text.
            after: the number of bars of the other tune to skip; `kept` by default.

        Returns:
            The new text, or None if nothing follows, or if the bars would be read differently there.
        """
        text, index = self.found.text, self.found.index
        places, _ = find_bars(text, index)
        if len(places) != len(bars_of(self.tune.body)):
            return None
        lines = closing_lines(tune.body)
        after = kept if after is None else after
        if after > len(lines):
            return None
        at = lines[after - 1] if after else -1
        line, new = tune.body[max(at, 0)], tune.body[at + 1 :]
        if not kept:
            new = new[next((place for place, each in enumerate(new) if not isinstance(each, Bar)), 0) :]
        if not _notes(new):
            return None
        line_break = "\r\n" if "\r\n" in text else "\n"
        cut = places[kept - 1].parts[-1][1] if kept else places[0].parts[0][0]
        words, rest = _around(text[cut:])
        open_bar = self.tune.body[self.lines[kept - 1] + 1 if kept else 0 :]
        new = _with_marks(new, open_bar)
        music = "".join(f"{each}{line_break}" for each in _music(tune, new, at, places[max(kept - 1, 0)].unit))
        if kept:
            music = f" {format_bar(line) if isinstance(line, Bar) else ''}{line_break}{words}{music}"
        grown = f"{text[:cut]}{music}{rest}"
        read, stay = self.found.read(grown), self.tune.body[: self.lines[kept - 1]] if kept else ()
        if read is None or _notes(read.body) != [*_notes(stay), *_notes(new)]:
            return None
        return replace_record(grown, index, len(self.found.added), comments).removeprefix(self.found.added)


def closing_lines(body: Sequence[Element]) -> list[int]:
    """Return the index of the bar line that ends each bar with sounds."""
    lines, sounds = [], False
    for place, element in enumerate(body):
        sounds |= isinstance(element, Sound)
        if isinstance(element, Bar) and element.style and sounds:
            lines.append(place)
            sounds = False
    return lines


def excerpt(tune: Tune, first: int, last: int) -> str:
    """Return some bars of a tune as a separate tune for display, with only a key in its header."""
    lines = closing_lines(tune.body)
    begin, end = lines[first - 1] if first else -1, lines[last] if last < len(lines) else len(tune.body)
    key, _ = in_force(tune, begin)
    music = _music(tune, tune.body[begin + 1 : end + 1], begin, tune.unit)
    return "\n".join(["X:1", f"L:{tune.unit}", f"K:{format_key(key)}", *music, ""])


def _music(tune: Tune, elements: Sequence[Element], after: int, unit: Fraction) -> list[str]:
    """Return elements as lines of ABC, given the index in the tune's body after which they come."""
    key, meter = in_force(tune, after)
    lines = abc.format(Tune((tuple(elements),), key, meter, unit=unit)).splitlines()
    return lines[next(place for place, line in enumerate(lines) if line.startswith("K:")) + 1 :]


def in_force(tune: Tune, at: int) -> tuple[Key, Meter]:
    """Return the key and the meter at an index of the tune's body."""
    key, meter = tune.key, tune.meter
    for element in tune.body[: at + 1]:
        key = element if isinstance(element, Key) else key
        meter = element if isinstance(element, Meter) else meter
    return key, meter


def _around(tail: str) -> tuple[str, str]:
    """Return the lyrics of the line in which a text begins, and the text after the tune's music."""
    lines = tail.splitlines(keepends=True)[1:]
    words = list(takewhile(lambda line: line.startswith("w:"), lines))
    end = next((place for place, line in enumerate(lines) if not line.strip()), len(lines))
    below = [line for line in lines[len(words) : end] if line.startswith("W:")]
    return "".join(words), "".join([*below, *lines[end:]])


def _with_marks(new: Sequence[Element], written: Sequence[Element]) -> tuple[Element, ...]:
    """Return elements with the marks of earlier ones, as far as their sounds are the same."""
    marks = (each for each in written if isinstance(each, Sound))
    found = list(new)
    for place, each in enumerate(found):
        if isinstance(each, Sound):
            before = next(marks, None)
            if before is None or _notes([each]) != _notes([before]):
                break
            found[place] = replace(each, marks=before.marks)
    return tuple(found)


def _notes(body: Sequence[Element]) -> list[Any]:
    return [(each.pitches, each.duration, each.grace) for each in body if isinstance(each, Sound)]
