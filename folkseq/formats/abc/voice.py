"""One voice of a tune as it is read: from lines of ABC music to the elements of `folkseq.music.tune`.

Accidentals hold to the end of the bar in every octave, and a tie carries them over the bar line (ABC 2.1, sections 4.2 and 11.3). A tie
between different pitches is read as the slur that it is meant to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from folkseq.errors import ParseError
from folkseq.formats.abc.lexer import NOTE, SYMBOL, parse_length, parse_note
from folkseq.music.pitch import Pitch
from folkseq.music.signature import Key, Meter
from folkseq.music.tune import Bar, Element, Sound, Tuplet

_LONGEST = 64  # whole notes in one sound; beyond that a length is a misprint
_MOST_BARS_REST = 200


@lru_cache(maxsize=256)
def _plain_sounds(unit: Fraction, alters: tuple[int, ...]) -> dict[str, Sound]:
    """Sounds already met under one unit length and signature, by their ABC: most notes of a book are one of some hundred."""
    return {}


@lru_cache(maxsize=1024)
def parse_bar(text: str) -> Bar:
    """The bar line that a run of `|`, `:`, `[` and `]` draws.

    >>> parse_bar(":||:")
    Bar(style='|', closes=1, opens=True, endings=(), marks=())
    """
    signs = text.replace(".", "")
    lines = signs.strip(":")
    before, after = len(signs) - len(signs.lstrip(":")), len(signs) - len(signs.rstrip(":"))
    if not lines:
        return Bar(closes=len(signs) // 2, opens=len(signs) > 1)
    if ":" in lines:  # |:| and the like: a section ends and another begins
        before, after = max(before, 1), max(after, 1)
    if before or after:
        return Bar(closes=before, opens=after > 0)
    return Bar("|]" if lines.endswith("]") else "||" if len(lines) > 1 else "|")


def _join_bars(first: str, second: str) -> str:
    """Two bar lines with nothing but space or a line's end between them; `|` and `|` are one line, not a double bar."""
    if second == "|" and first.endswith("|"):
        return first
    return second if first == "|" and second != ":" else first + second


@lru_cache(maxsize=1024)
def parse_tuplet(text: str, compound: bool) -> Tuplet:
    """The tuplet `(p`, `(p:q` or `(p:q:r`, with the standard's defaults for what is left out (section 4.13)."""
    numbers = [int(number) if number else 0 for number in text[1:].split(":")]
    actual = numbers[0]
    default = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(actual, 3 if compound else 2)
    normal = numbers[1] if len(numbers) > 1 and numbers[1] else default
    count = numbers[2] if len(numbers) > 2 and numbers[2] else actual
    return Tuplet(actual, normal, count)


class VoiceReader:
    """Collects the elements of one voice, line by line."""

    def __init__(self, key: Key, meter: Meter, unit: Fraction, lost: Counter[str]) -> None:
        self.body: list[Element] = []
        self.key, self.meter, self.unit = key, meter, unit
        self.lost = lost
        self._bar_text = ""  # of the bar line that ends the body, while nothing else has followed
        self._accidentals: dict[int, int] = {}  # letter → alteration, to the end of the bar
        self._marks: list[str] = []
        self._grace: tuple[Pitch, ...] = ()
        self._opens = 0
        self._broken: Fraction | None = None  # the factor that > or < gives the next sound
        self._tied: dict[int, int] = {}  # step → alteration of the pitches tied into the next sound
        self._tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, sounds left
        self._overlay = False
        self._busy = False  # whether the next sound needs more than its own symbol to be read

    def change_key(self, key: Key) -> None:
        """From here on `key`."""
        self.key = key
        self._put(key)

    def change_meter(self, meter: Meter) -> None:
        """From here on `meter`."""
        self.meter = meter
        self._put(meter)

    def read(self, line: str, field: Callable[[str], None]) -> None:
        """Adds what a line of music holds; `field` is called with each inline field, such as `K:G`."""
        body, plain = self.body, _plain_sounds(self.unit, self.key.alters)
        for match in SYMBOL.finditer(line):
            kind, text = match.lastgroup, match[0]
            if kind == "space":
                continue
            if self._overlay and kind not in ("bar", "ending", "field"):
                if kind in ("note", "chord"):
                    self.lost["note in an overlay (&)"] += 1
                continue
            if kind == "note":
                if not self._busy:
                    sound = plain.get(text)
                    if sound is not None:
                        body.append(sound)
                        self._bar_text = ""
                        continue
                simple = not self._busy
                self._note(text)
                if simple and text[0] not in "^_=":
                    plain[text] = body[-1]  # type: ignore[assignment]  # _note has just put a Sound there
            elif kind == "bar":
                self._bar(text)
            elif kind == "field":
                field(text[1:-1])
                plain = _plain_sounds(self.unit, self.key.alters)
            else:
                _READ[kind or "unknown"](self, text)

    def finish(self) -> tuple[Element, ...]:
        """The elements read. What was begun and leads nowhere is counted as lost."""
        if self._grace:
            self.lost["grace note with no note after it"] += len(self._grace)
        if self._marks:
            self.lost["decoration or text with no note after it"] += len(self._marks)
        if self._tied:
            self._untie(slur=False)
        return tuple(self.body)

    def _put(self, element: Element) -> None:
        self.body.append(element)
        self._bar_text = ""

    def _sound(self, pitches: tuple[Pitch, ...], factor: Fraction) -> None:
        duration = self.unit * factor
        tuplet, left = self._tuplet
        if left:
            duration *= tuplet
            self._tuplet = (tuplet, left - 1)
        if self._broken:
            duration *= self._broken
            self._broken = None
        if duration > _LONGEST:
            raise ParseError(f"a note of {float(duration):g} whole notes; the longest read is {_LONGEST}")
        if self._tied:
            if not any(pitch.step in self._tied for pitch in pitches):
                self._untie(slur=bool(pitches))
            self._tied = {}
        closes, self._closes = self._closes, 0
        self._put(Sound(pitches, duration, False, self._grace, tuple(self._marks), self._opens, closes))
        self._grace, self._opens = (), 0
        self._marks.clear()
        self._busy = bool(self._accidentals) or left > 1

    _closes = 0  # slurs that end at the next sound; only a tie that is really a slur sets it

    def _pitch(self, step: int, accidental: int | None) -> Pitch:
        letter = step % 7
        if accidental is not None:
            self._accidentals[letter] = accidental
            return Pitch(step, accidental)
        if step in self._tied:
            return Pitch(step, self._tied[step])
        return Pitch(step, self._accidentals.get(letter, self.key.alters[letter]))

    def _note(self, text: str) -> None:
        step, accidental, factor = parse_note(text)
        self._sound((self._pitch(step, accidental),), factor)

    def _pitches(self, text: str) -> list[tuple[Pitch, Fraction]]:
        return [
            (self._pitch(step, accidental), factor)
            for step, accidental, factor in (parse_note(match[0]) for match in NOTE.finditer(text))
        ]

    def _chord(self, text: str) -> None:
        inside, length = text[1:].rsplit("]", 1)
        for match in SYMBOL.finditer(inside):
            if match.lastgroup in ("text", "decoration"):
                self._mark(match[0])
            elif match.lastgroup not in ("note", "length", "space", "tie", "ignored", "slur", "unslur"):
                self.lost[f"{match[0]!r} in a chord"] += 1
        # Joined, so that folk-rnn's "G 2" is G2.
        notes = self._pitches("".join(m[0] for m in SYMBOL.finditer(inside) if m.lastgroup in ("note", "length")))
        if not notes:
            raise ParseError(f"{text} is a chord without notes")
        pitches = tuple(sorted({pitch for pitch, _ in notes}))
        self._sound(pitches, notes[0][1] * parse_length(length))
        if "-" in inside:
            self._tie("-")

    def _old_chord(self, text: str) -> None:
        self._chord(f"[{text[1:-1]}]")

    def _rest(self, text: str) -> None:
        self._sound((), parse_length(text[1:]))

    def _multirest(self, text: str) -> None:
        bars = int(text[1:] or 1)
        if bars > _MOST_BARS_REST or self.meter.free:
            raise ParseError(
                f"{text}: a rest of 1 to {_MOST_BARS_REST} bars can be read, and only where there is a meter"
            )
        for index in range(bars):
            if index:
                self._bar("|")
            self._sound((), self.meter.bar / self.unit)

    def _bar(self, text: str) -> None:
        last = self.body[-1] if self.body else None
        if self._bar_text and isinstance(last, Bar) and not last.endings and not self._marks:
            self._bar_text = _join_bars(self._bar_text, text)
            self.body[-1] = replace(parse_bar(self._bar_text), marks=last.marks)
        else:
            marks = tuple(mark for mark in self._marks if mark != ".")  # ". |" is a dotted bar line
            self._put(replace(parse_bar(text), marks=marks) if marks else parse_bar(text))
            self._marks.clear()
            self._bar_text = text
        self._accidentals.clear()
        self._overlay = False
        self._update()

    def _ending(self, text: str) -> None:
        passes: list[int] = []
        for part in text.strip("[").split(","):
            first, _, last = part.partition("-")
            passes.extend(range(int(first), min(int(last or first), int(first) + 16) + 1))
        last = self.body[-1] if self.body else None
        if self._bar_text and isinstance(last, Bar) and not last.endings:
            self.body[-1] = replace(last, endings=tuple(passes))
        else:
            self._put(Bar("", endings=tuple(passes)))

    def _tie(self, _: str) -> None:
        last = self._last_sound()
        if last is None or not self.body[last].pitches:  # type: ignore[union-attr]
            self.lost["tie with no note before it"] += 1
            return
        sound: Sound = self.body[last]  # type: ignore[assignment]
        self.body[last] = replace(sound, tied=True)
        self._tied = {pitch.step: pitch.alter for pitch in sound.pitches}
        self._busy = True

    def _untie(self, slur: bool) -> None:
        """The last sound's tie leads to no sound of its pitch: a slur, or nothing."""
        last = self._last_sound()
        if last is not None:
            sound: Sound = self.body[last]  # type: ignore[assignment]
            self.body[last] = replace(sound, tied=False, opens=sound.opens + slur)
            self._closes = int(slur)
        if not slur:
            self.lost["tie with no note after it"] += 1
        self._tied = {}

    def _last_sound(self) -> int | None:
        """The index of the latest sound; broken rhythms and ties look back across bar lines and fields."""
        for index in range(len(self.body) - 1, max(-1, len(self.body) - 8), -1):
            if isinstance(self.body[index], Sound):
                return index
        return None

    def _break(self, text: str) -> None:
        last = self._last_sound()
        if last is None:
            self.lost["broken rhythm with no note before it"] += 1
            return
        sound: Sound = self.body[last]  # type: ignore[assignment]
        short = Fraction(1, 2 ** min(len(text), 4))
        this, following = (2 - short, short) if text[0] == ">" else (short, 2 - short)
        self.body[last] = replace(sound, duration=sound.duration * this)
        self._broken, self._busy = following, True

    def _length(self, text: str) -> None:
        """A length apart from its note, as folk-rnn's token text has it."""
        last = self.body[-1] if self.body else None
        if not isinstance(last, Sound):
            self.lost[f"unknown symbol {text!r}"] += 1
            return
        self.body[-1] = replace(last, duration=last.duration * parse_length(text))

    def _begin_tuplet(self, text: str) -> None:
        tuplet = parse_tuplet(text, self.meter.compound)
        self._put(tuplet)
        self._tuplet = (Fraction(tuplet.normal, tuplet.actual), tuplet.count)
        self._busy = True

    def _slur(self, _: str) -> None:
        self._opens += 1
        self._busy = True

    def _unslur(self, _: str) -> None:
        last = self._last_sound()
        if last is None:
            self.lost["slur with no note before its end"] += 1
            return
        sound: Sound = self.body[last]  # type: ignore[assignment]
        self.body[last] = replace(sound, closes=sound.closes + 1)

    def _mark(self, text: str) -> None:
        self._marks.append(text)
        self._busy = True

    def _begin_grace(self, text: str) -> None:
        for match in SYMBOL.finditer(text[1:-1]):
            if match.lastgroup == "unknown":
                self.lost[f"unknown symbol {match[0]!r}"] += 1
        self._grace += tuple(pitch for pitch, _ in self._pitches(text))
        self._busy = True

    def _begin_overlay(self, _: str) -> None:
        self._overlay = True

    def _microtone(self, text: str) -> None:
        self.lost["microtone, read as the nearest written accidental"] += 1
        sign, note = text[0], text.lstrip("^_0123456789/")
        self._note(sign + note)

    def _ignored(self, _: str) -> None:
        pass

    def _unknown(self, text: str) -> None:
        if text in '[]{}"':
            raise ParseError(f"a {text} that has no partner on its line")
        self.lost[f"unknown symbol {text!r}"] += 1

    def _update(self) -> None:
        waiting = self._accidentals or self._marks or self._grace or self._opens or self._broken or self._tied
        self._busy = bool(waiting) or self._tuplet[1] > 0


_READ: dict[str, Callable[[VoiceReader, str], None]] = {
    "broken": VoiceReader._break,
    "rest": VoiceReader._rest,
    "tie": VoiceReader._tie,
    "tuplet": VoiceReader._begin_tuplet,
    "slur": VoiceReader._slur,
    "unslur": VoiceReader._unslur,
    "grace": VoiceReader._begin_grace,
    "text": VoiceReader._mark,
    "ending": VoiceReader._ending,
    "chord": VoiceReader._chord,
    "old_chord": VoiceReader._old_chord,
    "decoration": VoiceReader._mark,
    "multirest": VoiceReader._multirest,
    "length": VoiceReader._length,
    "overlay": VoiceReader._begin_overlay,
    "ignored": VoiceReader._ignored,
    "microtone": VoiceReader._microtone,
    "unknown": VoiceReader._unknown,
}
