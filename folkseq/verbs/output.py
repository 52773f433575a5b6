"""The place of results: a folder, in one format or several, or one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Self

from folkseq.errors import RequestError


@dataclass(frozen=True)
class Output:
    """A folder and the suffixes of its files, or one file."""

    place: Path
    suffixes: tuple[str, ...]
    """Suffixes of the files that each piece gets in the folder; empty if `place` is a file."""

    @classmethod
    def of(
        cls,
        out: Path | str | None,
        formats: Sequence[str] | None,
        count: int,
        *,
        outputs: Sequence[str],
        collections: Sequence[str],
        usual: Path,
    ) -> Self:
        """Check what a user asks for.

        Args:
            out: a folder or a file; `usual` by default.
            formats: names of formats; all of `outputs` by default.
            count: number of pieces.
            outputs: possible suffixes.
            collections: those of them whose files hold several pieces.
            usual: the default folder.

        Raises:
            RequestError: it is not possible.
        """
        suffixes = [f".{name.strip().lstrip('.').lower()}" for name in formats or outputs]
        for suffix in suffixes:
            if suffix not in outputs:
                raise RequestError(f"--format {suffix[1:]}: choose from {', '.join(known[1:] for known in outputs)}")
        place = Path(out) if out is not None else usual
        suffix = "" if place.is_dir() else place.suffix.lower()
        if suffix and formats:
            raise RequestError(f"{place}: is a file, whose suffix gives the format; leave out --format")
        if str(place) == "-" or (suffix and suffix not in outputs):
            raise RequestError(f"{place}: name a folder, or a file that ends in {' or '.join(outputs)}")
        if count > 1 and suffix and suffix not in collections:
            raise RequestError(f"{place}: one {suffix} file cannot hold {count} pieces; name a folder")
        return cls(place, () if suffix else tuple(suffixes))

    @property
    def is_file(self) -> bool:
        """Return whether everything goes into one file."""
        return not self.suffixes

    def free(self, stem: str, written: Mapping[str, bytes]) -> list[Path]:
        """Return paths in the folder, one per suffix, that are free or already hold the same bytes."""
        for number in count_from(1):
            name = stem if number == 1 else f"{stem}-{number}"
            paths = {self.place / f"{name}{suffix}": data for suffix, data in written.items()}
            if all(not path.exists() or (path.is_file() and path.read_bytes() == data) for path, data in paths.items()):
                return list(paths)
        raise AssertionError("unreachable")
