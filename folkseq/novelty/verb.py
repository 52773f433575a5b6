"""The verb `check`: check whether pieces are copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from folkseq import representations
from folkseq.corpora.files import open_file, read_file, told
from folkseq.corpora.named import files
from folkseq.corpora.reader import tokenize_corpus
from folkseq.errors import CorpusError, FolkseqError, RequestError
from folkseq.formats import midi, tunes
from folkseq.novelty.known import KnownPieces
from folkseq.novelty.sketches import fingerprint_of
from folkseq.representations.base import Files, Parsed, Representation
from folkseq.representations.task import CONTINUE
from folkseq.run import Run
from folkseq.sampling.overlaps import Copied, SharedPassage, Verdict
from folkseq.verbs.trained import newest


@dataclass(frozen=True)
class CheckedPiece:
    """One piece of a file with its verdict."""

    label: str
    """Number and title of the piece, or the name of the file."""
    verdict: Verdict
    copied: Copied
    """The longest shared passage."""
    excerpts: tuple[str, str] | None
    """The shared part in the piece and in the known piece; None if it is unavailable or has no notation."""


@dataclass(frozen=True)
class ComparedPiece:
    """A piece after comparison with the known pieces."""

    tokens: Sequence[str]
    shared: SharedPassage
    copied: Copied
    verdict: Verdict
    lost: Mapping[str, int]
    """Counts of what the tokens do not represent, by kind."""


@dataclass(frozen=True)
class CheckedFile:
    """The pieces of a file, and counts of what the parser dropped."""

    against: str
    """The run or corpus for comparison."""
    has_corpus: bool
    """Whether it contains the pieces themselves, not only marks."""
    pieces: tuple[CheckedPiece, ...]
    lost: Counter[str]
    faults: tuple[str, ...]
    notices: tuple[str, ...]


def check(
    file: Path | str,
    against: Path | str | None = None,
    *,
    on_read: Callable[[int, int], None] | None = None,
) -> CheckedFile:
    """Check whether each piece in a file is a copy.

    Args:
        file: a file of tunes or a performance.
        against: a run or a corpus; by default, the newest suitable run under `runs`.
        on_read: called with the number of corpus files read so far and the number of all files.

    Raises:
        FolkseqError: the file cannot be read, or there is no such run or corpus.
    """
    file = Path(file)
    if against is not None and not _is_run(Path(against)):
        representation, known = _corpus(file, Path(against), on_read)
    else:
        run = newest(CONTINUE, suffixes={file.suffix}) if against is None else Run.open(against)
        against, known = run.address, KnownPieces.open(run)
        representation = representations.find(run.config.representation).matching(run.vocabulary)
    pieces, labels = list[Any](), list[str]()
    lost, faults, notices = Counter[str](), list[str](), list[tuple[Path, str]]()
    for parsed in _read(representation, file):
        pieces += parsed.pieces
        labels += map(representation.files.label, parsed.pieces)
        lost.update(sum(map(Counter, parsed.lost), Counter(parsed.stray or {})))
        faults += parsed.faults
        notices += [(file, notice) for notice in parsed.notices]
    if not pieces:
        raise CorpusError(f"{file}: no piece can be read" + (f"; {faults[0]}" if faults else ""))
    if representation.files.continuous:
        pieces, labels = [representation.files.join(pieces)], labels[:1]
    checked = []
    for piece, label, each in zip(pieces, labels, compare(representation, known, pieces), strict=True):
        lost.update(each.lost)
        excerpts = known.excerpts(each.tokens, each.shared, piece)
        checked.append(CheckedPiece(f"{file} {label}".strip(), each.verdict, each.copied, excerpts))
    return CheckedFile(str(against), known.has_corpus, tuple(checked), lost, tuple(faults), told(notices))


def compare(representation: Representation[Any], known: KnownPieces, pieces: Sequence[Any]) -> Iterator[ComparedPiece]:
    """Yield the result of comparing each of some pieces with the known pieces; the representations must agree."""
    own, encoded = representation.fit_encode(pieces)
    tokens = [own.vocabulary.decode(ids.tolist()) for ids in encoded]
    # An unknown token interrupts every passage.
    end = int(np.flatnonzero(known.codec.profile.ends)[-1])
    vocabulary = known.codec.vocabulary
    compared = [np.array([vocabulary.id(each) if each in vocabulary else end for each in piece]) for piece in tokens]
    fingerprints = [fingerprint_of(ids, own.transposition) for ids in encoded]
    found = zip(pieces, tokens, compared, fingerprints, known.longest(compared), strict=True)
    for piece, spelt, ids, fingerprint, shared in found:
        copied = known.describe(spelt, shared)
        yield ComparedPiece(spelt, shared, copied, known.judge(ids, copied, fingerprint), own.lost(piece))


def _is_run(path: Path) -> bool:
    """Return whether a path is a run folder, or a bare name, which must be the name of a model."""
    return (path / "config.json").exists() or not (path.exists() or path.suffix or path.parent.name)


def _corpus(
    file: Path, corpus: Path, on_read: Callable[[int, int], None] | None
) -> tuple[Representation[Any], KnownPieces]:
    """Return the pieces of a corpus in the first representation that reads the file and a part of the corpus."""
    suffix = file.suffix.lower()

    def rank(kind: Representation[Any]) -> int:
        """Return the index of the suffix among a representation's suffixes, the default first."""
        suffixes = list(kind.suffixes)
        return suffixes.index(suffix) if suffix in suffixes else len(suffixes)

    first: FolkseqError | None = None
    for chosen in sorted(map(representations.find, representations.names()), key=rank):
        if not (suffix in chosen.suffixes or _reads(chosen.files, file)):
            continue
        try:
            paths = files(corpus, chosen.suffixes)
            if any(path.suffix.lower() not in chosen.suffixes for path in paths):
                continue
            chosen = chosen.suited_to(paths)
            found = tokenize_corpus(chosen, paths, on_read=on_read)
        except FolkseqError as error:  # another representation may read it
            first = first or error
            continue
        return chosen.matching(found.codec.vocabulary), KnownPieces.of(found, chosen.files.continuous)
    raise first or RequestError(f"{file}: cannot be compared with {corpus}, which is of another kind")


def _reads(files: Files[Any], file: Path) -> bool:
    """Return whether a file can be read, possibly by transcription."""
    return file.suffix.lower() in files.suffixes or (".abc" in files.outputs and file.suffix.lower() in midi.SUFFIXES)


def _read(representation: Representation[Any], file: Path) -> Iterator[Parsed[Any]]:
    """Read the pieces of a file; for a representation of tunes, transcribe the melody of a MIDI file."""
    kind = representation.files
    if file.suffix.lower() in kind.suffixes or ".abc" not in kind.outputs:
        yield from read_file(kind, file)
        return
    with open_file(file, midi.LARGEST) as opened:
        book = tunes.parse_any(opened.read(), str(file))
    yield Parsed(book.tunes, book.lost, tuple(map(str, book.faults)), book.stray)
