"""Generation of tunes: the grammar, primes, and the key and title of the result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc
from folkseq.formats.abc.lexer import parse_note
from folkseq.grammar import Grammar, Target
from folkseq.identity import ByIdentity
from folkseq.music import Bar, Key, Meter, Sound, Tune
from folkseq.representations.abc.analysis import repeated_bars
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.compass import Compass
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.abc.form import FormPlan
from folkseq.representations.abc.grammar import AbcGrammar
from folkseq.representations.abc.instruments import Instrument
from folkseq.representations.abc.naming import TitleModel
from folkseq.representations.abc.options import AbcOptions, find_key, find_mode
from folkseq.representations.abc.playable import PlayableGrammar
from folkseq.representations.abc.rhythms import COMMON_TIME, Way, named, way_to_write
from folkseq.representations.abc.spelling import Spelling
from folkseq.representations.abc.titles import DANCE
from folkseq.representations.abc.tokens import HEADER, UNIT, kind
from folkseq.representations.abc.variation import VariedForm, in_order
from folkseq.representations.base import START
from folkseq.representations.capabilities import Generation, Plan, Prime, too_long
from folkseq.representations.vocabulary import Vocabulary

# Number of candidates for a requested form. Of 60 tunes of 16 bars in the form AABB, 47 % ended on their tonic when the
# first candidate was taken, 82 % with 32 candidates and 92 % with 64; without a form 90 % do.
CANDIDATES = 64
_RARE = 0.2
"""Share of the tunes of a rhythm and meter below which a unit is not used for them."""
# The title of a tune of unknown rhythm.
_RHYTHM_OF_METER = {
    Meter(2, 2): "reel",
    Meter(4, 4): "reel",
    Meter(2, 4): "polka",
    Meter(3, 4): "waltz",
    Meter(6, 8): "jig",
    Meter(9, 8): "slipjig",
    Meter(12, 8): "slide",
}


class AbcGeneration(Generation[Tune]):
    """Constraints on new tunes."""

    # At 1, only half as many bars recur as in the books; with a lower temperature throughout, tunes lack variety.
    repeating = 0.75
    ranks = True

    def __init__(self, spelling: Spelling, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary)
        self.spelling, self.conventions = spelling, Conventions(vocabulary.conventions)

    def plan(self, options: AbcOptions, prime: Prime[Tune] | None = None) -> Plan:
        """Return the grammar of valid tunes with the header and form of the options.

        The limit is sufficient for two parts and a prime, or for the requested bars or sections. A form needs many
        candidates; otherwise most tunes would end in the middle of a phrase.
        """
        if options.accompaniment and not any(kind(token) == "harmony" for token in self.vocabulary.tokens):
            raise RequestError("--accompaniment plays chord symbols, which only a model of abc:chords=true writes")
        way, mode = self._way(options), options.requested_mode()
        header: dict[str, Any] = {}  # a prime has its own
        if not prime:
            rhythm, meters = way.rhythm and f"R:{way.rhythm}", [f"M:{meter}" for meter in way.meters]
            header = {"rhythm": rhythm, "meters": meters, "mode": mode and f"K:C{mode}"}
        form = self._form(options)
        target: Target | None = None
        if not prime and self.conventions.known:
            key = find_key(options.key, mode) if options.key else None
            target = Compass(self.vocabulary, self.conventions, key, **header, instrument=options.range)
        if options.vary is not None or (form.sections and self.conventions.known):
            target = VariedForm(self.vocabulary, form, options.vary or 0, target)
        grammar: Grammar = AbcGrammar(self.vocabulary, **header, plan=form)
        if options.range is not None:
            grammar = self._playable(grammar, options.range, options, prime)
        given = len(prime.ids) if prime else 0
        return Plan(
            opening=prime.ids if prime else (self.vocabulary.id(START),),
            limit=max(400 + given, 40 * (form.bars or 0), 400 * len(form.sections)),
            grammar=grammar,
            target=target,
            candidates=CANDIDATES if options.bars or options.form else 1,
            typical_length=True,
            notices=[way.notice] if way.notice else [],
        )

    def _form(self, options: AbcOptions) -> FormPlan:
        """Return the plan of the requested form."""
        if options.vary is not None and options.form is None:
            raise RequestError("--vary needs a form in which a section comes back, as in --form AABB")
        return FormPlan.of(options.bars, options.form, varied=options.vary is not None)

    def _way(self, options: AbcOptions) -> Way:
        """Return the way in which the model writes the requested rhythm and meter."""
        rhythm, meter = options.requested_rhythm(), options.requested_meter()
        return way_to_write(rhythm, meter, self.vocabulary, self.conventions)

    def _playable(
        self, grammar: Grammar, instrument: Instrument, options: AbcOptions, prime: Prime[Tune] | None
    ) -> PlayableGrammar:
        """Return the grammar of tunes that `postprocess` can transpose to the range of an instrument."""

        def shifts(tonic: Key) -> Collection[int]:
            if prime is not None and not options.key:
                return ((-self.spelling.interval(prime.piece, whole=False)).semitones,)
            return self.conventions.shifts(tonic, find_key(options.key, tonic.mode) if options.key else None)

        if prime is not None:
            back = -self.spelling.interval(prime.piece, whole=False)  # from the tokens to the prime's own key
            least, most = instrument.room(prime.piece)
            tonic = prime.piece.key.moved(-back)
            if not any(least <= shift - back.semitones <= most for shift in shifts(tonic)):
                raise RequestError(
                    f"the prime does not fit the instrument {options.instrument}, whose range is {instrument}; "
                    "leave out --instrument, or ask for another --key"
                )
        return PlayableGrammar(grammar, self.vocabulary, instrument, shifts)

    def prime(self, text: str, options: AbcOptions) -> Prime[Tune]:
        """Parse the beginning of a tune in ABC; missing header lines come from the options, else C and 4/4."""
        text = text.strip()
        has_header = re.search("(?m)^K:", text)  # a tune with a header has its own unit
        key = find_key(options.key or "C", find_mode(options.mode) if options.mode else "")
        way = self._way(options)
        meter = way.meters[0] if way.meters else ""
        for letter, value in (("K", key), ("L", "" if has_header else "1/8"), ("M", meter), ("R", way.rhythm)):
            if value and re.search(rf"(?m)^{letter}:", text) is None:
                text = f"{letter}:{value}\n{text}"
        book = abc.parse(text if text.startswith("X:") else f"X:1\n{text}", "the prime")
        if book.faults:
            raise RequestError(f"the prime cannot be read: {book.faults[0].reason}")
        if len(book.tunes) != 1:
            raise RequestError(f"the prime holds {len(book.tunes)} tunes; give one")
        unknown = [lost for lost in book.lost[0] if lost.startswith("unknown symbol")]
        if unknown:
            raise RequestError(f"the prime is not ABC: {unknown[0]}")
        return self._prime(book.tunes[0], options, book.lost[0])

    def prime_file(self, data: bytes, file: str, options: AbcOptions) -> Prime[Tune]:
        """Parse the beginning of a tune from ABC; or from MusicXML or MIDI, without bar lines at its end."""
        from folkseq.formats import midi, musicxml

        if musicxml.is_musicxml(data):
            book = musicxml.parse_bytes(data, file)
            if not book.tunes:
                raise RequestError(str(book.faults[0]))
            return self._open_prime(book.tunes[0], options, book.lost[0])
        if not midi.is_midi(data):
            return super().prime_file(data, file, options)
        from folkseq.formats.transcription import transcribe

        try:
            performance, lost, _ = midi.parse(data, file)
            if options.key and not performance.keys:
                mode = find_mode(options.mode) if options.mode else ""
                performance = replace(performance, keys=((0.0, find_key(options.key, mode)),))
            tune, not_written = transcribe(performance)
        except ParseError as error:
            raise RequestError(f"{file}: cannot be a prime ({error})") from None
        return self._open_prime(tune, options, lost + not_written)

    def _open_prime(self, tune: Tune, options: AbcOptions, lost: Mapping[str, int]) -> Prime[Tune]:
        """Return the prime of a tune without its last bar lines, so that it can continue."""
        body = list(tune.body)
        while body and isinstance(body[-1], Bar):
            body.pop()
        return self._prime(replace(tune, voices=(tuple(body), *tune.voices[1:])), options, lost)

    def _prime(self, tune: Tune, options: AbcOptions, lost: Mapping[str, int]) -> Prime[Tune]:
        tokens = self.spelling.tokenize_beginning(tune)
        last = tune.body[-1] if tune.body else None
        if isinstance(last, Bar) and last.style == "|]":
            raise RequestError("the prime ends the tune; leave out its last bar line to continue from there")
        way, mode = self._way(options), replace(options, key=None).requested_mode()
        asked = ([way.rhythm] if way.rhythm else [], way.meters, [f"C{mode}"] if mode else [])
        for letter, values in zip(HEADER, asked, strict=True):
            if values and not any(f"{letter}{value}" in tokens for value in values):
                what = " or ".join(values)
                raise RequestError(f"the prime is not in {what}, which the options ask for; leave one of them out")
        bars = read_bars(tokens).spans
        if options.bars and bars and bars[-1].number >= options.bars:
            raise too_long("bars", options.bars, f"{bars[-1].number} bars")
        unknown = [token for token in tokens if kind(token) == "harmony" and token not in self.vocabulary]
        tokens = [token for token in tokens if token not in unknown]
        losses = Counter(lost) + Counter({"chord symbol that the model does not know": len(unknown)} if unknown else {})
        return Prime(tuple(self.vocabulary.encode(tokens)), tune, losses + Counter(self.spelling.lost(tune)))

    def in_order(self, ids: Sequence[int], options: AbcOptions) -> Sequence[int]:
        """Return the ids of a tune with each varied repeat after its section."""
        plan = self._form(options)
        if not plan.returns:
            return ids
        return tuple(self.vocabulary.encode(in_order(self.vocabulary.decode(ids), plan)))

    def postprocess(self, piece: Tune, name: str, options: AbcOptions, prime: Prime[Tune] | None = None) -> Tune:
        """Return the tune with a title and a rhythm, in the notation of similar tunes of the corpus.

        The key and meter of the options and of the prime have precedence.
        """
        random = Random(name)  # seeded by the name, so that the same piece is always written in the same way
        if prime is not None and not options.key:
            interval = -self.spelling.interval(prime.piece, whole=False)
        else:
            key = find_key(options.key, piece.key.mode) if options.key else None
            interval = self.conventions.interval(piece, key, random, options.range)
        tune = piece.transposed(interval)
        if prime is None and not options.meter:
            tune = self._in_common_time(tune, random)
        tune = replace(tune, unit=self._unit(tune))
        if prime is None and not options.meter and tune.rhythm == "hornpipe" and tune.meter == Meter(2, 2):
            tune = replace(tune, meter=Meter(4, 4))  # abc2midi reports a hornpipe in C| as a fault
        return _titled(replace(tune, rhythm=options.requested_rhythm() or tune.rhythm), name)

    def new_titles(self, known: Sequence[Sequence[str]], seed: int) -> Iterator[str]:
        """Yield titles in the style of the corpus; `DANCE` stands for the kind of tune."""
        if known:
            yield from TitleModel(known).new_titles(Random(f"titles {seed}"))

    def entitled(self, piece: Tune, title: str) -> Tune:
        """Return the tune with the title; its rhythm replaces `DANCE`."""
        rhythm = named(piece.rhythm).title()
        return replace(piece, titles=(title.replace(DANCE, rhythm),))

    def _in_common_time(self, tune: Tune, random: Random) -> Tune:
        """Return a dance with bars of eight sixteenths as one with eight eighths, in C or C| as often as the corpus."""
        in_halves = tune.meter == Meter(2, 4) and tune.rhythm in COMMON_TIME and _fitting_unit(tune) < UNIT
        if not in_halves or any(isinstance(element, Meter) for element in tune.body):
            return tune
        meters = [Meter(4, 4), Meter(2, 2)]
        counts = [self.conventions.units(tune.rhythm, meter).total() for meter in meters]
        doubled = (_doubled(element) if isinstance(element, Sound) else element for element in tune.body)
        meter = random.choices(meters, counts)[0] if any(counts) else meters[0]
        return replace(tune, voices=(tuple(doubled),), meter=meter)

    def _unit(self, tune: Tune) -> Fraction:
        """Return the unit that suits the notes of a tune; the usual unit if the other is rare for such tunes."""
        units, fitting = self.conventions.units(tune.rhythm, tune.meter), _fitting_unit(tune)
        return fitting if units[fitting] >= _RARE * units.total() else units.most_common(1)[0][0]

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """Score a tune on C: `tonic` is 1 if it ends on C; `figures` is the share of its bars that occur repeatedly."""
        last = next((token for token in reversed(tokens) if kind(token) == "pitch"), None)
        repeated, bars = repeated_bars(tokens)
        on_tonic = last is not None and parse_note(last)[0] % 7 == 0
        return {"tonic": float(on_tonic), "figures": repeated / max(bars, 1)}

    def preview(self, piece: Tune) -> str:
        """Return the first line of music."""
        lines = abc.format(piece).splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith("K:")) + 1
        return " ".join(lines[first : first + 1])


_is_short = ByIdentity[Sound, bool](lambda sound: sound.duration < UNIT)
_doubled = ByIdentity[Sound, Sound](lambda sound: replace(sound, duration=2 * sound.duration))


def _fitting_unit(tune: Tune) -> Fraction:
    """Return a sixteenth if most notes are shorter than an eighth, since players read whole numbers."""
    short = list(map(_is_short, tune.sounds()))
    return UNIT / 2 if 2 * sum(short) > len(short) else UNIT


def _titled(tune: Tune, name: str) -> Tune:
    """Return a tune with its rhythm, or the rhythm of its meter, and a title made of the rhythm and `name`."""
    rhythm = tune.rhythm or _RHYTHM_OF_METER.get(tune.meter, "air")
    rhythm = named(rhythm)
    return replace(tune, rhythm=rhythm, titles=(f"{rhythm.capitalize()} {name}",))
