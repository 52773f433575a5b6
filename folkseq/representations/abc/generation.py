"""New tunes: the options of a musician, primes, and the key and title of the result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc
from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Bar, Interval, Key, Meter, Tune
from folkseq.music.pitch import LETTERS
from folkseq.music.signature import MODES
from folkseq.representations.abc.form import FormPlan
from folkseq.representations.abc.grammar import AbcGrammar
from folkseq.representations.abc.merits import merits
from folkseq.representations.abc.rhythms import RHYTHMS, canonical_rhythm
from folkseq.representations.abc.spelling import UNIT
from folkseq.representations.abc.structure import opening
from folkseq.representations.base import START
from folkseq.representations.capabilities import Generation, Options, Plan, Prime
from folkseq.settings import setting

if TYPE_CHECKING:
    from folkseq.representations.abc.codec import AbcCodec

# Number of candidates for a requested form. Of 60 tunes of 16 bars in the form AABB, 47 % ended on their tonic when the
# first candidate was taken, 82 % with 32 candidates and 92 % with 64; without a form 90 % do.
CANDIDATES = 64
# The tonics that fiddlers, fluters and pipers know best, the first the commonest.
_TONICS = {"maj": "DGA", "min": "EABD", "dor": "EAD", "mix": "DAG", "lyd": "GD", "phr": "BE", "loc": "B"}
_LOWEST, _HIGHEST, _MIDDLE = 55, 83, 71  # a fiddle in first position, in MIDI numbers
# What a tune is called whose rhythm is not known.
_BY_METER = {
    Meter(2, 2): "reel",
    Meter(4, 4): "reel",
    Meter(2, 4): "polka",
    Meter(3, 4): "waltz",
    Meter(6, 8): "jig",
    Meter(9, 8): "slipjig",
    Meter(12, 8): "slide",
}
_MODE_WORDS = {
    **{name: name for name in MODES},
    "": "maj",
    "m": "min",
    "ion": "maj",
    "aeo": "min",
    "major": "maj",
    "minor": "min",
    "ionian": "maj",
    "aeolian": "min",
    "mixolydian": "mix",
    "dorian": "dor",
    "phrygian": "phr",
    "lydian": "lyd",
    "locrian": "loc",
}
_KEY = re.compile(r"([A-Ga-g][#b]?)\s*([A-Za-z]*)")
_TITLES = {"slipjig": "slip jig", "singlejig": "single jig", "fling": "highland fling"}


@dataclass(frozen=True)
class AbcOptions(Options):
    """The options for new tunes."""

    rhythm: str | None = setting(None, "Kind of tune: reel, jig, hornpipe, …", needs_grammar=True)
    meter: str | None = setting(None, "Meter: 4/4, 6/8, C|, …", needs_grammar=True)
    mode: str | None = setting(None, "Mode: maj, min, dor, mix, …", needs_grammar=True)
    key: str | None = setting(None, "Key to write in: D (major), Em, Ador, …")
    bars: int | None = setting(
        None, "Number of bars, as written.  [default with a form: 8 per section]", needs_grammar=True
    )
    form: str | None = setting(None, "AABB for two sections with repeats, ABC for three without, …", needs_grammar=True)
    swing: float | None = setting(
        None, "Share of a beat that the first eighth takes in MIDI.", low=0.5, high=0.75, bare=0.66
    )


class AbcGeneration(Generation[Tune]):
    """Constraints on new tunes."""

    def __init__(self, codec: AbcCodec) -> None:
        super().__init__(codec.vocabulary)
        self.codec, self.representation = codec, codec.representation

    def plan(self, options: AbcOptions, prime: Prime[Tune] | None = None) -> Plan:
        """Return the grammar of valid tunes with the header and form of the options.

        The limit covers two parts and a prime, or more than the requested bars or sections take. A form gets many
        candidates; otherwise most tunes would end in the middle of a phrase.
        """
        header = {} if prime else header_tokens(options)  # a prime states its header itself
        form = FormPlan.of(options.bars, options.form)
        given = len(prime.ids) if prime else 0
        return Plan(
            opening=prime.ids if prime else (self.vocabulary.id(START),),
            limit=max(400 + given, 40 * (form.bars or 0), 400 * len(form.sections)),
            grammar=AbcGrammar(self.vocabulary, **header, plan=form),
            candidates=CANDIDATES if options.bars or options.form else 1,
            typical_length=True,
        )

    def prime(self, text: str, options: AbcOptions) -> Prime[Tune]:
        """Parse the beginning of a tune in ABC; the options supply what its header leaves open."""
        return self._primed(read_prime(text, options), options)

    def prime_file(self, data: bytes, file: str, options: AbcOptions) -> Prime[Tune]:
        """Parse the beginning of a tune from ABC, or from MIDI that keeps time, without bar lines at its end."""
        from folkseq.formats import midi

        if not midi.is_midi(data):
            return super().prime_file(data, file, options)
        from folkseq.formats.transcription import transcribe

        try:
            performance = midi.parse(data, file)[0]
            if options.key and not performance.keys:
                performance = replace(performance, keys=((0.0, read_key(options.key)),))
            tune, _ = transcribe(performance)
        except ParseError as error:
            raise RequestError(f"{file}: cannot be a prime ({error})") from None
        body = list(tune.body)
        while body and isinstance(body[-1], Bar):
            body.pop()
        return self._primed(replace(tune, voices=(tuple(body),)), options)

    def _primed(self, tune: Tune, options: AbcOptions) -> Prime[Tune]:
        tokens = self.representation.spell(tune, whole=False)
        last = tune.body[-1] if tune.body else None
        if isinstance(last, Bar) and last.style == "|]":
            raise RequestError("the prime ends the tune; leave out its last bar line to continue from there")
        for token in filter(None, header_tokens(replace(options, key=None)).values()):
            if token not in tokens:
                raise RequestError(f"the prime is not in {token[2:]}, which the options ask for; leave one of them out")
        return Prime(tuple(self.vocabulary.encode(tokens)), tune)

    def postprocess(self, piece: Tune, name: str, options: AbcOptions, prime: Prime[Tune] | None = None) -> Tune:
        """Return the tune with a title and a rhythm, in the requested key, else the prime's, else one in range."""
        if prime is not None and not options.key:
            start, _ = opening(prime.piece.body, prime.piece.key, prime.piece.meter)
            interval = self.representation.interval_of(prime.piece.body, start, whole=False)
            return titled(piece.transposed(-interval), name)
        return titled(to_key(piece, options.key or ""), name)

    def merits(self, tokens: Sequence[str]) -> dict[str, float]:
        """Score whether a tune ends on its tonic, and how much of it is repeated."""
        return merits(tokens)

    def preview(self, piece: Tune) -> str:
        """Return the first line of music."""
        lines = abc.format(piece).splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith("K:")) + 1
        return " ".join(lines[first : first + 1])


def header_tokens(options: AbcOptions) -> dict[str, str]:
    """Return the header tokens that the options ask for, or empty strings. Raises RequestError for unknown names."""
    rhythm, meter, mode, key = options.rhythm, options.meter, options.mode, options.key
    name = canonical_rhythm(rhythm or "")
    if rhythm and not name:
        raise RequestError(f"rhythm {rhythm!r} is not known; there are: {', '.join(RHYTHMS)}")
    asked = read_mode(mode) if mode else ""
    if key:
        written = read_key(key, asked).mode
        if asked and asked != written:
            raise RequestError(f"key {key} is not in mode {mode}; leave one of them out")
        asked = asked or written
    try:
        metre = f"M:{parse_meter(meter)}" if meter else ""
    except ParseError as error:
        raise RequestError(str(error)) from None
    return {"rhythm": f"R:{name}" if name else "", "meter": metre, "mode": f"K:C{asked}" if asked else ""}


def read_mode(text: str) -> str:
    """The mode that a user's word names. Raises RequestError if it names none."""
    word = text.strip().lower()
    if word not in _MODE_WORDS:
        raise RequestError(f"mode {text!r} does not exist; there are: {', '.join(MODES)}")
    return _MODE_WORDS[word]


def read_key(text: str, mode_of_tonic: str = "") -> Key:
    """The key that a user's text names; a tonic alone in that mode, or major. Raises RequestError if it names none."""
    tonic, mode = _tonic_and_mode(text)
    if len(text.strip()) == len(tonic):
        mode = mode_of_tonic or mode
    try:
        key = parse_key(tonic + mode)[0]
    except ParseError as error:
        raise RequestError(str(error)) from None
    return key or Key()


def _tonic_and_mode(text: str) -> tuple[str, str]:
    """The tonic as ABC spells it, and the mode, of a user's key. Raises RequestError if there is no such key."""
    match = _KEY.fullmatch(text.strip())
    mode = _MODE_WORDS.get(match[2].lower()) if match is not None else None
    if match is None or mode is None:
        raise RequestError(f"key {text.strip()} does not exist; write one such as D, Em or Ador")
    return match[1][0].upper() + match[1][1:], mode


def read_prime(text: str, options: AbcOptions) -> Tune:
    """Parse the one tune in `text`; its missing header lines come from the options, else C and 4/4.

    Raises:
        RequestError: if there is not one tune in it, it cannot be read, or it says otherwise than was asked.
    """
    asked = header_tokens(replace(options, key=None))
    text = text.strip()
    unit = "" if re.search("(?m)^K:", text) else "1/8"  # a tune with a header has a unit of its own
    for letter, value in (
        ("K", _prime_key(options.mode or "", options.key or "")),
        ("L", unit),
        ("M", asked["meter"][2:]),
        ("R", options.rhythm),
    ):
        if value and re.search(rf"(?m)^{letter}:", text) is None:
            text = f"{letter}:{value}\n{text}"
    book = abc.parse(text if text.startswith("X:") else f"X:1\n{text}", "the prime")
    if book.faults:
        raise RequestError(f"the prime cannot be read: {book.faults[0].reason}")
    if len(book.tunes) != 1:
        raise RequestError(f"the prime holds {len(book.tunes)} tunes; give one")
    unknown = [kind for kind in book.lost[0] if kind.startswith("unknown symbol")]
    if unknown:
        raise RequestError(f"the prime is not ABC: {unknown[0]}")
    return book.tunes[0]


def _prime_key(mode: str, key: str) -> str:
    return key or f"C{read_mode(mode)}" if mode else key or "C"


def to_key(tune: Tune, key: str) -> Tune:
    """`tune`, whose tonic is C, on the tonic of `key`, or on the one that best suits its range if `key` is empty."""
    mode = tune.key.mode
    tonics = [read_key(key, mode)] if key else [Key(LETTERS.index(letter)) for letter in _TONICS[mode]]
    return tune.transposed(min((_best_octave(tune, tonic) for tonic in tonics), key=lambda found: found[0])[1])


def _best_octave(tune: Tune, tonic: Key) -> tuple[tuple[int, float], Interval]:
    """The way to `tonic` that leaves the fewest notes out of range, and how far from the middle it leaves the rest."""
    interval = tune.key.interval_to(tonic)
    pitches = [pitch.midi for sound in tune.sounds() for pitch in sound.pitches] or [_MIDDLE]
    ways = []
    for octave in (-1, 0, 1):
        way = interval.octaves(octave)
        moved = [pitch + way.semitones for pitch in pitches]
        outside = sum(not _LOWEST <= pitch <= _HIGHEST for pitch in moved)
        ways.append(((outside, abs(sum(moved) / len(moved) - _MIDDLE)), way))
    return min(ways, key=lambda found: found[0])


def titled(tune: Tune, name: str) -> Tune:
    """`tune` with its rhythm, or what its meter suggests, a title made of that and `name`, and a unit length.

    The unit is a sixteenth where most of its notes are shorter than an eighth, since players read whole numbers.
    """
    rhythm = tune.rhythm or _BY_METER.get(tune.meter, "air")
    rhythm = _TITLES.get(rhythm, rhythm)
    short = [sound.duration < UNIT for sound in tune.sounds()]
    unit = UNIT / 2 if 2 * sum(short) > len(short) else UNIT
    return replace(tune, rhythm=rhythm, titles=(f"{rhythm.capitalize()} {name}",), unit=unit)
