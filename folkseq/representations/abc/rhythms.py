"""The kinds of tunes that `R:` names: their other names and meters, and the way in which a model writes them.

A model has learned a kind if its corpus has enough such tunes, and then writes it with its name in the header. Instead
of another kind it writes a similar kind, or else tunes in the same meter without a rhythm: a corpus with four named
waltzes may contain a hundred tunes in 3/4.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from folkseq.errors import RequestError
from folkseq.representations.abc.conventions import Conventions
from folkseq.representations.vocabulary import Vocabulary

FEWEST = 10
"""Minimum number of tunes from which a model can learn a kind."""


class Rhythm(NamedTuple):
    """A kind of tune."""

    meters: tuple[str, ...]
    """Its meters, the most common first."""
    others: tuple[str, ...] = ()
    """Its other names."""
    like: str = ""
    """A similar kind to write instead, if a model has not learned this one."""
    title: str = ""
    """Its name in a title, if it differs."""


_EIGHTHS = ("4/4", "2/2", "2/4")  # bars of eight eighths, or of eight sixteenths in older books
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
"""Dances with eight eighths in a bar. Older books write many of them in 2/4 with sixteenths."""
_NAMES = {spelling: name for name, rhythm in RHYTHMS.items() for spelling in (name, *rhythm.others)}


@lru_cache(maxsize=1024)
def canonical_rhythm(text: str) -> str:
    """Return the canonical name of the rhythm in an `R:` line, or an empty string if it is unknown.

    >>> canonical_rhythm("Slip Jig"), canonical_rhythm("reels"), canonical_rhythm("Kinderlied")
    ('slipjig', 'reel', '')
    """
    words = re.sub(r"[^a-z]+", " ", text.lower()).strip()
    return _NAMES.get(words) or _NAMES.get(words.removesuffix("s"), "")


def find_rhythm(name: str) -> str:
    """Return the rhythm with a name given by a user. Raises RequestError if there is none."""
    rhythm = canonical_rhythm(name)
    if not rhythm:
        raise RequestError(f"rhythm {name!r} is not known; there are: {', '.join(RHYTHMS)}")
    return rhythm


def named(rhythm: str) -> str:
    """Return the name of a rhythm in titles."""
    return (RHYTHMS[rhythm].title if rhythm in RHYTHMS else "") or rhythm


class Way(NamedTuple):
    """The header with which a model writes a kind of tune."""

    rhythm: str
    """The rhythm in the header; empty for tunes without a rhythm."""
    meters: tuple[str, ...]
    """The possible meters in the header; any if empty."""
    notice: str = ""
    """A message for the user, or an empty string."""


def way_to_write(rhythm: str, meter: str, vocabulary: Vocabulary, conventions: Conventions) -> Way:
    """Return the way in which a model writes a rhythm, in the requested meter if there is one.

    Raises:
        RequestError: the model knows no meter of the rhythm.
    """
    if not rhythm:
        return Way("", (meter,) if meter else ())
    if f"R:{rhythm}" in vocabulary and not conventions.known:  # a run of version 0.1.0 writes as that version did
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
