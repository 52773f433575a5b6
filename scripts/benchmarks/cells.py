"""The cells side by side: each trained for the same minutes on the same pieces, all else being equal.

How long an update takes is measured in turns beforehand, and told as a ratio to the LSTM's.
"""

from __future__ import annotations

import argparse

from benchmarks.recipes import Ours, Pieces, costs

from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import CELLS


def main(*arguments: str) -> None:
    """Print a table, a line a cell."""
    parser = argparse.ArgumentParser(prog="benchmark.py cells", description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", nargs="?", default="abc")
    parser.add_argument("corpus", nargs="*", default=["corpora/folk.abc"])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    pieces = Pieces(asked.tokenizer, asked.corpus)
    recipes = {cell: Ours(pieces, {"cell": cell}) for cell in CELLS}
    cost, baseline = costs(recipes), pieces.ngram.heldout_nll
    print(f"{asked.minutes:g} minutes each; {pieces.ngram.order}-gram {baseline:.4f} nats a token")
    print("| cell | weights | an update, LSTM's = 1 | updates | held-out | of the n-gram's |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for cell, recipe in recipes.items():
        weights = sum(each.numel() for each in LanguageModel(recipe.settings()[0]).parameters())
        updates, nll = recipe.train(asked.seed, asked.minutes, None)
        ratio = cost[cell] / cost["lstm"]
        print(f"| {cell} | {weights:,} | {ratio:.2f} | {updates:,} | {nll:.4f} | {nll / baseline:.3f} |", flush=True)
