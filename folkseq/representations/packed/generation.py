"""The sampling of grids of steps: options, constraints, primes, and rows printed during sampling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace

from folkseq.errors import ParseError, RequestError
from folkseq.formats import table
from folkseq.music.grid import Grid
from folkseq.representations.capabilities import Generation, Plan, Prime, too_long
from folkseq.representations.packed.grammar import StepGrammar
from folkseq.representations.packed.layout import CHAINED, POSITION, GridLayout
from folkseq.representations.packed.lead import Lead
from folkseq.representations.packed.medium import Medium
from folkseq.representations.packed.options import PackedOptions
from folkseq.representations.vocabulary import Vocabulary

OPEN_LIMIT, PLANNED_LIMIT = 4096, 10_000_000
"""Maximum numbers of ids of a piece whose length the model decides, and of a piece whose length the options decide."""


class GridGeneration(Generation[Grid]):
    """The sampling of grids of one medium."""

    def __init__(self, vocabulary: Vocabulary, medium: Medium) -> None:
        super().__init__(vocabulary)
        self.medium = medium

    def check(self, options: PackedOptions) -> None:
        """Raise RequestError for an option that does not apply to the medium."""
        for field in fields(options):
            if getattr(options, field.name) is not None and field.name not in self.medium.option_names:
                raise RequestError(
                    f"--{field.name.replace('_', '-')}: is not an option of packed:grid={self.medium.name}, "
                    f"which has: {', '.join(self.medium.option_names)}; leave it out, or name another run"
                )

    def postprocess(self, piece: Grid, name: str, options: PackedOptions, prime: Prime[Grid] | None = None) -> Grid:
        """Return the grid with a title."""
        return replace(piece, title=f"{self.medium.name.capitalize()} {name}")

    def preview(self, piece: Grid) -> str:
        """Return the first rows."""
        return " | ".join(" ".join(row) for row in piece.rows[:8])


class StepGeneration(GridGeneration):
    """The sampling of grids of steps."""

    def __init__(self, vocabulary: Vocabulary, medium: Medium, layout: GridLayout) -> None:
        super().__init__(vocabulary, medium)
        self.layout = layout

    def plan(self, options: PackedOptions, prime: Prime[Grid] | None = None) -> Plan:
        """Return the grammar of complete steps in the requested number, with the given lead."""
        self.check(options)
        if options.bars is not None and options.steps is not None:
            raise RequestError("--steps and --bars: leave one of them out")
        if options.lead_column is not None and options.lead is None:
            raise RequestError("--lead-column names the player of --lead; give --lead, too")
        if options.lead is not None and prime is not None:
            raise RequestError("--prime and --lead: leave one of them out; the lead begins with the piece")
        opening, lead = prime.ids if prime else (0,), None
        if options.lead is not None:
            column, scale = self.layout.column(options.lead_column), self.medium.reading.scale
            lead = Lead(self.layout, column, options.lead, scale=scale)
            first = lead.column if self.layout.head == CHAINED else 0
            opening = (first,) * self.layout.width  # the start ids determine the first field
        bar, counted = self.medium.bar, self.medium.position
        if prime and counted:
            bar = 1 + max(map(int, prime.piece.column(POSITION)), default=bar - 1)
        steps = options.bars * bar if options.bars else options.steps
        if steps is not None and prime is not None and len(prime.piece.rows) >= steps:
            name, asked = ("bars", options.bars) if options.bars else ("steps", options.steps)
            raise too_long(name, asked, f"{len(prime.piece.rows):,} steps")
        limit = OPEN_LIMIT + (len(opening) if prime else 0)
        if steps is not None or lead is not None:
            limit = PLANNED_LIMIT
        return Plan(
            opening,
            limit,
            StepGrammar(self.layout, steps, lead, bar if counted else None),
            notices=[] if lead is None else lead.notices,
        )

    def prime_file(self, data: bytes, file: str, options: PackedOptions) -> Prime[Grid]:
        """Parse the steps in a file."""
        try:
            parsed = self.medium.like(self.layout.columns).parse(data, file)
        except ParseError as error:
            raise RequestError(str(error)) from None
        whole = replace(self.medium.join(parsed.pieces), ends=False)
        lost = sum(map(Counter, parsed.lost), Counter())
        return Prime(tuple(self.vocabulary.encode(self.medium.tokenize(whole))), whole, lost)

    def stream_formatter(self) -> Callable[[str], str]:
        """Return a function that formats each complete step as a row of a table."""
        starts: list[str] = []
        step: list[str] = []

        def formatted(token: str) -> str:
            (step if "=" in token else starts).append(token)
            if len(step) < self.layout.width:
                return ""
            grid = self.medium.detokenize([*starts, *step])
            step.clear()
            return table.format(replace(grid, named=False)).decode()

        return formatted
