"""Everything folkseq raises on purpose.

    Exception
    ├── FolkseqError            what the user can mend: shown as one line, without a traceback
    │   ├── ParseError          a file, or one piece of it, that cannot be read
    │   ├── TokenError          a token that the vocabulary does not hold
    │   ├── CorpusError         a corpus that is unknown, empty or cannot be built
    │   ├── RunError            a run folder that is missing, incomplete or of another kind
    │   └── RequestError        an argument of a command that cannot be met
    ├── ValueError              the caller's bug: a value out of its range
    └── TypeError               the caller's bug: a value of the wrong kind

A message gives the value, what is allowed, the place, and what to type next.
"""

from __future__ import annotations


class FolkseqError(Exception):
    """What the user can mend; the command line prints it as one line and exits with 1."""


class ParseError(FolkseqError):
    """A file, or one piece of it, that cannot be read."""


class TokenError(FolkseqError):
    """A token that the vocabulary does not hold."""


class CorpusError(FolkseqError):
    """A corpus that is unknown, empty or cannot be built."""


class RunError(FolkseqError):
    """A run folder that is missing, incomplete or of another kind."""


class RequestError(FolkseqError):
    """An argument of a command that cannot be met."""
