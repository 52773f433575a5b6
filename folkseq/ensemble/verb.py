"""`folkseq harmonise`: write the other voices to a melody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from folkseq.errors import RequestError
from folkseq.infill.answers import Answers, write_answers
from folkseq.representations.task import HARMONISE


def harmonise(
    run: Path | str | None, melody: Path | str, count: int = 1, *, tune: int | None = None, **settings: Any
) -> Answers:
    """Write alto, tenor and bass to a melody, and keep the melody.

    Args:
        run: the folder of a run that was trained to harmonise; the newest under `runs` by default.
        melody: a file of ABC or MIDI; `-` for standard input. A melody outside the soprano's range is transposed.
        count: number of answers.
        tune: number of the tune, in a file of several.
        settings: those of `write_answers`.

    Raises:
        FolkseqError: something cannot be met; nothing is written then.
    """
    if settings.get("max_copy") is not None:
        raise RequestError("--max-copy: harmonisations are compared with the training set afterwards; leave it out")
    where = {} if tune is None else {"tune": tune}
    return write_answers(run, HARMONISE, melody, count, where, **settings)
