"""The operations of the studio, one module for each part of the page."""

from folkseq.studio.api import models, reading, sound, tunes
from folkseq.studio.operations import Operation

OPERATIONS: tuple[Operation, ...] = (*models.OPERATIONS, *reading.OPERATIONS, *sound.OPERATIONS, *tunes.OPERATIONS)
