"""Tune books: each described by a TOML file, and built from files of an installed package.

A corpus such as `folk` is one file, `corpora/folk.toml`: its contents, licence and credit, the place of its files in
the package, and the digest of the result. The built `corpora/folk.abc` is not committed.

Many people typed these ABC files in the 1990s and 2000s. The result is UTF-8 ABC (standard 2.1, section 2) with an
empty line between tunes, and the same bytes on every machine. Only these things are changed:

- Quoted-printable (RFC 2045) is decoded, only in a file with certain signs of it, since `=D` is a natural in ABC.
- Umlauts that came from MS-DOS as control characters are repaired; spaces at the end of a line are removed.
- Escaped letters such as `&eacute;` become letters, and `.c` in an Irish title becomes ċ.
- E-mail addresses are removed; names of people stay.
- Text between tunes is removed; the fields of a file header are copied into each tune of the file.
- Exact repeats (equal but for `X:`) are removed, `X:` counts from 1, and a tune without `B:` gets its book.

Mistakes in the notation stay: the reader judges them.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unicodedata import normalize

from folkseq.corpora.named.folders import BuildReport, package_files
from folkseq.errors import CorpusError
from folkseq.files import write_atomically
from folkseq.formats.abc import escapes
from folkseq.settings import REQUIRED, from_json, setting, validate

# Signs that ABC never has: a natural before a digit, a coded space at a line's end, music that ends with a bare `=`.
QUOTED = re.compile(r"=3D|=20$|^(?![A-Za-z]:).*=$", re.MULTILINE)
# One coded byte or one soft line end; some of those had become `= ` before the files reached the package.
QUOTED_UNIT = re.compile(r"=(?:([0-9A-F]{2})|[ \n])")

# Code page 437 read as Latin-1 leaves C1 controls, which no text means. Its peseta sign (0x9E) stood for a sharp s.
C1_CONTROL = re.compile(r"[\x80-\x9f]")
FROM_DOS = {code: bytes([code]).decode("cp437") for code in range(0x80, 0xA0)} | {0x9E: "ß", 0xE1: "ß"}

# Music stays unchanged: an apparent address there is notes between a bar sign and a staccato dot.
FREE_TEXT = re.compile(r"^([ABCDFGHNORSTWZw]:|%)(.*)$", re.MULTILINE)
# name@host, and as it was hidden from robots: name:host, name:at:host, a colon astray within the host.
ADDRESS = re.compile(r"[,;]?\s*[<(]?\b[A-Za-z][\w.+-]*(?:@|:at:|:)(?:[\w-]+:)?(?:[\w-]+\.)+[A-Za-z]{2,}\b[>)]?")
# Books without other letters than ASCII wrote a dotted consonant of Irish as `.c`.
TITLE = re.compile(r"^(?:T:|N:Irish title:).*$", re.MULTILINE)
DOTTED = re.compile(r"\.([bcdfgmpst])")
# Errors that no rule can find: a name only in the address, or without a space before it; an address in two parts.
SLIPS = {
    "by henrik.norbeck": "by Henrik Norbeck henrik.norbeck",
    "Safranekrjs:": "Safranek rjs:",
    "bdu uva": "bdu.uva",
    ")M:C\n": ')"\n',
}


@dataclass(frozen=True)
class Source:
    """Files of one book in a package."""

    folder: str = setting(REQUIRED, "Folder in the corpus of the package.")
    glob: str = setting(REQUIRED, "Files in the folder.")
    book: str = setting(REQUIRED, "The `B:` of a tune that has none.")

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class Description:
    """A tune book as its TOML file states it.

    Raises:
        ValueError or TypeError: A field is empty, of another type, or out of range.
    """

    name: str = setting(REQUIRED, "Stem of the TOML file and of the built file.")
    title: str = setting(REQUIRED, "One line, shown in lists.")
    about: str = setting(REQUIRED, "The contents, in a sentence or two.")
    licence: str = setting(REQUIRED, "Terms of use.")
    credit: str = setting(REQUIRED, "The people to name.")
    non_commercial: bool = setting(REQUIRED, "Whether the terms forbid commercial use.")
    package: str = setting(REQUIRED, "The package that has the files, in its folder `corpus`.")
    sources: tuple[Source, ...] = setting(REQUIRED, "The files, in the order of the built file.")
    tunes: int = setting(REQUIRED, "Number of tunes.", low=1)
    digests: Mapping[str, str] = setting(
        REQUIRED, "SHA-256 of the built file in hexadecimal, by version of the package."
    )
    without: str | None = setting(None, "Pattern of a line; a tune with such a line is left out.")

    def __post_init__(self) -> None:
        _check(self)
        if self.without is not None:
            try:
                re.compile(self.without)
            except re.error as error:
                raise ValueError(f"without must be a pattern, got {self.without!r} ({error})") from None
        for digest in self.digests.values():
            if not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError(f"digests must have 64 hexadecimal digits, got {digest!r}")

    @classmethod
    def read(cls, path: Path) -> Description:
        """Read a description from a TOML file.

        Raises:
            CorpusError: The file cannot be read, is not TOML, or has a wrong value.
        """
        try:
            description = from_json(cls, tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as error:
            raise CorpusError(f"{path}: not a description of a corpus: {error}") from error
        if description.name != path.stem:
            raise CorpusError(f"{path}: describes {description.name!r}; call the file {description.name}.toml")
        return description


def descriptions(folder: Path = Path("corpora")) -> dict[str, Description]:
    """Return the tune books by name: the books of folkseq, and those in a folder, which take precedence.

    Raises:
        CorpusError: A description cannot be read.
    """
    package = Path(__file__).parents[2]
    shipped = package / "descriptions"  # in a wheel; a checkout has them beside the package
    homes = (shipped if shipped.is_dir() else package.parent / "corpora", folder)
    return {path.stem: Description.read(path) for home in homes for path in sorted(home.glob("*.toml"))}


def build(description: Description, out: Path) -> BuildReport:
    """Build a tune book into the file `out`, replacing it whole or not at all.

    Raises:
        FolkseqError: The package or its files are missing, or `out` cannot be written.
    """
    paths = [
        (source, path)
        for source in description.sources
        for path in package_files(description.package, source.folder, source.glob)
    ]
    tunes: dict[str, None] = {}  # a set in order
    read = decoded = left_out = 0
    without = re.compile(description.without or r"(?!)", re.MULTILINE)
    for source, path in paths:
        text, was_quoted = _clean(path.read_bytes())
        decoded += was_quoted
        for tune in _tunes(text, source.book):
            read += 1
            if without.search(tune):
                left_out += 1
            else:
                tunes[tune] = None
    numbered = [f"X:{number}\n{tune}\n" for number, tune in enumerate(tunes, start=1)]
    data = "\n".join([_head(description), *numbered]).encode()
    write_atomically(out, data)
    digest, notice = hashlib.sha256(data).hexdigest(), None
    if digest not in description.digests.values():
        made = f"{description.name} built from {description.package} {version(description.package)}"
        notice = f"{made} is not the file described, so figures may differ; its SHA-256 is {digest}"
    repeats = read - left_out - len(tunes)
    counts = {"tunes": len(tunes), "repeats": repeats, "left_out": left_out, "files": len(paths), "quoted": decoded}
    dropped = f"{repeats} exact repeats dropped" + (f", {left_out} left out by their terms" if left_out else "")
    summary = f"{len(tunes):,} tunes ({dropped})"
    return BuildReport(out, summary, {**counts, "sha256": digest}, notice)


def _clean(data: bytes) -> tuple[str, bool]:
    """Return the cleaned text of a file, and whether it was quoted-printable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # the packages' files have no bytes but Latin-1 and some of code page 437 among it
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
    text = TITLE.sub(lambda line: DOTTED.sub(lambda dotted: normalize("NFC", f"{dotted[1]}\u0307"), line[0]), text)
    return FREE_TEXT.sub(lambda line: line[1] + ADDRESS.sub("", _plain(line[1], line[2])), text), was_quoted


def _plain(letter: str, text: str) -> str:
    """Return the text of a field with escapes replaced by letters; comments stay unchanged."""
    escaped = letter != "%" and ("\\" in text or "&" in text)
    return escapes.encode(escapes.decode(text)) if escaped else text


def _tunes(text: str, book: str) -> Iterator[str]:
    """Yield each tune of a clean file without its `X:`: the lines up to the first empty one, by the standard."""
    head, *chunks = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    shared = [line for line in head.split("\n") if re.match(r"[A-Za-z]:", line)]
    for chunk in chunks:
        _, *lines = chunk.split("\n\n")[0].rstrip().split("\n")
        tune = "\n".join(shared + lines)
        if not re.search(r"^B:", tune, re.MULTILINE):
            tune = re.sub(r"^(?=K:)", lambda _: f"B:{book}\n", tune, count=1, flags=re.MULTILINE)
        yield tune


def _head(description: Description) -> str:
    """Return the comment at the beginning of the built file."""
    use = "Non-commercial use only." if description.non_commercial else ""
    built = f"Built by folkseq from the corpus of {description.package}: change {description.name}.toml, not this file."
    stated = [description.title, description.about, description.licence, use, description.credit, built]
    return "".join(f"% {line}\n" for text in stated for line in text.splitlines())


def _check(stated: Any) -> None:
    """Raise ValueError or TypeError for a field that is empty, of another type, or out of range."""
    validate(stated)
    for field, value in vars(stated).items():
        if value == () or (isinstance(value, str) and not value.strip()):
            raise ValueError(f"{field} must not be empty, got {value!r}")
