"""How new a piece is: the longest passage of it that stands in the training set, and a limit on such passages.

`whole` joins what goes on in that set; `index` finds passages in it, by `runs` and `short`; `copies` forbids them while
a piece is written; `passages` has the numbers that no transposition changes.
"""

from folkseq.novelty.copies import CopyLimit
from folkseq.novelty.index import Novelty
from folkseq.novelty.whole import Trained, trained

__all__ = ["CopyLimit", "Novelty", "Trained", "trained"]
