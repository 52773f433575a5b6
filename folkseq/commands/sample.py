"""`folkseq sample`: new pieces from a run, without torch."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkseq import tokenizers
from folkseq.errors import RequestError
from folkseq.files import write_atomically
from folkseq.run import Run
from folkseq.sampling.strategies import Strategy
from folkseq.tokenizers.base import END, START, Prime, Tokenizer
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.sampling.engine import Engine

LIMIT = 1500  # tokens in a piece; the longest tune of folk.abc has about as many
FEWEST = 160  # tokens; below that a grammar has no room to end a piece


@dataclass(frozen=True)
class Sampled:
    """A new piece, and how it came about."""

    piece: Any  # what the tokenizer makes: a Tune for `abc`
    tokens: tuple[str, ...]
    seed: int
    index: int  # of the pieces drawn with this seed, from 1
    nll: float  # nats that its tokens cost under the model itself
    settings: str  # how it was sampled, as it stands in its files
    tokenizer: Tokenizer[Any] = field(repr=False)
    controls: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """The piece's title, unique to the seed and index."""
        return str(self.piece.title)

    def format(self, suffix: str) -> bytes:
        """The piece as a file's bytes; `suffix` such as `.mid`."""
        if suffix not in self.tokenizer.outputs:
            known = ", ".join(self.tokenizer.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece is written as one of {known}")
        return self.tokenizer.format(self.piece, suffix, [self.settings], **self.controls)

    def save(self, path: Path | str) -> Path:
        """Writes the piece to `path` in the format that its suffix names. Raises FolkseqError if it cannot be."""
        write_atomically(Path(path), self.format(Path(path).suffix))
        return Path(path)


@dataclass(frozen=True)
class Model:
    """A trained run, ready to write."""

    run: Run

    @cached_property
    def tokenizer(self) -> Tokenizer[Any]:
        """The representation that it was trained in."""
        return tokenizers.find(self.run.config.tokenizer)

    @cached_property
    def engine(self) -> Engine:
        """Its network, one step at a time."""
        from folkseq.sampling.engine import Engine

        return Engine(self.run.file("model.onnx"))

    def sample(
        self,
        count: int = 1,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prime: str | None = None,
        grammar: bool = True,
        limit: int = LIMIT,
        **controls: Any,
    ) -> Iterator[Sampled]:
        """Writes new pieces.

        Args:
            count: how many.
            seed: the same one gives the same pieces; drawn, and recorded in each, if it is None.
            temperature: above 1 bolder, below 1 plainer, 0 always the likeliest token.
            top_k: draw among so many likeliest tokens only.
            top_p: draw among the likeliest tokens that together have this probability.
            prime: a beginning in the notation of the files trained on, or the path of a file that holds one.
            grammar: keep to what is valid; without it the model writes as it likes.
            limit: the most tokens in a piece.
            controls: what the representation understands; for `abc` rhythm, meter, mode, key and swing.

        Yields:
            The pieces in the order of their index.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        from folkseq.sampling.generate import generate

        controls = {name: value for name, value in controls.items() if value not in (None, "")}
        unknown = sorted(set(controls) - set(self.tokenizer.controls))
        if unknown:
            known = ", ".join(self.tokenizer.controls)
            raise RequestError(f"the {self.tokenizer.name} tokenizer knows no {unknown[0]}; it knows: {known}")
        if limit < FEWEST:
            raise RequestError(f"a limit of {limit} tokens is too few for a piece; give at least {FEWEST}")
        seed = secrets.randbelow(2**31) if seed is None else seed
        strategy = Strategy(temperature, top_k, top_p)
        vocabulary = self.run.vocabulary
        rules = self.tokenizer.grammar(vocabulary, **controls) if grammar else None
        opening = self._opening(prime, rules, limit)
        given = opening.tokens[1:] if opening else ()
        for sample in generate(
            self.engine,
            count=count,
            start_id=vocabulary.id(START),
            end_id=vocabulary.id(END),
            strategy=strategy,
            seed=seed,
            limit=limit,
            grammar=rules,
            prime=vocabulary.encode(given),
        ):
            tokens = tuple(vocabulary.decode(sample.ids))
            index = sample.index + 1
            piece = self.tokenizer.finish(self.tokenizer.detokenize(tokens), f"{seed}-{index}", opening, **controls)
            settings = _describe(self.run, seed, index, strategy, grammar, prime, controls)
            yield Sampled(piece, tokens, seed, index, sample.nll, settings, self.tokenizer, controls)

    def _opening(self, prime: str | None, rules: Any, limit: int) -> Prime[Any] | None:
        if prime is None:
            return None
        opening = self.tokenizer.prime(_text(prime))
        state = rules.new_state() if rules is not None else None
        for index, (token, token_id) in enumerate(
            zip(opening.tokens, self.run.vocabulary.encode(opening.tokens), strict=True)
        ):
            if rules is None:
                continue
            if not rules.allowed(state, limit)[token_id]:
                place = self.tokenizer.place(opening.tokens, index)
                raise RequestError(
                    f"the prime goes against the grammar at {token!r}, {place}; mend it there, or use --no-grammar"
                )
            state = rules.advance(state, token_id)
        return opening


def load(run: Path | str | None = None) -> Model:
    """The model in a run folder; the newest under `runs` by default. Raises RunError if there is none."""
    return Model(Run.latest() if run is None else Run.open(run))


def sample(
    run: Path | str | None = None,
    count: int = 1,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] = ("abc", "mid"),
    **settings: Any,
) -> Iterator[tuple[Sampled, list[Path]]]:
    """Writes `count` new pieces to files.

    Args:
        run: the run folder; the newest under `runs` by default.
        count: how many.
        out: a folder, or a file for one piece, or an .abc file for all; `samples` in the run folder by default.
        formats: what to write of each into a folder.
        settings: as those of `Model.sample`.

    Yields:
        Each piece with the files that hold it, as soon as it is on the disk.

    Raises:
        FolkseqError: for what cannot be met, before anything is written.
    """
    model = load(run)
    if count < 1:
        raise RequestError(f"-n {count}: ask for at least one piece")
    suffixes = [f".{name.strip().lstrip('.')}" for name in formats]
    for suffix in suffixes:
        if suffix not in model.tokenizer.outputs:
            known = ", ".join(output[1:] for output in model.tokenizer.outputs)
            raise RequestError(f"--format {suffix[1:]}: there are: {known}")
    place = Path(out) if out is not None else model.run.folder / "samples"
    pieces = model.sample(count, **settings)
    if place.suffix not in model.tokenizer.outputs:
        for piece in pieces:
            stem = f"{piece.seed}-{piece.index:03d}"
            yield piece, [piece.save(place / f"{stem}{suffix}") for suffix in suffixes]
    elif count == 1:
        for piece in pieces:
            yield piece, [piece.save(place)]
    elif place.suffix == model.tokenizer.outputs[0]:
        written = list(pieces)
        write_atomically(place, b"\n".join(piece.format(place.suffix) for piece in written))
        for piece in written:
            yield piece, [place]
    else:
        raise RequestError(f"{place}: {count} pieces do not go into one {place.suffix} file; name a folder")


def _text(prime: str) -> str:
    """The text of a prime: that of the file that it names, or itself."""
    try:
        if "\n" not in prime and Path(prime).is_file():
            return Path(prime).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # too long for a path, or not to be read
        pass
    if Path(prime).suffix in (".abc", ".mid", ".txt"):
        raise RequestError(f"{prime}: no such file to take a prime from")
    return prime


def _describe(
    run: Run, seed: int, index: int, strategy: Strategy, grammar: bool, prime: str | None, controls: dict[str, Any]
) -> str:
    """How a piece came about, in one line."""
    said = [f"folkseq {__version__}", f"run {run.folder.name}", f"seed {seed}", f"piece {index}"]
    said.append(f"temperature {strategy.temperature:g}")
    said += [f"top-k {strategy.top_k}"] if strategy.top_k else []
    said += [f"top-p {strategy.top_p:g}"] if strategy.top_p else []
    said += [f"{name} {value}" for name, value in sorted(controls.items())]
    said += ["no grammar"] if not grammar else []
    said += ["primed"] if prime is not None else []
    return ", ".join(said)
