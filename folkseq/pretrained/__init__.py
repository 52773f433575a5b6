"""The pretrained models: each is a run folder without its corpus, with a model card.

`scripts/pretrain` trains them.
"""

from __future__ import annotations

from pathlib import Path

ORDER = ("tunes", "fill", "chorales", "drums", "piano")
"""The models in the order in which a request without a run tries them."""
CORPORA = {"tunes": "folk-open.abc", "fill": "folk-open.abc", "chorales": "chorales"}
"""The named corpora that models were trained on, if folkseq can build them."""
CARD = "card.md"


def folders() -> list[Path]:
    """Return the folders of the models that are installed."""
    here = Path(__file__).parent
    return [folder for name in ORDER if (folder := here / name).is_dir()]


def find(name: Path | str) -> Path | None:
    """Return the folder of a model, or None if no model has that name."""
    return next((folder for folder in folders() if folder.name == str(name)), None)


def includes(folder: Path) -> bool:
    """Return whether a run folder is one of a model that comes with folkseq."""
    return folder.resolve() in [each.resolve() for each in folders()]
