"""Format a tune as MusicXML 4.0 (score-partwise), with a part for each voice.

The writer supports notes, chords, grace notes, ties, slurs, tuplets, repeats, endings, D.C. and D.S., keys, meters,
tempos, instruments, chord symbols, lyrics, dynamics and common decorations; `unwritten` counts the others. The header
fields of ABC are stored as miscellaneous fields, so that the reader restores them. The parts are written out in the
order of a header's `P:`. Beams follow the beat.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence

from folkseq.formats.abc.fields import format_tempo
from folkseq.formats.musicxml.elements import child
from folkseq.formats.musicxml.frame import frame, paired
from folkseq.formats.musicxml.part_writer import PartWriter
from folkseq.music.parts import played_order
from folkseq.music.timeline import expand_parts
from folkseq.music.tune import Element, Instrument, Sound, Tune

_LOW = 58  # MIDI pitch; voices with a lower mean use the bass clef
FIELD = "abc:"
"""The prefix of the miscellaneous fields that hold header fields."""


def format(tune: Tune, comments: Sequence[str] = (), parts: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a tune as MusicXML.

    Args:
        tune: The tune.
        comments: Texts about the origin of the file.
        parts: The name and the clef (treble or bass) of each part; by default no names, and clefs that fit the pitches.

    Raises:
        RequestError: A note is shorter than MusicXML can write.
    """
    root = _write(tune, comments, parts, Counter())
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def unwritten(tune: Tune) -> Counter[str]:
    """Count the elements of a tune that MusicXML cannot hold, by kind. Raises RequestError like `format`."""
    lost: Counter[str] = Counter()
    _write(tune, (), (), lost)
    return lost


def _write(tune: Tune, comments: Sequence[str], parts: Sequence[tuple[str, str]], lost: Counter[str]) -> ET.Element:
    if len(tune.voices) == 1:
        tune = expand_parts(tune)
    elif played_order(tune):
        lost["order of parts (P:) of several voices"] += 1
    tune = paired(tune)
    root = ET.Element("score-partwise", version="4.0")
    _write_head(root, tune, comments)
    listed, measures = child(root, "part-list"), frame(tune)
    for number, voice in enumerate(tune.voices, 1):
        name, clef = parts[number - 1] if parts else ("", "")
        writer = PartWriter(tune, f"P{number}", voice, clef or _clef(voice), number == 1, lost)
        writer.list_part(listed, name)
        root.append(writer.write(voice, measures))
    return root


def _clef(voice: Iterable[Element]) -> str:
    """Return the clef that fits the pitches of a voice."""
    drum, heights = False, []
    for element in voice:
        drum |= isinstance(element, Instrument) and element.drum
        if isinstance(element, Sound) and element.pitches:
            heights.append(element.pitches[0].midi)
    return "percussion" if drum else "bass" if heights and sum(heights) < _LOW * len(heights) else "treble"


def _write_head(root: ET.Element, tune: Tune, comments: Sequence[str]) -> None:
    child(child(root, "work"), "work-title", tune.title or "Untitled")
    about = child(root, "identification")
    for letter, value in tune.fields:
        if letter == "C":
            child(about, "creator", value, type="composer")
    encoding = child(about, "encoding")
    child(encoding, "software", "folkseq")
    for element in ("accidental", "beam"):
        child(encoding, "supports", element=element, type="yes")
    other = child(about, "miscellaneous")
    fields = [("X", str(tune.number)), *(("T", title) for title in tune.titles), ("R", tune.rhythm)]
    fields += [("P", tune.parts), ("L", str(tune.unit)), *tune.fields]
    fields += [("Q", format_tempo(tune.tempo))] if tune.tempo else []
    for letter, value in fields:
        if value:
            child(other, "miscellaneous-field", value, name=FIELD + letter)
    for comment in comments:
        child(other, "miscellaneous-field", comment, name="comment")
