"""A trained run that writes: what is asked of it becomes a request to the sampler, and ids become music."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from folkseq import tokenizers
from folkseq.commands.record import Record, spelt
from folkseq.errors import ParseError, RequestError
from folkseq.evaluation.critic import Critique
from folkseq.files import write_atomically
from folkseq.machine import cores
from folkseq.pieces import open_file
from folkseq.run import Run
from folkseq.sampling.strategies import Strategy
from folkseq.tokenizers.base import END, START, Prime, Tokenizer

if TYPE_CHECKING:
    from folkseq.sampling.engine import Engine
    from folkseq.sampling.generate import Request, Sample
    from folkseq.sampling.novelty import Novelty

FEWEST = 160  # tokens; below that a grammar has no room to end a piece
PRECISIONS = ("int8", "float32")
MOST_LANES = 4  # threads that write side by side; more would wait for one another in Python
_TOGETHER = 16  # pieces that are compared with the training set at a time, which is cheaper than one by one


@dataclass(frozen=True)
class Copied:
    """The longest run that a piece shares with what the model was trained on, in any key."""

    tokens: int
    bars: int
    """Bar lines in it."""
    at: str
    """Where in the piece it begins."""
    source: str
    """The piece trained on: its file, number and title; empty if nothing is shared."""
    source_at: str
    """Where in that it begins."""


@dataclass(frozen=True)
class Sampled:
    """A new piece, and how it came about."""

    piece: Any  # what the tokenizer makes: a Tune for `abc`
    tokens: tuple[str, ...]
    nll: float  # nats that its tokens cost under the model itself
    copied: Copied
    critique: Critique
    record: Record
    tokenizer: Tokenizer[Any] = field(repr=False)

    @property
    def seed(self) -> int:
        """The seed that it was drawn with."""
        return self.record.seed

    @property
    def index(self) -> int:
        """Its number among the pieces of that seed, from 1."""
        return self.record.index

    @property
    def title(self) -> str:
        """The piece's title, unique to the seed and index."""
        return self.tokenizer.title(self.piece)

    def format(self, suffix: str) -> bytes:
        """The piece as a file's bytes; `suffix` such as `.mid`."""
        if suffix not in self.tokenizer.outputs:
            known = ", ".join(self.tokenizer.outputs)
            raise RequestError(f"{suffix or 'no suffix'}: a sampled piece is written as one of {known}")
        comments = [self.record.describe(), self.record.to_json()]
        return self.tokenizer.format(self.piece, suffix, comments, **self.record.controls)

    def save(self, path: Path | str) -> Path:
        """Writes the piece to `path` in the format that its suffix names. Raises FolkseqError if it cannot be."""
        write_atomically(Path(path), self.format(Path(path).suffix.lower()))
        return Path(path)


@dataclass(frozen=True)
class Event:
    """One token of a piece, as soon as it is drawn."""

    index: int
    """Of the piece, from 1."""
    place: int
    """In the piece, from 0."""
    token: str


@dataclass(frozen=True)
class Model:
    """A trained run, ready to write."""

    run: Run

    @cached_property
    def tokenizer(self) -> Tokenizer[Any]:
        """The representation that it was trained in."""
        return tokenizers.find(self.run.config.tokenizer)

    @cached_property
    def engines(self) -> dict[tuple[str, int], Engine]:
        """Its network by precision and threads, as far as it was asked for."""
        return {}

    @cached_property
    def novelty(self) -> Novelty:
        """Where each passage of what it was trained on stands."""
        from folkseq.sampling.novelty import Novelty

        store, _ = self.run.tokens()
        return Novelty.read(self.run.folder, store, self.tokenizer.profile(self.run.vocabulary))

    def engine(self, precision: str = "int8", threads: int | None = None) -> Engine:
        """Its network, one step at a time, by so many threads, or all. Raises RequestError for no such precision."""
        from folkseq.sampling.engine import Engine

        if precision not in PRECISIONS:
            raise RequestError(f"there is no precision {precision!r}; there are: {', '.join(PRECISIONS)}")
        threads = threads or cores()
        if (precision, threads) not in self.engines:
            graph: Path | bytes = self.run.file("model.onnx")
            if precision == "float32":
                from folkseq.models import onnx_graph

                graph = onnx_graph.build(self.run.weights(), self.run.config.model, int8=False)
            self.engines[precision, threads] = Engine(graph, threads)
        return self.engines[precision, threads]

    def sample(
        self,
        count: int = 1,
        *,
        seed: int | None = None,
        temperature: float | tuple[float, float] = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        prime: str | None = None,
        grammar: bool = True,
        limit: int | None = None,
        max_copy: int | None = None,
        best: int = 1,
        precision: str = "int8",
        **controls: Any,
    ) -> Iterator[Sampled]:
        """Writes new pieces, as they are asked for.

        Args:
            count: how many.
            seed: the same one gives the same pieces; drawn, and recorded in each, if it is None.
            temperature: above 1 bolder, below 1 plainer, 0 always the likeliest token; two go from the first at a
                piece's beginning to the second at its end.
            top_k: draw among so many likeliest tokens only.
            top_p: draw among the likeliest tokens that together have this probability.
            min_p: draw among the tokens that have at least this share of the likeliest one's probability.
            prime: the path of a file that holds a beginning, or, where the files trained on are text, such text.
            grammar: keep to what is valid; without it the model writes as it likes.
            limit: the most tokens in a piece; by default as many as it may take.
            max_copy: the most tokens in a row that a piece may share with one that was trained on.
            best: write so many for each piece, and keep the one that the critic likes best.
            precision: `int8`, or `float32`, which is the trained weights' own and slower.
            controls: what the representation understands: for `abc` rhythm, meter, mode, key, bars, form and swing;
                for `performance` seconds, density, pitch_classes, longest_note, most_notes, bpm, pedal and keep_prime.

        Returns:
            The pieces in the order of their index, each written when it is taken.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        if best < 1:
            raise RequestError(f"the best of {best} cannot be kept; ask for the best of 1 or more")
        record = self._record(
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            prime=prime,
            grammar=grammar,
            limit=limit,
            max_copy=max_copy,
            precision=precision,
            **controls,
        )
        return self._write(_Prepared.of(self, record), range(count * best), best)

    def again(self, record: Record) -> Sampled:
        """The piece that a record tells of, once more. Raises RequestError if this run did not write it."""
        if record.weights != self.run.weights_digest():
            raise RequestError(
                f"{self.run.folder} did not write piece {record.index} of seed {record.seed}, but the run {record.run} "
                f"(weights {record.weights}); name that"
            )
        given = record.prime_sha256
        prepared = _Prepared.of(self, record)
        if given != prepared.record.prime_sha256:
            raise RequestError(f"{record.prime}: not the file that the piece goes on from; put that back in its place")
        (piece,) = self._write(prepared, [record.index - 1], 1)
        return piece

    def stream(self, count: int = 1, **settings: Any) -> Iterator[Event]:
        """Writes pieces one after another, and gives out each token as soon as it is drawn.

        Args:
            count: how many.
            settings: as those of `sample`, `best` aside; the pieces are those that `sample` gives.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        from folkseq.sampling.generate import stream

        record = self._record(**settings)
        prepared = _Prepared.of(self, record)
        engine, tokens = self.engine(record.precision), self.run.vocabulary.tokens
        return (
            Event(event.index + 1, event.place, tokens[event.id])
            for index in range(count)
            for event in stream(engine, prepared.request, index)
        )

    def _record(self, *, seed: int | None = None, **asked: Any) -> Record:
        """What was asked, of which a record has fields, and of which the representation is to make something."""
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        own = {name: given.pop(name) for name in Record.ASKED if name in given}
        given = {name: spelt(value) if isinstance(value, list | tuple) else value for name, value in given.items()}
        seed = secrets.randbelow(2**31) if seed is None else seed
        return Record(self.run.folder.resolve().name, self.run.weights_digest(), seed, 0, **own, controls=given)

    def _write(self, prepared: _Prepared, indices: Sequence[int], best: int) -> Iterator[Sampled]:
        """The pieces of these indices, or of each `best` of them in a row the best."""
        from folkseq.sampling.generate import generate

        lanes = min(cores(), MOST_LANES, len(indices))
        engine = self.engine(prepared.record.precision, max(cores() // lanes, 1))
        samples = generate(engine, prepared.request, indices, lanes)
        while together := list(islice(samples, best * max(_TOGETHER // best, 1))):
            pieces = self._judged(prepared, together)
            for first in range(0, len(pieces), best):
                yield max(pieces[first : first + best], key=lambda piece: piece.critique.score)

    def _judged(self, prepared: _Prepared, samples: Sequence[Sample]) -> list[Sampled]:
        vocabulary, tokenizer = self.run.vocabulary, self.tokenizer
        opening = prepared.opening
        pieces = []
        runs = self.novelty.longest([np.array(sample.ids) for sample in samples])
        for sample, *run in zip(samples, *(found.tolist() for found in runs), strict=True):
            tokens = tuple(vocabulary.decode(sample.ids))
            record = replace(prepared.record, index=sample.index + 1)
            name = f"{record.seed}-{record.index}"
            piece = tokenizer.finish(tokenizer.detokenize(tokens), name, opening, **record.controls)
            copied = self._copied(tokens, *run)
            drawn = max(len(tokens) - len(prepared.request.opening), 1)
            critique = Critique.of(sample.nll / drawn, copied.tokens, len(tokens), tokenizer.merits(tokens))
            pieces.append(Sampled(piece, tokens, sample.nll, copied, critique, record, tokenizer))
        return pieces

    def _copied(self, tokens: Sequence[str], length: int, start: int, piece: int, there: int) -> Copied:
        """What a run of ids is to a reader."""
        place = self.tokenizer.place
        if not length:
            return Copied(0, 0, place(tokens, 0), "", "")
        source = self.run.vocabulary.decode(self.novelty.store[piece])
        bars = self.tokenizer.bars(tokens[start : start + length])
        return Copied(length, bars, place(tokens, start), self._labels[piece], place(source, there))

    @cached_property
    def _labels(self) -> list[str]:
        return self.run.labels()


def load(run: Path | str | None = None) -> Model:
    """The model in a run folder; the newest under `runs` by default. Raises RunError if there is none."""
    return Model(Run.latest() if run is None else Run.open(run))


@dataclass(frozen=True)
class _Prepared:
    """What was asked, checked."""

    record: Record
    request: Request
    opening: Prime[Any] | None

    @classmethod
    def of(cls, model: Model, record: Record) -> _Prepared:
        """The request that a record makes of a model. Raises RequestError for what cannot be met."""
        from folkseq.sampling.copies import CopyLimit
        from folkseq.sampling.generate import Request

        tokenizer, vocabulary, controls = model.tokenizer, model.run.vocabulary, record.controls
        _check(tokenizer, record)
        strategy = Strategy(record.temperature, record.top_k, record.top_p, record.min_p)
        opening = None
        if record.prime is not None:
            opening, digest = _prime(tokenizer, record.prime, controls)
            record = replace(record, prime_sha256=digest)
        grammar = tokenizer.grammar(vocabulary, opening, **controls)  # which checks them, even if unused
        limit = tokenizer.limit(opening, **controls) if record.limit is None else record.limit
        rules = grammar if record.grammar else None
        copies = None
        if record.max_copy is not None:
            store, sides = model.run.tokens()
            copies = CopyLimit(store, sides.train, tokenizer.profile(vocabulary), record.max_copy)
        ids = vocabulary.encode(opening.tokens) if opening else [vocabulary.id(START)]
        room = max(FEWEST, grammar.fewest if rules is not None else 0)
        if room > limit:
            raise RequestError(f"such a piece may take {room} tokens; raise --limit to that at least, from {limit}")
        if opening is not None:
            _check_opening(tokenizer, opening, ids, rules, limit, room)
        request = Request(
            opening=tuple(ids),
            end_id=vocabulary.id(END),
            seed=record.seed,
            limit=limit,
            strategy=strategy,
            grammar=rules,
            schedule=tokenizer.schedule(opening, **controls),
            copies=copies,
        )
        return cls(record, request, opening)


def _check(tokenizer: Tokenizer[Any], record: Record) -> None:
    """Raises RequestError for what the representation does not know, or what goes against something else."""
    unknown = sorted(set(record.controls) - set(tokenizer.controls))
    if unknown:
        known = ", ".join(tokenizer.controls)
        raise RequestError(f"the {tokenizer.name} tokenizer knows no {unknown[0]}; it knows: {known}")
    steered = [name for name in tokenizer.steering if name in record.controls]
    if steered and not record.grammar:
        option = f"--{steered[0].replace('_', '-')}"
        raise RequestError(f"without its grammar the model cannot be held to {option}; leave one of them out")


def _check_opening(
    tokenizer: Tokenizer[Any], opening: Prime[Any], ids: Sequence[int], rules: Any, limit: int, room: int
) -> None:
    """Raises RequestError if a model cannot go on from `opening`, and says where."""
    if len(ids) > limit - room:
        raise RequestError(f"the prime takes {len(ids)} of {limit} tokens; raise --limit or give a shorter one")
    if rules is None:
        return
    rows = rules.begin(1)
    for index, token_id in enumerate(ids):
        if not rules.allowed(rows, np.array([limit - index]))[0, token_id]:
            place = tokenizer.place(opening.tokens, index)
            raise RequestError(f"the prime goes against the grammar in {place}; mend it, or use --no-grammar")
        rows = rules.advance(rows, np.array([token_id]))


def _prime(tokenizer: Tokenizer[Any], prime: str, controls: Mapping[str, Any]) -> tuple[Prime[Any], str | None]:
    """The beginning that a file holds, and its digest; or that `prime` itself is where it does not look like a path."""
    suffixes = {*tokenizer.suffixes, ".abc", ".txt", ".mid", ".midi"}
    if "\n" in prime or ("/" not in prime.split("|")[0] and Path(prime).suffix.lower() not in suffixes):
        return tokenizer.prime(prime, **controls), None
    try:
        with open_file(Path(prime), tokenizer.largest) as file:
            data = file.read()
    except (ParseError, OSError, ValueError) as error:
        if Path(prime).suffix or "|" not in prime:
            raise error if isinstance(error, ParseError) else RequestError(f"{prime}: is no prime ({error})") from None
        return tokenizer.prime(prime, **controls), None
    return tokenizer.prime_file(data, prime, **controls), hashlib.sha256(data).hexdigest()[:12]
