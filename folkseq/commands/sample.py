"""`folkseq sample`: new pieces from a run, without torch."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkseq import tokenizers
from folkseq.errors import ParseError, RequestError
from folkseq.files import write_atomically
from folkseq.pieces import open_file
from folkseq.run import Run
from folkseq.sampling.strategies import Strategy
from folkseq.tokenizers.base import END, START, Prime, Tokenizer
from folkseq.version import __version__

if TYPE_CHECKING:
    from folkseq.sampling.engine import Engine

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
        return self.tokenizer.title(self.piece)

    def format(self, suffix: str) -> bytes:
        """The piece as a file's bytes; `suffix` such as `.mid`."""
        if suffix not in self.tokenizer.outputs:
            known = ", ".join(self.tokenizer.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece is written as one of {known}")
        return self.tokenizer.format(self.piece, suffix, [self.settings], **self.controls)

    def save(self, path: Path | str) -> Path:
        """Writes the piece to `path` in the format that its suffix names. Raises FolkseqError if it cannot be."""
        write_atomically(Path(path), self.format(Path(path).suffix.lower()))
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
        limit: int | None = None,
        **controls: Any,
    ) -> Iterator[Sampled]:
        """Writes new pieces, as they are asked for.

        Args:
            count: how many.
            seed: the same one gives the same pieces; drawn, and recorded in each, if it is None.
            temperature: above 1 bolder, below 1 plainer, 0 always the likeliest token.
            top_k: draw among so many likeliest tokens only.
            top_p: draw among the likeliest tokens that together have this probability.
            prime: the path of a file that holds a beginning, or, where the files trained on are text, such text.
            grammar: keep to what is valid; without it the model writes as it likes.
            limit: the most tokens in a piece; by default as many as it may take.
            controls: what the representation understands: for `abc` rhythm, meter, mode, key and swing; for
                `performance` seconds, density, pitch_classes, longest_note, most_notes, bpm, pedal and keep_prime.

        Returns:
            The pieces in the order of their index, each written when it is taken.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        controls = {name: value for name, value in controls.items() if value not in (None, "")}
        unknown = sorted(set(controls) - set(self.tokenizer.controls))
        if unknown:
            known = ", ".join(self.tokenizer.controls)
            raise RequestError(f"the {self.tokenizer.name} tokenizer knows no {unknown[0]}; it knows: {known}")
        if limit is not None and limit < FEWEST:
            raise RequestError(f"a limit of {limit} tokens is too few for a piece; give at least {FEWEST}")
        steered = [name for name in self.tokenizer.steering if name in controls]
        if steered and not grammar:
            option = f"--{steered[0].replace('_', '-')}"
            raise RequestError(f"without its grammar the model cannot be held to {option}; leave one of them out")
        seed = secrets.randbelow(2**31) if seed is None else seed
        strategy = Strategy(temperature, top_k, top_p)
        opening = _prime(self.tokenizer, prime, controls) if prime is not None else None
        rules = self.tokenizer.grammar(self.run.vocabulary, opening, **controls)  # which checks them, even if unused
        rules = rules if grammar else None
        schedule = self.tokenizer.schedule(opening, **controls)
        limit = self.tokenizer.limit(opening, **controls) if limit is None else limit
        if opening is not None:
            self._check_opening(opening, rules, limit)
        said = _describe(self.run, seed, strategy, grammar, prime, controls)
        return self._generate(count, seed, strategy, rules, schedule, opening, limit, said, controls)

    def _generate(
        self,
        count: int,
        seed: int,
        strategy: Strategy,
        rules: Any,
        schedule: Any,
        opening: Prime[Any] | None,
        limit: int,
        said: str,
        controls: dict[str, Any],
    ) -> Iterator[Sampled]:
        from folkseq.sampling.generate import generate

        vocabulary = self.run.vocabulary
        for sample in generate(
            self.engine,
            count=count,
            start_id=vocabulary.id(START),
            end_id=vocabulary.id(END),
            strategy=strategy,
            seed=seed,
            limit=limit,
            grammar=rules,
            schedule=schedule,
            prime=vocabulary.encode(opening.tokens[1:]) if opening else (),
        ):
            tokens = tuple(vocabulary.decode(sample.ids))
            index = sample.index + 1
            piece = self.tokenizer.finish(self.tokenizer.detokenize(tokens), f"{seed}-{index}", opening, **controls)
            yield Sampled(piece, tokens, seed, index, sample.nll, said.format(index=index), self.tokenizer, controls)

    def _check_opening(self, opening: Prime[Any], rules: Any, limit: int) -> None:
        """Raises RequestError if the model cannot go on from `opening`, and says where."""
        ids = self.run.vocabulary.encode(opening.tokens)
        if len(ids) > limit - FEWEST:
            raise RequestError(f"the prime takes {len(ids)} of {limit} tokens; raise --limit or give a shorter one")
        if rules is None:
            return
        state = rules.new_state()
        for index, token_id in enumerate(ids):
            if not rules.allowed(state, limit - index)[token_id]:
                place = self.tokenizer.place(opening.tokens, index)
                raise RequestError(f"the prime goes against the grammar in {place}; mend it, or use --no-grammar")
            state = rules.advance(state, token_id)


def load(run: Path | str | None = None) -> Model:
    """The model in a run folder; the newest under `runs` by default. Raises RunError if there is none."""
    return Model(Run.latest() if run is None else Run.open(run))


def sample(
    run: Path | str | None = None,
    count: int = 1,
    *,
    out: Path | str | None = None,
    formats: Sequence[str] | None = None,
    **settings: Any,
) -> Iterator[tuple[Sampled, list[Path]]]:
    """Writes `count` new pieces to files.

    Args:
        run: the run folder; the newest under `runs` by default.
        count: how many.
        out: a folder, or a file for one piece, or an .abc file for all; `samples` in the run folder by default.
        formats: what to write of each into a folder; by default all that the representation can be written as.
        settings: as those of `Model.sample`.

    Returns:
        Each piece with the files that hold it; a piece is written when it is taken.

    Raises:
        FolkseqError: for what cannot be met, before anything is written.
    """
    model = load(run)
    if count < 1:
        raise RequestError(f"-n {count}: ask for at least one piece")
    outputs = model.tokenizer.outputs
    suffixes = [f".{name.strip().lstrip('.').lower()}" for name in formats or outputs]
    for suffix in suffixes:
        if suffix not in outputs:
            known = ", ".join(output[1:] for output in outputs)
            raise RequestError(f"--format {suffix[1:]}: there are: {known}")
    place = Path(out) if out is not None else model.run.folder / "samples"
    suffix = "" if place.is_dir() else place.suffix.lower()
    if str(place) == "-" or (suffix and suffix not in outputs):
        raise RequestError(f"{place}: name a folder, or a file that ends in {' or '.join(outputs)}")
    if count > 1 and suffix and suffix not in model.tokenizer.books:
        raise RequestError(f"{place}: {count} pieces do not go into one {suffix} file; name a folder")
    pieces = model.sample(count, **settings)
    return _to_file(place, pieces) if suffix else _to_folder(place, suffixes, pieces)


def _to_folder(
    folder: Path, suffixes: Sequence[str], pieces: Iterator[Sampled]
) -> Iterator[tuple[Sampled, list[Path]]]:
    for piece in pieces:
        written = {suffix: piece.format(suffix) for suffix in suffixes}
        paths = _free(folder, f"{piece.seed}-{piece.index:03d}", written)
        for path, data in zip(paths, written.values(), strict=True):
            write_atomically(path, data)
        yield piece, paths


def _free(folder: Path, stem: str, written: Mapping[str, bytes]) -> list[Path]:
    """Paths at which nothing else stands: the same seed under other settings must not replace another piece."""
    for number in count_from(1):
        name = stem if number == 1 else f"{stem}-{number}"
        paths = {folder / f"{name}{suffix}": data for suffix, data in written.items()}
        if all(not path.exists() or path.read_bytes() == data for path, data in paths.items()):
            return list(paths)
    raise AssertionError("numbers do not end")


def _to_file(file: Path, pieces: Iterator[Sampled]) -> Iterator[tuple[Sampled, list[Path]]]:
    written = list(pieces)
    tokenizer = written[0].tokenizer
    numbered = [replace(each, piece=tokenizer.numbered(each.piece, each.index)) for each in written]
    write_atomically(file, b"\n".join(each.format(file.suffix.lower()) for each in numbered))
    for piece in written:
        yield piece, [file]


def _prime(tokenizer: Tokenizer[Any], prime: str, controls: Mapping[str, Any]) -> Prime[Any]:
    """The beginning that a file holds, or that `prime` itself is where it does not look like a file's path."""
    suffixes = {*tokenizer.suffixes, ".abc", ".txt", ".mid", ".midi"}
    if "\n" in prime or ("/" not in prime.split("|")[0] and Path(prime).suffix.lower() not in suffixes):
        return tokenizer.prime(prime, **controls)
    try:
        with open_file(Path(prime), tokenizer.largest) as file:
            data = file.read()
    except (ParseError, OSError, ValueError) as error:
        if Path(prime).suffix or "|" not in prime:
            raise error if isinstance(error, ParseError) else RequestError(f"{prime}: is no prime ({error})") from None
        return tokenizer.prime(prime, **controls)
    return tokenizer.prime_file(data, prime, **controls)


def _describe(
    run: Run, seed: int, strategy: Strategy, grammar: bool, prime: str | None, controls: dict[str, Any]
) -> str:
    """How pieces came about, in one line, with `{index}` where each one's own stands."""
    said = [f"folkseq {__version__}", f"run {run.folder.name}", f"seed {seed}", "piece #"]
    said += [f"temperature {strategy.temperature:g}"]
    said += [f"top-k {strategy.top_k}"] if strategy.top_k else []
    said += [f"top-p {strategy.top_p:g}"] if strategy.top_p else []
    said += [f"{name} {_spelt(value)}" for name, value in sorted(controls.items())]
    said += ["no grammar"] if not grammar else []
    said += ["primed"] if prime is not None else []
    return ", ".join(said).replace("{", "{{").replace("}", "}}").replace("piece #", "piece {index}", 1)


def _spelt(value: Any) -> str:
    """A control as the command line would have it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
