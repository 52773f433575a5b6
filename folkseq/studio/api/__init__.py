"""The operations of the studio, one module for each part of the page."""

from folkseq.studio.api import (
    collection,
    files,
    history,
    models,
    opening,
    overlap,
    performances,
    reading,
    rewriting,
    sound,
    surprise,
    tunes,
)
from folkseq.studio.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *collection.OPERATIONS,
    *files.OPERATIONS,
    *history.OPERATIONS,
    *models.OPERATIONS,
    *opening.OPERATIONS,
    *overlap.OPERATIONS,
    *performances.OPERATIONS,
    *reading.OPERATIONS,
    *rewriting.OPERATIONS,
    *sound.OPERATIONS,
    *surprise.OPERATIONS,
    *tunes.OPERATIONS,
)
