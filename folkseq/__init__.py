"""folkseq trains models on music as sequences of symbols, and writes new music.

Each command of the command line is a function of this package, and `load` opens a trained run:

    import folkseq

    folkseq.train("abc", ["corpora/folk.abc"], minutes=5)
    for tune in folkseq.load().sample(3, seed=1, key="D"):
        tune.save(f"{tune.title}.mid")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from folkseq.errors import FolkseqError as FolkseqError
from folkseq.version import __version__ as __version__

if TYPE_CHECKING:
    from folkseq.ensemble.verb import harmonise as harmonise
    from folkseq.evaluation.verb import evaluate as evaluate
    from folkseq.infill.verb import fill as fill
    from folkseq.music.performance import Performance as Performance
    from folkseq.music.tune import Tune as Tune
    from folkseq.plots.notebook import Shown as Shown
    from folkseq.plots.notebook import show as show
    from folkseq.plots.verb import plot as plot
    from folkseq.verbs.convert import convert as convert
    from folkseq.verbs.corpus import corpus as corpus
    from folkseq.verbs.inspect import inspect as inspect
    from folkseq.verbs.model import Model as Model
    from folkseq.verbs.model import load as load
    from folkseq.verbs.piece import Event as Event
    from folkseq.verbs.piece import Sampled as Sampled
    from folkseq.verbs.sample import again as again
    from folkseq.verbs.sample import sample as sample
    from folkseq.verbs.sample import stream as stream
    from folkseq.verbs.tokenize import tokenize as tokenize
    from folkseq.verbs.train import train as train

# Imported at first use, so that `import folkseq` is fast and does not import torch, music21 or matplotlib.
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

__all__ = ["FolkseqError", "__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
