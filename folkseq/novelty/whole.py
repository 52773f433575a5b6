"""What was trained on, in which pieces that go on from one another are one again.

A long text is dealt in stretches, and a passage over the seam of two of them stands in the text all the same. A piece
goes on in the next one where it does not end with an id that ends pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from folkseq.corpus import TokenStore, beginning
from folkseq.novelty.passages import MOST_IDS
from folkseq.representations.capabilities import Profile


class Trained(NamedTuple):
    """Whole pieces."""

    store: TokenStore
    pieces: Sequence[int]
    """Which of its are trained on."""
    firsts: Sequence[int]
    """For each piece of the store, the number of the piece, or of the first of several, that it was made of."""


def trained(store: TokenStore, pieces: Sequence[int], profile: Profile) -> Trained:
    """Those `pieces` of a store that are trained on, whole; of more than `MOST_IDS` ids their beginnings.

    The store itself where every piece ends; else another in memory, in which every piece ends that is not cut short.
    """
    pieces = sorted(pieces)
    goes_on = ~profile.ends[np.asarray(store.ids)[store.offsets[1:][pieces] - 1]]
    if not goes_on.any():
        return Trained(store, pieces, range(len(store)))
    begins = np.append(True, (np.diff(pieces) > 1) | ~goes_on[:-1])
    groups = np.split(np.array(pieces), np.flatnonzero(begins)[1:])
    most = beginning([store.count(group.tolist()) for group in groups], MOST_IDS)
    end = int(np.flatnonzero(profile.ends)[-1])
    found = []
    for group in groups:
        parts, room = [store[int(group[0])]], most
        for piece in group[1:].tolist():
            room -= len(parts[-1])
            if room <= 0:
                break
            ids = store[piece]
            parts.append(ids[~profile.ends[ids]])
        whole = np.concatenate(parts)
        ended = profile.ends[whole[-1]] or len(whole) >= most
        found.append(whole[:most] if ended else np.append(whole, end))
    return Trained(TokenStore.of(found), range(len(found)), [int(group[0]) for group in groups])
