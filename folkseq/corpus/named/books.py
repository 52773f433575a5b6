"""Books of tunes: described by a committed TOML, built from those that an installed package already holds.

A corpus such as ``folk`` is one file, ``corpora/folk.toml``: what it is, its licence and credit, where its files stand
inside the package, and the digest of what must come out. The built ``corpora/folk.abc`` is not committed.

What goes in is ABC as many people typed it in the 1990s and 2000s. What comes out is UTF-8 ABC (standard 2.1,
section 2), an empty line between tunes, the same bytes on every machine. Only this is changed:

- Quoted-printable (RFC 2045) is undone, only in a file that shows sure signs of it, since ``=D`` is a natural in ABC.
- Umlauts that came from MS-DOS as control characters are mended; spaces at the end of a line go.
- E-mail addresses go; people's names stay.
- What stands between tunes goes; the fields of a file header go into each of that file's tunes.
- Exact repeats (equal but for ``X:``) go, ``X:`` counts from 1, and a tune without ``B:`` is given its book.

A mistake in the notation is left as it is: to judge it is the reader's work.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from folkseq.errors import CorpusError
from folkseq.files import write_atomically

# Signs that no ABC shows: a natural before a digit, a coded space at a line's end, music that ends with a bare `=`.
QUOTED = re.compile(r"=3D|=20$|^(?![A-Za-z]:).*=$", re.MULTILINE)
# One coded byte or one soft line end; some of those had become `= ` before the files reached the package.
QUOTED_UNIT = re.compile(r"=(?:([0-9A-F]{2})|[ \n])")

# Code page 437 read as Latin-1 leaves C1 controls, which no text means. Its peseta sign (0x9E) stood for a sharp s.
C1_CONTROL = re.compile(r"[\x80-\x9f]")
FROM_DOS = {code: bytes([code]).decode("cp437") for code in range(0x80, 0xA0)} | {0x9E: "ß", 0xE1: "ß"}

# Music is left alone: there, what looks like an address is notes between a bar sign and a staccato dot.
FREE_TEXT = re.compile(r"^([ABCDFGHNORSTWZw]:|%)(.*)$", re.MULTILINE)
# name@host, and as it was hidden from robots: name:host, name:at:host, a colon astray within the host.
ADDRESS = re.compile(r"[,;]?\s*[<(]?\b[A-Za-z][\w.+-]*(?:@|:at:|:)(?:[\w-]+:)?(?:[\w-]+\.)+[A-Za-z]{2,}\b[>)]?")
# Slips that no rule can see: a name that stands only in the address, or is glued to it; an address cut in two.
SLIPS = {
    "by henrik.norbeck": "by Henrik Norbeck henrik.norbeck",
    "Safranekrjs:": "Safranek rjs:",
    "bdu uva": "bdu.uva",
    ")M:C\n": ')"\n',
}


@dataclass(frozen=True)
class Source:
    """Files of one book: ``glob`` within ``folder`` of the package's corpus directory; ``book`` is for its ``B:``."""

    folder: str
    glob: str
    book: str

    def __post_init__(self) -> None:
        _check_text(folder=self.folder, glob=self.glob, book=self.book)


@dataclass(frozen=True)
class Description:
    """One named corpus, as its TOML states it.

    Attributes:
        name: What it is called; also the stem of its TOML and of the built file.
        title: One line, shown in lists.
        about: What it holds, in a sentence or two.
        licence: On what terms it may be used.
        credit: Whom to name.
        non_commercial: Whether the terms forbid commercial use.
        package: The package that holds the files, in its directory ``corpus``.
        sources: Which files, in the order of the built file.
        tunes: How many tunes are built.
        digests: SHA-256 of the built file in hexadecimal, by the package's version.

    Raises:
        ValueError: A field is empty, of another kind, or out of range.
    """

    name: str
    title: str
    about: str
    licence: str
    credit: str
    non_commercial: bool
    package: str
    sources: tuple[Source, ...]
    tunes: int
    digests: dict[str, str]

    def __post_init__(self) -> None:
        _check_text(name=self.name, title=self.title, about=self.about)
        _check_text(licence=self.licence, credit=self.credit, package=self.package)
        if not self.sources:
            raise ValueError("no [[sources]]: say which files")
        if not isinstance(self.non_commercial, bool):
            raise ValueError(f"non_commercial {self.non_commercial!r} is neither true nor false")
        if not isinstance(self.tunes, int) or self.tunes < 1:
            raise ValueError(f"tunes {self.tunes!r} is not a number from 1 up")
        for digest in self.digests.values():
            if not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError(f"digest {digest!r} is not 64 hexadecimal digits")

    @classmethod
    def read(cls, path: Path) -> Description:
        """Read a description from a TOML file whose stem is the corpus's name.

        Raises:
            CorpusError: The file cannot be read, is no TOML, or states something wrong.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            sources = tuple(Source(**source) for source in table.pop("sources", ()))
            description = cls(**table, sources=sources)
        except (OSError, TypeError, ValueError) as error:
            raise CorpusError(f"{path}: not a description of a corpus: {error}") from error
        if description.name != path.stem:
            raise CorpusError(f"{path}: describes {description.name!r}; call the file {description.name}.toml")
        return description


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        path: The built file.
        tunes: Tunes written.
        repeats: Tunes left out because an earlier one is equal.
        files: Files read.
        unquoted: Those of them whose quoted-printable was undone.
        digest: SHA-256 of the built file, in hexadecimal.
        notice: None if the digest is the one described for the installed version; else a line that says so.
    """

    path: Path
    tunes: int
    repeats: int
    files: int
    unquoted: int
    digest: str
    notice: str | None

    @property
    def summary(self) -> str:
        """What was built, in a few words."""
        return f"{self.tunes:,} tunes ({self.repeats} exact repeats dropped)"

    @property
    def figures(self) -> dict[str, int | str]:
        """What was built, for a program."""
        return {"tunes": self.tunes, "sha256": self.digest}

    @property
    def digest_matches(self) -> bool:
        """Whether the file is, to the byte, the one that was described."""
        return self.notice is None


def descriptions(folder: Path = Path("corpora")) -> dict[str, Description]:
    """Return the named corpora by name: those that come with folkseq, and those of ``folder``, which win.

    Raises:
        CorpusError: A description cannot be read.
    """
    here = Path(__file__).parents[2]
    shipped = here / "descriptions"  # in a wheel; a checkout has them beside the package
    homes = (shipped if shipped.is_dir() else here.parent / "corpora", folder)
    return {path.stem: Description.read(path) for home in homes for path in sorted(home.glob("*.toml"))}


def build(description: Description, out: Path) -> BuildReport:
    """Build a corpus from the installed package into the file ``out``, replacing it whole or not at all.

    Raises:
        CorpusError: The package or its files are missing.
        FolkseqError: ``out`` cannot be written.
    """
    paths = [(source, path) for source in description.sources for path in _source_files(description.package, source)]
    seen: dict[str, None] = {}  # a set that keeps the order
    read = unquoted = 0
    for source, path in paths:
        text, was_quoted = _clean(path.read_bytes())
        unquoted += was_quoted
        for tune in _tunes(text, source.book):
            seen[tune] = None
            read += 1
    numbered = [f"X:{number}\n{tune}\n" for number, tune in enumerate(seen, start=1)]
    data = "\n".join([_head(description), *numbered]).encode()
    write_atomically(out, data)
    digest = hashlib.sha256(data).hexdigest()
    return BuildReport(
        path=out,
        tunes=len(seen),
        repeats=read - len(seen),
        files=len(paths),
        unquoted=unquoted,
        digest=digest,
        notice=_notice(description, digest),
    )


def _source_files(package: str, source: Source) -> list[Path]:
    """Find the files of a source without importing the package, which may take seconds."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError(f"the tunes of {source.book} come with {package}, which is missing; pip install {package}")
    folder = Path(spec.submodule_search_locations[0]) / "corpus" / source.folder
    found = sorted(folder.glob(source.glob), key=Path.as_posix)  # paths alone sort otherwise on Windows
    if not found:
        raise CorpusError(
            f"{folder}: no {source.glob}: this {package} came without its corpus; "
            f"pip install --force-reinstall {package}"
        )
    return found


def _clean(data: bytes) -> tuple[str, bool]:
    """Return a file's text as it was meant, and whether it was quoted-printable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    was_quoted = QUOTED.search(text) is not None
    if was_quoted:
        text = QUOTED_UNIT.sub(lambda unit: bytes.fromhex(unit[1] or "").decode("cp437"), text)
    if C1_CONTROL.search(text):
        text = text.translate(FROM_DOS)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    for slip, meant in SLIPS.items():
        text = text.replace(slip, meant)
    return FREE_TEXT.sub(lambda line: line[1] + ADDRESS.sub("", line[2]), text), was_quoted


def _tunes(text: str, book: str) -> Iterator[str]:
    """Yield each tune of a clean file without its ``X:``: the lines up to the first empty one, by the standard."""
    head, *chunks = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    shared = [line for line in head.split("\n") if re.match(r"[A-Za-z]:", line)]
    for chunk in chunks:
        _, *lines = chunk.split("\n\n")[0].rstrip().split("\n")
        tune = "\n".join(shared + lines)
        if not re.search(r"^B:", tune, re.MULTILINE):
            tune = re.sub(r"^(?=K:)", lambda _: f"B:{book}\n", tune, count=1, flags=re.MULTILINE)
        yield tune


def _head(description: Description) -> str:
    """Return the comment that opens the built file."""
    use = "Non-commercial use only." if description.non_commercial else ""
    built = f"Built by folkseq from the corpus of {description.package}: change {description.name}.toml, not this file."
    stated = [description.title, description.about, description.licence, use, description.credit, built]
    return "".join(f"% {line}\n" for text in stated for line in text.splitlines())


def _notice(description: Description, digest: str) -> str | None:
    """Return what to say of a digest: nothing if it is one described."""
    if digest in description.digests.values():
        return None
    made = f"{description.name} built from {description.package} {version(description.package)}"
    return f"{made} is not the file described, so figures may differ; its SHA-256 is {digest}"


def _check_text(**fields: object) -> None:
    """Raise ValueError for a field that is no text or an empty one."""
    for field, text in fields.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{field} {text!r} is not a text")
