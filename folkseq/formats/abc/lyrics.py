"""Lyrics: convert `w:` lines to syllables of sounds, and back (ABC 2.1, section 5.1).

A `w:` line belongs to the line of music before it; further ones hold further verses. Every note takes a syllable, even
a tied or slurred one; rests take none. Syllables stay as ABC writes them: `Hal-` within a word, `_` to hold the
previous syllable, `of~the` for two words on one note, and "" for no word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from folkseq.music.tune import Bar, Element, Sound

_SYLLABLE = re.compile(r"[|_*]|(?:\\.|[^\s\-_*|])+-?|-")


def add_verse(body: list[Element], start: int, verse: int, words: str) -> int:
    """Add a `w:` line to the sounds of `body` from index `start` on; return the number of syllables without a note."""
    missing, place = 0, start

    def sing(place: int, syllable: str) -> None:
        sound = body[place]
        if isinstance(sound, Sound):
            before = sound.lyrics[:verse] + ("",) * (verse - len(sound.lyrics))
            body[place] = replace(sound, lyrics=(*before, syllable))

    if verse:  # a note without a word must not repeat the previous verse
        for each in filter(lambda at: _is_sung(body[at]), range(start, len(body))):
            sing(each, "")
    for syllable in _SYLLABLE.findall(words):
        if syllable == "|":
            bars = (at for at in range(place, len(body)) if isinstance(body[at], Bar))
            place = next(bars, len(body) - 1) + 1
            continue
        while place < len(body) and not _is_sung(body[place]):
            place += 1
        if place == len(body):
            missing += syllable not in "*_-"
            continue
        sing(place, {"*": "", "-": "_"}.get(syllable, syllable))
        place += 1
    return missing


def format_verses(sounds: Iterable[Element]) -> list[str]:
    """Return the `w:` lines of the sounds of a line of music."""
    sung: Sequence[tuple[str, ...]] = [each.lyrics for each in sounds if isinstance(each, Sound) and each.pitches]
    lines = []
    for verse in range(max(map(len, sung), default=0)):
        syllables = [(lyrics[verse] if verse < len(lyrics) else "") or "*" for lyrics in sung]
        while len(syllables) > 1 and syllables[-1] == "*":
            syllables.pop()
        lines.append("w:" + " ".join(syllables))
    return lines


def _is_sung(element: Element) -> bool:
    return isinstance(element, Sound) and bool(element.pitches)
