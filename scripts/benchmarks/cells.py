"""Compare the recurrent cells: same pieces, same training time, all other settings equal.

The duration of an update is measured in turns before training, and printed relative to that of the LSTM.
"""

from __future__ import annotations

import argparse

from benchmarks.recipes import FolkseqRecipe, Pieces, costs

from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS


def main(*arguments: str) -> None:
    """Print a table with one line per cell."""
    parser = argparse.ArgumentParser(prog="benchmark.py cells", description=__doc__.splitlines()[0])
    parser.add_argument("representation", nargs="?", default="abc")
    parser.add_argument("corpus", nargs="*", default=["corpora/folk.abc"])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    pieces = Pieces(options.representation, options.corpus)
    recipes = {cell: FolkseqRecipe(pieces, {"cell": cell}) for cell in CELLS}
    cost, baseline = costs(recipes), pieces.baseline.heldout_nll
    print(f"{options.minutes:g} minutes each; {pieces.baseline.order}-gram {baseline:.4f} nats per token")
    print("| cell | weights | update, LSTM's = 1 | updates | held-out loss | x n-gram |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for cell, recipe in recipes.items():
        weights = sum(each.numel() for each in LanguageModel(recipe.settings()[0]).parameters())
        updates, nll = recipe.train(options.seed, options.minutes, None)
        ratio = cost[cell] / cost["lstm"]
        print(f"| {cell} | {weights:,} | {ratio:.2f} | {updates:,} | {nll:.4f} | {nll / baseline:.3f} |", flush=True)
