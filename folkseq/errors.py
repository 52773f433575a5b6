"""The exceptions of folkseq.

    Exception
    ├── FolkseqError            an error that the user can fix; printed as one line
    │   ├── ParseError          a file, or one piece of it, that cannot be read
    │   ├── TokenError          a token outside the vocabulary
    │   ├── CorpusError         a corpus that is unknown, empty or cannot be built
    │   ├── RunError            a run folder that is missing, incomplete or of another kind
    │   └── RequestError        an invalid or impossible argument of a command
    ├── ValueError              a bug in the caller: a value out of range
    └── TypeError               a bug in the caller: a value of another type

A message gives the value, the allowed values, the place, and the next step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class FolkseqError(Exception):
    """An error that the user can fix; the command line prints it as one line and exits with 1."""


class ParseError(FolkseqError):
    """A file, or one piece of it, that cannot be read."""


class TokenError(FolkseqError):
    """A token outside the vocabulary."""


class CorpusError(FolkseqError):
    """A corpus that is unknown, empty or cannot be built."""


class RunError(FolkseqError):
    """A run folder that is missing, incomplete or of another kind."""


class RequestError(FolkseqError):
    """An invalid or impossible argument of a command."""


def few(names: Iterable[str], most: int = 8) -> str:
    """Return names, the first ones of many.

    >>> few(["a.abc", "b.abc", "c.abc"], 2)
    'a.abc, b.abc and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def in_words(lost: Mapping[str, int]) -> str:
    """Return counts of losses in words, the largest count first.

    >>> in_words({"tie": 1, "grace note": 1200, "slur": 0})
    'grace note 1,200, tie 1'
    """
    return ", ".join(f"{kind} {count:,}" for kind, count in sorted(lost.items(), key=lambda each: -each[1]) if count)
