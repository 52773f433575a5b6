"""Learned ranking of candidates by their similarity to the pieces of the corpus."""

from folkseq.ranking.ranker import CANDIDATES, Ranker, choose, likeness

__all__ = ["CANDIDATES", "Ranker", "choose", "likeness"]
