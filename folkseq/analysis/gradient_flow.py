"""How far the gradients of a run reach back, measured on pieces that it was not trained on."""

from __future__ import annotations

from folkseq.errors import RunError
from folkseq.plots.gradients import Reach
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.verbs.trained import check_task

STEPS = 100
"""How far is looked."""
MOST_IDS = 65_536
"""Held-out ids among which pieces are looked for that are long enough."""


def reach_of(run: Run) -> Reach:
    """Follow the losses of held-out pieces back through the run's best weights.

    Raises:
        RunError: its weights or pieces are missing, or too short to look back in.
        RequestError: it looks at more than its own past.
    """
    check_task(run, CONTINUE)
    import torch

    from folkseq.analysis.gradients import norms
    from folkseq.models.language_model import LanguageModel

    store, sides = run.tokens()
    pieces = store.some(sides.test or sides.valid or sides.train, MOST_IDS)
    model = LanguageModel(run.config.model)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in run.weights().items()})
    try:
        found = norms(model, pieces, STEPS)
    except ValueError as error:
        raise RunError(f"{run.folder}: its held-out pieces are too short: {error}; train on longer ones") from None
    return Reach(run.about, found)
