"""Training: updates, validation, and checkpoints that resume exactly, in one or several processes."""

from folkseq.training.learner import TrainingData
from folkseq.training.ranks import Ranks, join_ranks
from folkseq.training.run import TrainingRun

__all__ = ["Ranks", "TrainingData", "TrainingRun", "join_ranks"]
