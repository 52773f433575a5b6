"""Parse chord symbols, as tune books print them over the staff: `Am7`, `D7/F#`, `C6/9`, `E7(#9)` and `N.C.`.

ABC writes them in quotes before a note (standard 2.1, section 4.18), like fingerings and remarks. A symbol is a root,
signs that each change the chord so far, and a bass. The German H is B natural, but a single H marks a hold, as in
transcriptions of old books.

`canonical` gives every chord one spelling: a root, one of the `QUALITIES`, and a bass if it is not the root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from folkseq.music.pitch import ALTERS, LETTERS, PITCH_CLASSES, SEMITONES, SIGNS, Interval, Pitch

QUALITIES = ("", "m", "7", "m7", "maj7", "6", "m6", "dim", "dim7", "m7b5", "aug", "aug7", "sus4", "7sus4", "sus2", "5")
"""The canonical qualities. Any other quality becomes the first of those that share the most notes with it."""
NO_CHORD = "N.C."
"""The canonical symbol that ends the chord before it."""

_ROOT = re.compile(r"([A-H])([#b♯♭]?)")
_BASS_NOTE = re.compile(r"/([A-Ha-h])([#b♯♭+]{0,2})$")
_SIGNS = {  # tried in this order
    "major": r"(?:maj|Maj|MAJ|ma(?![a-z])|M|Δ|\^)(?:7|9|11|13)?",
    "minor": r"min|mi|m|\A-",
    "diminished": r"dim|°|\A[od](?![a-z])",
    "half_diminished": r"[øØ]",
    "augmented": r"aug|\Aa(?![a-z])|\A\+5?|\+(?![0-9])",
    "suspended": r"sus[24]?",
    "added": r"add[#b♯♭]?(?:[24679]|11|13)",
    "omitted": r"(?:omit|no)[135]",
    "altered": r"[#b♯♭+-](?:[4569]|11|13)",
    "any_altered": r"alt",
    "degree": r"6/?9|11|13|[245679]",
    "bracket": r"[()]|,(?!\Z)",
}
_SIGN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _SIGNS.items()))
_SCALE = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 9: 14, 11: 17, 13: 21}  # semitones above the root
_EXTENSIONS = {"7": (7,), "9": (7, 9), "11": (7, 9, 11), "13": (7, 9, 13), "6": (6,), "69": (6, 9), "2": (2,)}
_ALTERS = {**ALTERS, "+": 1, "-": -1}
_NO_CHORD = re.compile(r"n\.? ?c\.?|no chord|tacet", re.IGNORECASE)
_UNKNOWN = re.compile(r"[A-H](?:[#b♯♭]|[a-zM°ø+-]{0,3}\d)\S*")
_SYMBOL = re.compile(r"(\(?)([A-H])([#b♯♭]?)(.*?)(?:/([A-Ha-h])([#b♯♭+]{0,2}))?(\)?)")
_BASS, _CHORD = 36, 48  # MIDI pitches where the octaves of the bass and of the chord above it begin


@lru_cache(maxsize=4096)
def chord_pitches(text: str) -> tuple[int, ...] | None:
    """Return the MIDI pitches of a chord symbol, a bass note and a close chord.

    The result is empty for a symbol that ends the previous chord, which is `N.C.` or a symbol of an unknown kind. It is
    None if the text is not a chord symbol.

    >>> chord_pitches("Am"), chord_pitches("G/B"), chord_pitches("N.C."), chord_pitches("Fine")
    ((45, 48, 52, 57), (47, 50, 55, 59), (), None)
    """
    text = " ".join(text.split())
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if _NO_CHORD.fullmatch(text):
        return ()
    if text == "H":
        return None
    for symbol in (text.replace(" ", ""), *([text.partition(" ")[0]] if _all_chords(text.split()) else [])):
        if (pitches := _pitches(symbol)) is not None:
            return pitches
    return () if _UNKNOWN.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: the spelt root, the quality as written, and the spelt bass if it is not the root.

    >>> Chord.parse("F#m7/a")
    Chord(root=Pitch(step=3, alter=1), quality='m7', bass=Pitch(step=5, alter=0))
    >>> str(Chord.parse("Hb9").canonical.moved(Interval(1, 2)))
    'C7'
    """

    root: Pitch
    quality: str = ""
    bass: Pitch | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the first chord of a symbol; return None for a symbol without notes and for other texts."""
        if not chord_pitches(text):
            return None
        words = text.split()
        match = _SYMBOL.fullmatch(words[0] if _all_chords(words) else "".join(words))
        if match is None:
            return None
        opened, letter, sign, quality, bass, bass_sign, closed = match.groups()
        quality += closed if not opened else ""
        return cls(_spelt(letter, sign), quality, _spelt(bass, bass_sign) if bass else None)

    def __str__(self) -> str:
        return _name(self.root) + self.quality + (f"/{_name(self.bass)}" if self.bass is not None else "")

    @property
    def intervals(self) -> frozenset[int]:
        """Return the semitones of its notes above the root, from 0 to 11, without the bass."""
        return frozenset(interval % 12 for interval in _intervals(self.quality) or ())

    @property
    def canonical(self) -> Chord:
        """Return the chord with one of the `QUALITIES`, and without a bass that equals its root."""
        quality = min(QUALITIES, key=lambda each: len(self.intervals ^ Chord(self.root, each).intervals))
        return Chord(self.root, quality, None if self.bass == self.root else self.bass)

    def moved(self, interval: Interval) -> Chord:
        """Return the chord moved by an interval."""
        bass = self.bass if self.bass is None else _moved(self.bass, interval)
        return replace(self, root=_moved(self.root, interval), bass=bass)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """Return the canonical spelling of a chord symbol; return "" for an unknown kind and for other texts.

    >>> canonical("(Dm9)"), canonical("D/f+"), canonical("no chord"), canonical("Fine")
    ('Dm7', 'D/F#', 'N.C.', '')
    """
    if _NO_CHORD.fullmatch(text.strip()):
        return NO_CHORD
    chord = Chord.parse(text)
    return "" if chord is None else str(chord.canonical)


@lru_cache(maxsize=1 << 14)
def move_symbol(text: str, interval: Interval) -> str:
    """Return a chord symbol moved by an interval, with its quality as written; return other texts unchanged.

    >>> move_symbol("(F#m7/E)", Interval(-1, -2)), move_symbol("Fine", Interval(1, 2))
    ('(Em7/D)', 'Fine')
    """
    if not chord_pitches(text) and not is_unknown_chord(text):
        return text
    words = text.split()
    return " ".join(_moved_word(word, interval) for word in (words if _all_chords(words) else ["".join(words)]))


def is_unknown_chord(text: str) -> bool:
    """Return whether a text is a chord symbol of an unknown kind, which ends the previous chord.

    >>> is_unknown_chord("C7xyz"), is_unknown_chord("C7"), is_unknown_chord("N.C."), is_unknown_chord("Fine")
    (True, False, False, False)
    """
    return chord_pitches(text) == () and not _NO_CHORD.search(text)


def _spelt(letter: str, signs: str) -> Pitch:
    return Pitch(LETTERS.index(letter.upper().replace("H", "B")), sum(_ALTERS[sign] for sign in signs))


def _name(pitch: Pitch) -> str:
    return LETTERS[pitch.step] + SIGNS[pitch.alter]


def _moved(pitch: Pitch, interval: Interval) -> Pitch:
    """Return a note of a chord moved by an interval, with at most one sharp or flat."""
    moved = interval.apply(pitch)
    if abs(moved.alter) > 1:
        name = PITCH_CLASSES[moved.midi % 12]
        return _spelt(name[0], name[1:])
    return Pitch(moved.step % 7, moved.alter)


def _moved_word(word: str, interval: Interval) -> str:
    match = _SYMBOL.fullmatch(word)
    if match is None:
        return word
    opened, letter, sign, quality, bass, bass_sign, closed = match.groups()
    under = f"/{_name(_moved(_spelt(bass, bass_sign), interval))}" if bass else ""
    return opened + _name(_moved(_spelt(letter, sign), interval)) + quality + under + closed


def _all_chords(words: list[str]) -> bool:
    """Return whether there are at least two chords, as in `C (Em)`; the first one sounds."""
    return len(words) > 1 and all(_pitches(word.strip("()")) is not None for word in words)


def _pitches(symbol: str) -> tuple[int, ...] | None:
    root = _ROOT.match(symbol)
    if root is None:
        return None
    bass = _BASS_NOTE.search(symbol)
    intervals = _intervals(symbol[root.end() : bass.start() if bass else None])
    if intervals is None:
        return None
    tonic = _semitones(*root.groups())
    chord = {_CHORD + (tonic + interval) % 12 for interval in intervals}
    return tuple(sorted({_BASS + (_semitones(*bass.groups()) if bass else tonic) % 12, *chord}))


def _semitones(letter: str, signs: str) -> int:
    """Return the semitones of a note above C."""
    note = _spelt(letter, signs)
    return SEMITONES[note.step] + note.alter


def _intervals(signs: str) -> set[int] | None:
    """Return the semitones above the root that the signs after it denote; None if a sign is unknown."""
    chord, extra, end = {1: 0, 3: 4, 5: 7}, set[int](), 0
    for match in _SIGN.finditer(signs):
        kind, sign = match.lastgroup, match[0]
        number = int(re.sub(r"\D", "", sign) or 0)
        if match.start() != end:
            return None
        end = match.end()
        match kind:
            case "major":
                if number or sign in "Δ^":
                    chord[7] = 11
                    extra |= {_SCALE[degree] for degree in _EXTENSIONS[str(number or 7)][1:]}
            case "minor":
                chord[3] = 3
            case "diminished":
                chord |= {3: 3, 5: 6}
            case "half_diminished":
                chord |= {3: 3, 5: 6, 7: 10}
            case "augmented":
                chord[5] = 8
            case "suspended":
                chord[3] = _SCALE[number or 4]
            case "omitted":
                chord.pop(number, None)
            case "added":
                extra.add(_SCALE[number] + _ALTERS.get(sign[3], 0))
            case "altered":
                if number == 5:
                    chord.pop(5, None)
                extra.add(_SCALE[number] + _ALTERS[sign[0]])
            case "any_altered":
                chord |= {5: 8, 7: 10}
                extra |= {13, 15}
            case "degree" if number == 5:
                chord.pop(3, None)
            case "degree" if number == 4:
                chord[3] = 5
            case "degree":
                for degree in _EXTENSIONS[sign.replace("/", "")]:
                    if degree == 7:
                        chord.setdefault(7, 9 if (chord.get(3), chord.get(5)) == (3, 6) else 10)
                    else:
                        extra.add(_SCALE[degree])
    return {*chord.values(), *extra} if end == len(signs) else None
