"""`folkseq tokenize`: files as tokens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from folkseq import representations
from folkseq.corpora.files import names, read_file, told
from folkseq.corpora.named import Corpus, files, skipped
from folkseq.errors import CorpusError, ParseError, RequestError, TokenError
from folkseq.files import write_atomically
from folkseq.representations.base import Codec, Representation
from folkseq.run import Run


@dataclass(frozen=True)
class TokenizedPiece:
    """One piece, with its place in its file."""

    file: str
    number: int
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    lost: Counter[str]
    """What the tokens do not represent, by kind and count."""


@dataclass(frozen=True)
class TokenizedFiles:
    """The pieces of some files, and everything that was lost or could not be read."""

    codec: Codec[Any]
    pieces: tuple[TokenizedPiece, ...]
    stray: Counter[str]
    """What was lost outside the pieces."""
    faults: tuple[str, ...]
    notices: tuple[str, ...]
    """Decisions of the parser about ambiguous content."""

    @property
    def lost(self) -> Counter[str]:
        """Return everything that was lost, by kind and count."""
        return sum((piece.lost for piece in self.pieces), self.stray.copy())


def tokenize(
    representation: str, corpus: Corpus, *, run: Path | str | None = None, write: Path | str | None = None
) -> TokenizedFiles:
    """Tokenize every piece of a corpus.

    Args:
        representation: name and fields of the representation, such as `abc` or `abc:grace=false`.
        corpus: files, folders and named corpora.
        run: use the vocabulary of this run instead of a vocabulary of these files.
        write: decode the tokens again and write the music into this file.

    Raises:
        FolkseqError: nothing can be read, or the run's vocabulary lacks a token.
    """
    chosen = representations.find(representation)
    paths = files(corpus, chosen.suffixes)
    known = None if run is None else Run.open(run).vocabulary
    chosen = chosen.suited_to(paths) if known is None else chosen.suited_to(paths).matching(known)
    if write is not None and Path(write).exists() and any(Path(write).samefile(path) for path in paths):
        raise RequestError(f"{write}: is one of the files to read; name another file to write")
    found, stray, faults, notices = _read(chosen, paths)
    values = [value for _, _, value, _ in found]
    if known is None:
        codec, encoded = chosen.fit_encode(values)
    else:
        codec = chosen.codec(known)
        encoded = [_encode(codec, value, file) for file, _, value, _ in found]
    pieces = []
    for (file, number, value, lost), array in zip(found, encoded, strict=True):
        ids = tuple(array.tolist())
        tokens = tuple(codec.vocabulary.decode(ids))
        pieces.append(TokenizedPiece(file, number, ids, tokens, lost + Counter(codec.lost(value))))
    if write is not None:
        write_atomically(Path(write), _decoded(chosen, codec, pieces, Path(write).suffix))
    return TokenizedFiles(
        codec, tuple(pieces), stray, tuple(faults), (*skipped(corpus, chosen.files.suffixes), *notices)
    )


def _encode(codec: Codec[Any], piece: Any, file: str) -> Any:
    try:
        return codec.encode(piece)
    except TokenError as error:
        raise TokenError(f"{file}: {error}") from None


Found = list[tuple[str, int, Any, Counter[str]]]


def _read(chosen: Representation[Any], paths: list[Path]) -> tuple[Found, Counter[str], list[str], tuple[str, ...]]:
    """Return file, number, piece and losses of each piece; losses outside the pieces; faults; and notices."""
    found: Found = []
    stray: Counter[str] = Counter()
    faults: list[str] = []
    notices: list[tuple[Path, str]] = []
    for path in paths:
        number = 0
        try:
            for parsed in read_file(chosen.files, path):
                faults += parsed.faults
                notices += [(path, notice) for notice in parsed.notices]
                stray.update(parsed.stray or {})
                for place, piece in enumerate(parsed.pieces):
                    number += 1
                    found.append((str(path), number, piece, Counter(parsed.lost_from(place))))
        except ParseError as error:
            if len(paths) == 1:
                raise
            faults.append(str(error))
    if not found:
        reason = f"; the first reason: {faults[0]}" if faults else ""
        raise CorpusError(f"{names(paths)}: no piece can be read{reason}")
    return found, stray, faults, told(notices)


def _decoded(chosen: Representation[Any], codec: Codec[Any], pieces: list[TokenizedPiece], suffix: str) -> bytes:
    if suffix not in chosen.files.outputs:
        known = " or ".join(chosen.files.outputs)
        raise RequestError(f"--write {suffix or 'without a suffix'}: name a file that ends in {known}")
    by_file = groupby(pieces, key=lambda piece: piece.file)
    decoded = [[codec.decode(np.array(piece.ids)) for piece in parts] for _, parts in by_file]
    if chosen.files.continuous:
        values = [chosen.files.join(parts) for parts in decoded]
    else:
        values = [piece for parts in decoded for piece in parts]
    if len(values) > 1 and suffix not in chosen.files.collections:
        raise RequestError(f"--write: one {suffix} file cannot hold {len(values)} pieces; tokenize one at a time")
    numbered = (chosen.files.number(piece, number) for number, piece in enumerate(values, 1))
    return chosen.files.separator.join(chosen.files.format(piece, suffix) for piece in numbered)
