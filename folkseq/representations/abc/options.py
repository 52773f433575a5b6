"""The options of new tunes, with musicians' names of rhythms, meters, modes and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from folkseq.errors import ParseError, RequestError
from folkseq.formats.abc.fields import MODE_NAMES, parse_key, parse_meter
from folkseq.music import Key
from folkseq.music.accompaniment import ACCOMPANIMENT_HELP, STYLES
from folkseq.music.signature import MODES
from folkseq.representations.abc.instruments import INSTRUMENTS, Instrument
from folkseq.representations.abc.rhythms import find_rhythm
from folkseq.representations.capabilities import Options
from folkseq.settings import setting

_KEY = re.compile(r"([A-Ga-g][#b]?)\s*([A-Za-z]*)")


@dataclass(frozen=True)
class AbcOptions(Options):
    """The options for new tunes."""

    rhythm: str | None = setting(None, "Kind of tune: reel, jig, hornpipe, …", needs_grammar=True)
    meter: str | None = setting(None, "Meter: 4/4, 6/8, C|, …", needs_grammar=True)
    mode: str | None = setting(None, "Mode: maj, min, dor, mix, …", needs_grammar=True)
    key: str | None = setting(None, "Key of the tune: D (major), Em, Ador, …")
    instrument: str | None = setting(
        None,
        f"Stay within the range of an instrument: {', '.join(INSTRUMENTS)}.",
        choices=tuple(INSTRUMENTS),
        metavar="NAME",
        needs_grammar=True,
    )
    bars: int | None = setting(
        None,
        "Number of written bars, including the prime.  [default with a form: 8 per section]",
        needs_grammar=True,
    )
    form: str | None = setting(
        None, "AABB for two repeated sections, ABC for three without repeats, …", needs_grammar=True
    )
    vary: float | None = setting(
        None,
        "Share of the bars that change when a section of the form returns: 0.2.",
        low=0,
        high=1,
        needs_grammar=True,
        needs_chance=True,
    )
    swing: float | None = setting(
        None, "Swing in MIDI: the share of a beat of its first eighth note.", low=0.5, high=0.75, bare=0.66
    )
    accompaniment: str | None = setting(None, ACCOMPANIMENT_HELP, choices=STYLES)

    @property
    def range(self) -> Instrument | None:
        """Return the range of the requested instrument, or None."""
        return INSTRUMENTS.get(self.instrument or "")

    def requested_mode(self) -> str:
        """Return the requested mode, from the key or the mode, or "". Raises RequestError for unknown names."""
        mode = find_mode(self.mode) if self.mode else ""
        if self.key:
            written = find_key(self.key, mode).mode
            if mode and mode != written:
                raise RequestError(f"key {self.key} is not in mode {self.mode}; leave one of them out")
            mode = written
        return mode

    def requested_meter(self) -> str:
        """Return the meter as its token names it, or nothing. Raises RequestError for an unknown one."""
        try:
            return str(parse_meter(self.meter)) if self.meter else ""
        except ParseError as error:
            raise RequestError(str(error)) from None

    def requested_rhythm(self) -> str:
        """Return the rhythm as its token names it, or nothing. Raises RequestError for an unknown one."""
        return find_rhythm(self.rhythm) if self.rhythm else ""


def find_mode(name: str) -> str:
    """Return the mode that a user names. Raises RequestError if there is none."""
    mode = MODE_NAMES.get(name.strip().lower()[:3])
    if mode is None:
        raise RequestError(f"mode {name!r} does not exist; there are: {', '.join(MODES)}")
    return mode


def find_key(name: str, mode: str = "") -> Key:
    """Return the key that a user names: a tonic alone in `mode`, or major. Raises RequestError if there is none."""
    match = _KEY.fullmatch(name.strip())
    if match is None or match[2].lower()[:3] not in MODE_NAMES:
        raise RequestError(f"key {name.strip()} does not exist; write one such as D, Em or Ador")
    try:
        key, _ = parse_key(match[1].capitalize() + (match[2] or mode))
    except ParseError as error:
        raise RequestError(str(error)) from None
    return key or Key()
