"""The destination of results: a folder with files in one or several formats, or one file.

All pieces in ABC or MIDI can also be written in the formats of `folkseq.formats.derived`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import IO, Self

from folkseq.errors import RequestError
from folkseq.files import holds, write_atomically
from folkseq.formats import derived


@dataclass(frozen=True)
class Output:
    """A folder and the suffixes of its files, or one file."""

    place: Path
    suffixes: tuple[str, ...]
    """Suffixes of the files of each piece in the folder; empty if `place` is a file."""
    native: Sequence[str]
    """Formats that are not made of another one."""
    soundfont: Path | str | None = None

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
        soundfont: Path | str | None = None,
    ) -> Self:
        """Validate the request of a user.

        Args:
            out: a folder or a file; `usual` by default.
            formats: names of formats; all of `outputs` by default.
            count: number of pieces.
            outputs: possible suffixes.
            collections: those of them whose files hold several pieces.
            usual: the default folder.
            soundfont: for sound, instead of the default one.

        Raises:
            RequestError: the request is impossible.
        """
        suffixes = [f".{name.strip().lstrip('.').lower()}" for name in formats or outputs]
        known = derived.possible(outputs)
        for suffix in suffixes:
            if suffix not in known:
                raise RequestError(f"--format {suffix[1:]}: choose from {', '.join(each[1:] for each in known)}")
        place = Path(out) if out is not None else usual
        suffix = "" if place.is_dir() else place.suffix.lower()
        if suffix and formats:
            raise RequestError(f"{place}: is a file, whose suffix gives the format; leave out --format")
        if str(place) == "-" or (suffix and suffix not in known):
            raise RequestError(f"{place}: name a folder, or a file that ends in {' or '.join(known)}")
        if count > 1 and suffix and suffix not in collections:
            raise RequestError(f"{place}: one {suffix} file cannot hold {count} pieces; name a folder")
        derived.check([suffix] if suffix else suffixes, outputs, soundfont)
        return cls(place, () if suffix else tuple(suffixes), outputs, soundfont)

    @property
    def is_file(self) -> bool:
        """Return whether everything goes into one file."""
        return not self.suffixes

    def format(self, format: Callable[[str], bytes], suffix: str) -> bytes:
        """Return a piece as the bytes of a file, given the function that formats it for one of its own suffixes."""
        return derived.format(format, suffix, self.native, self.soundfont)

    def write(self, stem: str, written: Mapping[str, bytes | IO[bytes]]) -> list[Path]:
        """Write the files of a piece, by suffix, and return their paths; no file with other bytes is replaced.

        A folder gets files of the name `stem`; where one is taken, `-2`, `-3` … is added to it, or to that of `place`.
        """
        folder, stem = (self.place.parent, self.place.stem) if self.is_file else (self.place, stem)
        for number in count_from(1):
            name = stem if number == 1 else f"{stem}-{number}"
            paths = {folder / f"{name}{suffix}": data for suffix, data in written.items()}
            if all(not path.exists() or (path.is_file() and holds(path, data)) for path, data in paths.items()):
                for path, data in paths.items():
                    write_atomically(path, data)
                return list(paths)
        raise AssertionError("unreachable")
