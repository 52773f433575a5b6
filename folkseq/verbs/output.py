"""Where what is written goes: into a folder, in one format or several, or into one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Self

from folkseq.errors import RequestError


@dataclass(frozen=True)
class Output:
    """A folder, and the suffixes of what is written there of each piece; or a file, and none."""

    place: Path
    suffixes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        out: Path | str | None,
        formats: Sequence[str] | None,
        count: int,
        *,
        outputs: Sequence[str],
        books: Sequence[str],
        usual: Path,
    ) -> Self:
        """What a user asks for.

        Args:
            out: a folder or a file.
            formats: by their names; all of `outputs` by default.
            count: how many pieces there are.
            outputs: the suffixes that there can be.
            books: those of them whose files hold several pieces.
            usual: the folder where nothing is said.

        Raises:
            RequestError: for what cannot be.
        """
        suffixes = [f".{name.strip().lstrip('.').lower()}" for name in formats or outputs]
        for suffix in suffixes:
            if suffix not in outputs:
                known = ", ".join(output[1:] for output in outputs)
                raise RequestError(f"--format {suffix[1:]}: there are: {known}")
        place = Path(out) if out is not None else usual
        suffix = "" if place.is_dir() else place.suffix.lower()
        if suffix and formats:
            raise RequestError(f"{place} is a file, whose name says its format; leave out --format, or name a folder")
        if str(place) == "-" or (suffix and suffix not in outputs):
            raise RequestError(f"{place}: name a folder, or a file that ends in {' or '.join(outputs)}")
        if count > 1 and suffix and suffix not in books:
            raise RequestError(f"{place}: {count} pieces do not go into one {suffix} file; name a folder")
        return cls(place, () if suffix else tuple(suffixes))

    @property
    def is_file(self) -> bool:
        """Whether everything goes into one file."""
        return not self.suffixes

    def free(self, stem: str, written: Mapping[str, bytes]) -> list[Path]:
        """Paths in the folder at which nothing else stands: the same seed may be asked for otherwise."""
        for number in count_from(1):
            name = stem if number == 1 else f"{stem}-{number}"
            paths = {self.place / f"{name}{suffix}": data for suffix, data in written.items()}
            if all(not path.exists() or (path.is_file() and path.read_bytes() == data) for path, data in paths.items()):
                return list(paths)
        raise AssertionError("numbers do not end")
