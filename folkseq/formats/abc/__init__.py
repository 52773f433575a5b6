"""ABC notation, standard 2.1.

Read by `lines` (a book into tunes), `reader` (a tune), `voice` (a voice), `lexer` (symbols) and `fields`; written by
`writer`.
"""

from folkseq.formats.abc.reader import Book, Fault, parse, parse_bytes, read
from folkseq.formats.abc.writer import format

__all__ = ["Book", "Fault", "format", "parse", "parse_bytes", "read"]
