"""FolkRNN's representation of tunes: a token for each thing that a player reads.

Source: Sturm et al., Music transcription modelling and composition using deep learning (2016), and the third version of
folk-rnn, which transposes every tune to a tonic of C. The mode is a token, so the model learns one key and can write in
any. Deviations: every altered note carries its own accidental (there is no bar to remember), each duration has one
spelling (no `>`), repeats always come in pairs, and grace notes, ties and chords are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Bar, Element, Interval, Key, Meter, Sound, Tune, Tuplet
from folkseq.representations.abc.codec import AbcCodec
from folkseq.representations.abc.generation import AbcOptions
from folkseq.representations.abc.rhythms import canonical_rhythm
from folkseq.representations.abc.spelling import (
    UNIT,
    Speller,
    sound_speller,
    spell_bar,
    spell_key,
    spell_meter,
    spell_tuplet,
)
from folkseq.representations.abc.structure import clean, dropped, opening, structure
from folkseq.representations.abc.tables import LINES
from folkseq.representations.base import END, START, Files, Parsed, Representation
from folkseq.representations.vocabulary import Vocabulary

# The octave is chosen so that a tune's mean pitch lies in the twelve semitones from here (MIDI). At these bounds the
# fewest tunes of O'Neill's, Ryan's and Aird's collections lie once their tonic is C.
LOWEST_MEAN = 59
_C = Key()


class AbcFiles(Files[Tune]):
    """Tune books in ABC notation; single tunes also as MIDI."""

    suffixes = (".abc", ".txt")
    outputs = (".abc", ".mid")
    collections = (".abc",)

    def parse(self, data: bytes, file: str) -> Parsed[Tune]:
        """Parse the tunes in a file. Raises ParseError if it holds none."""
        book = abc.parse_bytes(data, file)
        return Parsed(book.tunes, book.lost, tuple(map(str, book.faults)), book.stray)

    def format(self, piece: Tune, suffix: str, comments: Sequence[str] = (), options: Any = None) -> bytes:
        """Format the tune as ABC in UTF-8, or as MIDI with the option `swing`."""
        if suffix == ".abc":
            return abc.format(piece, comments).encode()
        from folkseq.formats import midi
        from folkseq.music.playback import STRAIGHT, perform

        try:
            return midi.format(perform(piece, swing=(options and options.swing) or STRAIGHT), comments)
        except ValueError as error:
            raise RequestError(str(error)) from None

    def label(self, piece: Tune) -> str:
        """Return the number and titles of the tune."""
        return f"X:{piece.number} {' / '.join(piece.titles)}".strip()

    def number(self, piece: Tune, number: int) -> Tune:
        """Return the tune with another `X:` number, and with a title."""
        return replace(piece, number=number, titles=piece.titles or (f"Tune {number}",))


@dataclass(frozen=True)
class AbcRepresentation(Representation[Tune]):
    """Tunes as FolkRNN's tokens.

    Attributes:
        transpose: Transpose every tune to a tonic of C.
        grace: Keep grace notes.
    """

    transpose: bool = True
    grace: bool = True

    name: ClassVar[str] = "abc"
    version: ClassVar[str] = "1"
    options: ClassVar[type[AbcOptions]] = AbcOptions
    files: ClassVar[AbcFiles] = AbcFiles()

    def codec(self, vocabulary: Vocabulary) -> AbcCodec:
        """Return the codec over a vocabulary."""
        return AbcCodec(self, vocabulary)

    def merge(self, tokens: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of tokens and of every bar line, so that a grammar can always close a tune."""
        return super().merge([*tokens, *LINES, "[1", "[2"])

    def tokenize(self, piece: Tune) -> list[str]:
        """Return the tokens of the tune."""
        return [*self.spell(piece, whole=True), END]

    def detokenize(self, tokens: Sequence[str]) -> Tune:
        """Return the tune that tokens stand for, without a title and on the tonic of its tokens."""
        rhythm, key, meter = "", _C, Meter()
        body: list[str] = []
        for token in tokens:
            if body or token[:2] not in ("R:", "M:", "K:"):
                body += [token] if token not in (START, END) else []
            elif token[0] == "R":
                rhythm = token[2:]
            elif token[0] == "M":
                meter = parse_meter(token[2:])
            else:
                key = parse_key(token[2:])[0] or _C
        elements = clean(structure(Speller(key, meter).read(body), key, meter), self.grace)
        return Tune((tuple(elements),), key=key, meter=meter, rhythm=rhythm, unit=UNIT)

    def canonical(self, piece: Tune) -> Tune:
        """Return the tune as tokens represent it: the first voice, structured, on C, without title or tempo."""
        key, meter = opening(piece.body, piece.key, piece.meter)
        body = tuple(clean(structure(piece.body, key, meter), self.grace))
        tune = Tune((body,), key=key, meter=meter, rhythm=canonical_rhythm(piece.rhythm), unit=UNIT)
        return tune.transposed(self.interval_of(body, key))

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """Count what the tokens do not represent, apart from titles and other header lines."""
        lost = dropped(piece.body, self.grace)
        for voice in piece.voices[1:]:
            lost["note in another voice"] += sum(
                isinstance(element, Sound) and bool(element.pitches) for element in voice
            )
        if piece.rhythm and not canonical_rhythm(piece.rhythm):
            lost["rhythm of an unknown name"] += 1
        return Counter({name: count for name, count in lost.items() if count})

    def spell(self, tune: Tune, *, whole: bool) -> list[str]:
        """Return the tokens of a tune up to the end token; `whole` is False for the beginning of one."""
        key, meter = opening(tune.body, tune.key, tune.meter)
        elements = structure(tune.body, key, meter, whole=whole)
        interval = self.interval_of(elements, key, whole=whole)
        rhythm, key = canonical_rhythm(tune.rhythm), key.moved(interval)
        tokens = [START, *([f"R:{rhythm}"] if rhythm else []), f"M:{meter}", spell_key(key)[1:-1]]
        speller = sound_speller(interval, key, self.grace)
        left, tuplet = 0, None
        for element in elements:
            if isinstance(element, Sound):
                if left and tuplet:
                    left -= 1
                    tokens += speller.spell_within(element, tuplet.actual, tuplet.normal)
                else:
                    tokens += speller.spell(element)
            elif isinstance(element, Bar):
                tokens += spell_bar(element)
            elif isinstance(element, Tuplet):
                tokens.append(spell_tuplet(element, meter.compound))
                left, tuplet = element.count, element
            elif isinstance(element, Meter):
                meter = element
                tokens.append(spell_meter(meter))
            elif isinstance(element, Key):
                key = element.moved(interval)
                tokens.append(spell_key(key))
                speller = sound_speller(interval, key, self.grace)
        return tokens

    def interval(self, tune: Tune) -> Interval:
        """Return the interval that transposes the tune to C."""
        key, meter = opening(tune.body, tune.key, tune.meter)
        return self.interval_of(structure(tune.body, key, meter), key)

    def interval_of(self, elements: Iterable[Element], key: Key, *, whole: bool = True) -> Interval:
        """Return the interval to C, in the octave in which the mean pitch is in range; nothing without `transpose`.

        The beginning of a tune does not tell the mean of the tune, so it is moved down to C if that is in range.
        """
        if not self.transpose:
            return Interval(0, 0)
        tops = [element.pitches[-1].midi for element in elements if isinstance(element, Sound) and element.pitches]
        interval = key.interval_to(_C)
        if not tops:
            return interval
        above = sum(tops) + (interval.semitones - LOWEST_MEAN) * len(tops)  # the mean's height over the lowest, times n
        fitting = interval.octaves(-(above // (12 * len(tops))))
        down = interval if interval.semitones <= 0 else interval.octaves(-1)
        return down if not whole and abs(down.semitones - fitting.semitones) <= 12 else fitting
