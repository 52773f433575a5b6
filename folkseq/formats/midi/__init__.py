"""MIDI files (Standard MIDI Files 1.0): written so that programs import them best, and read whole."""

from folkseq.formats.midi.chunks import SUFFIXES, is_midi
from folkseq.formats.midi.reader import LARGEST, LONG_GAP_S, Reading, parse
from folkseq.formats.midi.repair import repair
from folkseq.formats.midi.writer import format, unwritten

__all__ = ["LARGEST", "LONG_GAP_S", "SUFFIXES", "Reading", "format", "is_midi", "parse", "repair", "unwritten"]
