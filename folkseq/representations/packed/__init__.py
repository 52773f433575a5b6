"""Several small integers at every step: players' gestures, drums, voices, or the pixels of a picture.

`media` reads and writes files, `steps` makes tokens of what is in them, `layout` says which id is which, `grammar` what
may follow what, `lead` gives one player to the others. `packing` makes one integer of several. Pictures, which are read
pixel by pixel, have a tokenizer of their own under the same name, in `pictured`, and `pixels` in place of `steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import ParseError, RequestError
from folkseq.formats import table
from folkseq.formats.table import Table
from folkseq.music.grid import Grid
from folkseq.music.performance import DEFAULT_BPM
from folkseq.representations.base import START, Parsed, Prime, Tokenizer
from folkseq.representations.packed import steps
from folkseq.representations.packed.grammar import StepGrammar
from folkseq.representations.packed.layout import CHAINED, JOINT, Layout
from folkseq.representations.packed.lead import Lead
from folkseq.representations.packed.media import chorales, drums, pictures, tables, voices
from folkseq.representations.packed.packing import pack, unpack
from folkseq.representations.traits import Traits
from folkseq.representations.vocabulary import Vocabulary

__all__ = ["PackedTokenizer", "pack", "unpack"]

TABLE, CHORALE, PICTURE = "table", "chorale", "picture"
MEDIA: dict[str, ModuleType] = {
    TABLE: tables,
    CHORALE: chorales,
    "drums": drums,
    "voices": voices,
    PICTURE: pictures,
}
SLOWEST, FASTEST = 20, 400  # quarters a minute
_UNFORESEEN, _FORESEEN = 4096, 10_000_000  # ids of a piece that ends as it likes, and of one whose end is known


@dataclass(frozen=True)
class PackedTokenizer(Tokenizer[Grid]):
    """Steps of several small integers.

    Attributes:
        grid: What files hold: a `table` of CSV, `drums` or `voices` of MIDI, or a `picture` or a `chorale`, which
            files of those kinds are known by.
        head: `chained`, a softmax a field, each seeing those before it; or `joint`, one over all that a step can be.
        permute: Whether players change places while training; all columns then know the same labels.
        division: Steps in a quarter note, for what comes from MIDI.
        colours: The most that a picture may have; of more, so many are made.
    """

    grid: str = TABLE
    head: str = CHAINED
    permute: bool = False
    division: int = 4
    colours: int = 16

    name: ClassVar[str] = "packed"
    steering: ClassVar[tuple[str, ...]] = ("steps", "bars", "lead", "lead_column", "size")
    books: ClassVar[tuple[str, ...]] = ()
    in_order: ClassVar[bool] = True
    largest: ClassVar[int] = 1 << 25  # of a table, which takes some fifty times as much memory

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """The tokenizer of these fields; that of pictures, if they say so."""
        if fields.get("grid") == CHORALE:
            from folkseq.representations.packed.chorale import ChoraleTokenizer

            return cast(Self, ChoraleTokenizer(**fields))
        if fields.get("grid") == PICTURE:
            from folkseq.representations.packed.pictured import PictureTokenizer

            return cast(Self, PictureTokenizer(**fields))
        return cls(**fields)

    def __post_init__(self) -> None:
        for field, choices in {"grid": tuple(MEDIA), "head": (CHAINED, JOINT)}.items():
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} is one of {', '.join(choices)}, not {getattr(self, field)!r}")
        if not 1 <= self.division <= 96:
            raise ValueError(f"division is 1 to 96 steps in a quarter, not {self.division}")
        if not 2 <= self.colours <= 256:
            raise ValueError(f"a picture has 2 to 256 colours, not {self.colours}")
        if self.permute and self.grid != TABLE:
            raise ValueError(f"players change places in a table, not in {self.grid}")

    @property
    def suffixes(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the field
        """Of the files that such grids come from."""
        either = pictures.SUFFIXES if self.grid == TABLE else ()
        return (*self._medium.SUFFIXES, *either)

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the field
        """Of the files that they go to."""
        return tuple(self._medium.OUTPUTS)

    @property
    def controls(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the field
        """What they can be asked for."""
        return tuple(self._medium.CONTROLS)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Passages from all over the corpus, in which another field may come first each time."""
        return {"batches": "windows", "rows": 16, "length": 64, "passage": 4, "weight_decay": 0.3}

    def suited(self, files: Sequence[Path]) -> Self:
        """The same for pictures, if that is what the files are. Raises RequestError where there are several kinds."""
        kinds = {name for name, medium in MEDIA.items() for file in files if file.suffix.lower() in medium.SUFFIXES}
        if self.grid == TABLE and not self.permute and files and chorales.is_chorale(files[0]):
            return self.of(**{**asdict(self), "grid": CHORALE})
        if self.grid != TABLE or kinds <= {TABLE, CHORALE}:
            return self
        if kinds == {PICTURE}:
            if self.permute:
                raise RequestError("players change places in a table, not in a picture; leave out permute")
            return self.of(**{**asdict(self), "grid": PICTURE})
        if TABLE not in kinds and PICTURE not in kinds:
            raise RequestError(
                f"{files[0]}: packed reads MIDI on a grid; which? packed:grid=drums or packed:grid=voices"
            )
        raise RequestError("tables, pictures and MIDI files are not learnt together; name files of one kind")

    def read(self, opened: BinaryIO, file: str) -> Iterator[Parsed[Grid]]:
        """The grids in a file."""
        grids, lost = self._medium.read(opened, file, self.division, self.colours)
        yield Parsed(tuple(grids), ({},) * len(grids), stray=lost)

    def parse(self, data: bytes, file: str) -> Parsed[Grid]:
        """The grids in a file's bytes. Raises ParseError if there are none."""
        (found,) = self.read(BytesIO(data), file)
        return found

    def format(self, piece: Grid, suffix: str, comments: Sequence[str] = (), **controls: Any) -> bytes:
        """The grid as a file, with the comments where there is room for them."""
        written: bytes = self._medium.write(piece, suffix, comments, division=self.division, **controls)
        return written

    def tokenize(self, piece: Grid) -> list[str]:
        """Its steps' tokens, field by field or one a step."""
        return steps.tokenize(piece, self.head)

    def detokenize(self, tokens: Sequence[str]) -> Grid:
        """The grid that any tokens stand for, its columns in their order, whichever was drawn first."""
        return steps.detokenize(tokens)

    def joined(self, pieces: Sequence[Grid]) -> Grid:
        """The grid of a file that was parted."""
        rows = tuple(row for piece in pieces for row in piece.rows)
        return replace(pieces[0], rows=rows, ends=pieces[-1].ends)

    def canonical(self, piece: Grid) -> Grid:
        """The piece itself; columns called by their numbers have no names."""
        return self.detokenize(self.tokenize(piece))

    def lost(self, piece: Grid) -> Mapping[str, int]:
        """Nothing that was not lost when it was read."""
        return {}

    def learn(self, pieces: Sequence[Sequence[str]]) -> Vocabulary:
        """All that the columns of these pieces could hold."""
        tokens = (token for piece in pieces for token in piece)
        return Layout.learn(tokens, self.head, self.permute).vocabulary()

    def shape(self, piece: Grid) -> str:
        """Its columns, which all pieces of a corpus have."""
        return f"the columns {', '.join(piece.columns)}"

    def shape_of(self, vocabulary: Vocabulary) -> str:
        """The columns that a vocabulary was learnt from."""
        return f"the columns {', '.join(Layout.of(vocabulary).columns)}"

    def fields(self, vocabulary: Vocabulary) -> tuple[int, ...]:
        """How many labels each column has, where they are foretold one by one."""
        return Layout.of(vocabulary).radices if self.head == CHAINED else ()

    def fingerprint(self, ids: NDArray[Any], vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Nothing: what is held out is the end of each file, or whole files."""
        return np.zeros(0, np.int64)

    def extent(self, ids: NDArray[Any], vocabulary: Vocabulary) -> dict[str, float]:
        """The number of steps, and of what is in them."""
        values = Layout.of(vocabulary).values(ids)
        if self.grid == "drums":
            return {"step": float(len(values)), "stroke": float(values.sum())}
        return {"step": float(len(values)), "gesture": float(values.size)}

    def excerpt(
        self,
        ids: NDArray[Any],
        length: int,
        span: tuple[int, int],
        vocabulary: Vocabulary,
        random: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """A passage of whole steps; see `steps.excerpt`."""
        layout = Layout.of(vocabulary)
        return steps.excerpt(ids, length, layout, random, self.grid == TABLE, self.permute), None

    def traits(self, ids: NDArray[Any], vocabulary: Vocabulary) -> Traits:
        """What each column holds."""
        layout = Layout.of(vocabulary)
        return Traits(values=dict(zip(layout.columns, layout.values(ids).T, strict=True)))

    def prime_file(self, data: bytes, file: str, **controls: Any) -> Prime[Grid]:
        """The steps that a file holds, to go on from."""
        try:
            (found,) = self.read(BytesIO(data), file)
        except ParseError as error:
            raise RequestError(str(error)) from None
        whole = replace(self.joined(found.pieces), ends=False)
        return Prime(tuple(self.tokenize(whole)), whole)

    def opening(self, vocabulary: Vocabulary, **controls: Any) -> tuple[str, ...]:
        """The start of frames in which the lead, if there is one, comes first."""
        if controls.get("lead") is None:
            return (START,)
        layout = Layout.of(vocabulary)
        return steps.opening(layout.column(controls.get("lead_column")) if self.head == CHAINED else 0, layout.width)

    def grammar(self, vocabulary: Vocabulary, prime: Prime[Grid] | None = None, **controls: Any) -> Any:
        """Whole steps, as many as are asked for, with the lead as it is given."""
        layout = Layout.of(vocabulary)
        if not SLOWEST <= float(controls.get("bpm") or DEFAULT_BPM) <= FASTEST:
            raise RequestError(f"--bpm {controls['bpm']}: a tempo is {SLOWEST} to {FASTEST} quarters a minute")
        wanted = _count("steps", controls)
        if (bars := _count("bars", controls)) is not None:
            if wanted is not None:
                raise RequestError("--steps and --bars: leave one of them out")
            wanted = bars * 4 * self.division
        lead = None
        if controls.get("lead") is not None:
            if prime is not None:
                raise RequestError("--prime and --lead: leave one of them out; the lead begins where the piece does")
            lead = Lead(layout, layout.column(controls.get("lead_column")), str(controls["lead"]))
            if not lead.live and not len(lead):
                raise RequestError(f"{controls['lead']}: holds no steps")
        elif controls.get("lead_column") is not None:
            raise RequestError("--lead-column says whose --lead is; give that, too")
        return StepGrammar(layout, wanted, lead)

    def limit(self, prime: Prime[Grid] | None = None, **controls: Any) -> int:
        """As many ids as are asked for, or a page's worth beside the prime."""
        if any(controls.get(name) is not None for name in ("steps", "bars", "lead")):
            return _FORESEEN
        return _UNFORESEEN + (len(prime.tokens) if prime else 0)

    def place(self, tokens: Sequence[str], index: int) -> str:
        """The step, from 1."""
        width = next((place for place, token in enumerate(tokens) if "=" in token), 1)
        return f"step {max(index // width, 1)}"

    def teller(self) -> Callable[[str], str]:
        """Shows each step as a row of a table, once it is whole."""
        starts: list[str] = []
        step: list[str] = []

        def tell(token: str) -> str:
            if "=" not in token:
                starts.append(token)
                return ""
            step.append(token)
            if self.head == CHAINED and len(step) < len(starts):
                return ""
            grid = steps.detokenize([*starts, *step])
            step.clear()
            return table.format(Table(grid.columns, grid.rows, header=False)).decode()

        return tell

    def glimpse(self, piece: Grid) -> str:
        """Its first steps."""
        return " | ".join(" ".join(row) for row in piece.rows[:8])

    def finish(self, piece: Grid, name: str, prime: Prime[Grid] | None = None, **controls: Any) -> Grid:
        """The grid by a name of its own."""
        return replace(piece, title=f"{self.grid.capitalize()} {name}")

    @property
    def _medium(self) -> ModuleType:
        return MEDIA[self.grid]


def _count(name: str, controls: Mapping[str, Any]) -> int | None:
    value = controls.get(name)
    if value is not None and not 1 <= int(value) <= 1_000_000:
        raise RequestError(f"--{name} {value}: ask for 1 to 1,000,000")
    return None if value is None else int(value)
