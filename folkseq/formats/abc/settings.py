"""Settings in `K:` and `V:` lines, and directives (`%%`, `I:`), that change the sound of a voice.

Sources: ABC 2.1, sections 4.6 and 11.3; the guides of abc2midi (`%%MIDI`) and abc2svg (`shift=`, `sound=`, `V:*`).
An octave clef such as `treble-8` transposes, as in the standard. Drums play a voice in a percussion clef.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from folkseq.formats.abc.fields import CLEF_NAMES
from folkseq.formats.abc.lexer import parse_note
from folkseq.music.pitch import Pitch
from folkseq.music.signature import Key
from folkseq.music.tune import Element, Instrument, Sound

DRUMS = 10  # the channel of percussion
_CLEF = re.compile(rf"(?:clef ?= ?)?({CLEF_NAMES}|none|[GFCP])?\d*([+\-^_](?:8|15))?")
_SIGNS = str.maketrans("^_", "+-")  # in treble^8, an extension of abcm2ps
_OCTAVES = {"+8": 12, "-8": -12, "+15": 24, "-15": -24}
_NUMBER = re.compile(r"[+-]?\d{1,3}")
_NOTES = re.compile(r"(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*")
_HEARD = re.compile(r"MIDI\b|propagate-accidentals|transpose|octave|abc-include|percmap|temperament|voicemap|playtempo")
_SILENT = ("beatstring", "gchordon", "drumoff", "droneoff", "makechordchannels", "nobeataccents")
_MOST_SEMITONES, _MOST_OCTAVES = 60, 5


@dataclass(frozen=True)
class Settings:
    """The sound of a voice.

    Attributes:
        shifts: The transposition above the written pitch, in semitones, by the setting that causes it.
        accidentals: The scope of an accidental up to the bar line: "pitch" for its letter in every octave, "octave"
            for its octave only, "not" for its note only.
        channel: The MIDI channel, counted from 1 (10 is drums); 0 if none is given.
        program: The General MIDI program; None if none is given.
        drums: The MIDI drum for each written pitch.
    """

    shifts: Mapping[str, int] = field(default_factory=dict)
    accidentals: str = "pitch"
    channel: int = 0
    program: int | None = None
    drums: Mapping[Pitch, int] = field(default_factory=dict)

    @property
    def semitones(self) -> int:
        """Return the transposition above the written pitch, in semitones."""
        return sum(self.shifts.values())

    @property
    def instrument(self) -> Instrument | None:
        """Return the instrument, or None if neither a program nor drums are given."""
        drum = self.channel == DRUMS
        return Instrument(self.program, drum) if drum or self.program is not None else None

    def shifted(self, name: str, semitones: int) -> Settings:
        """Return these settings with another shift for the setting `name`."""
        shifts = {**self.shifts, name: semitones}
        return replace(self, shifts={name: shift for name, shift in shifts.items() if shift})

    def with_setting(self, text: str) -> Settings | None:
        """Return these settings after a setting of a `K:` or `V:` line, such as `octave=-1`; None if unsupported."""
        name, _, value = (part.strip().strip('"') for part in text.partition("="))
        number = int(value) if _NUMBER.fullmatch(value) else None
        if name == "octave" and number is not None and abs(number) <= _MOST_OCTAVES:
            return self.shifted(name, 12 * number)
        if name in ("transpose", "t") and number is not None and abs(number) <= _MOST_SEMITONES:
            return self.shifted("transpose", number)
        if name in ("shift", "sound", "instrument"):
            semitones = _interval(name, value)
            return None if semitones is None else self.shifted(name, semitones)
        clef = _CLEF.fullmatch(text.replace('"', ""))
        if clef is None or not (clef[1] or clef[2]):
            return None
        settings = self.shifted("clef", _OCTAVES.get((clef[2] or "").translate(_SIGNS), 0))
        drum = clef[1] in ("perc", "P")
        if drum or self.channel == DRUMS:
            settings = replace(settings, channel=DRUMS if drum else 0)
        return settings if settings != self else None

    def with_directive(self, text: str) -> Settings | None:
        """Return these settings after a directive (`%%` or `I:`) with `text`; None if unsupported."""
        name, *values = text.replace("=", " ").split() or [""]
        if name == "MIDI" and values:
            name, *values = values
        elif name not in ("propagate-accidentals", "transpose", "octave"):
            return None
        number = int(values[-1]) if values and _NUMBER.fullmatch(values[-1]) else None
        match name, number:
            case "propagate-accidentals", _ if values and values[0] in ("not", "octave", "pitch"):
                return replace(self, accidentals=values[0])
            case "nobarlines" | "barlines", _:
                return replace(self, accidentals="not" if name == "nobarlines" else "pitch")
            case "transpose", int() if abs(number) <= _MOST_SEMITONES:
                return self.shifted("MIDI" if "MIDI" in text else "directive", number)
            case "octave", int() if abs(number) <= _MOST_OCTAVES:
                return self.shifted("octave", 12 * number)
            case "rtranspose", int() if abs(number + self.shifts.get("MIDI", 0)) <= _MOST_SEMITONES:
                return self.shifted("MIDI", self.shifts.get("MIDI", 0) + number)
            case "channel", int() if 1 <= number <= 16:
                return replace(self, channel=number)
            case "program", int() if 0 <= number <= 127:
                return replace(self, program=number)
            case (("drummap" | "percmap"), int()) if len(values) == 2 and _NOTES.fullmatch(values[0]):
                return replace(self, drums={**self.drums, _written(values[0]): number})
        return None

    def apply(self, elements: Iterable[Element], key: Key) -> list[Element]:
        """Return elements at sounding pitch; the first ones are written in `key`."""
        semitones, drum = self.semitones, self.channel == DRUMS
        interval = key.interval_up(semitones)
        found: list[Element] = []
        for element in elements:
            if isinstance(element, Sound):
                element = self._drum(element) if drum else element.moved(interval)
            elif isinstance(element, Key) and not drum:
                interval = element.interval_up(semitones)
                element = element.moved(interval)
            found.append(element)
        return found

    def _drum(self, sound: Sound) -> Sound:
        def drums(pitches: tuple[Pitch, ...]) -> tuple[Pitch, ...]:
            return tuple(sorted({_C.spell(self.drums.get(pitch, pitch.midi)) for pitch in pitches}))

        return replace(sound, pitches=drums(sound.pitches), untied=drums(sound.untied))


_C = Key()


def page_clef(setting: str) -> str:
    """Return the clef of a setting without its octave, or "" for none.

    >>> page_clef("bass-8"), page_clef("clef=alto1"), page_clef("octave=1")
    ('bass', 'alto1', '')
    """
    setting = setting.replace('"', "")
    match = _CLEF.fullmatch(setting)
    return setting.removesuffix(match[2] or "").split("=")[-1].strip() if match and match[1] else ""


def is_heard(directive: str) -> bool:
    """Return whether a directive may change the sound."""
    return _HEARD.match(directive) is not None and directive.split()[-1] not in _SILENT


def _written(note: str) -> Pitch:
    step, accidental, _ = parse_note(note)
    return Pitch(step, accidental or 0)


def _interval(name: str, notes: str) -> int | None:
    """Return the semitones of a setting such as `shift=CD`; a single note counts from `c`."""
    found = [_written(note).midi for note in _NOTES.findall(notes)]
    if not found or len(found) > 2 or "".join(_NOTES.findall(notes)) != notes.replace("/", ""):
        return None
    c = _written("c").midi
    if name == "instrument":
        return found[-1] - c
    if len(found) == 1:
        return found[0] - c if name == "sound" else None
    return found[1] - found[0]
