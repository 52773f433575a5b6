"""FolkRNN's representation of tunes: a token for each thing a player reads.

Source: Sturm et al., Music transcription modelling and composition using deep learning (2016), and the third version of
folk-rnn, which brings every tune to a tonic of C. The mode is a token, so that what is learnt in one key is known in
all, and a tune can be written out in any. Deviations: accidentals stand on every note that has one (there is no bar to
remember), lengths are spelt in one way (no `>`), repeats always come in pairs, and grace notes, ties and chords are
kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc, midi
from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.formats.abc.lexer import parse_note
from folkseq.formats.transcription import transcribe
from folkseq.infill.abc.task import FillTask
from folkseq.music import Bar, Element, Interval, Key, Meter, Sound, Tune, Tuplet
from folkseq.music.playback import STRAIGHT, perform
from folkseq.representations.abc.asking import header_tokens, read_key, read_prime, titled, to_key
from folkseq.representations.abc.form import Plan
from folkseq.representations.abc.grammar import AbcGrammar
from folkseq.representations.abc.labels import labels, places
from folkseq.representations.abc.merits import merits
from folkseq.representations.abc.rhythms import canonical_rhythm
from folkseq.representations.abc.spelling import (
    UNIT,
    Speller,
    kind,
    sound_speller,
    spell_bar,
    spell_key,
    spell_meter,
    spell_tuplet,
)
from folkseq.representations.abc.structure import clean, dropped, opening, structure
from folkseq.representations.abc.tables import LINES
from folkseq.representations.abc.traits import melody, traits
from folkseq.representations.abc.validity import fault
from folkseq.representations.base import END, START, Parsed, Prime, Tokenizer
from folkseq.representations.places import Places
from folkseq.representations.task import FILL, Task
from folkseq.representations.traits import Traits
from folkseq.representations.vocabulary import Profile, Vocabulary

# The octave is chosen so that a tune's mean pitch lies in the twelve semitones from here (MIDI): the twelve near whose
# ends the fewest tunes of O'Neill's, Ryan's and Aird's lie once their tonic is C.
LOWEST_MEAN = 59
# Tunes, of which one fits the form that is asked for. Of 60 of 16 bars in the form AABB 47 % ended on their tonic when
# the first was taken, 82 % of 32 tries, 92 % of 64; without a form 90 % do.
TRIES = 64
_C = Key()


@dataclass(frozen=True)
class AbcTokenizer(Tokenizer[Tune]):
    """Tunes as FolkRNN's tokens.

    `transpose` brings every tune to a tonic of C; `grace` keeps grace notes.
    """

    transpose: bool = True
    grace: bool = True

    name: ClassVar[str] = "abc"
    suffixes: ClassVar[tuple[str, ...]] = (".abc", ".txt")
    outputs: ClassVar[tuple[str, ...]] = (".abc", ".mid")
    controls: ClassVar[tuple[str, ...]] = ("rhythm", "meter", "mode", "key", "bars", "form", "swing")
    by_length: ClassVar[bool] = True
    steering: ClassVar[tuple[str, ...]] = ("rhythm", "meter", "mode", "bars", "form")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Tunes come back to their bars, and there are few of them, so that weights are better kept small."""
        return {"lookback_bars": (1, 2, 4, 8), "lookback_match": True, "copy_pointer": True, "weight_decay": 0.3}

    def parse(self, data: bytes, file: str) -> Parsed[Tune]:
        """The tunes in a file of ABC. Raises ParseError if it holds none."""
        book = abc.parse_bytes(data, file)
        return Parsed(book.tunes, book.lost, tuple(map(str, book.faults)), book.stray)

    def format(self, piece: Tune, suffix: str, comments: Sequence[str] = (), **controls: Any) -> bytes:
        """The tune as ABC text in UTF-8, or as a MIDI file, in which `swing` holds; either with the comments."""
        if suffix == ".abc":
            return abc.format(piece, comments).encode()
        try:
            return midi.format(perform(piece, swing=controls.get("swing") or STRAIGHT), comments)
        except ValueError as error:
            raise RequestError(str(error)) from None

    def tokenize(self, piece: Tune) -> list[str]:
        """The tune's tokens, from `<s>` to `</s>`."""
        return [*self._spell(piece, whole=True), END]

    def detokenize(self, tokens: Sequence[str]) -> Tune:
        """The tune that tokens stand for, with no title, on the tonic that they have (C, with `transpose`)."""
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
        """The tune as tokens hold it: its first voice, structured, on C, without title, fields or tempo."""
        key, meter = opening(piece.body, piece.key, piece.meter)
        body = tuple(clean(structure(piece.body, key, meter), self.grace))
        tune = Tune((body,), key=key, meter=meter, rhythm=canonical_rhythm(piece.rhythm), unit=UNIT)
        return tune.transposed(self._interval(body, key))

    def lost(self, piece: Tune) -> Mapping[str, int]:
        """What of the tune its tokens do not hold, by kind and count (titles and other header lines aside)."""
        lost = dropped(piece.body, self.grace)
        for voice in piece.voices[1:]:
            lost["note in another voice"] += sum(
                isinstance(element, Sound) and bool(element.pitches) for element in voice
            )
        if piece.rhythm and not canonical_rhythm(piece.rhythm):
            lost["rhythm of an unknown name"] += 1
        return Counter({name: count for name, count in lost.items() if count})

    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """The melody's intervals in diatonic steps, which no transposition changes."""
        pitches = (token for token in vocabulary.decode(ids) if kind(token) == "pitch")
        return np.diff(np.fromiter((parse_note(token)[0] for token in pitches), np.int64)).astype(np.int64)

    def learn(self, pieces: Sequence[Sequence[str]]) -> Vocabulary:
        """What occurs in tokenized pieces, the two ends, and every line, so that a grammar can always close a tune."""
        return super().learn([*pieces, LINES, ("[1", "[2")])

    def task(self, name: str, vocabulary: Vocabulary) -> Task:
        """To fill gaps of some bars."""
        return FillTask(self, vocabulary) if name == FILL else super().task(name, vocabulary)

    def profile(self, vocabulary: Vocabulary) -> Profile:
        """Pitches at their place on the staff, of one kind for each accidental; another pitch can replace any."""
        size = len(vocabulary)
        heights, kinds = np.zeros(size, np.int64), np.arange(size)
        for index, token in enumerate(vocabulary.tokens):
            if kind(token) == "pitch":
                heights[index], sign, _ = parse_note(token)
                kinds[index] = size + (0 if sign is None else 3 + sign)
        pitched = kinds >= size
        ends, ties = (np.isin(vocabulary.tokens, tokens) for tokens in ((START, END), ("-",)))
        return Profile(heights, kinds, pitched, free=pitched, binding=ties, ends=ends)

    def bar_ends(self, vocabulary: Vocabulary) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Bars end at their lines, sections at those that are not plain; both begin anew after the header's tokens."""
        header = [token == START or token[:2] in ("R:", "M:", "K:") for token in vocabulary.tokens]
        bars = np.array([kind(token) == "bar" for token in vocabulary.tokens])
        return bars | header, bars & (np.array(vocabulary.tokens) != "|") | header

    def melody(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """The highest notes of its sounds, as written once; ties are one note, rests and grace notes none."""
        return melody(self.detokenize(vocabulary.decode(ids)))

    def fault(self, ids: NDArray[Any], vocabulary: Vocabulary) -> str:
        """What a strict reading finds wrong first: `validity` says what there may be."""
        return fault(vocabulary.decode(ids))

    def traits(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Traits:
        """Its sections, its end, its bars that come back, and its notes' pitches and durations."""
        tokens = vocabulary.decode(ids)
        return traits(self.detokenize(tokens), tokens)

    def labels(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Mapping[str, NDArray[Any]]:
        """Where each token stands in its bar and part, whether in a repeat, and whether in the header."""
        return labels(vocabulary.decode(ids))

    def places(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Places:
        """The bar of each token, and when in it its sound begins, in whole notes."""
        return places(vocabulary.decode(ids))

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """The number of notes."""
        return {"note": float(sum(kind(token) == "pitch" for token in vocabulary.decode(ids)))}

    def prime(self, text: str, **controls: Any) -> Prime[Tune]:
        """The beginning of a tune from ABC; what it leaves open is as asked. Raises RequestError if it is none."""
        return self._primed(read_prime(text, **controls), **controls)

    def prime_file(self, data: bytes, file: str, **controls: Any) -> Prime[Tune]:
        """The beginning of a tune that a file of ABC, or of MIDI that keeps time, holds; bar lines at its end aside."""
        if not midi.is_midi(data):
            return super().prime_file(data, file, **controls)
        try:
            performance = midi.parse(data, file)[0]
            if controls.get("key") and not performance.keys:
                performance = replace(performance, keys=((0.0, read_key(controls["key"])),))
            tune, _ = transcribe(performance)
        except ParseError as error:
            raise RequestError(f"{file}: cannot be a prime ({error})") from None
        body = list(tune.body)
        while body and isinstance(body[-1], Bar):
            body.pop()
        return self._primed(replace(tune, voices=(tuple(body),)), **controls)

    def _primed(self, tune: Tune, **controls: Any) -> Prime[Tune]:
        tokens = self._spell(tune, whole=False)
        last = tune.body[-1] if tune.body else None
        if isinstance(last, Bar) and last.style == "|]":
            raise RequestError("the prime ends the tune; leave its last bar line out, and the model goes on from there")
        asked = header_tokens(**{name: value for name, value in controls.items() if name != "key"})
        for token in filter(None, asked.values()):
            if token not in tokens:
                raise RequestError(f"the prime is not in {token[2:]}, which was asked for; leave one of them out")
        return Prime(tuple(tokens), tune)

    def grammar(self, vocabulary: Vocabulary, prime: Prime[Tune] | None = None, **controls: Any) -> AbcGrammar:
        """Valid tunes, of the header and form asked for. Raises RequestError if the model knows none such."""
        # What a prime says, or is made to say, needs no grammar to be held to.
        header = {} if prime else header_tokens(**controls)
        return AbcGrammar(vocabulary, **header, plan=Plan.of(controls.get("bars"), controls.get("form")))

    def limit(self, prime: Prime[Tune] | None = None, **controls: Any) -> int:
        """The most tokens: those of two parts and a prime, or more than the bars or sections asked for take."""
        plan = Plan.of(controls.get("bars"), controls.get("form"))
        return max(400 + (len(prime.tokens) if prime else 0), 40 * (plan.bars or 0), 400 * len(plan.sections))

    def tries(self, **controls: Any) -> int:
        """Many where a form is asked for, or most tunes would end in the middle of a phrase."""
        return TRIES if controls.get("bars") or controls.get("form") else 1

    def label(self, piece: Tune) -> str:
        """Its number and titles."""
        return f"X:{piece.number} {' / '.join(piece.titles)}".strip()

    def place(self, tokens: Sequence[str], index: int) -> str:
        """The bar that a token stands in, counted from 1."""
        before = tokens[:index]
        sounded = next((place for place, token in enumerate(before) if kind(token) in ("pitch", "rest")), len(before))
        return f"bar {1 + self.bars(before[sounded:])}"

    def bars(self, tokens: Sequence[str]) -> int:
        """How many bar lines there are among these tokens."""
        return sum(kind(token) == "bar" for token in tokens)

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """Whether a tune ends on its tonic, and how much of it comes back."""
        return merits(tokens)

    def finish(self, piece: Tune, name: str, prime: Prime[Tune] | None = None, **controls: Any) -> Tune:
        """The tune with a title and a rhythm, in the key asked for, else the prime's, else one that suits its range."""
        key = controls.get("key") or ""
        if prime is not None and not key:
            start, _ = opening(prime.piece.body, prime.piece.key, prime.piece.meter)
            return titled(piece.transposed(-self._interval(prime.piece.body, start, whole=False)), name)
        return titled(to_key(piece, key), name)

    def glimpse(self, piece: Tune) -> str:
        """The first line of its music."""
        lines = abc.format(piece).splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith("K:")) + 1
        return " ".join(lines[first : first + 1])

    def numbered(self, piece: Tune, number: int) -> Tune:
        """The tune with its `X:` number, and a title if it has none."""
        return replace(piece, number=number, titles=piece.titles or (f"Tune {number}",))

    def _spell(self, tune: Tune, *, whole: bool) -> list[str]:
        key, meter = opening(tune.body, tune.key, tune.meter)
        elements = structure(tune.body, key, meter, whole=whole)
        interval = self._interval(elements, key, whole=whole)
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
        """What brings the tune to C, as its tokens have it."""
        key, meter = opening(tune.body, tune.key, tune.meter)
        return self._interval(structure(tune.body, key, meter), key)

    def _interval(self, elements: Iterable[Element], key: Key, *, whole: bool = True) -> Interval:
        """What brings a tune to C, in the octave where its mean pitch is in range; nothing without `transpose`.

        The beginning of a tune does not tell the tune's mean. It goes down to C, as most tunes do, if that can be.
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
