"""The last step of training a model of whole pieces: learn which sampled pieces are most similar to the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from folkseq.ranking.fit import fit
from folkseq.run import Run
from folkseq.sampling.generate import generate
from folkseq.verbs.model import Model
from folkseq.verbs.sampling_run import SamplingRun

FEWEST = 300
"""Minimum number of training pieces for a ranker, which would memorise fewer, and of updates of the model: after fewer,
its pieces are hardly music, and do not end."""
SAMPLES = 6000
"""Maximum number of samples to train on, besides the pieces of the corpus; after fewer updates than this, there are as
many samples as updates. The classifiers learn from one half; the other half shows their choices for unknown ones."""
_SEED = 2**64 - 1  # a seed that no user chooses


def learn_to_rank(run: Run, on_report: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    """Sample pieces, learn to distinguish them from the training set, and write a ranker into the run folder.

    No ranker is written for a representation without complete pieces, or for fewer than `FEWEST` training pieces or
    updates.

    Args:
        run: a run whose training has ended.
        on_report: called with reports of the progress.
    """
    model, (store, sides) = Model(run), run.tokens()
    profile = model.codec.transposition.profile if model.codec.transposition else None
    steps = int(run.config.figures["steps"])
    if not model.codec.generation.ranks or profile is None or min(len(sides.train), steps) < FEWEST:
        return
    count = min(SAMPLES, steps)
    if on_report is not None:
        words = f"learning from {count:,} new pieces which candidates are most like the corpus"
        on_report({"step": steps, "event": words})
    sampling = SamplingRun(model, model.record(seed=_SEED))
    drawn = generate(model.engine(sampling.record.settings.precision), sampling.request, range(count))
    samples = [np.array(sample.ids, np.int64) for sample in drawn]
    real = [np.asarray(store[piece], np.int64) for piece in sides.train]
    half = count // 2
    fit(samples[:half], samples[half:], real, profile, run.config.model).save(run.folder)
