"""Learned ranking: how closely each candidate resembles the pieces of the corpus."""

from folkseq.ranking.ranker import Ranker, choose, likeness

__all__ = ["Ranker", "choose", "likeness"]
