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
from folkseq.tokenizers.abc.rhythms import RHYTHMS, canonical_rhythm
from folkseq.tokenizers.abc.spelling import UNIT

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
_TITLES = {"slipjig": "slip jig", "singlejig": "single jig", "fling": "highland fling"}


def header_tokens(*, rhythm: str = "", meter: str = "", mode: str = "", key: str = "", **_: Any) -> dict[str, str]:
    """The header's tokens for what was asked, empty where nothing was. Raises RequestError for what does not exist."""
    name = canonical_rhythm(rhythm or "")
    if rhythm and not name:
        raise RequestError(f"rhythm {rhythm!r} is not known; there are: {', '.join(RHYTHMS)}")
    asked_mode = read_mode(mode) if mode else _written_mode(key or "")
    try:
        meter = f"M:{parse_meter(meter)}" if meter else ""
    except ParseError as error:
        raise RequestError(str(error)) from None
    return {
        "rhythm": f"R:{name}" if name else "",
        "meter": meter,
        "mode": f"K:C{asked_mode}" if asked_mode else "",
    }


def read_mode(text: str) -> str:
    """The mode that a user's word names. Raises RequestError if it names none."""
    word = text.strip().lower()
    mode = {"m": "min", "minor": "min", "major": "maj", "ionian": "maj", "aeolian": "min"}.get(word, word[:3])
    if mode not in MODES:
        raise RequestError(f"mode {text!r} does not exist; there are: {', '.join(MODES)}")
    return mode


def read_key(text: str) -> Key:
    """The key that a user's text names. Raises RequestError if it names none."""
    text = text.strip()
    try:
        key = parse_key(text[:1].upper() + text[1:])[0]
    except ParseError:
        raise RequestError(f"key {text} does not exist; write one such as D, Em or Ador") from None
    if key is None or key.extra:
        raise RequestError(f"key {text} is not one to write a tune in; write one such as D, Em or Ador")
    return key


def _written_mode(key: str) -> str:
    """The mode that a key's text states; nothing where it gives a tonic alone, as `D` does."""
    if not key:
        return ""
    return read_key(key).mode if re.fullmatch(r"\s*[A-Ga-g][#b]?\s*", key) is None else ""


def read_prime(text: str) -> tuple[Tune, bool]:
    """The one tune in `text`, and whether its last bar is still open; music without a header is taken to be in C, 4/4.

    Raises:
        RequestError: if there is no tune in it, or it cannot be read.
    """
    headed = re.search(r"(?m)^K:", text) is not None
    if headed and re.search(r"(?m)^X:", text) is None:
        text = f"X:1\n{text.lstrip()}"
    elif not headed:
        text = f"X:1\nL:1/8\nK:C\n{text}"
    book = abc.parse(text, "the prime")
    if book.faults or not book.tunes:
        raise RequestError(str(book.faults[0]) if book.faults else "the prime holds no tune")
    return book.tunes[0], not re.search(r"[|:\]]\s*$", text)


def to_key(tune: Tune, key: str) -> Tune:
    """`tune`, whose tonic is C, on the tonic of `key`, or on the one that best suits its range if `key` is empty."""
    tonics = [read_key(key)] if key else [Key(LETTERS.index(letter)) for letter in _TONICS[tune.key.mode]]
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
