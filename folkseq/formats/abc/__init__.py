"""ABC notation, standard 2.1.

`book` cuts a file into tunes; `tune`, `voice` and `overlays` read one, with `fields`, `lexer` and others for the
details; `writer` formats a tune, and `splice` replaces bars in a text.
"""

from folkseq.formats.abc.book import Book, Fault, decode, parse, parse_bytes, read
from folkseq.formats.abc.writer import format

__all__ = ["Book", "Fault", "decode", "format", "parse", "parse_bytes", "read"]
