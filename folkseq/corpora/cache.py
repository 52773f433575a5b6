"""The cache of tokenized corpora: one folder per set of files, under a key of everything that determines the ids.

The cache is in `$FOLKSEQ_CACHE`, or else in the user's cache folder, or else in the temporary folder. When a new entry
is written, entries that were not used for a month are removed.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import Any

from platformdirs import user_cache_path

from folkseq.errors import FolkseqError
from folkseq.representations.base import Representation

FACTS = "corpus.json"
"""The file that makes an entry complete."""
KEPT_S = 30 * 86_400
_OURS = re.compile(r"[0-9a-f]{32}|\.[0-9a-f]{32}\.[0-9a-f]{8}")


def folder() -> Path:
    """Return the cache folder. Raises FolkseqError if none can be written."""
    asked = os.environ.get("FOLKSEQ_CACHE")
    usual = [user_cache_path("folkseq"), Path(gettempdir()) / f"folkseq-{os.environ.get('USER', 'cache')}"]
    for path in [Path(asked)] if asked else usual:
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
            if os.access(path, os.W_OK):
                return path
    raise FolkseqError(f"{asked or usual[0]}: cannot be written; set FOLKSEQ_CACHE to a folder that can")


def key(representation: Representation[Any], hashes: Mapping[Path, str], signature: str | None = None) -> str:
    """Return the key of files: their contents and suffixes, their signature, the representation, and its code."""
    files = (f"{digest} {file.suffix.lower()}" for file, digest in hashes.items())  # the suffix decides how to read it
    parts = [representation.spec, representation.version, _code(type(representation)), str(signature), *files]
    return _digest("\n".join(parts).encode())


def touch(entry: Path) -> None:
    """Mark an entry as used."""
    with suppress(OSError):  # it may belong to another user
        for path in entry.iterdir():
            os.utime(path)


def tidy(root: Path) -> None:
    """Remove entries that were not used for a month, and the remains of killed processes; nothing else."""
    for entry in root.iterdir():
        with suppress(OSError):  # another process may have moved or removed it
            newest = max(path.stat().st_mtime for path in (entry, entry / FACTS) if path.exists())
            if _OURS.fullmatch(entry.name) and time.time() - newest > KEPT_S:
                rmtree(entry, ignore_errors=True)


@cache
def _code(kind: type[Representation[Any]]) -> str:
    """Return a digest of the code between files and ids, so that a change of code never meets old ids."""
    package = Path(__file__).parents[1]
    paths = [package / "compound.py", *Path(__file__).parent.glob("*.py")]
    for name in ("music", "formats", "representations"):
        paths += (package / name).rglob("*.py")
    paths.append(Path(inspect.getfile(kind)))  # of a plug-in
    return _digest(b"\0".join(path.read_bytes() for path in sorted(paths)))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
