"""Macros (`m:`), which abbreviate music (ABC 2.1, section 9).

A static macro stands for its text: `m: ~G3 = G{A}G{F}G`. A transposing macro applies to any note: in
`m: ~n3 = n{o}n{m}n`, `n` is that note, and the other letters from `h` to `z` are the steps around it. Macros are not
expanded in text, decorations, inline fields and the results of macros.
"""

from __future__ import annotations

import re

from folkseq.formats.abc.lexer import parse_note
from folkseq.formats.abc.writer import format_step

_DEFINITION = re.compile(r"([^=A-Ga-gn]*=[A-Ga-g][^=]*|[^=]+)=(.+)")  # ~=a3 is also a target
_LONGEST_TARGET, _LONGEST_TEXT = 31, 200  # characters, as in the standard
_UNTOUCHED = r'"[^"]*"|![^!\s]*!|\[[A-Za-z]:[^\]]*\]'
_RELATIVE = re.compile(rf"{_UNTOUCHED}|[h-z]")
_NOTE = r"([A-Ga-g][,']*)"


class Macros:
    """The macros of a tune."""

    def __init__(self) -> None:
        self._macros: dict[str, str] = {}  # text by target
        self._pattern = re.compile("")
        self._texts: dict[int, tuple[str, bool]] = {}  # (text, transposes), by the group of the target

    def define(self, value: str) -> bool:
        """Add the macro of an `m:` field, or replace one with the same target; return False for an invalid field."""
        match = _DEFINITION.fullmatch(value)
        target, text = (match[1].strip(), match[2].strip()) if match else ("", "")
        if not 0 < len(target) <= _LONGEST_TARGET or len(text) > _LONGEST_TEXT:
            return False
        self._macros[target] = text
        pattern, group = f"({_UNTOUCHED})", 2
        self._texts = {}
        # Static macros precede transposing ones, and a target precedes its own prefixes.
        for target in sorted(self._macros, key=lambda each: ("n" in each, -len(each))):
            before, n, after = target.rpartition("n")
            whole_length = r"(?![0-9/])" if after[-1:].isdigit() or after.endswith("/") else ""
            pattern += f"|({re.escape(before)}{_NOTE if n else ''}{re.escape(after)}{whole_length})"
            self._texts[group] = self._macros[target], bool(n)
            group += 1 + len(n)
        self._pattern = re.compile(pattern)
        return True

    def expand(self, line: str) -> str:
        """Return a line of music with macros expanded."""
        return self._pattern.sub(self._text, line)

    def _text(self, match: re.Match[str]) -> str:
        group = match.lastindex or 1
        text, moves = self._texts.get(group, (match[0], False))
        if not moves:
            return text
        step, _, _ = parse_note(match[group + 1])
        return _RELATIVE.sub(lambda each: each[0] if each[0][1:] else format_step(step + ord(each[0]) - ord("n")), text)
