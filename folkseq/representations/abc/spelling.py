"""Tunes to tokens and back, with one spelling for everything that is heard.

Source: Sturm et al., Music transcription modelling and composition using deep learning (2016), and the third version of
folk-rnn, which transposes every tune to a tonic of C. The mode is a token, so the model learns one key and can write in
any. Deviations: every altered note has its own accidental (a model need not remember the bar), each duration has one
spelling (no `>`), repeats come in pairs, and grace notes, ties and chords are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Bar, Element, Interval, Key, Meter, Sound, Tune, Tuplet
from folkseq.music.repeats import repair_endings
from folkseq.representations.abc.conventions import describe
from folkseq.representations.abc.rhythms import canonical_rhythm
from folkseq.representations.abc.structure import dropped, structure
from folkseq.representations.abc.tokens import (
    HEADER,
    UNIT,
    bar_tokens,
    key_token,
    read_elements,
    sound_tokenizer,
    tuplet_token,
)
from folkseq.representations.base import END, START, Representation

# The octave is chosen so that a tune's mean pitch lies in the twelve semitones from this MIDI number. With this value,
# the fewest tunes of O'Neill's, Ryan's and Aird's collections are close to the limits after transposition to C.
LOWEST_MEAN = 59
_C = Key()


@dataclass(frozen=True)
class Spelling(Representation[Tune]):
    """The spelling of tunes.

    Attributes:
        transpose: Transpose every tune to a tonic of C.
        grace: Keep grace notes.
        chords: Keep chord symbols, each as one of the canonical qualities.
    """

    transpose: bool = True
    grace: bool = True
    chords: bool = False

    def tokenize(self, piece: Tune) -> list[str]:
        """Return the tokens of the tune."""
        return [*self._tokens(piece, whole=True), END]

    def tokenize_beginning(self, tune: Tune) -> list[str]:
        """Return the tokens of the beginning of a tune, in which repeats and ties may be open."""
        return self._tokens(tune, whole=False)

    def detokenize(self, tokens: Sequence[str]) -> Tune:
        """Return the tune for tokens, without a title and with the tonic of the tokens."""
        rhythm, key, meter = "", _C, Meter()
        for token in tokens:
            if token in (START, END):
                continue
            if token[:2] not in HEADER:
                break
            if token[0] == "R":
                rhythm = token[2:]
            elif token[0] == "M":
                meter = parse_meter(token[2:])
            else:
                key = parse_key(token[2:])[0] or _C
        tune = Tune((tuple(read_elements(tokens, key, meter, self.grace)),), key, meter, rhythm=rhythm, unit=UNIT)
        # Only a network without a grammar writes nested tuplets, or endings without their sign.
        return replace(tune, voices=(tuple(repair_endings(_without_nests(structure(tune)[2]))[0]),))

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """Count what the tokens do not represent, apart from titles and other header lines."""
        lost = dropped(piece.body, self.grace, self.chords)
        for voice in piece.voices[1:]:
            lost["note in another voice"] += sum(isinstance(each, Sound) and bool(each.pitches) for each in voice)
        if piece.rhythm and not canonical_rhythm(piece.rhythm):
            lost["rhythm of an unknown name"] += 1
        return Counter({name: count for name, count in lost.items() if count})

    def convention(self, piece: Tune) -> str:
        """Return the meter, unit, key and range of the tune, which its tokens do not contain."""
        if not self.transpose:
            return ""
        return describe(piece, canonical_rhythm(piece.rhythm), self._interval(piece.sounds(), piece.key))

    def interval(self, tune: Tune, *, whole: bool = True) -> Interval:
        """Return the interval that transposes a tune, or the beginning of one, to C."""
        key, _, elements = structure(tune, whole=whole)
        return self._interval(elements, key, whole)

    def _interval(self, elements: Iterable[Element], key: Key, whole: bool = True) -> Interval:
        """Return the interval to C in the octave that puts the mean pitch in range; unison without `transpose`.

        A beginning does not determine the mean pitch of a tune, so it is moved down to C if that is in range.
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

    def _tokens(self, tune: Tune, whole: bool) -> list[str]:
        key, meter, elements = structure(tune, whole=whole)
        interval = self._interval(elements, key, whole)
        rhythm, key = canonical_rhythm(tune.rhythm), key.moved(interval)
        tokens = [START, *([f"R:{rhythm}"] if rhythm else []), f"M:{meter}", key_token(key)[1:-1]]
        tokenizer = sound_tokenizer(interval, key, self.grace, self.chords)
        left, tuplet = 0, Tuplet(1, 1, 1)
        for element in elements:
            if isinstance(element, Sound):
                if left:
                    left -= 1
                    tokens += tokenizer.tokens_in_tuplet(element, tuplet.actual, tuplet.normal)
                else:
                    tokens += tokenizer.tokens(element)
            elif isinstance(element, Bar):
                tokens += bar_tokens(element)
            elif isinstance(element, Tuplet):
                tokens.append(tuplet_token(element, meter.compound))
                left, tuplet = element.count, element
            elif isinstance(element, Meter):
                meter = element
                tokens.append(f"[M:{meter}]")
            elif isinstance(element, Key):
                key = element.moved(interval)
                tokens.append(key_token(key))
                tokenizer = sound_tokenizer(interval, key, self.grace, self.chords)
        return tokens


def _without_nests(elements: Iterable[Element]) -> list[Element]:
    """Return elements without the signs of nested tuplets; their notes keep their durations."""
    found, left = list[Element](), 0
    for element in elements:
        if isinstance(element, Tuplet):
            if left:
                continue
            left = element.count
        elif isinstance(element, Sound):
            left = max(left - 1, 0)
        found.append(element)
    return found
