"""Train a model: updates, validation, checkpoints that resume exactly; on one process or many."""

from folkseq.training.learner import TrainingData
from folkseq.training.ranks import Ranks, join_ranks
from folkseq.training.run import TrainingRun

__all__ = ["Ranks", "TrainingData", "TrainingRun", "join_ranks"]
