"""The operations of the studio, one module for each part of the page."""

from folkseq.studio.api import models, reading, rewriting, sound, tunes
from folkseq.studio.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *models.OPERATIONS,
    *reading.OPERATIONS,
    *rewriting.OPERATIONS,
    *sound.OPERATIONS,
    *tunes.OPERATIONS,
)
