"""Novelty: the longest run of tokens that a piece shares with the training set, and a limit on such runs.

`Overlap` is the entry point for training and sampling. `training_set` selects the pieces to compare with, `hashing`
gives passages numbers that no transposition changes, `runs` compares ids, and `limit` masks the ids that would make a
run too long.
"""

from folkseq.novelty.overlap import Overlap

__all__ = ["Overlap"]
