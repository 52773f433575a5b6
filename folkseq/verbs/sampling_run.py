"""One call of `sample`, `again` or `stream`: from checked settings and options to new pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from folkseq.corpora.files import open_file
from folkseq.errors import ParseError, RequestError, TokenError, in_words
from folkseq.formats import midi
from folkseq.machine import cores
from folkseq.representations.base import END
from folkseq.representations.capabilities import Plan, Prime
from folkseq.run import typical_length
from folkseq.sampling.batch import Request, Sample
from folkseq.sampling.generate import generate, stream
from folkseq.sampling.overlaps import SharedPassage
from folkseq.sampling.rerank import Critique
from folkseq.settings import Setting, parse
from folkseq.verbs.piece import Event, Sampled
from folkseq.verbs.record import Record
from folkseq.verbs.trained import TrainedRun

MOST_PIECES = 1_000_000
MOST_LANES = 4
"""Threads that write side by side; more would wait for each other in Python."""
ROOM = 200
"""Tokens after that length in which a piece may end by itself before the grammar ends it."""
FEWEST_TOKENS, MOST_TOKENS = 160, 10_000_000
"""Limits on `limit`: with fewer tokens, a grammar has no room to end a piece."""
_BATCH = 16  # pieces that are compared with the training set at once, which is faster than one by one


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
        self._new_titles = self.codec.generation.new_titles(model.run.titles(), record.seed)
        self._titles: list[str] = []
        if self.prime is not None and (lost := in_words(self.prime.lost)):
            self._notices.append(f"{settings.prime if digest else 'the prime'}: lost: {lost}")
        self.candidates = plan.candidates if settings.grammar else 1
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
        check_count(count)
        return self._best(count, self.record.settings.best)

    def events(self, count: int) -> Iterator[Event]:
        """Write pieces token by token."""
        check_count(count)
        engine, tokens = self.model.engine(self.record.settings.precision), self.codec.vocabulary.tokens
        redraws = self.candidates > 1 or self.request.longest is not None
        draws = (sample.index for sample in self._fitting(count)) if redraws else range(count)
        return (
            Event(number, event.place, tokens[event.id], formatted(tokens[event.id]), self._told())
            for number, draw in enumerate(draws, 1)
            for formatted in [self.codec.generation.stream_formatter()]
            for event in stream(engine, self.request, draw)
        )

    def redraw(self, numbers: dict[int, int]) -> Iterator[Sampled]:
        """Write the pieces of some draws again, given the number of the piece for each draw."""
        samples = self._generate(list(numbers), replace(self.request, longest=None))
        while batch := list(islice(samples, _BATCH)):
            yield from self._finish(batch, [numbers[sample.index] for sample in batch])

    def _best(self, count: int, best: int) -> Iterator[Sampled]:
        samples, number, size = self._fitting(count * best), 1, 1
        while batch := list(islice(samples, best * max(size // best, 1))):
            size = min(2 * size, _BATCH)  # the first pieces come as soon as they are written
            pieces = self._finish(batch, [number + place // best for place in range(len(batch))])
            for first in range(0, len(pieces), best):
                yield max(pieces[first : first + best], key=lambda piece: piece.critique.score)
                number += 1

    def _fitting(self, count: int) -> Iterator[Sample]:
        """Write pieces, each the least constrained of its candidates."""
        samples = self._generate(range(count * self.candidates))
        while candidates := list(islice(samples, self.candidates)):
            yield max(candidates, key=lambda sample: sample.fit)

    def _generate(self, draws: Sequence[int], request: Request | None = None) -> Iterator[Sample]:
        lanes = min(cores(), MOST_LANES, len(draws))
        engine = self.model.engine(self.record.settings.precision, max(cores() // lanes, 1))
        return generate(engine, request or self.request, draws, lanes)

    def _finish(self, samples: Sequence[Sample], numbers: Sequence[int]) -> list[Sampled]:
        """Turn ids into pieces with their figures; the opening is no part of what is judged."""
        given, generation = len(self.request.opening), self.codec.generation
        compared = [self._as_trained(sample.ids)[given:] for sample in samples]
        overlaps = self.model.overlaps
        shared = overlaps.longest(compared) if overlaps else [SharedPassage()] * len(samples)
        pieces = []
        for sample, number, passage, ids in zip(samples, numbers, shared, compared, strict=True):
            tokens = tuple(self.codec.vocabulary.decode(sample.ids))
            draw = sample.index + 1
            record = replace(self.record, index=number, draw=None if draw == number else draw)
            decoded = self.codec.decode(np.array(sample.ids))
            piece = generation.postprocess(decoded, f"{record.seed}-{number}", self.options, self.prime)
            if title := self._title(number):
                piece = generation.entitled(piece, title)
            copied = self.model.copied(tokens, passage._replace(start=passage.start + given))
            verdict = overlaps.judge(ids, copied) if overlaps else None
            drawn = max(len(tokens) - given, 1)
            critique = Critique.of(sample.nll / drawn, passage.length, drawn, generation.merits(tokens))
            files = self.model.representation.files
            about = record, files, self.options, self._told()
            pieces.append(Sampled(piece, tokens, sample.nll, copied, critique, *about, verdict=verdict))
        return pieces

    def _title(self, number: int) -> str:
        """Return the title of a piece, which follows from the seed and the number alone, or nothing if none is left."""
        self._titles += islice(self._new_titles, max(number - len(self._titles), 0))
        return self._titles[number - 1] if number <= len(self._titles) else ""

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
            declared = known[name]
            if isinstance(declared, Setting) and declared.needs_grammar and not record.settings.grammar:
                option = f"--{name.replace('_', '-')}"
                raise RequestError(f"{option} needs the grammar; leave out one of {option} and --no-grammar")
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
        if self._as_trained(plan.opening).tolist() != list(plan.opening):
            raise RequestError(
                f"--max-copy {most}: copies can be limited only if the first column leads, as in the training set; "
                "leave out --max-copy or --lead-column"
            )
        return copy_limiter(self.model, most)

    def _as_trained(self, ids: Sequence[int]) -> Any:
        """Return ids in the order of the training set: compound tokens with the first field leading."""
        layout = self.model.run.config.model.compound
        return np.array(ids) if layout is None else layout.in_order(np.array(ids))

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


def again(model: TrainedRun, records: Sequence[Record]) -> Iterator[Sampled]:
    """Write the pieces of records again. Raises RequestError if the model did not write them."""
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
        yield from run.redraw({(each.draw or each.index) - 1: each.index for each in group})


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
