"""Parse `K:`, `M:`, `L:` and `Q:` lines in every spelling that tune books use (ABC 2.1, section 3.1).

Conventions: only the first three letters of a mode count, as the standard says; a lone `n` after the tonic is read as a
misprint of `m`; `HP` and `Hp` are A mixolydian, as the pipes sound.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from folkseq.errors import ParseError
from folkseq.music.pitch import ALTERS, LETTERS
from folkseq.music.signature import MODES, Key, Meter, Tempo

ACCIDENTALS = {"__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}
SIGNS = {alter: sign for sign, alter in ACCIDENTALS.items()}
MODE_NAMES = {**{name: name for name in MODES}, "ion": "maj", "aeo": "min", "": "maj", "m": "min", "n": "min"}
_TERM = re.compile(r" ?\(? ?(\d{1,2}(?: ?\+ ?\d{1,2})*) ?\)? ?/ ?(\d{1,2})(?!\d)")
_METER_SIGNS = {"C": Meter(4, 4), "C|": Meter(2, 2), "c|": Meter(2, 2), "2": Meter(2, 2), "3": Meter(3, 4)}
_KEY = re.compile(r"([A-G])\s*-?([#b♯♭]|flat|sharp)?[\s-]*([A-Za-z]*)")
_NAMED = {"flat": "b", "sharp": "#"}
_EXTRA = re.compile(r"(\^\^|__|\^|_|=)([A-Ga-g])")
CLEF_NAMES = "treble|bass|alto|tenor|perc|soprano|mezzosoprano|baritone"
_SETTING = re.compile(
    r"\b(?:clef|octave|transpose|middle|stafflines|staffscale|score|sound|shift|instrument) ?= ?\S*"
    r"|(?<!\S)[mt]= ?\S*"
    rf"|\b(?:{CLEF_NAMES})\d*(?:[+\-^_](?:8|15))?(?!\S)"
)
_NAME = re.compile(r'(?<!\S)[a-z]{2,}=(?:"[^"]*"|[^\s"]+)')  # settings that only shape the page, such as name="Fiddle"
_BEAT = r"(?P<beat>\d+/\d+(?: ?\+? ?\d+/\d+){0,3}|[♩♪]\.?)"
_BPM = r"(?P<bpm>(?<![\d/])\d{1,4}(?:[.,]\d{1,6})?(?![\d/])(?! ?/ ?\d))"
_TEMPOS = [  # tried in this order
    re.compile(rf"{_BPM} ?= ?{_BEAT}"),
    re.compile(rf"(?:{_BEAT} ?=?|(?P<units>C\d{{0,3}}) ?=|(?<!/)(?P<notes>\d+) ?=) ?[^\d=/]{{0,12}}{_BPM}"),
    re.compile(rf"(?<!=){_BPM}"),
]
_NOTES = {"♩": Fraction(1, 4), "♪": Fraction(1, 8)}
_WORDS = re.compile(r'"([^"]*)"?|\(([^()=]*)(?:\)|$)')


def _one_line(text: str) -> str:
    """Return `text` with single spaces, so that patterns need not search for the end of a gap."""
    return " ".join(text.split())


def _shown(text: str) -> str:
    """Return `text`, shortened for messages."""
    return text.strip() if len(text) <= 40 else f"{text.strip()[:40]}…"


def parse_settings(text: str) -> tuple[str, ...]:
    """Return the clefs, octave shifts and other settings of a `K:` or `V:` line."""
    return tuple(match[0] for match in _SETTING.finditer(_one_line(text)))


@lru_cache(maxsize=4096)
def parse_key(text: str) -> tuple[Key | None, tuple[str, ...]]:
    """Return the key that `text` names, or None, and the settings after it.

    >>> str(parse_key("E Minor")[0]), str(parse_key("AMix")[0]), parse_key("D exp _b")[0].alters[6]
    ('Emin', 'Amix', -1)

    Raises:
        ParseError: `text` names no key.
    """
    value, settings = _one_line(text), parse_settings(text)
    value = _NAME.sub("", _SETTING.sub("", value)).strip()
    if not value or value.lower() == "none":
        return None if settings and not value else Key(), settings
    if value[:2] in ("HP", "Hp"):
        return Key(5, 0, "mix"), settings
    match = _KEY.match(value)
    if match is None:
        if extra := _extras(value):  # accidentals alone, as in K:^f_b: a signature without a tonic
            return Key(extra=extra), settings
        raise ParseError(f"K:{_shown(text)} is not a key; write one such as K:G, K:Em or K:Ador")
    letter, accidental, word = match.groups("")
    extra = _extras(value[match.end() :])
    if explicit := word.lower().startswith("exp"):  # the signature holds only these accidentals
        extra = tuple((dict.fromkeys(range(7), 0) | dict(extra)).items())
    mode = MODE_NAMES.get("" if explicit else word.lower()[:3])
    if mode is None:
        raise ParseError(f"K:{_shown(text)} has no such mode; there are {', '.join(MODES)}")
    try:
        return Key(LETTERS.index(letter), ALTERS[_NAMED.get(accidental, accidental)], mode, extra), settings
    except ValueError as error:
        raise ParseError(f"K:{_shown(text)}: {error}") from None


def _extras(text: str) -> tuple[tuple[int, int], ...]:
    found = {LETTERS.index(letter.upper()): ACCIDENTALS[sign] for sign, letter in _EXTRA.findall(text)}
    return tuple(sorted(found.items()))


def format_key(key: Key) -> str:
    """Return ABC's spelling of `key`.

    >>> format_key(Key(3, 1, "min")), format_key(Key())
    ('F#min', 'Cmaj')
    """
    return str(key) + "".join(f" {SIGNS[alter]}{LETTERS[letter].lower()}" for letter, alter in key.extra)


@lru_cache(maxsize=1024)
def parse_meter(text: str) -> Meter:
    """Return the meter that `text` names: `6/8`, `C`, `C|`, the old `2` or `3`, `none`, or a sum such as `2/4+3/8`.

    Raises:
        ParseError: `text` names no meter.
    """
    value = _one_line(text)
    if value in _METER_SIGNS:
        return _METER_SIGNS[value]
    if value in ("", "none", "free"):
        return Meter(0, 4)
    terms = [_TERM.match(value)]
    while terms[-1] and value[(end := terms[-1].end()) :].lstrip().startswith("+"):
        terms.append(_TERM.match(value, value.index("+", end) + 1))
    if terms[-1] is None:
        raise ParseError(f"M:{_shown(value)} is not a meter; write one such as M:6/8, M:C| or M:none")
    try:
        meters = [Meter(sum(map(int, term[1].split("+"))), int(term[2])) for term in terms if term]
        unit = max(meter.unit for meter in meters)
        beats = sum(meter.beats * unit // meter.unit for meter in meters)
        return Meter(beats, unit) if beats else Meter(0, 4)
    except ValueError as error:
        raise ParseError(f"M:{_shown(value)}: {error}") from None


def parse_unit(text: str) -> Fraction:
    """Return the unit note length of an `L:` line. Raises ParseError if the line names none."""
    match = re.match(r"(\d{1,3}) ?(?:/ ?(\d{1,3}))?(?!\S)", _one_line(text))
    if match is None or not int(match[1]) or not int(match[2] or 1):
        raise ParseError(f"L:{_shown(text)} is not a length; write one such as L:1/8")
    return Fraction(int(match[1]), int(match[2] or 1))


def default_unit(meter: Meter) -> Fraction:
    """Return the unit of a tune without `L:` (section 3.1.7): a sixteenth if a bar is under three quarters."""
    return Fraction(1, 16) if not meter.free and meter.bar < Fraction(3, 4) else Fraction(1, 8)


def parse_tempo(text: str, unit: Fraction) -> Tempo | None:
    """Return the tempo of a `Q:` line; None if it has only words.

    A bare number counts unit note lengths, as in ABC 1.6. The first number of a range such as 80-100 counts. Raises
    ParseError if the tempo cannot be played.
    """
    words = _one_line(" ".join(quoted or bracketed for quoted, bracketed in _WORDS.findall(text)))
    line = _one_line(_WORDS.sub(" ", text))
    match = next(filter(None, (pattern.search(line) for pattern in _TEMPOS)), None)
    if match is None:
        return None
    found = match.groupdict()
    try:
        if units := found.get("units"):
            beat = unit * int(units[1:] or 1)
        elif (written := found.get("beat") or found.get("notes") or "")[:1] in _NOTES:
            beat = _NOTES[written[0]] * Fraction(len(written) + 1, 2)  # a dot adds half
        else:
            beat = sum(map(Fraction, written.replace("+", " ").split()), Fraction(0))
        return Tempo(beat or unit, float(found["bpm"].replace(",", ".")), words)
    except (ValueError, ZeroDivisionError):
        raise ParseError(f"Q:{_shown(text)} is not a tempo; write one such as Q:1/4=120") from None


def is_tempo_range(text: str) -> bool:
    """Return whether a `Q:` line gives a range of tempos, as in `1/4=80-100`."""
    return re.search(r"\d ?(?:-|–|\.\.|to) ?\d", _WORDS.sub(" ", text)) is not None


def format_tempo(tempo: Tempo) -> str:
    """Return ABC's spelling of `tempo`."""
    words = f'"{tempo.text}" ' if tempo.text else ""
    return f"{words}{tempo.beat.numerator}/{tempo.beat.denominator}={tempo.bpm:.10g}"
