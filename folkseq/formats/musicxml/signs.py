"""Tables of the decorations and chord kinds in ABC and in MusicXML."""

from __future__ import annotations

import re
from typing import NamedTuple

from folkseq.music.harmony import NO_CHORD, Chord, chord_pitches
from folkseq.music.pitch import LETTERS, PITCH_CLASSES, SEMITONES, SIGNS, Pitch

_DECORATIONS = {
    "articulations": {
        "accent": ("!accent!", "!>!", "!emphasis!", "L"),
        "staccato": (".", "!staccato!"),
        "tenuto": ("!tenuto!",),
        "strong-accent": ("!marcato!", "!^!"),
        "staccatissimo": ("!wedge!",),
        "breath-mark": ("!breath!",),
    },
    "ornaments": {
        "trill-mark": ("!trill!", "T"),
        "turn": ("!turn!",),
        "other-ornament": ("~", "!roll!", "R"),  # a roll, with a turn before it for programs without rolls
        "inverted-turn": ("!invertedturn!",),
        "mordent": ("!mordent!", "!lowermordent!", "M"),
        "inverted-mordent": ("!uppermordent!", "!pralltriller!", "P"),
    },
    "technical": {
        "up-bow": ("u", "!upbow!"),
        "down-bow": ("v", "!downbow!"),
        "open-string": ("!open!",),
        "thumb-position": ("!thumb!",),
        "snap-pizzicato": ("!snap!",),
        "stopped": ("!plus!", "!+!"),
    },
    "": {
        "fermata": ("!fermata!", "H", "!invertedfermata!"),
        "arpeggiate": ("!arpeggio!",),
    },
    "direction": {
        "segno": ("!segno!", "S"),
        "coda": ("!coda!", "O"),
        **{
            name: (f"!{name}!",)
            for name in [
                "pppp",
                "ppp",
                "pp",
                "p",
                "mp",
                "mf",
                "f",
                "ff",
                "fff",
                "ffff",
                "sf",
                "sfz",
                "sfp",
                "fp",
                "fz",
                "rfz",
                "rf",
            ]
        },
    },
}
"""Decorations of ABC by group and element of MusicXML; reading gives the first of each."""
FROM_ABC = {name: (group, tag) for group, tags in _DECORATIONS.items() for tag, names in tags.items() for name in names}
TO_ABC = {tag: names[0] for tags in _DECORATIONS.values() for tag, names in tags.items()}
ROLL = "roll"
"""The text of the ornament that stands for a roll."""
DYNAMICS = frozenset(_DECORATIONS["direction"]) - {"segno", "coda"}
WEDGES = {"crescendo": ("!<(!", "!<)!"), "diminuendo": ("!>(!", "!>)!")}
"""The decorations with which a wedge of each type begins and ends."""
WEDGE_NAMES = {
    name: (kind, place)
    for kind, short in WEDGES.items()
    for place in (0, 1)
    for name in (short[place], f"!{kind}{'()'[place]}!")
}
FINGERING = re.compile(r"!([0-5])!")
JUMPS = {"D.C.": "dacapo", "D.S.": "dalsegno", "fine": "fine", "tocoda": "tocoda"}
"""The attribute of `sound` for each sign of `folkseq.music.route` without an element."""

KINDS = {
    "major": "",
    "minor": "m",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished": "dim",
    "diminished-seventh": "dim7",
    "half-diminished": "m7b5",
    "augmented": "aug",
    "augmented-seventh": "aug7",
    "major-minor": "mmaj7",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "dominant-ninth": "9",
    "major-ninth": "maj9",
    "minor-ninth": "m9",
    "dominant-11th": "11",
    "major-11th": "maj11",
    "minor-11th": "m11",
    "dominant-13th": "13",
    "major-13th": "maj13",
    "minor-13th": "m13",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "power": "5",
}
"""The sign after the root of a chord of each kind."""
_KIND_OF = {chord_pitches(f"C{sign}"): kind for kind, sign in reversed(KINDS.items())}


class Harmony(NamedTuple):
    """A chord symbol: root and bass (letter and alteration), the kind in MusicXML, and the text after the root."""

    root: tuple[str, int]
    kind: str
    text: str
    bass: tuple[str, int] | None = None


def plain_mark(mark: str) -> str:
    """Return a decoration with exclamation marks instead of plus signs."""
    return f"!{mark[1:-1]}!" if len(mark) > 2 and mark[0] == mark[-1] == "+" else mark


def parse_harmony(text: str) -> Harmony | None:
    """Return the element for a chord symbol; None for other texts.

    >>> parse_harmony("F#m7/A")
    Harmony(root=('F', 1), kind='minor-seventh', text='m7', bass=('A', 0))
    """
    if chord_pitches(text) is None:
        return None
    words = text.split()
    chord = Chord.parse(text)
    if chord is None or (len(words) > 1 and chord_pitches(words[-1].strip("()"))):  # several chords are shown together
        return Harmony(("C", 0), "none", " ".join(words))
    kind = _KIND_OF.get(chord_pitches(f"C{chord.quality}"), "other")
    return Harmony(_pair(chord.root), kind, chord.quality, _pair(chord.bass) if chord.bass is not None else None)


def format_harmony(chord: Harmony, degrees: str = "") -> str | None:
    """Return the symbol of a chord with `degrees` added to its kind; None if it has no symbol.

    >>> format_harmony(Harmony(("B", -1), "dominant", ""), "b9"), format_harmony(Harmony(("C", 0), "Neapolitan", ""))
    ('Bb7b9', None)
    """
    if chord.kind == "none":
        return chord.text if chord_pitches(chord.text) is not None else NO_CHORD
    root = _note(chord.root)
    under = f"/{_note(chord.bass)}" if chord.bass else ""
    known = KINDS.get(chord.kind)
    # The text of other programs, such as △7, may parse to another kind.
    shown = chord_pitches(f"{root}{chord.text}") if chord.text else None
    if shown and not degrees and (known is None or shown == chord_pitches(f"{root}{known}")):
        return f"{root}{chord.text}{under}"
    text = f"{root}{known}{degrees}" if known is not None else ""
    return text + under if text and chord_pitches(text) else None


def _pair(pitch: Pitch) -> tuple[str, int]:
    return LETTERS[pitch.letter], pitch.alter


def _note(note: tuple[str, int]) -> str:
    """Return the name of a note with at most one sharp or flat."""
    letter, alter = note
    if abs(alter) > 1 and letter in [*LETTERS]:
        return PITCH_CLASSES[(SEMITONES[LETTERS.index(letter)] + alter) % 12]
    return letter + SIGNS.get(alter, "")
