"""The verb `fill`: rewrite a gap in a piece, and keep the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from folkseq.infill.answers import Answers, write_answers
from folkseq.representations.task import FILL


def fill(
    run: Path | str | None,
    file: Path | str,
    count: int = 1,
    *,
    bars: str | None = None,
    seconds: str | None = None,
    tune: int | None = None,
    instrument: str | None = None,
    **settings: Any,
) -> Answers:
    """Rewrite a gap in a piece, and keep everything else.

    Args:
        run: the folder of a run trained with the task `fill`; by default, the newest under `runs`.
        file: an ABC or MIDI file; `-` for standard input.
        count: number of answers.
        bars: the first and last bar of the gap in a tune, such as `5-8`. A pickup at the beginning is bar 0, and a
            pickup in the middle belongs to the short bar before it. Endings count.
        seconds: the beginning and end of the gap in a performance, such as `12-20`.
        tune: number of the tune, in a file of several.
        instrument: keep the new bars of a tune within the range of an instrument, such as `fiddle`.
        settings: those of `write_answers`.

    Raises:
        FolkseqError: the request is impossible; then nothing is written.
    """
    asked = {"bars": bars, "seconds": seconds, "tune": tune, "instrument": instrument}
    where = {name: value for name, value in asked.items() if value is not None}
    return write_answers(run, FILL, file, count, where, **settings)
