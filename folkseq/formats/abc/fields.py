"""What the lines `K:`, `M:`, `L:` and `Q:` say, in every spelling that tune books use (ABC 2.1, section 3.1).

Deviations: the modes' first three letters are enough, whatever follows (the standard's own rule); a lone `n` after
the tonic is read as the misprint for `m` that it is; `HP` and `Hp` are A mixolydian, which is what the pipes sound,
whatever the staff shows.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from folkseq.errors import ParseError
from folkseq.music.pitch import LETTERS
from folkseq.music.signature import MODES, Key, Meter, Tempo

_MODES = {**{name: name for name in MODES}, "ion": "maj", "aeo": "min", "": "maj", "m": "min", "n": "min"}
_KEY = re.compile(r"([A-G])\s*([#b♯♭]?)\s*([A-Za-z]*)")
_EXTRA = re.compile(r"(\^\^|__|\^|_|=)([A-Ga-g])")
_ALTERS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
ACCIDENTALS = {"__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}
_SETTING = re.compile(
    r"\b(?:clef|octave|transpose|middle|stafflines|staffscale|score|sound|shift) ?= ?\S*"
    r"|(?<!\S)[mt]= ?\S*"
    r"|\b(?:treble|bass|alto|tenor|perc)\d*[+-]?8?\b"
)
_NAME = re.compile(r'(?<!\S)[a-z]{2,}=(?:"[^"]*"|[^\s"]+)')  # settings of the page alone, such as name="Fiddle"


def parse_settings(text: str) -> tuple[str, ...]:
    """The clefs, octave shifts and the like that a `K:` or `V:` line asks for besides."""
    return tuple(match[0] for match in _SETTING.finditer(_one_line(text)))


def _one_line(text: str) -> str:
    """`text` with single spaces, so that no pattern need look far for the end of a gap."""
    return " ".join(text.split())


def _shown(text: str) -> str:
    """As much of `text` as a message has room for."""
    return text.strip() if len(text) <= 40 else f"{text.strip()[:40]}…"


@lru_cache(maxsize=4096)
def parse_key(text: str) -> tuple[Key | None, tuple[str, ...]]:
    """The key that `text` names, and what else it asked for (clefs, octave shifts) that a Key does not hold.

    The key is None where there are such settings alone, as in `K:clef=bass`: the key stays as it was.

    >>> str(parse_key("E Minor")[0]), str(parse_key("AMix")[0]), parse_key("D exp _b")[0].alters[6]
    ('Emin', 'Amix', -1)

    Raises:
        ParseError: if it names no key.
    """
    value = _one_line(text)
    settings = parse_settings(value)
    value = _NAME.sub("", _SETTING.sub("", value)).strip()
    if not value or value.lower() == "none":
        return None if settings and not value else Key(), settings
    if value[:2] in ("HP", "Hp"):
        return Key(5, 0, "mix"), settings
    match = _KEY.match(value)
    if match is None:
        explicit = _extras(value)
        if explicit:  # accidentals alone, as in K:^f_b: a signature without a tonic
            return Key(extra=explicit), settings
        raise ParseError(f"K:{_shown(text)} is not a key; write one such as K:G, K:Em or K:Ador")
    letter, accidental, word = match.groups()
    rest = value[match.end() :]
    explicit_only = word.lower().startswith("exp")
    if not word or explicit_only:
        spelt = re.match(r"\s+([A-Za-z]+)", rest) if not explicit_only else None
        word = spelt[1] if spelt else ""
    mode = _MODES.get(word.lower()[:3])
    if mode is None and word[:1] == "m" and word[1:2] in ("", " "):
        mode = "min"
    if mode is None:
        raise ParseError(f"K:{_shown(text)} has no such mode; there are {', '.join(MODES)}")
    try:
        key = Key(LETTERS.index(letter), _ALTERS[accidental], mode, _extras(rest))
    except ValueError as error:
        raise ParseError(f"K:{_shown(text)}: {error}") from None
    if explicit_only:
        given = dict(key.extra)
        return Key(key.letter, key.alter, mode, tuple((index, given.get(index, 0)) for index in range(7))), settings
    return key, settings


def _extras(text: str) -> tuple[tuple[int, int], ...]:
    found = {LETTERS.index(letter.upper()): ACCIDENTALS[sign] for sign, letter in _EXTRA.findall(text)}
    return tuple(sorted(found.items()))


def format_key(key: Key) -> str:
    """ABC's spelling of `key`, one for each key.

    >>> format_key(Key(3, 1, "min")), format_key(Key())
    ('F#min', 'Cmaj')
    """
    signs = {value: sign for sign, value in ACCIDENTALS.items()}
    extra = "".join(f" {signs[alter]}{LETTERS[letter].lower()}" for letter, alter in key.extra)
    return f"{key}{extra}"


@lru_cache(maxsize=1024)
def parse_meter(text: str) -> Meter:
    """The meter that `text` names: `6/8`, `C`, `C|`, `none`, or a sum such as `2+3/8`.

    Raises:
        ParseError: if it names none.
    """
    value = _one_line(text)
    if value == "C":
        return Meter(4, 4)
    if value in ("C|", "c|"):
        return Meter(2, 2)
    if value in ("", "none", "free"):
        return Meter(0, 4)
    match = re.match(r"\(? ?(\d{1,2}(?: ?\+ ?\d{1,2})*) ?\)? ?/ ?(\d{1,2})(?!\d)", value)
    if match is None:
        raise ParseError(f"M:{_shown(value)} is not a meter; write one such as M:6/8, M:C| or M:none")
    beats = sum(int(beat) for beat in match[1].split("+"))
    try:
        return Meter(beats, int(match[2])) if beats else Meter(0, 4)
    except ValueError as error:
        raise ParseError(f"M:{_shown(value)}: {error}") from None


def parse_unit(text: str) -> Fraction:
    """The unit note length that `text` (an `L:` line's value) names. Raises ParseError if it names none."""
    match = re.match(r"(\d{1,3}) ?(?:/ ?(\d{1,3}))?(?!\S)", _one_line(text))
    if match is None or not int(match[1]) or not int(match[2] or 1):
        raise ParseError(f"L:{_shown(text)} is not a length; write one such as L:1/8")
    return Fraction(int(match[1]), int(match[2] or 1))


def default_unit(meter: Meter) -> Fraction:
    """The unit note length of a tune without `L:` (section 3.1.7): a sixteenth where a bar is under three quarters."""
    return Fraction(1, 16) if not meter.free and meter.bar < Fraction(3, 4) else Fraction(1, 8)


_TEMPO = re.compile(r"((?:\d+/\d+ ?){0,4}|\d+ ?(?==)) ?(C\d{0,3})? ?=? ?(\d{1,4}(?:\.\d{1,6})?)$")


def parse_tempo(text: str, unit: Fraction) -> Tempo | None:
    """The tempo that `text` (a `Q:` line's value) gives; None where it has words alone.

    A bare number counts unit note lengths, as ABC 1.6 had it. Raises ParseError if it cannot be played.
    """
    words = _one_line(" ".join(re.findall(r'"([^"]*)"', text)))
    match = _TEMPO.match(_one_line(re.sub(r'"[^"]*"', " ", text)))
    if match is None:
        return None
    lengths, multiple, bpm = match.groups()
    try:
        beat = sum((Fraction(length) for length in lengths.split()), Fraction(0))
        if multiple:
            beat = unit * int(multiple[1:] or 1)
        return Tempo(beat or unit, float(bpm), words)
    except (ValueError, ZeroDivisionError):
        raise ParseError(f"Q:{_shown(text)} is not a tempo; write one such as Q:1/4=120") from None


def format_tempo(tempo: Tempo) -> str:
    """ABC's spelling of `tempo`."""
    words = f'"{tempo.text}" ' if tempo.text else ""
    return f"{words}{tempo.beat.numerator}/{tempo.beat.denominator}={tempo.bpm:.10g}"
