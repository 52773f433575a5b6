"""Learned ranking: which of several candidates is most like the pieces of the corpus."""

from folkseq.ranking.ranker import Ranker, choose, likeness

__all__ = ["Ranker", "choose", "likeness"]
