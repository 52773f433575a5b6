"""New grids: options, the opening, and how steps are printed while they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from folkseq.errors import ParseError, RequestError
from folkseq.formats import table
from folkseq.formats.picture import HIGHEST, WIDEST
from folkseq.music.grid import Grid
from folkseq.representations.base import START
from folkseq.representations.capabilities import Generation, Options, Plan, Prime
from folkseq.representations.packed import pixels, steps
from folkseq.representations.packed.grammar import StepGrammar
from folkseq.representations.packed.layout import CHAINED
from folkseq.representations.packed.lead import Lead
from folkseq.settings import setting

if TYPE_CHECKING:
    from folkseq.representations.packed.codec import PackedCodec

MOST_STEPS = 1_000_000
OPEN_LIMIT, FORESEEN_LIMIT = 4096, 10_000_000
"""Ids of a piece that ends as the model decides, and of one whose end the options determine."""


@dataclass(frozen=True)
class PackedOptions(Options):
    """The options for new grids."""

    steps: int | None = setting(
        None, "Number of steps.  [default: the model decides]", low=1, high=MOST_STEPS, needs_grammar=True
    )
    bars: int | None = setting(None, "Number of bars of 4/4, for MIDI.", low=1, high=MOST_STEPS, needs_grammar=True)
    bpm: float | None = setting(None, "Tempo of the MIDI file.  [default: 120]", low=20, high=400)
    lead: str | None = setting(
        None, "One player's gestures, in a table or, with -, line by line; the others follow.", needs_grammar=True
    )
    lead_column: str | None = setting(
        None, "The player who leads, by name or number.  [default: the first]", needs_grammar=True
    )
    size: str | None = setting(
        None, "Size of a picture, as in 48x32.  [default: the model decides]", needs_grammar=True
    )


class PackedGeneration(Generation[Grid]):
    """Constraints on new grids of steps."""

    def __init__(self, codec: PackedCodec) -> None:
        super().__init__(codec.vocabulary)
        self.codec, self.representation = codec, codec.representation

    def plan(self, options: PackedOptions, prime: Prime[Grid] | None = None) -> Plan:
        """Return the grammar of whole steps, as many as requested, with the given lead."""
        self.check(options)
        wanted = options.steps
        if options.bars is not None:
            if wanted is not None:
                raise RequestError("--steps and --bars: leave one of them out")
            wanted = options.bars * 4 * self.representation.division
        lead = self._lead(options, prime)
        opening: tuple[int, ...] = (self.vocabulary.id(START),)
        if prime is not None:
            opening = prime.ids
        elif lead is not None:
            first = lead.column if self.representation.head == CHAINED else 0
            opening = tuple(self.vocabulary.encode(steps.opening(first, self.codec.layout.width)))
        foreseen = wanted is not None or lead is not None
        limit = FORESEEN_LIMIT if foreseen else OPEN_LIMIT + (len(prime.ids) if prime else 0)
        return Plan(opening, limit, StepGrammar(self.codec.layout, wanted, lead))

    def check(self, options: PackedOptions) -> None:
        """Raise RequestError for an option that the medium does not have."""
        known = self.representation.files.medium.CONTROLS
        for field in fields(options):
            if getattr(options, field.name) is not None and field.name not in known:
                option = f"--{field.name.replace('_', '-')}"
                raise RequestError(
                    f"{option}: is not an option of packed:grid={self.representation.grid}, which has: "
                    f"{', '.join(known)}; leave it out, or name another run"
                )

    def _lead(self, options: PackedOptions, prime: Prime[Grid] | None) -> Lead | None:
        if options.lead is None:
            if options.lead_column is not None:
                raise RequestError("--lead-column names the player of --lead; give --lead, too")
            return None
        if prime is not None:
            raise RequestError("--prime and --lead: leave one of them out; the lead begins with the piece")
        lead = Lead(self.codec.layout, self.codec.layout.column(options.lead_column), options.lead)
        if not lead.live and not len(lead):
            raise RequestError(f"{options.lead}: holds no steps")
        return lead

    def prime_file(self, data: bytes, file: str, options: PackedOptions) -> Prime[Grid]:
        """Parse the steps in a file."""
        files = self.representation.files
        try:
            (found,) = files.read(BytesIO(data), file)
        except ParseError as error:
            raise RequestError(str(error)) from None
        whole = replace(files.join(found.pieces), ends=False)
        return Prime(tuple(self.vocabulary.encode(self.representation.tokenize(whole))), whole)

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that prints each step as a row of a table once it is whole."""
        starts: list[str] = []
        step: list[str] = []

        def formatted(token: str) -> str:
            if "=" not in token:
                starts.append(token)
                return ""
            step.append(token)
            if self.representation.head == CHAINED and len(step) < len(starts):
                return ""
            grid = steps.detokenize([*starts, *step])
            step.clear()
            return table.format(replace(grid, named=False)).decode()

        return formatted

    def preview(self, piece: Grid) -> str:
        """Return the first steps."""
        return " | ".join(" ".join(row) for row in piece.rows[:8])

    def postprocess(self, piece: Grid, name: str, options: Any, prime: Prime[Grid] | None = None) -> Grid:
        """Return the grid with a title."""
        return replace(piece, title=f"{self.representation.grid.capitalize()} {name}")


class PictureGeneration(PackedGeneration):
    """Constraints on new pictures."""

    def plan(self, options: PackedOptions, prime: Prime[Grid] | None = None) -> Plan:
        """Return the grammar of rows of one width, as many as requested."""
        self.check(options)
        size = pixels.size_of(options.size or "")
        if options.size and size is None:
            raise RequestError(f"--size {options.size}: is not a width and a height as in 48x32")
        grammar = pixels.RowGrammar(self.vocabulary, size)
        return Plan((self.vocabulary.id(START),), (WIDEST + 1) * (HIGHEST + 1), grammar)

    def prime_file(self, data: bytes, file: str, options: PackedOptions) -> Prime[Grid]:
        """Raise RequestError: a picture states its size at its beginning."""
        raise RequestError(f"{file}: pictures take no prime; leave out --prime")

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that prints each row on a line."""
        return lambda token: "\n" if token == pixels.ROW_END else f"{token} "
