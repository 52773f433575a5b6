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
    from folkseq.commands.convert import convert
    from folkseq.commands.corpus import corpus
    from folkseq.commands.evaluate import evaluate
    from folkseq.commands.fill import fill
    from folkseq.commands.harmonise import harmonise
    from folkseq.commands.inspect import inspect
    from folkseq.commands.model import Model, load
    from folkseq.commands.plot import plot
    from folkseq.commands.sample import again, sample, stream
    from folkseq.commands.sampled import Event, Sampled
    from folkseq.commands.show import Shown, show
    from folkseq.commands.tokenize import tokenize
    from folkseq.commands.train import train
    from folkseq.music.performance import Performance
    from folkseq.music.tune import Tune

# Imported when first asked for, so that `import folkseq` is quick and takes in none of torch, music21 and matplotlib.
_HOMES = {
    "Event": "folkseq.commands.sampled",
    "Model": "folkseq.commands.model",
    "Performance": "folkseq.music.performance",
    "Sampled": "folkseq.commands.sampled",
    "Shown": "folkseq.commands.show",
    "Tune": "folkseq.music.tune",
    "again": "folkseq.commands.sample",
    "convert": "folkseq.commands.convert",
    "corpus": "folkseq.commands.corpus",
    "evaluate": "folkseq.commands.evaluate",
    "fill": "folkseq.commands.fill",
    "harmonise": "folkseq.commands.harmonise",
    "inspect": "folkseq.commands.inspect",
    "load": "folkseq.commands.model",
    "plot": "folkseq.commands.plot",
    "sample": "folkseq.commands.sample",
    "show": "folkseq.commands.show",
    "stream": "folkseq.commands.sample",
    "tokenize": "folkseq.commands.tokenize",
    "train": "folkseq.commands.train",
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
