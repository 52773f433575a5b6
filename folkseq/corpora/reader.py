"""Reading a corpus: every file is tokenized once, on all cores, and the ids are stored in the cache.

The ids are written to the disk file by file, so ten thousand files need no more memory than one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from folkseq.corpora import cache
from folkseq.corpora.files import names, open_file, read_file, told
from folkseq.corpora.store import IDS, OFFSETS, TokenStore
from folkseq.errors import CorpusError, FolkseqError, ParseError, RequestError
from folkseq.files import sync
from folkseq.interrupts import HANGUP
from folkseq.machine import cores
from folkseq.representations.base import Codec, Parsed, Representation
from folkseq.representations.vocabulary import Vocabulary

FEWEST_FILES = 24
"""Fewer files are read in this process, since starting other processes takes longer."""
LARGEST_SHARED = 1 << 26
"""Bytes of the largest file that another process reads, since it returns the result in one part."""
_BLOCK = 256  # files in flight, so that results do not pile up behind a slow file


@dataclass(frozen=True, eq=False)
class TokenizedCorpus:
    """The distinct pieces of a corpus as ids, and information about each."""

    folder: Path
    """The folder of the store and of the related files."""
    store: TokenStore
    codec: Codec[Any]
    fingerprints: Sequence[NDArray[np.int64]]
    """By piece, see `Transposition.fingerprint`; empty without that capability."""
    amounts: dict[str, NDArray[np.float64]]
    """(pieces,) by unit, such as `note` and `second`."""
    sources: NDArray[np.int64]
    """(pieces,) the index in `digests` of each piece's file."""
    labels: tuple[str, ...]
    """File, number and title of each piece."""
    titles: Sequence[Sequence[str]]
    """The titles of all pieces that have any, including repeats and other pieces that were left out."""
    digests: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every file that was read."""
    repeats: int
    """Pieces that were left out because another has the same tokens."""
    lost: Counter[str]
    faults: tuple[str, ...]
    notices: tuple[str, ...]
    """Notices about how ambiguous files were read, one line for all files that were read alike."""


def tokenize_corpus(
    representation: Representation[Any],
    files: Sequence[Path],
    *,
    workers: int | None = None,
    on_read: Callable[[int, int], None] | None = None,
    signature: str | None = None,
) -> TokenizedCorpus:
    """Read and tokenize every piece in `files`, or take the result from the cache.

    Args:
        representation: reads and tokenizes.
        files: in the order of their pieces.
        workers: processes; as many as there are cores by default, and none for a few files.
        on_read: called with the number of files done and of all files.
        signature: the signature of the pieces to keep, see `Codec.signature`; the most common one by default.

    Raises:
        CorpusError: no piece can be read.
        ParseError: there is only one file, and it cannot be read.
        FolkseqError: the disk refuses to write.
    """
    hashes, unreadable = _hashes(representation, files)
    root = cache.folder()
    entry = root / cache.key(representation, hashes, signature)
    try:
        found = _open(representation, entry, hashes, unreadable)
    except (OSError, ValueError, EOFError, KeyError):  # missing, or damaged
        rmtree(entry, ignore_errors=True)
        beside = root / f".{entry.name}.{secrets.token_hex(4)}"
        try:
            _build(representation, list(hashes), unreadable, beside, workers or cores(), on_read, signature)
            _move(beside, entry)
            found = _open(representation, entry, hashes, unreadable)
        except OSError as error:
            raise FolkseqError(f"{root}: cannot be written: {error.strerror or error}; set FOLKSEQ_CACHE") from None
        finally:
            rmtree(beside, ignore_errors=True)
        cache.tidy(root)
    cache.touch(entry)
    return found


def _move(beside: Path, entry: Path) -> None:
    """Move a built folder to its place, unless another process was faster."""
    try:
        beside.rename(entry)
    except OSError:
        if not (entry / cache.FACTS).exists():
            raise


class _Piece(NamedTuple):
    """One piece of a file, small enough to send between processes."""

    ids: NDArray[Any]
    label: str
    amounts: dict[str, float]
    fingerprint: NDArray[np.int64]


@dataclass(frozen=True)
class _Part:
    """Pieces of one file, with a separate vocabulary."""

    file: int
    pieces: tuple[_Piece, ...] = ()
    tokens: tuple[str, ...] = ()
    signature: str = ""
    lost: Counter[str] = field(default_factory=Counter)
    faults: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    conventions: Counter[str] = field(default_factory=Counter)
    titles: tuple[Sequence[str], ...] = ()
    unreadable: bool = False


def _read(representation: Representation[Any], number: int, file: Path) -> Iterator[_Part]:
    try:
        for parsed in read_file(representation.files, file):
            yield _tokenize(representation, number, parsed)
    except ParseError as error:
        yield _Part(number, faults=(str(error),), unreadable=True)
    except RequestError as error:  # too many labels, for example
        yield _Part(number, faults=(f"{file}: {error}",), unreadable=True)


def _read_at_once(representation: Representation[Any], number: int, file: Path) -> list[_Part]:
    return list(_read(representation, number, file))


def _tokenize(representation: Representation[Any], number: int, parsed: Parsed[Any]) -> _Part:
    lost = sum(map(Counter, parsed.lost), Counter(parsed.stray or {}))
    if not parsed.pieces:
        return _Part(number, lost=lost, faults=tuple(parsed.faults), notices=tuple(parsed.notices))
    codec, encoded = representation.fit_encode(parsed.pieces)
    similar, pieces = codec.transposition, []
    for piece, ids in zip(parsed.pieces, encoded, strict=True):
        lost.update(codec.lost(piece))
        fingerprint = np.zeros(0) if similar is None else similar.fingerprint(ids)
        pieces.append(
            _Piece(
                ids,
                " ".join(representation.files.label(piece).split()),
                codec.analysis.amounts(ids),
                np.asarray(fingerprint, np.int64),
            )
        )
    told = tuple(parsed.faults), tuple(parsed.notices)
    conventions = Counter(filter(None, map(representation.convention, parsed.pieces)))
    titles = tuple(filter(None, map(representation.files.titles, parsed.pieces)))
    return _Part(number, tuple(pieces), codec.vocabulary.tokens, codec.signature, lost, *told, conventions, titles)


def _build(
    representation: Representation[Any],
    files: list[Path],
    unreadable: Sequence[str],
    folder: Path,
    workers: int,
    on_read: Callable[[int, int], None] | None,
    signature: str | None,
) -> None:
    """Write the store of all distinct pieces, and the information about each.

    Pieces with another signature than `signature` (by default, the most common one) are left out.
    """
    known: dict[str, dict[str, int]] = {}  # provisional ids of tokens in order of appearance, by signature
    pieces: list[tuple[int, str, _Piece]] = []  # (file, signature, piece without ids)
    ends: list[int] = []  # ends of the pieces in the file of provisional ids
    seen: set[bytes] = set()
    read: dict[int, str] = {}  # signature of each file
    lost: dict[str, Counter[str]] = {}
    conventions: Counter[str] = Counter()
    titles: list[Sequence[str]] = []
    faults: list[tuple[int, str]] = []
    notices: list[tuple[int, str]] = []
    repeats: Counter[str] = Counter()
    folder.mkdir()
    provisional = folder / "provisional"
    with provisional.open("wb") as ids_file:
        for part in _parts(representation, files, workers):
            if not part.unreadable:
                read[part.file] = part.signature
            faults += [(part.file, fault) for fault in part.faults]
            notices += [(part.file, notice) for notice in part.notices]
            lost.setdefault(part.signature, Counter()).update(part.lost)
            conventions.update(part.conventions)
            titles += part.titles
            tokens = known.setdefault(part.signature, {})
            numbers = np.array([tokens.setdefault(token, len(tokens)) for token in part.tokens], np.uint32)
            for piece in part.pieces:
                ids = numbers[piece.ids].tobytes()
                digest = hashlib.blake2b(part.signature.encode() + ids, digest_size=16).digest()
                if digest in seen:
                    repeats[part.signature] += 1
                    continue
                seen.add(digest)
                ids_file.write(ids)
                ends.append((ends[-1] if ends else 0) + len(piece.ids))
                pieces.append((part.file, part.signature, piece._replace(ids=np.zeros(0))))
            if on_read is not None:
                on_read(part.file + 1, len(files))
    if signature is None:
        signature = Counter(filter(None, read.values())).most_common(1)[0][0] if any(read.values()) else ""
        others = f"most files have {signature}"
    else:
        others = f"the run was trained on {signature}"
    for file, odd in read.items():
        if odd not in ("", signature):
            faults.append((file, f"{files[file]}: has {odd}, but {others}; leave it out"))
    kept = [number for number, (_, each, _) in enumerate(pieces) if each == signature]
    if not kept:
        if len(files) == 1 and not read:
            raise ParseError(faults[0][1])
        reasons = [fault for _, fault in faults] or list(unreadable)
        raise CorpusError(
            f"{names(files)}: no piece can be read" + (f"; the first reason: {reasons[0]}" if reasons else "")
        )
    vocabulary = representation.merge(known[signature])
    _renumber(provisional, ends, vocabulary.array(tuple(known[signature])), kept, folder)
    pieces = [pieces[number] for number in kept]
    used = [file for file, each in read.items() if each in ("", signature)]
    places = {file: place for place, file in enumerate(used)}
    fingerprints = [piece.fingerprint for _, _, piece in pieces]
    units = list(pieces[0][2].amounts)
    arrays = {
        "fingerprints": np.concatenate(fingerprints),
        "fingerprint_offsets": np.cumsum([0, *map(len, fingerprints)], dtype=np.int64),
        **{f"{unit}s": np.array([piece.amounts[unit] for _, _, piece in pieces], np.float64) for unit in units},
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    facts = {
        "tokens": vocabulary.tokens,
        "conventions": conventions,
        "titles": titles,
        "amounts": units,
        "read": used,
        "labels": [(places[file], piece.label) for file, _, piece in pieces],
        "repeats": repeats[signature],
        "lost": dict(sum((lost[each] for each in {"", signature} & lost.keys()), Counter())),
        "faults": [(file, fault.replace(str(files[file]), "\0", 1)) for file, fault in sorted(faults)],
        "notices": [(file, notice) for file, notice in notices if file in places],
    }
    (folder / cache.FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _renumber(provisional: Path, ends: Sequence[int], final: NDArray[Any], kept: Sequence[int], folder: Path) -> None:
    """Write the store of some pieces, whose provisional ids become ids of the vocabulary."""
    ids, starts = np.memmap(provisional, np.uint32, "r"), [0, *ends]
    offsets = np.cumsum([0, *(ends[piece] - starts[piece] for piece in kept)], dtype=np.int64)
    with (folder / IDS).open("wb") as file:
        header = {"descr": final.dtype.str, "fortran_order": False, "shape": (int(offsets[-1]),)}
        write_array_header_1_0(file, header)
        for piece in kept:
            file.write(final[ids[starts[piece] : ends[piece]]].tobytes())
    sync(folder / IDS)
    np.save(folder / OFFSETS, offsets)
    provisional.unlink()


def _parts(representation: Representation[Any], files: Sequence[Path], workers: int) -> Iterator[_Part]:
    """Read all files, in their order."""
    largest = max(file.stat().st_size for file in files)
    if workers < 2 or len(files) < FEWEST_FILES or largest > LARGEST_SHARED:
        for number, file in enumerate(files):
            yield from _read(representation, number, file)
        return
    # A forked process starts at once, but lacks the threads that torch may have started.
    method = "fork" if sys.platform == "linux" and "torch" not in sys.modules else "spawn"
    with ProcessPoolExecutor(workers, get_context(method), _ignore_interrupts) as pool:
        try:
            for first in range(0, len(files), _BLOCK):
                block = files[first : first + _BLOCK]
                numbers = range(first, first + len(block))
                for parts in pool.map(_read_at_once, [representation] * len(block), numbers, block, chunksize=4):
                    yield from parts
        except BrokenProcessPool:
            raise FolkseqError("a process that read files was killed, perhaps out of memory; train on fewer") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C and a closed terminal; they reach the main process too, which ends the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if HANGUP is not None:
        signal.signal(HANGUP, signal.SIG_IGN)


def _open(
    representation: Representation[Any], folder: Path, hashes: dict[Path, str], unreadable: Sequence[str]
) -> TokenizedCorpus:
    files = list(hashes)
    facts = json.loads((folder / cache.FACTS).read_text(encoding="utf-8"))
    read = [files[number] for number in facts["read"]]
    offsets = np.load(folder / "fingerprint_offsets.npy")
    return TokenizedCorpus(
        folder=folder,
        store=TokenStore.read(folder),
        codec=representation.codec(Vocabulary(tuple(facts["tokens"]), facts["conventions"])),
        fingerprints=np.split(np.load(folder / "fingerprints.npy"), offsets[1:-1]),
        amounts={unit: np.load(folder / f"{unit}s.npy") for unit in facts["amounts"]},
        sources=np.array([file for file, _ in facts["labels"]], np.int64),
        labels=tuple(f"{_shown(read[file], len(files))} {label}".strip() for file, label in facts["labels"]),
        titles=facts["titles"],
        digests=tuple((file.name, hashes[file]) for file in read),
        repeats=facts["repeats"],
        lost=Counter(facts["lost"]),
        faults=(*unreadable, *(fault.replace("\0", str(files[number])) for number, fault in facts["faults"])),
        notices=told([(files[number], notice) for number, notice in facts["notices"]]),
    )


def _shown(file: Path, files: int) -> str:
    """Return a file's name, with its folder if there are several files."""
    return file.name if files == 1 or not file.parent.name else f"{file.parent.name}/{file.name}"


def _hashes(representation: Representation[Any], files: Iterable[Path]) -> tuple[dict[Path, str], list[str]]:
    """Return the SHA-256 of each file, and the faults of unreadable ones. Raises ParseError if all are."""
    hashes: dict[Path, str] = {}
    faults: list[str] = []
    for file in files:
        try:
            with open_file(file, representation.files.max_bytes) as data:
                hashes[file] = hashlib.file_digest(data, "sha256").hexdigest()
        except ParseError as error:
            faults.append(str(error))
        except OSError as error:  # the disk failed half way
            faults.append(f"{file}: cannot be read ({error.strerror or error})")
    if not hashes:
        raise ParseError(faults[0])
    return hashes, faults
