"""`folkseq tokenize`: what a representation makes of files."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from folkseq import representations
from folkseq.corpus.named import Corpus, files, listed, locate
from folkseq.corpus.pieces import Piece, Pieces, read
from folkseq.errors import RequestError
from folkseq.files import write_atomically
from folkseq.representations.vocabulary import Vocabulary


@dataclass(frozen=True)
class Tokenized:
    """The pieces of some files as tokens, with the vocabulary that they make."""

    pieces: Pieces
    vocabulary: Vocabulary

    def ids(self, piece: Piece) -> list[int]:
        """The ids of a piece's tokens."""
        return self.vocabulary.encode(piece.tokens)


def tokenize(
    tokenizer: str, corpus: Corpus, *, run: Path | str | None = None, write: Path | str | None = None
) -> Tokenized:
    """Tokenizes every piece in `corpus`.

    Args:
        tokenizer: a representation, as `abc` or `abc:grace=false`.
        corpus: files, folders and named corpora.
        run: take the ids of this run's vocabulary, instead of one made of these files alone.
        write: also write what the tokens decode to, as one file of the representation's usual format.

    Raises:
        FolkseqError: if nothing can be read, or a token is not in the run's vocabulary.
    """
    chosen = representations.find(tokenizer)
    paths = [file for path in listed(corpus) for file in files(locate(path), chosen.suffixes)]
    chosen = chosen.suited(paths)
    if write is not None and Path(write).exists() and any(Path(write).samefile(path) for path in paths):
        raise RequestError(f"{write}: is one of the files to be read; name another to write to")
    found = read(chosen, paths)
    vocabulary = chosen.learn([piece.tokens for piece in found.pieces]) if run is None else _vocabulary(run)
    for piece in found.pieces if run is not None else ():
        vocabulary.encode(piece.tokens)
    if write is not None:
        write_atomically(Path(write), _decoded(chosen, found, Path(write).suffix))
    return Tokenized(found, vocabulary)


def _vocabulary(run: Path | str) -> Vocabulary:
    from folkseq.run import Run

    return Run.open(run).vocabulary


def _decoded(tokenizer: Any, found: Pieces, suffix: str) -> bytes:
    if suffix not in tokenizer.outputs:
        known = " or ".join(tokenizer.outputs)
        raise RequestError(f"--write takes a file that ends in {known}, not {suffix or 'one without a suffix'}")
    pieces = [tokenizer.detokenize(piece.tokens) for piece in found.pieces]
    if tokenizer.in_order:
        files = groupby(zip(found.pieces, pieces, strict=True), key=lambda each: each[0].file)
        pieces = [tokenizer.joined([piece for _, piece in parts]) for _, parts in files]
    if len(pieces) > 1 and suffix not in tokenizer.books:
        raise RequestError(f"--write: {len(pieces)} pieces do not go into one {suffix} file; tokenize one at a time")
    return bytes(tokenizer.between).join(
        tokenizer.format(tokenizer.numbered(piece, number), suffix) for number, piece in enumerate(pieces, 1)
    )
