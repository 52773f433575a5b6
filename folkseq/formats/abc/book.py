"""Parse the bytes of a tune book to its tunes (ABC 2.1, section 2).

A tune begins at its `X:` line and ends at a blank line or the next `X:`. The parser also accepts tunes without `X:` (a
block of fields that includes `K:`, as in folk-rnn's token text), blank lines inside a header, and a file header, whose
fields apply to every tune. Comments and `%%` directives only shape the page and are ignored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from folkseq import text
from folkseq.errors import ParseError
from folkseq.formats.abc import escapes
from folkseq.formats.abc.settings import is_heard
from folkseq.formats.abc.tune import Line, TuneReader
from folkseq.music.tune import Tune
from folkseq.text import Decoded

_COMMENT = re.compile(r"(?<!\\)%")
_TEXT_BLOCK = re.compile(r"%%begin([a-z]+)")
_FIELD = re.compile(r"([A-Za-z+]):(?!(?<=[A-Ga-gxz]:)[|:])(.*)")  # "d:|" is music
_CHARSET = re.compile(rb"^(?:%%|I:)\s*abc-charset\s+([\w-]+)", re.MULTILINE)
_NO_MUSIC = frozenset("% \t\\")  # rare first characters of a line of music
_BYTE_ORDER_MARK = "\ufeff"
_LONGEST_HEADER = 200  # lines of a file header, which is copied into every tune of the file


@dataclass(frozen=True)
class Fault:
    """The place of a tune that could not be read, and the reason."""

    file: str
    number: str
    title: str
    line: int
    reason: str

    def __str__(self) -> str:
        title = f" ({self.title})" if self.title else ""
        return f"{self.file}, X:{self.number}{title}, line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Book:
    """The contents of an ABC file.

    Attributes:
        entries: The tunes in order, with a fault in place of each tune that could not be read.
        lost: The number of losses of each kind in each of `tunes`.
        stray: The number of losses of each kind outside of all tunes.
    """

    entries: tuple[Tune | Fault, ...]
    lost: tuple[Mapping[str, int], ...] = ()
    stray: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def tunes(self) -> tuple[Tune, ...]:
        """Return the tunes that could be read."""
        return tuple(entry for entry in self.entries if isinstance(entry, Tune))

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """Return the faults of the tunes that could not be read."""
        return tuple(entry for entry in self.entries if isinstance(entry, Fault))


def parse(text: str, file: str = "<text>") -> Book:
    """Return the tunes in `text`; `file` is its name in faults."""
    entries: list[Tune | Fault] = []
    lost: list[Mapping[str, int]] = []
    header: list[Line] = []
    stray: Counter[str] = Counter()
    for number, block in enumerate(cut_tunes(text, header, stray), 1):
        reader = TuneReader(number)
        try:
            entries.append(reader.read(chain(header, block)))
            lost.append(reader.lost)
        except (ParseError, ValueError) as error:
            name, title = (next((line.text[:80] for line in block if line.letter == letter), "") for letter in "XT")
            entries.append(Fault(file, name or "?", title, reader.line, str(error)))
    return Book(tuple(entries), tuple(lost), stray)


def parse_bytes(data: bytes, file: str = "<bytes>") -> Book:
    """Return the tunes in a file's bytes.

    Raises:
        ParseError: The bytes are not text, or hold no tune at all.
    """
    text, encoding = decode(data, file)
    book = parse(text, file)
    if not book.entries:
        raise ParseError(f"{file}: no tune in it (no line begins with X:, and no block of fields has a K:)")
    return replace(book, stray=Counter(book.stray) + Counter(encoding.lost)) if encoding.lost else book


def read(path: Path | str) -> Book:
    """Return the tunes in the file at `path`. Raises ParseError if it cannot be opened, and like `parse_bytes`."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ParseError(f"{path}: cannot be read ({error.strerror or error})") from None
    return parse_bytes(data, str(path))


def decode(data: bytes, file: str) -> Decoded:
    """Return the text of a file's bytes and its encoding. Raises ParseError if the bytes are not text."""
    if not data.strip():
        raise ParseError(f"{file}: the file is empty; an ABC file holds tunes that begin with an X: line")
    declared = _CHARSET.search(data)
    return text.decode(data, file, declared[1].decode() if declared else "")


def cut_tunes(text: str, header: list[Line], stray: Counter[str]) -> Iterator[list[Line]]:
    """Yield the lines of each tune; add a file header to `header`, and count music outside of tunes in `stray`."""
    waiting: list[Line] = []  # a tune before its K: line
    begun = False
    for block in _blocks(text):
        letters = {line.letter for line in block}
        if waiting and "X" in letters:
            yield waiting
            waiting = []
        if waiting or ("X" in letters and "K" not in letters):
            waiting += block
            begun = True
            if "K" in letters:
                yield waiting
                waiting = []
        elif "X" in letters or ("K" in letters and next(line.letter for line in block if line.letter != "%")):
            begun = True
            yield block
        elif not begun and "" not in letters:
            room = _LONGEST_HEADER - len(header)
            header += block[:room]
            if len(block) > room:
                stray[f"line of a file header of more than {_LONGEST_HEADER}"] += len(block) - room
        elif music := sum("|" in line.text and not line.letter for line in block):
            stray["line of music after a blank line"] += music
    if waiting:
        yield waiting


def _blocks(text: str) -> Iterator[list[Line]]:
    """Yield the lines between blank lines or before an X:, without comments, directives and text blocks."""
    block: list[Line] = []
    end_of_text = ""  # the line that ends a text block, while in one
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line[:1] == _BYTE_ORDER_MARK and (line[1:2] == "%" or line[2:3] == ":"):  # files were concatenated
            line = line[1:]
        if end_of_text and not line.startswith("X:"):  # an unclosed text block ends at the next tune
            end_of_text = "" if line.startswith(end_of_text) else end_of_text
            continue
        end_of_text = ""
        if line[:1] in _NO_MUSIC:
            if line[0] == "%":
                begin = _TEXT_BLOCK.match(line)
                end_of_text = f"%%end{begin[1]}" if begin else ""
                if line[1:2] == "%" and is_heard(line[2:].lstrip()):
                    block.append(Line(number, "%", _COMMENT.split(line[2:])[0].strip()))
                continue
            if line[0] == "\\" and line[1:2].isalpha():  # for TeX, as in abc2mtex's books
                continue
            if line.lstrip()[1:2] == ":":  # an indented field
                line = line.lstrip()
        if "%" in line:
            line = _COMMENT.split(line, maxsplit=1)[0]
            if not line.strip():
                continue
        found = _FIELD.match(line) if line[1:2] == ":" else None
        blank = found is None and not line.strip()
        if blank or (found is not None and found[1] == "X"):
            if block:
                yield block
            block = []
        if not blank:
            block.append(_field(number, *found.groups()) if found else Line(number, "", line))
    if block:
        yield block


def _field(number: int, letter: str, value: str) -> Line:
    value = value.strip()
    return Line(number, letter, escapes.decode(value) if letter in escapes.FIELDS else value)
