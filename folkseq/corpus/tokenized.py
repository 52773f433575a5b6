"""A corpus as ids on the disk: every file read and tokenized over all cores, once, and kept by what it holds.

What is read goes file by file into a `TokenStore`, so that ten thousand files take no more memory than one. It lies in
a cache under a key made of the files' contents, the tokenizer and the code that reads; the same files, wherever they
lie, are not tokenized twice. The cache is `$FOLKSEQ_CACHE`, else `folkseq` in the user's own cache folder; what was
not used for a month goes when something new comes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.corpus.pieces import open_file, read_file
from folkseq.corpus.store import StoreWriter, TokenStore
from folkseq.errors import CorpusError, FolkseqError, ParseError
from folkseq.machine import cores
from folkseq.representations.base import Parsed, Tokenizer
from folkseq.representations.vocabulary import Vocabulary

FEWEST_FILES = 24  # that are worth the processes' own start
LARGEST_SHARED = 1 << 26  # bytes of a file that another process may read, since it gives back all of it at once
KEPT_S = 30 * 86_400
_FACTS = "corpus.json"
_OURS = re.compile(r"[0-9a-f]{32}|\.[0-9a-f]{32}\.[0-9a-f]{8}")
_BLOCK = 256  # files that are on their way at a time, so that what is read does not pile up behind a slow one


@dataclass(frozen=True, eq=False)
class TokenizedCorpus:
    """The distinct pieces of a corpus as ids, and all that is known of them and of what was lost."""

    folder: Path
    """Where all of it lies."""
    store: TokenStore
    vocabulary: Vocabulary
    fingerprints: Sequence[NDArray[np.int64]]
    """By piece, as `Tokenizer.fingerprint` gives them."""
    spans: NDArray[np.int64]
    """(pieces, 2) as `Tokenizer.span` gives them."""
    extents: dict[str, NDArray[np.float64]]
    """How much there is of what a listener counts, by piece: notes, seconds; each (pieces,)."""
    sources: NDArray[np.int64]
    """(pieces,) the file that each comes from, as its place in `digests`."""
    labels: tuple[str, ...]
    """What a listener would look each piece up by: its file, and its number and title in it."""
    digests: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every file that could be read."""
    repeats: int
    """Pieces left out because another has the same tokens."""
    lost: Counter[str]
    faults: tuple[str, ...]


def tokenize_corpus(
    tokenizer: Tokenizer[Any],
    files: Sequence[Path],
    *,
    workers: int | None = None,
    on_read: Callable[[int, int], None] | None = None,
) -> TokenizedCorpus:
    """Read and tokenize every piece in `files`, or take what the cache has of them.

    Args:
        tokenizer: the representation.
        files: in the order in which their pieces are to stand.
        workers: processes that read; as many as there are cores by default, and none for a few files.
        on_read: called with the number of files done and that of all.

    Raises:
        CorpusError: if not one piece can be read.
        ParseError: if there is but one file, and it cannot be read at all.
        FolkseqError: if the disk refuses.
    """
    hashes, unreadable = _hashes(tokenizer, files)
    root = _cache_folder()
    folder = root / _key(tokenizer, hashes)
    try:
        found = _open(tokenizer, folder, hashes, unreadable)
    except (OSError, ValueError, EOFError, KeyError):  # it is not there, or something has damaged it
        rmtree(folder, ignore_errors=True)
        beside = root / f".{folder.name}.{secrets.token_hex(4)}"
        try:
            _build(tokenizer, list(hashes), unreadable, beside, workers or cores(), on_read)
            _move(beside, folder)
            found = _open(tokenizer, folder, hashes, unreadable)
        except OSError as error:
            raise FolkseqError(f"{root}: cannot be written: {error.strerror or error}; set FOLKSEQ_CACHE") from None
        finally:
            rmtree(beside, ignore_errors=True)
        _tidy(root)
    with suppress(OSError):  # it may be another user's
        for path in folder.iterdir():
            os.utime(path)
    return found


def _move(beside: Path, folder: Path) -> None:
    """Put a built folder into its place, unless another process has been quicker."""
    try:
        beside.rename(folder)
    except OSError:
        if not (folder / _FACTS).exists():
            raise


@dataclass(frozen=True)
class _Read:
    """What one file holds, small enough to go from one process to another."""

    file: int
    ids: tuple[NDArray[Any], ...] = ()
    tokens: tuple[str, ...] | None = None  # what the ids stand for, where no table declares it
    keys: tuple[bytes, ...] = ()  # of the pieces' tokens: equal if those are
    fingerprints: tuple[NDArray[np.int64], ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    labels: tuple[str, ...] = ()
    extents: tuple[dict[str, float], ...] = ()
    lost: Counter[str] | None = None
    faults: tuple[str, ...] = ()
    whole: bool = True
    shape: str = ""


def _read(tokenizer: Tokenizer[Any], number: int, file: Path) -> Iterator[_Read]:
    """What one file holds, as many pieces at a time as the tokenizer likes."""
    try:
        for found in read_file(tokenizer, file):
            yield _tokenized(tokenizer, number, found)
    except ParseError as error:
        yield _Read(number, faults=(str(error),), whole=False)


def _read_at_once(tokenizer: Tokenizer[Any], number: int, file: Path) -> list[_Read]:
    return list(_read(tokenizer, number, file))


def _tokenized(tokenizer: Tokenizer[Any], number: int, found: Parsed[Any]) -> _Read:
    lost = sum((Counter(each) for each in found.lost), Counter(found.stray or {}))
    fixed, tokens = tokenizer.vocabulary, None
    if fixed is None:
        spelt = [tokenizer.tokenize(piece) for piece in found.pieces]
        tokens = tokenizer.learn(spelt).tokens
        local = Vocabulary(tokens)
        ids = [np.array(local.encode(each), np.uint32) for each in spelt]
        keys = [_digest("\0".join(each).encode()) for each in spelt]
    else:
        local = fixed
        ids = [np.asarray(tokenizer.encode(piece, fixed)) for piece in found.pieces]
        keys = [_digest(each.tobytes()) for each in ids]
    for piece in found.pieces:
        lost.update(tokenizer.lost(piece))
    return _Read(
        number,
        tuple(ids),
        tokens,
        tuple(keys),
        tuple(np.asarray(tokenizer.fingerprint(each, local), np.int64) for each in ids),
        tuple(tokenizer.span(each) for each in ids),
        tuple(" ".join(tokenizer.label(piece).split()) for piece in found.pieces),
        tuple(tokenizer.extent(each, local) for each in ids),
        lost,
        found.faults,
        shape=tokenizer.shape(found.pieces[0]) if found.pieces else "",
    )


def _build(
    tokenizer: Tokenizer[Any],
    files: Sequence[Path],
    unreadable: Sequence[str],
    folder: Path,
    workers: int,
    on_read: Callable[[int, int], None] | None,
) -> None:
    """Write everything but the vocabulary's final order, then that."""
    known: dict[str, int] = {}  # tokens that no table declares, in the order in which they were met
    seen: set[bytes] = set()
    lost: Counter[str] = Counter()
    faults: list[tuple[int, str]] = []
    read: list[int] = []
    labels: list[tuple[int, str]] = []  # the file, as its place among those read, and the piece's own
    spans: list[tuple[int, int]] = []
    extents: list[dict[str, float]] = []
    fingerprints: list[NDArray[np.int64]] = []
    repeats = 0
    fixed = tokenizer.vocabulary
    dtype = np.uint32 if fixed is None else np.min_scalar_type(len(fixed) - 1)
    shape: str | None = None
    with StoreWriter(folder, dtype) as writer:
        for each in _each(tokenizer, files, workers):
            shape = each.shape if shape is None and each.ids else shape
            if each.ids and each.shape != shape:
                faults.append((each.file, f"{files[each.file]}: has {each.shape}, where the first file has {shape}"))
                continue
            if each.whole and read[-1:] != [each.file]:
                read.append(each.file)
            faults += [(each.file, fault) for fault in each.faults]
            lost += each.lost or Counter()
            numbers = None
            if each.tokens is not None:
                numbers = np.array([known.setdefault(token, len(known)) for token in each.tokens], np.uint32)
            for number, (ids, key) in enumerate(zip(each.ids, each.keys, strict=True)):
                if key in seen:
                    repeats += 1
                    continue
                seen.add(key)
                writer.append(ids if numbers is None else numbers[ids])
                labels.append((len(read) - 1, each.labels[number]))
                spans.append(each.spans[number])
                extents.append(each.extents[number])
                fingerprints.append(each.fingerprints[number])
            if on_read is not None:
                on_read(each.file + 1, len(files))
    if not labels:
        if len(files) == 1 and not read:
            raise ParseError(faults[0][1])
        reason = [fault for _, fault in faults] or list(unreadable)
        because = f", the first because: {reason[0]}" if reason else ""
        raise CorpusError(f"{_names(files)}: not one piece could be read{because}")
    final = fixed or tokenizer.learn([tuple(known)])
    if fixed is None:
        _renumber(folder, tuple(known), final)
    np.save(folder / "spans.npy", np.array(spans, np.int64))
    np.save(folder / "fingerprints.npy", np.concatenate([np.zeros(0, np.int64), *fingerprints]))
    np.save(folder / "fingerprint_offsets.npy", np.cumsum([0, *map(len, fingerprints)], dtype=np.int64))
    for kind in extents[0]:
        np.save(folder / f"{kind}s.npy", np.array([each[kind] for each in extents], np.float64))
    facts = {
        "tokens": None if fixed else final.tokens,
        "extents": list(extents[0]),
        "read": read,
        "labels": labels,
        "repeats": repeats,
        "lost": dict(lost),
        "faults": [(file, fault.replace(str(files[file]), "\0")) for file, fault in faults],
    }
    (folder / _FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _renumber(folder: Path, known: tuple[str, ...], vocabulary: Vocabulary) -> None:
    """Turn the numbers in which tokens were met into ids of a vocabulary."""
    met = TokenStore.read(folder)
    ids = np.array(vocabulary.encode(known), np.min_scalar_type(max(len(vocabulary) - 1, 0)))
    final = folder / "sorted"
    with StoreWriter(final, ids.dtype) as writer:
        for piece in range(len(met)):
            writer.append(ids[met[piece]])
    for path in final.iterdir():
        path.replace(folder / path.name)
    final.rmdir()


def _each(tokenizer: Tokenizer[Any], files: Sequence[Path], workers: int) -> Iterator[_Read]:
    """What each file holds, in their order."""
    if workers < 2 or len(files) < FEWEST_FILES or _largest(files) > LARGEST_SHARED:
        for number, file in enumerate(files):
            yield from _read(tokenizer, number, file)
        return
    # A fork is there at once; but the threads that torch may have started by now would be lacking in it.
    method = "fork" if sys.platform == "linux" and "torch" not in sys.modules else "spawn"
    with ProcessPoolExecutor(workers, get_context(method), _ignore_interrupts) as pool:
        try:
            for first in range(0, len(files), _BLOCK):
                block = files[first : first + _BLOCK]
                numbers = range(first, first + len(block))
                for parts in pool.map(_read_at_once, [tokenizer] * len(block), numbers, block, chunksize=4):
                    yield from parts
        except BrokenProcessPool:
            raise FolkseqError(
                "a process that read files was ended from outside, perhaps for want of memory; train on fewer at a time"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _largest(files: Sequence[Path]) -> int:
    return max(file.stat().st_size for file in files)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process; the first one ends the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _open(
    tokenizer: Tokenizer[Any], folder: Path, hashes: dict[Path, str], unreadable: Sequence[str]
) -> TokenizedCorpus:
    files = list(hashes)
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    offsets = np.load(folder / "fingerprint_offsets.npy")
    fingerprints = np.load(folder / "fingerprints.npy")
    return TokenizedCorpus(
        folder=folder,
        store=TokenStore.read(folder),
        vocabulary=tokenizer.vocabulary or Vocabulary(tuple(facts["tokens"])),
        fingerprints=np.split(fingerprints, offsets[1:-1]),
        spans=np.load(folder / "spans.npy"),
        extents={kind: np.load(folder / f"{kind}s.npy") for kind in facts["extents"]},
        sources=np.array([file for file, _ in facts["labels"]], np.int64),
        labels=tuple(
            f"{_shown(files[facts['read'][file]], len(files))} {label}".strip() for file, label in facts["labels"]
        ),
        digests=tuple((files[number].name, hashes[files[number]]) for number in facts["read"]),
        repeats=facts["repeats"],
        lost=Counter(facts["lost"]),
        faults=(*unreadable, *(fault.replace("\0", str(files[number])) for number, fault in facts["faults"])),
    )


def _shown(file: Path, files: int) -> str:
    """A file's name, with its folder's where there are several."""
    return file.name if files == 1 or not file.parent.name else f"{file.parent.name}/{file.name}"


def _hashes(tokenizer: Tokenizer[Any], files: Iterable[Path]) -> tuple[dict[Path, str], list[str]]:
    """The SHA-256 of each file, and what is wrong with those that cannot be read. Raises ParseError if none can."""
    hashes: dict[Path, str] = {}
    faults: list[str] = []
    for file in files:
        try:
            with open_file(file, tokenizer.largest) as data:
                hashes[file] = hashlib.file_digest(data, "sha256").hexdigest()
        except ParseError as error:
            faults.append(str(error))
        except OSError as error:  # the disk's, half way through
            faults.append(f"{file}: cannot be read ({error.strerror or error})")
    if not hashes:
        raise ParseError(faults[0])
    return hashes, faults


def _key(tokenizer: Tokenizer[Any], hashes: Mapping[Path, str]) -> str:
    each = (f"{hashed} {file.suffix.lower()}" for file, hashed in hashes.items())  # the suffix tells how to read it
    return _digest("\n".join([tokenizer.spec, _code(), *each]).encode()).hex()


@cache
def _code() -> str:
    """A digest of the code between files and ids: when it changes, so may the ids."""
    package = Path(__file__).parents[1]
    parts = [package / "compound.py", *(Path(__file__).with_name(name) for name in ("pieces.py", "store.py"))]
    parts += [path for name in ("music", "formats", "representations") for path in (package / name).rglob("*.py")]
    return _digest(b"\0".join(path.read_bytes() for path in [*sorted(parts), Path(__file__)])).hex()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _cache_folder() -> Path:
    """The first folder that can be written: the one asked for, the user's, one for the time being."""
    asked = os.environ.get("FOLKSEQ_CACHE")
    own = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "folkseq"
    for folder in [Path(asked)] if asked else [own, Path(gettempdir()) / f"folkseq-{os.environ.get('USER', 'cache')}"]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise FolkseqError(f"{asked or own}: cannot be written; set FOLKSEQ_CACHE to a folder that can")


def _tidy(root: Path) -> None:
    """Remove what was not used for long, and what a process that was killed left half-written; nothing but our own."""
    for folder in root.iterdir():
        try:
            if _OURS.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEPT_S:
                facts = folder / _FACTS
                if not facts.exists() or time.time() - facts.stat().st_mtime > KEPT_S:
                    rmtree(folder, ignore_errors=True)
        except OSError:  # another process has just moved or removed it
            continue


def _names(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
