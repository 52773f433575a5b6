"""The kinds of tune that `R:` names, brought to one name each."""

from __future__ import annotations

import re
from functools import lru_cache

RHYTHMS = {
    "air": ("air", "slow air"),
    "barndance": ("barndance", "barn dance"),
    "clog": ("clog", "clog dance"),
    "fling": ("fling", "highland fling", "highland"),
    "gavotte": ("gavotte",),
    "hornpipe": ("hornpipe",),
    "jig": ("jig", "double jig", "dj"),
    "march": ("march",),
    "mazurka": ("mazurka", "varsovienne"),
    "minuet": ("minuet", "menuet"),
    "planxty": ("planxty",),
    "polka": ("polka",),
    "quickstep": ("quickstep", "quick step"),
    "reel": ("reel",),
    "schottische": ("schottische",),
    "singlejig": ("single jig", "singlejig"),
    "slide": ("slide",),
    "slipjig": ("slip jig", "slipjig", "hop jig"),
    "strathspey": ("strathspey",),
    "walkaround": ("walkaround", "walk around"),
    "waltz": ("waltz",),
}
_NAMES = {spelling: name for name, spellings in RHYTHMS.items() for spelling in spellings}


@lru_cache(maxsize=1024)
def canonical_rhythm(text: str) -> str:
    """The one name of the rhythm that `text` (an `R:` line's value) gives; nothing if it is none of those known.

    >>> canonical_rhythm("Slip Jig"), canonical_rhythm("reels"), canonical_rhythm("Kinderlied")
    ('slipjig', 'reel', '')
    """
    words = re.sub(r"[^a-z]+", " ", text.lower()).strip()
    return _NAMES.get(words) or _NAMES.get(words.removesuffix("s"), "")
