"""Write tempos, and marks that are not attached to notes, as directions and chord symbols of MusicXML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from folkseq.formats.musicxml.elements import child, clean
from folkseq.formats.musicxml.signs import DYNAMICS, FINGERING, FROM_ABC, JUMPS, WEDGE_NAMES, parse_harmony, plain_mark
from folkseq.formats.musicxml.values import note_values
from folkseq.music.route import sign
from folkseq.music.signature import Tempo

_JUMP_WORDS = {
    "d.c.": "D.C.",
    "dacapo": "D.C.",
    "d.c.alfine": "D.C. al Fine",
    "d.c.alcoda": "D.C. al Coda",
    "d.s.": "D.S.",
    "d.s.alfine": "D.S. al Fine",
    "d.s.alcoda": "D.S. al Coda",
    "fine": "Fine",
    "dacoda": "To Coda",
}


def write_mark(measure: ET.Element, mark: str, lost: Counter[str]) -> None:
    """Write a mark that is not attached to a note, or count it in `lost`; marks of notes are written with the note."""
    mark = plain_mark(mark)
    if mark.startswith('"'):
        _write_text(measure, mark[1:-1])
    elif mark in WEDGE_NAMES:
        kind, place = WEDGE_NAMES[mark]
        direct(measure, ET.Element("wedge", type="stop" if place else kind))
    elif (name := sign(mark)) in JUMPS:
        value = "1" if name in ("D.S.", "tocoda") else "yes"
        direct(measure, ET.Element("words"), _JUMP_WORDS.get(mark.strip("!").lower(), name), {JUMPS[name]: value})
    elif mark in FROM_ABC:
        group, tag = FROM_ABC[mark]
        if group == "direction" and tag in DYNAMICS:
            made = ET.Element("dynamics")
            ET.SubElement(made, tag)
            direct(measure, made, place="below")
        elif group == "direction":
            direct(measure, ET.Element(tag), sound={tag: "1"})
    elif not FINGERING.fullmatch(mark):
        lost[f"decoration {mark}"] += 1


def _write_text(measure: ET.Element, text: str) -> None:
    chord = parse_harmony(text)
    if chord is None:
        place = {"^": "above", "_": "below"}.get(text[:1], "above")
        direct(measure, ET.Element("words"), text.lstrip("^_<>@"), place=place)
        return
    harmony = child(measure, "harmony")
    root = child(harmony, "root")
    child(root, "root-step", chord.root[0], **({"text": ""} if chord.kind == "none" else {}))
    if chord.root[1]:
        child(root, "root-alter", chord.root[1])
    child(harmony, "kind", chord.kind, text=clean(chord.text))
    if chord.bass:
        bass = child(harmony, "bass")
        child(bass, "bass-step", chord.bass[0])
        if chord.bass[1]:
            child(bass, "bass-alter", chord.bass[1])


def write_tempo(measure: ET.Element, tempo: Tempo, shown: bool = True) -> None:
    """Write a tempo, which affects playback even if it is not shown."""
    direction = ET.Element("direction", placement="above")
    values = note_values(tempo.beat)
    if tempo.text and shown:
        child(child(direction, "direction-type"), "words", tempo.text)
    if shown and values and len(values) == 1:
        metronome = child(child(direction, "direction-type"), "metronome", parentheses="no")
        name, dots = values[0][1]
        child(metronome, "beat-unit", name)
        for _ in range(dots):
            child(metronome, "beat-unit-dot")
        child(metronome, "per-minute", f"{tempo.bpm:.10g}")
    home = child(direction, "sound", tempo=f"{tempo.quarter_bpm:.10g}")
    measure.append(direction if len(direction) > 1 else home)


def direct(
    measure: ET.Element, made: ET.Element, text: str = "", sound: dict[str, str] | None = None, place: str = "above"
) -> None:
    """Add a direction with one given element and its text."""
    made.text = clean(text) or None
    direction = child(measure, "direction", placement=place)
    child(direction, "direction-type").append(made)
    if sound:
        child(direction, "sound", **sound)
