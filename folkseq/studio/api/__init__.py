"""The operations of the studio, one module for each part of the page."""

from folkseq.studio.api import (
    files,
    models,
    reading,
    rewriting,
    sound,
    surprise,
    tunes,
)
from folkseq.studio.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *files.OPERATIONS,
    *models.OPERATIONS,
    *reading.OPERATIONS,
    *rewriting.OPERATIONS,
    *sound.OPERATIONS,
    *surprise.OPERATIONS,
    *tunes.OPERATIONS,
)
