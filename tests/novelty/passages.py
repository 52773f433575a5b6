"""Vocabularies with and without pitches, and what passages of their ids share, found by plain loops."""

import numpy as np
from hypothesis import strategies as st

from folkseq.corpora import TokenStore
from folkseq.novelty.hashing import Hashing
from folkseq.novelty.marks import MarkedOverlap, marks_of
from folkseq.representations.capabilities import Profile

START, END = 0, 1


def profile_of(ids, free=None, binding=()):
    """The profile of the ids from 2 on: (kind, height) of each, a height of None for those without."""
    ids = [("<s>", None), ("</s>", None), *ids]
    names = sorted({kind for kind, _ in ids})
    every = np.arange(len(ids))
    return Profile(
        heights=np.array([height or 0 for _, height in ids]),
        kinds=np.array([names.index(kind) for kind, _ in ids]),
        pitched=np.array([height is not None for _, height in ids]),
        free=np.isin(every, every[2:] if free is None else free),
        binding=np.isin(every, binding),
        ends=every < 2,
    )


_PLAIN = [("plain", height) for height in range(-2, 3)]
TEXT = profile_of([(letter, None) for letter in "abc"])
TUNES = profile_of([("bar", None), ("tie", None), *_PLAIN, ("sharp", 0)], free=range(4, 10), binding=[3])
PROFILES = [TEXT, TUNES]


def moved(ids, shift, profile):
    """The ids a shift higher, as far as there are such ids."""
    higher = {(profile.kinds[one], profile.heights[one]): one for one in np.flatnonzero(profile.pitched).tolist()}
    return [higher.get((profile.kinds[one], profile.heights[one] + shift), one) for one in ids]


def run_slowly(piece, other, profile):
    """How many ids are the same from the beginnings of two lists on."""
    shift, length = None, 0
    for here, there in zip(piece, other, strict=False):
        if profile.ends[here] or profile.ends[there] or profile.kinds[here] != profile.kinds[there]:
            break
        if profile.pitched[here]:
            difference = profile.heights[here] - profile.heights[there]
            if shift is not None and difference != shift:
                break
            shift = difference
        length += 1
    return length


def longest_slowly(piece, store, trained, profile):
    """(length, start, number, place): the longest run, and of those the first in the piece, then in the store."""
    found = [
        (-run_slowly(piece[start:], store[number][place:].tolist(), profile), start, number, place)
        for start in range(len(piece))
        for number in sorted(trained)
        for place in range(len(store[number]))
    ]
    length, start, number, place = min(found, default=(0, 0, -1, 0))
    return (-length, start, number, place) if length else (0, 0, -1, 0)


def marked(store, trained, profile):
    """The marks of some pieces of a store, in place of the pieces."""
    hashing = Hashing(profile)
    inner = [store[piece][1:-1] for piece in trained]
    marks = np.concatenate([np.zeros(0, np.uint8), *(marks_of(ids, hashing) for ids in inner)])
    return MarkedOverlap(marks[marks > 0], np.array(list(map(len, inner)), np.int64), list(trained), profile)


@st.composite
def stores(draw, most):
    """A profile, a store of up to four pieces of at most so many ids, and which of them are trained on."""
    profile = draw(st.sampled_from(PROFILES))
    last = draw(st.integers(2, len(profile.heights) - 1))  # few ids make long runs
    bodies = draw(st.lists(st.lists(st.integers(2, last), max_size=most), min_size=1, max_size=4))
    trained = draw(st.sets(st.integers(0, len(bodies) - 1), min_size=1))
    return profile, TokenStore.of([[START, *body, END] for body in bodies]), sorted(trained)
