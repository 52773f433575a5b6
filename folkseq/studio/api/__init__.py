"""The operations of the studio, one module for each part of the page."""

from folkseq.studio.api import models, tunes
from folkseq.studio.operations import Operation

OPERATIONS: tuple[Operation, ...] = (*models.OPERATIONS, *tunes.OPERATIONS)
