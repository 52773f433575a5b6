"""Titles in tune books: the words of a title, and the key for comparing two titles.

Books and their encoders write one title in many ways: `MAID OF THE MILL -- REEL`, `Maid of the Mill., The`,
`The Maid of the Mill (2)`. `title_words` returns the words of the name in reading order. Words that name a kind of tune
become `DANCE`, since a jig cannot be called a reel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import normalize

from folkseq.music import Tune

DANCE = "{}"
"""Stands for the kind of tune: `Miss Gordon's {}`."""

_LIST = re.compile(r"\S+")
_DANCES = frozenset(
    _LIST.findall(
        """air allemande anthem ballad barndance bransle breakdown clog cotillion cotillon doublejig fling galop gallop
        gavotte hornpipe jig lament lancers march mazurka menuet minuet planxty polka polonaise polska quadrille
        quickstep rant reel schottisch schottische singlejig slide slipjig song strathspey two-step twostep walkaround
        waltz walzer""",
    )
)
_LONG = frozenset(dance[:7] for dance in _DANCES if len(dance) > 7)
"""Beginnings of long names, which books abbreviate and misspell."""
_KINDS = frozenset(_LIST.findall("barn country double grand highland hop long quick set single slip slow treble walk"))
"""Words that belong to the name of the dance that follows."""
_APART = frozenset(("quick step", "walk around", "barn dance", "set dance", "long dance"))
_ARTICLES = frozenset(("a", "an", "the"))
_STRAIGHT = str.maketrans("’‘`´", "''''")
_ASTRAY = re.compile(r"(?<=[^\W\d_]):(?=[^\W\d_])")
"""A colon within a word: one encoder added it to every "at" to hide e-mail addresses."""
_INVERTED = re.compile(r"(.*?)[.,\s]*,\s*(the|an?)\b\.?(.*)", re.IGNORECASE)
_KIND = re.compile(r"(.*?)\s+-+\s+(\S.*)")
# Parts of a title that do not belong to the name: brackets, other names, composers, numbers, keys.
_REST = re.compile(
    r"""[(\[{,;:/="–—].* | \s(?:or|aka|alias)\b.* | \s[-.]+\s.*
    | \s(?:by|arr\.?|comp\.?)\s+[^\W\d_]\S+\s+[^\W\d_]\S+$ | \sfrom\s(?-i:[A-Z][^\W\d_]+\s[A-Z][^\W\d_]+)$
    | \b(?:no|nr|num|number|part|set|setting|version)\b\.?\s*[\dIVX]+.* | \#\s*\d.* | \s\d+$ | \s(?:I{1,3}|IV)\.?$
    | \b\d+(?:st|nd|rd|th|d)?\.?\s*(?:part|set|setting|version|way)\b.*
    | \sin\s[A-G](?:b|\#|\s?(?:flat|sharp))?\s?(?:m|maj|min|major|minor|dorian|mixolydian|modal)?$""",
    re.IGNORECASE | re.VERBOSE,
)


def title_words(title: str) -> list[str]:
    """Return the words of a title in reading order; `DANCE` replaces words that name a kind of tune.

    >>> title_words("MILL RACE -- REEL"), title_words("Cat's Chin., The"), title_words("Ann Lee's Slip Jig (2)")
    (['MILL', 'RACE'], ['The', "Cat's", 'Chin'], ['Ann', "Lee's", '{}'])
    """
    title = " ".join(normalize("NFC", title).translate(_STRAIGHT).split())
    # The patterns need rare characters, so test for these first: a book has thousands of titles.
    title = _ASTRAY.sub("", title) if ":" in title else title
    if "," in title and (inverted := _INVERTED.fullmatch(title)):
        title = " ".join(inverted.group(2, 1, 3))
    kind = _KIND.fullmatch(title) if " -" in title else None
    words = _REST.sub("", kind[1] if kind else title).strip(" .,!?-*~").split()
    # "KILEY'S -- REEL" is Kiley's Reel, but "GEESE IN THE BOG -- JIG" is just Geese in the Bog.
    if kind and (len(words) == 1 or (words and words[-1].lower().endswith(("'s", "s'")))):
        words += kind[2].split()
    found: list[str] = []
    for word in words:
        plain = word.lower().strip(".")
        if not (_is_dance(plain) or (found and f"{found[-1].lower()} {plain}" in _APART)):
            found.append(word)
            continue
        while found and found[-1].lower() in _KINDS:
            found.pop()
        if found[-1:] != [DANCE]:
            found.append(DANCE)
    return found


@lru_cache(maxsize=1 << 14)
def _is_dance(word: str) -> bool:
    return word.removesuffix("s") in _DANCES or word[:7] in _LONG


def title_key(words: Iterable[str]) -> str:
    """Return a key that is equal for titles that a listener would consider the same.

    It ignores case, accents, punctuation, articles, kinds of tune, a final s, and the difference between -our and -or.

    >>> title_key(title_words("The Humours of Glin")) == title_key(title_words("HUMORS OF GLIN -- JIG"))
    True
    """
    return " ".join(filter(None, map(_word_key, words)))


@lru_cache(maxsize=1 << 14)
def _word_key(word: str) -> str:
    """Return the contribution of a word to the key of its title; an empty string for an article."""
    letters = "".join(filter(str.isalnum, normalize("NFD", word.lower())))
    plain = "" if letters in _ARTICLES else letters.replace("our", "or")
    return plain.removesuffix("s") or plain


def titles_of(tune: Tune) -> tuple[str, ...]:
    """Return the titles of a tune, except those with the name of its composer or transcriber."""
    values = (value for letter, value in tune.fields if letter in "CZ")
    names = (title_key(name.split()) for value in values for name in re.split(r"[^\w\s.'-]|\b(?:and|by)\b", value))
    people = [name for name in names if " " in name]
    return tuple(title for title in tune.titles if not any(name in title_key(title.split()) for name in people))
