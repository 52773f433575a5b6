"""From the text of a tune book to the lines of its tunes (ABC 2.1, section 2).

A tune begins at its `X:` line and ends at a blank line or the next `X:`. Read besides: tunes without `X:` (a block of
fields with a `K:` among them, as in folk-rnn's token text), blank lines inside a header, and a file header whose fields
hold for every tune. Comments and `%%` directives shape the page only, and are passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_COMMENT = re.compile(r"(?<!\\)%")
_TEXT_BLOCK = re.compile(r"%%begin(text|ps|svg)\b")
_FIELD = re.compile(r"([A-Za-z+]):(?!(?<=[A-Ga-gxz]:)[|:])(.*)")  # "d:|" is music
_MARK = "\ufeff"  # with which a file may begin
_LONGEST_HEADER = 200  # lines of a file header, which every tune of the file is given


class Line(NamedTuple):
    """A line of the file: its number, the letter of its field ("" for music), and its text after the letter."""

    number: int
    letter: str
    text: str


class Block:
    """Lines that stand together."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.fields: dict[str, str] = {}  # the first of each letter

    def add(self, line: Line) -> None:
        """Adds a line, and its field if it is the first of its letter."""
        self.lines.append(line)
        if line.letter:
            self.fields.setdefault(line.letter, line.text)

    @property
    def numbered(self) -> bool:
        """Whether it has an X:."""
        return "X" in self.fields

    @property
    def keyed(self) -> bool:
        """Whether it has a K:."""
        return "K" in self.fields


def _blocks(text: str) -> Iterator[Block]:
    """Cuts at blank lines and before every X:; comments, directives and text blocks are gone."""
    block = Block()
    aside = ""
    for number, text_line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = text_line
        if line[:1] == _MARK and (line[1:2] == "%" or line[2:3] == ":"):  # where one file was put after another
            line = line[1:]
        if aside and not line.startswith("X:"):  # a text block that nothing ends, ends at the next tune
            aside = "" if line.startswith(aside) else aside
            continue
        aside = ""
        if line.startswith("%"):
            begin = _TEXT_BLOCK.match(line)
            aside = f"%%end{begin[1]}" if begin else ""
            continue
        if "%" in line:
            line = _COMMENT.split(line, maxsplit=1)[0]
            if not line.strip():
                continue
        field = _FIELD.match(line) if line[1:2] == ":" else None
        blank = field is None and not line.strip()
        if blank or (field is not None and field[1] == "X"):
            if block.lines:
                yield block
            block = Block()
        if field is not None:
            block.add(Line(number, field[1], field[2].strip()))
        elif not blank:
            block.add(Line(number, "", line))
    if block.lines:
        yield block


def cut_tunes(text: str, header: list[Line], stray: Counter[str]) -> Iterator[Block]:
    """The blocks that are tunes; a file header goes to `header`, music outside of every tune is counted in `stray`."""
    open_block: Block | None = None  # an X: whose K: has not come yet
    begun = False
    for block in _blocks(text):
        if open_block is not None and block.numbered:
            yield open_block
            open_block = None
        if open_block is not None:
            for line in block.lines:
                open_block.add(line)
            if open_block.keyed:
                yield open_block
                open_block = None
        elif block.numbered and not block.keyed:
            open_block, begun = block, True
        elif block.numbered or (block.keyed and block.lines[0].letter):
            begun = True
            yield block
        elif not begun and all(line.letter for line in block.lines):
            room = _LONGEST_HEADER - len(header)
            header.extend(block.lines[:room])
            if len(block.lines) > room:
                stray[f"line of a file header of more than {_LONGEST_HEADER}"] += len(block.lines) - room
        else:
            music = sum("|" in line.text and not line.letter for line in block.lines)
            if music:
                stray["line of music after a blank line"] += music
    if open_block is not None:
        yield open_block


def continued(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each field with the `+:` lines that continue it."""
    held: Line | None = None
    more: list[str] = []
    for line in lines:
        if line.letter == "+" and held is not None and held.letter:
            more.append(line.text)
            continue
        if held is not None:
            yield held._replace(text=" ".join([held.text, *more])) if more else held
        held, more = line, []
    if held is not None:
        yield held._replace(text=" ".join([held.text, *more])) if more else held
