"""Novelty: what a piece shares with the training set, a verdict on that in words, and a limit on what is shared.

`KnownPieces` is the entry point for training, sampling and the verb `check`. `overlap` finds the longest run of ids,
with `training_set`, `hashing` and `runs`; `limit` masks the ids that would make a run too long; `marks` does both
without the corpus. `sketches` recognise near-duplicates, `scale` measures what is usual, `verdict` says it in words,
and `summary` stores what these need.
"""
