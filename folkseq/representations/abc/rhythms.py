"""The kinds of tunes that `R:` names: their other names and meters, and how a model writes each.

A model has learned a kind of which its books have enough tunes, and writes it after that name. Another kind is written
like one that is like it, or else as tunes in its meter whose kind the books do not name: books that name four waltzes
hold a hundred tunes in 3/4.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.vocabulary import Vocabulary

FEWEST = 10
"""Tunes from which a model can learn a kind."""


class Rhythm(NamedTuple):
    """A kind of tune."""

    meters: tuple[str, ...]
    """In which it is written, the usual one first."""
    others: tuple[str, ...] = ()
    """Its other names."""
    like: str = ""
    """Another kind that is written in its place, if a model has not learned it."""
    title: str = ""
    """Its name in a title, if it differs."""


_EIGHTHS = ("4/4", "2/2", "2/4")  # eight of them a bar; in older books sixteenths
RHYTHMS = {
    "air": Rhythm(("4/4", "3/4", "6/8", "2/4", "2/2", "3/8"), ("slow air",)),
    "barndance": Rhythm(_EIGHTHS, ("barn dance",), "hornpipe"),
    "clog": Rhythm(_EIGHTHS, ("clog dance",), "hornpipe"),
    "fling": Rhythm(_EIGHTHS, ("highland fling", "highland"), "strathspey", "highland fling"),
    "gavotte": Rhythm(("4/4", "2/2")),
    "hornpipe": Rhythm(_EIGHTHS),
    "jig": Rhythm(("6/8",), ("double jig", "dj")),
    "march": Rhythm(("4/4", "2/4", "6/8", "2/2")),
    "mazurka": Rhythm(("3/4",), ("varsovienne",)),
    "minuet": Rhythm(("3/4",), ("menuet",)),
    "planxty": Rhythm(("6/8",)),
    "polka": Rhythm(("2/4",)),
    "quickstep": Rhythm(("2/4", "6/8", "2/2"), ("quick step",)),
    "reel": Rhythm(_EIGHTHS),
    "schottische": Rhythm(_EIGHTHS, (), "hornpipe"),
    "singlejig": Rhythm(("6/8", "12/8"), ("single jig",), "jig", "single jig"),
    "slide": Rhythm(("12/8", "6/8"), (), "jig"),
    "slipjig": Rhythm(("9/8",), ("slip jig", "hop jig"), "", "slip jig"),
    "strathspey": Rhythm(_EIGHTHS),
    "walkaround": Rhythm(("2/4", "4/4"), ("walk around",)),
    "waltz": Rhythm(("3/4",)),
}
COMMON_TIME = tuple(name for name, rhythm in RHYTHMS.items() if rhythm.meters == _EIGHTHS)
"""Dances of eight eighths a bar, as players write them. Older books have many in 2/4, with sixteenths."""
_NAMES = {spelling: name for name, rhythm in RHYTHMS.items() for spelling in (name, *rhythm.others)}


@lru_cache(maxsize=1024)
def canonical_rhythm(text: str) -> str:
    """Return the one name of the rhythm that an `R:` line gives, or an empty string if it is unknown.

    >>> canonical_rhythm("Slip Jig"), canonical_rhythm("reels"), canonical_rhythm("Kinderlied")
    ('slipjig', 'reel', '')
    """
    words = re.sub(r"[^a-z]+", " ", text.lower()).strip()
    return _NAMES.get(words) or _NAMES.get(words.removesuffix("s"), "")


def find_rhythm(name: str) -> str:
    """Return the rhythm that a user names. Raises RequestError if there is none."""
    rhythm = canonical_rhythm(name)
    if not rhythm:
        raise RequestError(f"rhythm {name!r} is not known; there are: {', '.join(RHYTHMS)}")
    return rhythm


def named(rhythm: str) -> str:
    """Return a rhythm as titles have it."""
    return (RHYTHMS[rhythm].title if rhythm in RHYTHMS else "") or rhythm


class Way(NamedTuple):
    """A kind of tune, by the header with which a model writes it."""

    rhythm: str
    """The rhythm in the header; empty for tunes whose kind the books do not name."""
    meters: tuple[str, ...]
    """Those of which the header has one; any if empty."""
    notice: str = ""
    """What the user should know."""


def way_to_write(rhythm: str, meter: str, vocabulary: Vocabulary, conventions: Conventions) -> Way:
    """Return how a model writes a rhythm, in a requested meter if there is one.

    Raises RequestError if it knows no meter of the rhythm.
    """
    if not rhythm:
        return Way("", (meter,) if meter else ())
    if f"R:{rhythm}" in vocabulary and not conventions.known:  # of a run of version 0.1.0: as that version wrote it
        return Way(rhythm, (meter,) if meter else ())
    kind = RHYTHMS[rhythm]
    meters = (meter,) if meter else tuple(each for each in kind.meters if f"M:{each}" in vocabulary)
    if not meters:
        known = ", ".join(token[2:] for token in vocabulary.tokens if token[:2] == "M:")
        raise RequestError(f"the model knows no {kind.meters[0]}, the meter of a {named(rhythm)}; it has met {known}")
    tunes = conventions.tunes(rhythm)
    few = f"only {tunes} tune{'s' * (tunes != 1)}" if tunes else "no tune"
    notice = f"the books call {few} a {named(rhythm)}; new ones are written like"
    for name in (rhythm, kind.like):
        if f"R:{name}" in vocabulary and conventions.tunes(name) >= FEWEST:
            own = tuple(each for each in meters if conventions.tunes(name, each)) or meters
            return Way(name, own, f"{notice} a {named(name)}" if name != rhythm else "")
    return Way("", meters, f"{notice} tunes in {' or '.join(meters)} of no named kind")
