"""`folkseq harmonise`: a melody, and the other voices to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from folkseq.errors import RequestError
from folkseq.infill.answers import Answers, write_answers
from folkseq.infill.verb import read_input
from folkseq.representations.task import HARMONISE
from folkseq.verbs.model import load


def harmonise(
    run: Path | str | None, melody: Path | str, count: int = 1, *, tune: int | None = None, **settings: Any
) -> Answers:
    """Writes alto, tenor and bass to a melody, which stays as it is.

    Args:
        run: the run folder, of a model trained to harmonise; the newest under `runs` if it is None.
        melody: a file of ABC or MIDI; `-` for standard input. One that lies outside the soprano's range is moved.
        count: how many answers.
        tune: its number, where a file holds several.
        settings: as those of `answers.write_answers`.

    Raises:
        FolkseqError: for what cannot be met, before anything is written.
    """
    if settings.get("max_copy") is not None:
        raise RequestError(
            "--max-copy: voices are compared with what was trained on when they are written; leave it out"
        )
    data, name = read_input(melody)
    where: dict[str, Any] = {} if tune is None else {"tune": tune}
    return write_answers(load(run), HARMONISE, data, name, count, where, **settings)
