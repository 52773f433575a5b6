"""Create elements of MusicXML, and read their contents."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

# Elements that only shape the page or repeat information of another element; they do not affect the sound.
_NAMES = """
    print bookmark link grouping listening level footnote accidental beam stem notehead notehead-text staff voice type
    dot tie instrument time-modification duration chord pitch rest unpitched grace cue display-step display-octave
    divisions staves part-symbol instruments clef staff-details for-part directive tied tuplet wavy-line accidental-mark
    accidental-text other-notation dashes bracket octave-shift offset listen image principal-voice staff-divide
    scordatura metronome sound elision extend syllabic text laughing humming end-line end-paragraph inversion numeral
    function frame
"""
_SILENT = frozenset(_NAMES.split())
_LARGEST = 1e7


def child(parent: ET.Element, tag: str, content: str | int = "", /, **attributes: str) -> ET.Element:
    """Add a child element to another element, and return it."""
    made = ET.SubElement(parent, tag, attributes)
    made.text = clean(str(content)) or None
    return made


def clean(text: str) -> str:
    """Return text without the characters that XML forbids."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def number_in(text: str | None) -> int:
    """Return the integer in a text; 0 for no text. Raises ValueError if it is out of range."""
    number = float(text) if text and text.strip() else 0.0
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{number:g} is no number of a score")
    return int(number)


def text_in(element: ET.Element) -> str:
    """Return all text within an element."""
    return " ".join("".join(element.itertext()).split())


def count_unread(lost: Counter[str], element: ET.Element) -> None:
    """Count an unsupported element in `lost`, unless it is silent."""
    if element.tag not in _SILENT:
        lost[element.tag.replace("-", " ")] += 1
