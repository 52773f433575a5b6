"""`folkseq harmonise`: add voices to a melody, or chords to a tune."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkseq.ensemble.chord_grammar import EVERY
from folkseq.errors import RequestError
from folkseq.infill.answers import Answers, write_answers
from folkseq.music.accompaniment import ACCOMPANIMENT_HELP, STYLES
from folkseq.representations.task import HARMONISE
from folkseq.settings import parse, setting


@dataclass(frozen=True)
class ChordSettings:
    """The settings of chords over a tune."""

    every: str | None = setting(
        None, "Positions where chords may change: each beat or each bar.  [default: beat]", choices=EVERY
    )
    accompaniment: str | None = setting(None, ACCOMPANIMENT_HELP, choices=STYLES)


def harmonise(
    run: Path | str | None,
    melody: Path | str,
    count: int = 1,
    *,
    tune: int | None = None,
    every: str | None = None,
    accompaniment: str | None = None,
    **settings: Any,
) -> Answers:
    """Add alto, tenor and bass to a melody, or chords to a tune.

    Args:
        run: the folder of a run trained with the task `harmonise`; by default, the newest under `runs`.
        melody: an ABC or MIDI file; `-` for standard input. With a model of chorales, a melody outside the soprano
            range is transposed.
        count: number of answers.
        tune: number of the tune, in a file of several.
        every: `beat` or `bar`, the positions where chords may change; by default, `beat`.
        accompaniment: how chords are played in MIDI, one of `folkseq.music.accompaniment.STYLES`.
        settings: those of `write_answers`.

    Raises:
        FolkseqError: the request is impossible; then nothing is written.
    """
    if settings.get("max_copy") is not None:
        raise RequestError("--max-copy: harmonisations are compared with the training set afterwards; leave it out")
    parse(ChordSettings, {"every": every, "accompaniment": accompaniment})
    asked = {"tune": tune, "every": every, "accompaniment": accompaniment}
    where = {name: value for name, value in asked.items() if value is not None}
    return write_answers(run, HARMONISE, melody, count, where, **settings)
