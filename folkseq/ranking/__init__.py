"""Learned ranking of candidates by their similarity to the pieces of the corpus."""

from folkseq.ranking.ranker import CANDIDATES, Ranker, accepts, choose, likeness

__all__ = ["CANDIDATES", "Ranker", "accepts", "choose", "likeness"]
