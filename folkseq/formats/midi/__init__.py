"""MIDI files (Standard MIDI Files 1.0): written so that programs import them best, and read whole."""

from folkseq.formats.midi.chunks import is_midi
from folkseq.formats.midi.reader import LARGEST, Reading, parse
from folkseq.formats.midi.writer import format, unwritten

__all__ = ["LARGEST", "Reading", "format", "is_midi", "parse", "unwritten"]
