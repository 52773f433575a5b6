"""`folkseq fill`: a gap in a piece, written anew between what stays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError
from folkseq.infill.answers import Answers, write_answers
from folkseq.representations.task import FILL
from folkseq.verbs.model import load

LARGEST = 1 << 22
"""Bytes of a file; a book of so many holds some ten thousand tunes."""


def fill(
    run: Path | str | None,
    file: Path | str,
    count: int = 1,
    *,
    bars: str | None = None,
    seconds: str | None = None,
    tune: int | None = None,
    **settings: Any,
) -> Answers:
    """Writes a gap in a piece anew; all else stays as it is.

    Args:
        run: the run folder, of a model trained to fill; the newest under `runs` if it is None.
        file: a file of ABC or MIDI; `-` for standard input.
        count: how many answers.
        bars: of a tune, from which to which, such as `5-8`; a pickup is bar 0, and bars are counted as they stand.
        seconds: of a performance, from when to when, such as `12-20`.
        tune: its number, where a file holds several.
        settings: as those of `answers.write_answers`.

    Raises:
        FolkseqError: for what cannot be met, before anything is written.
    """
    where: dict[str, Any] = {
        name: value for name, value in (("bars", bars), ("seconds", seconds), ("tune", tune)) if value is not None
    }
    data, name = read_input(file)
    return write_answers(load(run), FILL, data, name, count, where, **settings)


def read_input(file: Path | str) -> tuple[bytes, str]:
    """What a file, or standard input, holds, and its name. Raises RequestError if it cannot be read."""
    if str(file) == "-":
        data = sys.stdin.buffer.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise RequestError(f"stdin: more than {LARGEST:,} bytes; give one tune")
        return data, "stdin"
    try:
        with open_file(Path(file), LARGEST) as opened:
            return opened.read(), str(file)
    except (OSError, ParseError) as error:
        raise RequestError(str(error)) from None
