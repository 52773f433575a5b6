"""Novelty: the overlap of a piece with the training set, a verdict in words, and a limit on the overlap.

Training, sampling and the verb `check` use this package through `KnownPieces`. `overlap` finds the longest shared run
of ids, with `training_set`, `hashing` and `runs`. `limit` masks ids that would make a run too long. `marks` does both
without the corpus. `sketches` recognise near-duplicates, `scale` measures the usual overlap in a corpus, `verdict`
puts the result into words, and `summary` stores the data for these.
"""
