"""folkseq learns music as sequences of symbols and writes new music.

The verbs of the command line are functions here, and `load` opens a trained run:

    import folkseq

    folkseq.train("abc", ["corpora/folk.abc"], minutes=5)
    for tune in folkseq.load().sample(3, seed=1, key="D"):
        tune.save(f"{tune.title}.mid")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from folkseq.errors import FolkseqError
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.ensemble.verb import harmonise
    from folkseq.evaluation.verb import evaluate
    from folkseq.infill.verb import fill
    from folkseq.music.performance import Performance
    from folkseq.music.tune import Tune
    from folkseq.plots.notebook import Shown, show
    from folkseq.plots.verb import plot
    from folkseq.verbs.convert import convert
    from folkseq.verbs.corpus import corpus
    from folkseq.verbs.inspect import inspect
    from folkseq.verbs.model import Model, load
    from folkseq.verbs.piece import Event, Sampled
    from folkseq.verbs.sample import again, sample, stream
    from folkseq.verbs.tokenize import tokenize
    from folkseq.verbs.train import train

# Imported when first asked for, so that `import folkseq` is quick and takes in none of torch, music21 and matplotlib.
_HOMES = {
    "Event": "folkseq.verbs.piece",
    "Model": "folkseq.verbs.model",
    "Performance": "folkseq.music.performance",
    "Sampled": "folkseq.verbs.piece",
    "Shown": "folkseq.plots.notebook",
    "Tune": "folkseq.music.tune",
    "again": "folkseq.verbs.sample",
    "convert": "folkseq.verbs.convert",
    "corpus": "folkseq.verbs.corpus",
    "evaluate": "folkseq.evaluation.verb",
    "fill": "folkseq.infill.verb",
    "harmonise": "folkseq.ensemble.verb",
    "inspect": "folkseq.verbs.inspect",
    "load": "folkseq.verbs.model",
    "plot": "folkseq.plots.verb",
    "sample": "folkseq.verbs.sample",
    "show": "folkseq.plots.notebook",
    "stream": "folkseq.verbs.sample",
    "tokenize": "folkseq.verbs.tokenize",
    "train": "folkseq.verbs.train",
}

__all__ = [
    "Event",
    "FolkseqError",
    "Model",
    "Performance",
    "Sampled",
    "Shown",
    "Tune",
    "__version__",
    "again",
    "convert",
    "corpus",
    "evaluate",
    "fill",
    "harmonise",
    "inspect",
    "load",
    "plot",
    "sample",
    "show",
    "stream",
    "tokenize",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
