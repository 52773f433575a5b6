"""Read and write keys and meters in the attributes of measures."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from folkseq.formats.musicxml.elements import child, number_in
from folkseq.music.pitch import LETTERS
from folkseq.music.signature import MODES as FIFTHS
from folkseq.music.signature import Key, Meter

MODES = {
    "maj": "major",
    "min": "minor",
    "mix": "mixolydian",
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "loc": "locrian",
}
"""MusicXML's name of each mode."""
_BY_NAME = {name: mode for mode, name in MODES.items()} | {"ionian": "maj", "aeolian": "min"}


def parse_key(key: ET.Element) -> Key | None:
    """Return the key of an element `key`; None if it has more than seven accidentals."""
    if (fifths := key.findtext("fifths")) is not None:
        number, mode = number_in(fifths), _BY_NAME.get(key.findtext("mode", "").strip().lower(), "maj")
        tonic = number - FIFTHS[mode]
        return Key(tonic * 4 % 7, (tonic + 1) // 7, mode) if -7 <= number <= 7 else None
    steps = [LETTERS.index((each.text or "C").strip()) for each in key.iterfind("key-step")]
    alters = [int(float(each.text or 0)) for each in key.iterfind("key-alter")]
    return Key(extra=tuple(sorted(zip(steps, alters, strict=False))))


def write_key(attributes: ET.Element, key: Key) -> None:
    """Add a key to the attributes of a measure."""
    written = child(attributes, "key")
    if not key.extra:
        child(written, "fifths", key.sharps)
        child(written, "mode", MODES[key.mode])
        return
    for letter, alter in enumerate(key.alters):
        if alter:
            child(written, "key-step", LETTERS[letter])
            child(written, "key-alter", alter)


def parse_meter(time: ET.Element) -> Meter:
    """Return the meter of an element `time`."""
    beats, units = (["".join(each.itertext()) for each in time.iterfind(tag)] for tag in ("beats", "beat-type"))
    if not beats or not units:
        return Meter(0, 4)
    unit = max(map(int, units))
    pairs: Sequence[tuple[str, str]] = list(zip(beats, units, strict=False))
    return Meter(sum(sum(map(int, terms.split("+"))) * unit // int(one) for terms, one in pairs), unit)


def write_meter(attributes: ET.Element, meter: Meter) -> None:
    """Add a meter to the attributes of a measure."""
    time = child(attributes, "time")
    if meter.free:
        child(time, "senza-misura")
        return
    child(time, "beats", meter.beats)
    child(time, "beat-type", meter.unit)
