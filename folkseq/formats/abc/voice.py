"""Parse the music lines of one voice to elements of `folkseq.music.tune`.

A tie between different pitches is read as a slur. If the notes of a chord differ in length, the first length applies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from folkseq.errors import ParseError
from folkseq.formats.abc.lexer import (
    BROKEN,
    KINDS,
    SYMBOL,
    join_bars,
    parse_bar,
    parse_endings,
    parse_length,
    parse_note,
    parse_tuplet,
)
from folkseq.formats.abc.lyrics import add_verse
from folkseq.formats.abc.pitches import PitchReader
from folkseq.formats.abc.settings import Settings
from folkseq.formats.abc.tuplets import TupletReader
from folkseq.music.harmony import is_unknown_chord
from folkseq.music.pitch import Pitch
from folkseq.music.repeats import repair_endings
from folkseq.music.route import BACK, is_unknown_jump, sign
from folkseq.music.signature import Key, Meter, Tempo
from folkseq.music.tune import Bar, Element, Instrument, Part, Sound

_LONGEST, _SHORTEST = 64, Fraction(1, 4096)  # whole notes; other lengths are misprints
_MOST_BARS_REST = 10_000  # in one voice
_MOST_PLAIN = 4096  # cached sounds per unit length and signature
_LOOK_BACK = 8  # most elements between a sound and its tie, slur or broken rhythm

_CHANGES_NEXT = frozenset({"broken", "decoration", "grace", "named_ending", "slur", "text", "tie", "tuplet"})  # symbols


@lru_cache(maxsize=256)
def _plain_sounds(unit: Fraction, alters: tuple[int, ...]) -> dict[str, Sound]:
    """Return a cache of sounds by their ABC; a few hundred sounds cover most notes of a book."""
    return {}


class VoiceReader:
    """Collects the elements of one voice in `body`, line by line."""

    def __init__(self, key: Key, meter: Meter, unit: Fraction, lost: Counter[str]) -> None:
        self.body: list[Element] = []
        self.meter, self.unit = meter, unit
        self.lost = lost
        self._pitches = PitchReader(key, lost)
        self.settings = Settings()
        self._used_from = 0  # the first element under the current settings
        self._used_key = key  # the written key at that element
        self._bar_text = ""  # the last bar line
        self._marks: list[str] = []
        self._grace: list[Pitch] = []
        self._opens = self._closes = 0  # slurs that begin or end at the next sound
        self._broken: Fraction | None = None  # the factor that > or < gives the next sound
        self._tuplets = TupletReader()
        self._endings = False
        self._busy = False  # whether anything above may change the next sound
        self._bars_rest = 0
        self.jumps = False  # whether there is a D.C. or D.S.
        self._line_start = self._verses = 0  # the start of the last line of music, and the number of its w: lines
        self._continues = False  # whether the next line of music continues it

    @property
    def key(self) -> Key:
        """Return the current key."""
        return self._pitches.key

    def change(self, element: Key | Meter | Tempo | Part) -> None:
        """Continue in another key, meter, tempo or part."""
        self.body.append(element)
        if isinstance(element, Key):
            self._pitches.key = element
        elif isinstance(element, Meter):
            self.meter = element

    def has_sound(self) -> bool:
        """Return whether a note, chord or rest has been read."""
        return any(isinstance(element, Sound) for element in self.body)

    def use(self, settings: Settings) -> None:
        """Continue with other settings."""
        before, self.settings = self.settings, settings
        if settings == before:
            return
        self._pitches.reach = settings.accidentals
        self._apply(before)
        if settings.instrument != before.instrument:
            self.body.append(settings.instrument or Instrument())
        if (settings.semitones - before.semitones) % 12:
            self.body.append(self.key)

    def _apply(self, settings: Settings) -> None:
        """Replace the elements that were written under `settings` by their sounding versions."""
        if settings != Settings():
            self.body[self._used_from :] = settings.apply(self.body[self._used_from :], self._used_key)
        self._used_from, self._used_key = len(self.body), self.key

    def read(self, line: str, field: Callable[[str], None]) -> None:
        """Add the elements of a line of music; call `field` with each inline field, such as `K:G`."""
        body, plain = self.body, _plain_sounds(self.unit, self.key.alters)
        if not self._continues:
            self._line_start, self._verses = len(body), 0
        self._continues = line.endswith("\\")
        for match in SYMBOL.finditer(line):
            kind, text = KINDS[match.lastindex or 0], match[0]
            if kind == "space":
                continue
            if kind == "note":
                sound = plain.get(text)
                if sound is None:
                    if len(plain) >= _MOST_PLAIN:
                        plain.clear()
                    sound = plain[text] = self._plain(text)
                if self._busy or text[0] in "^_=":
                    self._sound(self._in_bar(text, sound))
                else:
                    body.append(sound)
            elif kind == "bar":
                self._bar(text)
            elif kind == "field":
                field(text[1:-1])
                plain = _plain_sounds(self.unit, self.key.alters)
            elif kind != "ignored":
                self._symbol(kind, text)
                if kind in _CHANGES_NEXT:
                    self._busy = True

    def sing(self, words: str) -> None:
        """Add a `w:` line to the last line of music."""
        missing = add_verse(self.body, self._line_start, self._verses, words)
        self._verses += 1
        self._continues = False
        if missing:
            self.lost["syllable with no note"] += missing

    def finish(self) -> tuple[Element, ...]:
        """Return the elements, and count symbols that lead to no note as lost."""
        if self._pitches.tied:
            self._untie(slur=False)
        unfinished = {
            "grace note with no note after it": len(self._grace),
            "decoration or text with no note after it": len(self._marks),
            "slur with no note after it": self._opens,
            "broken rhythm with no note after it": int(self._broken is not None),
            "tuplet with too few notes": int(self._tuplets.open),
        }
        self.lost.update({kind: count for kind, count in unfinished.items() if count})
        self._apply(self.settings)
        if not self._endings:
            return tuple(self.body)
        body, guesses = repair_endings(self.body)
        self.lost.update(guesses)
        return tuple(body)

    def _plain(self, text: str) -> Sound:
        """Return the sound of a note that no earlier symbol in its bar changes."""
        step, accidental, factor = parse_note(text)
        alter = self.key.alters[step % 7] if accidental is None else accidental
        return _bare((Pitch(step, alter),), self.unit * factor)

    def _in_bar(self, text: str, plain: Sound) -> Sound:
        """Return the sound of a note, given the earlier symbols in its bar."""
        if self._pitches.accidentals or self._pitches.tied or text[0] in "^_=":
            step, accidental, _ = parse_note(text)
            pitch = self._pitches.pitch(step, accidental)
            if pitch != plain.pitches[0]:
                return replace(plain, pitches=(pitch,))
        return plain

    def _sound(self, sound: Sound) -> None:
        if self._tuplets.open:
            sound = _lengthened(sound, self._tuplets.take(self.body))
        if self._broken is not None:
            sound = _lengthened(sound, self._broken)
            self._broken = None
        if self._pitches.tied:
            if not any(self._pitches.tied.get(pitch.step) == pitch.alter for pitch in sound.pitches):
                self._untie(slur=bool(sound.pitches))
            self._pitches.tied = {}
        if self._marks or self._opens or self._grace or self._closes:
            grace, marks = tuple(self._grace), tuple(self._marks)
            sound = _changed(sound, grace=grace, marks=marks, opens=self._opens, closes=self._closes)
            self._opens = self._closes = 0
            self._grace.clear()
            self._marks.clear()
        self.body.append(sound)
        self._busy = bool(self._pitches.accidentals) or self._tuplets.open

    def _bar(self, text: str) -> None:
        last = self.body[-1] if self.body else None
        marks = tuple(mark for mark in self._marks if mark != ".")  # ". |" is a dotted bar line
        self._marks.clear()
        if isinstance(last, Bar) and not last.endings and not marks:
            self._bar_text = join_bars(self._bar_text, text)
            self.body[-1] = replace(parse_bar(self._bar_text), marks=last.marks)
        else:
            self.body.append(replace(parse_bar(text), marks=marks) if marks else parse_bar(text))
            self._bar_text = text
        if self._busy:
            self._pitches.accidentals.clear()

    def _symbol(self, kind: str, text: str) -> None:
        """Read a symbol other than a plain note, bar line, space or field."""
        match kind:
            case "text":
                self._marks.append(text)
                if name := sign(text):
                    self.jumps |= name in BACK
                elif is_unknown_jump(text):
                    self.lost[f"text {text}"] += 1
                elif is_unknown_chord(text[1:-1]):
                    self.lost[f"chord symbol {text} of an unknown kind"] += 1
            case "decoration":
                self._marks.append(text)
                self.jumps |= sign(text) in BACK
            case "rest":
                self._sound(_bare((), self.unit * parse_length(text[1:])))
            case "broken":
                self._break(text)
            case "chord":
                self._chord(text)
            case "old_chord":
                notes, length = text[1:].split("+")
                self._chord(f"[{notes}]{length}")
            case "tuplet":
                if self._tuplets.begin(parse_tuplet(text, self.meter.compound), self.body):
                    self.lost["tuplet with too few notes"] += 1
            case "ending":
                self._begin_ending(parse_endings(text))
            case "named_ending":
                self._marks.append(f'"^{text[2:-1].lstrip("^_<>@")}"')
                self._begin_ending((self._next_pass(),))
            case "slur":
                self._opens += 1
            case "unslur":
                index, sound = self._last_sound("slur with no note before its end")
                if sound is not None:
                    self.body[index] = _changed(sound, closes=sound.closes + 1)
            case "tie":
                self._tie()
            case "grace":
                self._begin_grace(text)
            case "length":  # separate from its note, as in folk-rnn's token text
                last = self.body[-1] if self.body else None
                if isinstance(last, Sound):
                    self.body[-1] = _lengthened(last, parse_length(text))
                else:
                    self.lost[f"unknown symbol {text!r}"] += 1
            case "multirest":
                self._multirest(text)
            case "microtone":
                note = self._pitches.without_microtone(text)
                self._sound(self._in_bar(note, self._plain(note)))
            case "undefined":
                self.lost[f"decoration {text!r} of the encoder's own"] += 1
            case "unknown":
                if text in '[]{}"':
                    raise ParseError(f"a {text} that has no partner on its line")
                self.lost[f"unknown symbol {text!r}"] += 1

    def _begin_ending(self, passes: tuple[int, ...]) -> None:
        self._endings = True
        last = self.body[-1] if self.body else None
        if isinstance(last, Bar) and not last.endings:
            self.body[-1] = replace(last, endings=passes)
        else:
            self.body.append(Bar("", endings=passes))

    def _next_pass(self) -> int:
        """Return the number of a named ending: 1, or the number after the previous ending."""
        for index in range(len(self.body) - 1, -1, -1):
            bar = self.body[index]
            if isinstance(bar, Bar):
                if bar.endings:
                    return max(bar.endings) + 1
                if bar.opens or (bar.closes and index < len(self.body) - 1):
                    break
        return 1

    def _chord(self, text: str) -> None:
        inside, length = text[1:].rsplit("]", 1)
        symbols = self._pitches.symbols(inside)
        tied: list[bool] = []  # of each note
        for kind, symbol in symbols:
            if kind in ("text", "decoration"):
                self._symbol(kind, symbol)
            elif kind == "note":
                tied.append(False)
            elif kind == "tie":
                tied[-1:] = [True] * bool(tied)
            elif kind not in ("length", "space", "ignored", "slur", "unslur"):
                self.lost[f"{symbol!r} in a chord"] += 1
        notes = self._pitches.notes(symbols)
        if not notes:
            self.lost["chord without notes"] += 1
            return
        pitches = tuple(sorted(pitch for pitch, _ in notes))
        if len({factor for _, factor in notes}) > 1:
            self.lost["chord of several lengths, read as its first"] += 1
        self._sound(_bare(pitches, self.unit * notes[0][1] * parse_length(length)))
        if any(tied):
            lasting = {pitch for (pitch, _), ties in zip(notes, tied, strict=True) if ties}
            self._tie(tuple(pitch for pitch in pitches if pitch not in lasting))

    def _begin_grace(self, text: str) -> None:
        for kind, symbol in self._pitches.symbols(text[1:-1].removeprefix("/")):  # {/g} is an acciaccatura
            if kind == "note":
                self._grace += (pitch for pitch, _ in self._pitches.notes([(kind, symbol)]))
            elif kind == "chord":
                notes = self._pitches.notes(self._pitches.symbols(symbol[1:].rsplit("]", 1)[0]))
                self._grace += sorted(pitch for pitch, _ in notes)[-1:]
                self.lost.update(["note of a chord of grace notes"] * len(notes[1:]))
            elif kind not in ("space", "slur", "unslur", "ignored"):
                self.lost[f"{symbol!r} in grace notes"] += 1

    def _multirest(self, text: str) -> None:
        bars = int(text[1:6] or 1)
        self._bars_rest += bars
        if not bars or self._bars_rest > _MOST_BARS_REST or self.meter.free:
            limits = f"rests of 1 to {_MOST_BARS_REST} bars in all can be read, and only where there is a meter"
            raise ParseError(f"{text[:6]}: {limits}")
        self._sound(_bare((), self.meter.bar))
        if bars > 1:
            self._bar("|")
            self.body.append(Sound((), self.meter.bar))
            self.body += self.body[-2:] * (bars - 2)

    def _last_sound(self, otherwise: str = "") -> tuple[int, Sound | None]:
        """Return the latest sound and its index, skipping bar lines and fields; count `otherwise` if there is none."""
        for index in range(len(self.body) - 1, max(-1, len(self.body) - _LOOK_BACK), -1):
            element = self.body[index]
            if isinstance(element, Sound):
                return index, element
        if otherwise:
            self.lost[otherwise] += 1
        return -1, None

    def _tie(self, untied: tuple[Pitch, ...] = ()) -> None:
        index, sound = self._last_sound()
        if sound is None or not sound.pitches:
            self.lost["tie with no note before it"] += 1
            return
        self.body[index] = tied = replace(sound, tied=True, untied=untied)
        self._pitches.tied = {pitch.step: pitch.alter for pitch in tied.tied_pitches}
        self._busy = True

    def _untie(self, slur: bool) -> None:
        """Turn the last sound's tie, which leads to no sound of its pitch, into a slur, or remove it."""
        index, sound = self._last_sound()
        if sound is not None:
            self.body[index] = replace(sound, tied=False, untied=(), opens=sound.opens + slur)
            self._closes = int(slur)
        if not slur:
            self.lost["tie with no note after it"] += 1
        self._pitches.tied = {}

    def _break(self, text: str) -> None:
        index, sound = self._last_sound("broken rhythm with no note before it")
        if sound is None:
            return
        if self._broken is not None or text not in BROKEN:
            self.lost["broken rhythm of more than three signs"] += 1
            return
        factor, self._broken = BROKEN[text]
        self.body[index] = _lengthened(sound, factor)


def _bare(pitches: tuple[Pitch, ...], duration: Fraction) -> Sound:
    """Return a sound without marks; its duration is checked."""
    if duration.numerator > _LONGEST * duration.denominator:
        raise ParseError(f"a note of {float(duration):g} whole notes; the longest read is {_LONGEST}")
    if duration.numerator * _SHORTEST.denominator < duration.denominator:
        raise ParseError(f"a note of {float(duration):g} of a whole note; the shortest read is {_SHORTEST}")
    return Sound(pitches, duration)


# Equal sounds share one object, which saves time and memory; a book has only a few hundred distinct sounds.
_changed = lru_cache(maxsize=1 << 14)(replace)


@lru_cache(maxsize=1 << 14)
def _lengthened(sound: Sound, factor: Fraction) -> Sound:
    return replace(sound, duration=_bare((), sound.duration * factor).duration)
