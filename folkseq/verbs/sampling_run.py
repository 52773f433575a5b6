"""One call of `sample`, `again` or `stream`: from checked settings and options to new pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError, TokenError, in_words
from folkseq.formats import midi
from folkseq.ranking import CANDIDATES
from folkseq.representations.base import END
from folkseq.representations.capabilities import Plan, Prime
from folkseq.run import typical_length
from folkseq.sampling.batch import Request
from folkseq.sampling.generate import generate, stream
from folkseq.settings import Setting, parse
from folkseq.verbs.piece import Event, Sampled
from folkseq.verbs.record import Record
from folkseq.verbs.trained import TrainedRun
from folkseq.verbs.writing import Order, Titles, Writer

Result = TypeVar("Result")
MOST_PIECES = 1_000_000
ROOM = 200
"""Tokens after that length in which a piece may end by itself before the grammar ends it."""
FEWEST_TOKENS, MOST_TOKENS = 160, 10_000_000
"""Limits on `limit`: with fewer tokens, a grammar has no room to end a piece."""


class SamplingRun:
    """The settings, constraints and random draws of new pieces from one model."""

    def __init__(self, model: TrainedRun, record: Record, prime_data: bytes | None = None) -> None:
        """Check everything that was asked for. Raises RequestError if it cannot be met.

        Args:
            model: the model.
            record: the settings and options.
            prime_data: the contents of the prime's file, which is then not opened: its name is what the record says.
        """
        self.model, self.codec, settings = model, model.codec, record.settings
        self.options = self._parse_options(record)
        self.prime, digest = None, None
        if settings.prime is not None:
            self.prime, digest = self._parse_prime(settings.prime, prime_data)
        plan = self.codec.generation.plan(self.options, self.prime)
        grammar, target = (plan.grammar, plan.target) if settings.grammar else (None, None)
        self.record = replace(record, prime_sha256=digest, target=target.version if target else None)
        self._notices = plan.notices
        self._titles = Titles(self.codec.generation.new_titles(model.run.titles(), record.seed))
        if self.prime is not None and (lost := in_words(self.prime.lost)):
            self._notices.append(f"{settings.prime if digest else 'the prime'}: lost: {lost}")
        self.candidates = plan.candidates if settings.grammar else 1
        self.best = settings.best or (CANDIDATES if model.ranker and settings.grammar else 1)
        limit, longest = settings.limit, None
        if limit is None:
            limit = plan.limit
            if plan.typical_length and self.candidates == 1:
                typical = max(limit, self._typical_length() + (len(self.prime.ids) if self.prime else 0))
                limit, longest = typical + ROOM, typical if settings.grammar else None
        self._check_room(plan, limit, max(FEWEST_TOKENS, grammar.fewest) if grammar is not None else 1)
        self.request = Request(
            opening=plan.opening,
            end_id=self.codec.vocabulary.id(END),
            seed=record.seed,
            limit=limit,
            longest=longest,
            strategy=settings,
            grammar=grammar,
            target=target,
            candidates=self.candidates,
            schedule=plan.schedule,
            copies=self._copy_limiter(plan),
            weighs=self.candidates > 1,
        )

    def pieces(self, count: int) -> Iterator[Sampled]:
        """Write pieces, each the best of its candidates."""
        return (piece for piece, _ in self.formatted(count, lambda place, piece: None))

    def formatted(self, count: int, format: Callable[[int, Sampled], Result]) -> Iterator[tuple[Sampled, Result]]:
        """Write pieces, and do something with each in the process that wrote it; see `Writer.write`."""
        check_count(count)
        draws = self.candidates if self.candidates > 1 and self.model.ranker else self.best * self.candidates
        orders = (
            Order(number, range((number - 1) * draws, number * draws), self._titles[number], self._told())
            for number in range(1, count + 1)
        )
        return self._writer(self.request).write(orders, count, format)

    def redraw(
        self, numbers: Mapping[int, int], format: Callable[[int, Sampled], Result]
    ) -> Iterator[tuple[Sampled, Result]]:
        """Write the pieces of some draws again, given the number of the piece for each draw; see `formatted`."""
        orders = (Order(number, (draw,), self._titles[number], self._told()) for draw, number in numbers.items())
        return self._writer(replace(self.request, longest=None)).write(orders, len(numbers), format)

    def events(self, count: int) -> Iterator[Event]:
        """Write pieces token by token."""
        check_count(count)
        engine, tokens = self.model.engine(self.record.settings.precision), self.codec.vocabulary.tokens
        draws: Sequence[int] | Iterator[int] = range(count)
        if self.candidates > 1 or self.request.longest is not None:
            samples = generate(engine, self.request, range(count * self.candidates))
            groups = (list(islice(samples, self.candidates)) for _ in range(count))
            draws = (max(group, key=lambda sample: sample.fit).index for group in groups)
        return (
            Event(number, event.place, tokens[event.id], formatted(tokens[event.id]), self._told())
            for number, draw in enumerate(draws, 1)
            for formatted in [self.codec.generation.stream_formatter()]
            for event in stream(engine, self.request, draw)
        )

    def _writer(self, request: Request) -> Writer:
        return Writer(self.model, self.record, request, self.options, self.prime, self._titles, self.best)

    def _told(self) -> tuple[str, ...]:
        """Return the notices that are new."""
        found = tuple(self._notices)
        self._notices.clear()
        return found

    def _parse_options(self, record: Record) -> Any:
        """Return the options of the representation. Raises RequestError for unknown or contradictory ones."""
        kind = self.model.representation.options
        known = {field.name: field.metadata.get("setting") for field in fields(kind)}
        unknown = sorted(record.options.keys() - known.keys())
        if unknown:
            has = f"has: {', '.join(known)}" if known else "has none"
            raise RequestError(
                f"--{unknown[0].replace('_', '-')}: is not an option of {self.model.representation.name}, which {has}; "
                f"leave it out, or name another run than {self.model.run.address}"
            )
        for name in record.options:
            declared, option = known[name], f"--{name.replace('_', '-')}"
            if not isinstance(declared, Setting):
                continue
            if declared.needs_grammar and not record.settings.grammar:
                raise RequestError(f"{option} needs the grammar; leave out one of {option} and --no-grammar")
            if declared.needs_chance and 0 in record.settings.temperatures:
                raise RequestError(f"{option} needs a temperature above 0; raise --temperature, or leave out {option}")
        return parse(kind, record.options)

    def _parse_prime(self, prime: str, data: bytes | None) -> tuple[Prime[Any], str | None]:
        """Return the prime in a file and the file's digest, or the prime that the text itself is."""
        generation = self.codec.generation
        data = self._read_prime(prime) if data is None else data
        if data is None:
            return generation.prime(prime, self.options), None
        try:
            return generation.prime_file(data, prime, self.options), hashlib.sha256(data).hexdigest()[:12]
        except TokenError as error:
            raise TokenError(f"{prime}: {error}") from None

    def _read_prime(self, prime: str) -> bytes | None:
        """Return the contents of the file that a prime names; None if it is text."""
        files = self.model.representation.files
        suffixes = {*files.suffixes, ".abc", ".txt", *midi.SUFFIXES}
        looks_like_text = "\n" in prime or ("/" not in prime.split("|")[0])
        if "\n" in prime or (looks_like_text and Path(prime).suffix.lower() not in suffixes):
            return None
        try:
            with open_file(Path(prime), files.max_bytes) as file:
                return file.read()
        except (ParseError, OSError, ValueError) as error:
            named = Path(prime).suffix.lower() in suffixes
            if ".txt" in files.outputs and not (named or _exists(prime)):  # any text can be a prime
                return None
            if Path(prime).suffix or "|" not in prime:
                raise (
                    error if isinstance(error, ParseError) else RequestError(f"{prime}: is not a prime ({error})")
                ) from None
            return None

    def _typical_length(self) -> int:
        return self.model.run.config.typical_length or typical_length(*self.model.run.tokens())

    def _copy_limiter(self, plan: Plan) -> Any:
        most = self.record.settings.max_copy
        if most is None:
            return None
        if self.model.as_trained(plan.opening).tolist() != list(plan.opening):
            raise RequestError(
                f"--max-copy {most}: copies can be limited only if the first column leads, as in the training set; "
                "leave out --max-copy or --lead-column"
            )
        return copy_limiter(self.model, most)

    def _check_room(self, plan: Plan, limit: int, room: int) -> None:
        """Raise RequestError if the limit is out of range, or the model cannot continue the prime."""
        if limit > MOST_TOKENS:
            raise RequestError(f"--limit {limit}: a piece has at most {MOST_TOKENS:,} tokens")
        if room > limit:
            raise RequestError(f"--limit {limit}: such a piece may take {room} tokens; raise the limit to that")
        if self.prime is None:
            return
        if len(plan.opening) > limit - room:
            raise RequestError(
                f"the prime takes {len(plan.opening)} of {limit} tokens; raise --limit or give a shorter one"
            )
        if plan.grammar is None or not self.record.settings.grammar:
            return
        rows = plan.grammar.begin(1)
        for index, token_id in enumerate(plan.opening):
            if not plan.grammar.allowed(rows, np.array([limit - index]))[0, token_id]:
                place = self.codec.analysis.locate(self.codec.vocabulary.decode(plan.opening), index)
                raise RequestError(f"the prime breaks the grammar in {place}; correct it, or use --no-grammar")
            rows = plan.grammar.advance(rows, np.array([token_id]))


def again(
    model: TrainedRun, records: Sequence[Record], format: Callable[[int, Sampled], Result]
) -> Iterator[tuple[Sampled, Result]]:
    """Write the pieces of records again; see `SamplingRun.formatted`.

    Raises:
        RequestError: the model did not write them.
    """
    done = 0
    for alike, group in groupby(records, key=lambda record: replace(record, index=0, draw=None)):
        precision = alike.settings.precision
        if alike.weights != model.run.weights_digest(precision):
            raise RequestError(
                f"{model.run.address} did not write it, but the run {alike.run} (weights {alike.weights}); name that"
            )
        try:
            run = SamplingRun(model, alike)
        except RequestError as error:
            raise RequestError(f"the record of seed {alike.seed} cannot be used: {error}") from None
        if alike.prime_sha256 != run.record.prime_sha256:
            raise RequestError(f"{alike.settings.prime}: is not the file that the piece continues; restore that file")
        if alike.target != run.record.target:
            raise RequestError(
                f"the record of seed {alike.seed} cannot be used: another version of folkseq drew it, "
                "within other ranges; use that version"
            )
        draws = {(each.draw or each.index) - 1: each.index for each in group}
        yield from run.redraw(draws, partial(_format_later, format, done))
        done += len(draws)


def _format_later(format: Callable[[int, Sampled], Result], done: int, place: int, piece: Sampled) -> Result:
    return format(done + place, piece)


def copy_limiter(model: TrainedRun, most: int) -> Any:
    """Return the mask that limits copies. Raises RequestError if the novelty package is not installed."""
    if model.overlaps is None:
        raise RequestError(f"--max-copy {most}: the novelty extension is not installed; leave it out")
    return model.overlaps.limit(most)


def check_count(count: int) -> None:
    """Raise RequestError for a number of pieces that is out of range."""
    if not 1 <= count <= MOST_PIECES:
        raise RequestError(f"-n {count}: ask for 1 to {MOST_PIECES:,} pieces")


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a name, or with characters that no name has
        return False
