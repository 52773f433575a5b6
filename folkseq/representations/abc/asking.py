"""What a musician asks of a new tune, and how the tune is handed over: header, prime, key, title."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from folkseq.errors import ParseError, RequestError
from folkseq.formats import abc
from folkseq.formats.abc.fields import parse_key, parse_meter
from folkseq.music import Interval, Key, Meter, Tune
from folkseq.music.pitch import LETTERS
from folkseq.music.signature import MODES
from folkseq.representations.abc.rhythms import RHYTHMS, canonical_rhythm
from folkseq.representations.abc.spelling import UNIT

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


def header_tokens(*, rhythm: str = "", meter: str = "", mode: str = "", key: str = "", **_: Any) -> dict[str, str]:
    """The header's tokens for what was asked, empty where nothing was. Raises RequestError for what does not exist."""
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
        meter = f"M:{parse_meter(meter)}" if meter else ""
    except ParseError as error:
        raise RequestError(str(error)) from None
    return {"rhythm": f"R:{name}" if name else "", "meter": meter, "mode": f"K:C{asked}" if asked else ""}


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


def read_prime(text: str, *, rhythm: str = "", meter: str = "", mode: str = "", key: str = "", **_: Any) -> Tune:
    """The one tune in `text`, of which what it does not say itself is as asked, else in C and 4/4.

    Raises:
        RequestError: if there is not one tune in it, it cannot be read, or it says otherwise than was asked.
    """
    asked = header_tokens(rhythm=rhythm, meter=meter, mode=mode)
    text = text.strip()
    unit = "" if re.search("(?m)^K:", text) else "1/8"  # a tune with a header has a unit of its own
    for letter, value in (("K", _prime_key(mode, key)), ("L", unit), ("M", asked["meter"][2:]), ("R", rhythm)):
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
