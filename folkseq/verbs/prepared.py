"""From what a user asks to what the sampler is asked, checked against representation, grammar and limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from folkseq.corpus.pieces import open_file
from folkseq.errors import ParseError, RequestError
from folkseq.representations.base import END, Prime, Tokenizer
from folkseq.run import Run
from folkseq.sampling.strategies import Strategy
from folkseq.verbs.record import PRECISIONS, Record

if TYPE_CHECKING:
    from folkseq.sampling.batch import Request

LONGER = 0.005  # of the pieces trained on are longer than what is written
ROOM = 200  # tokens beyond that, in which a piece may end by itself before it is made to
FEWEST, MOST = 160, 10_000_000  # tokens; below the one a grammar has no room to end a piece


@dataclass(frozen=True)
class Prepared:
    """What was asked, checked."""

    record: Record
    request: Request
    opening: Prime[Any] | None
    tries: int
    """How many pieces are written for each, of which one is kept."""
    longest: int | None = None
    """Tokens, beyond which a piece rambles, and another is written in its place."""

    @classmethod
    def of(cls, run: Run, tokenizer: Tokenizer[Any], record: Record) -> Self:
        """The request that a record makes of a run. Raises RequestError for what cannot be met."""
        from folkseq.novelty import Overlap
        from folkseq.sampling.batch import Request

        vocabulary, controls = run.vocabulary, record.controls
        _check(run, tokenizer, record)
        strategy = Strategy(record.temperature, record.top_k, record.top_p, record.min_p)
        opening = None
        if record.prime is not None:
            opening, digest = _prime(tokenizer, record.prime, controls)
            record = replace(record, prime_sha256=digest)
        grammar = tokenizer.grammar(vocabulary, opening, **controls)  # which checks them, even if unused
        tries = tokenizer.tries(**controls) if record.grammar else 1
        limit, longest = record.limit, None
        if limit is None:
            limit = tokenizer.limit(opening, **controls)
            if tokenizer.by_length and tries == 1:
                longest = max(limit, _usual(run) + (len(opening.tokens) if opening else 0))
                limit = longest + ROOM
        rules = grammar if record.grammar else None
        ids = vocabulary.encode(opening.tokens if opening else tokenizer.opening(vocabulary, **controls))
        if record.max_copy is not None and tokenizer.as_trained(np.array(ids), vocabulary).tolist() != ids:
            raise RequestError(
                f"--max-copy {record.max_copy}: copies are foreseen only where the first column leads, "
                "as in the pieces trained on; leave out --max-copy or --lead-column"
            )
        copies = None if record.max_copy is None else Overlap.open(run).limit(record.max_copy)
        if limit > MOST:
            raise RequestError(f"a piece has at most {MOST:,} tokens, got a limit of {limit:,}")
        room = max(FEWEST, rules.fewest) if rules is not None else 1
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
            weighs=tries > 1,
        )
        return cls(record, request, opening, tries, longest if record.grammar else None)


def _usual(run: Run) -> int:
    """A length that one piece in two hundred of those trained on exceeds."""
    store, sides = run.tokens()
    return int(np.quantile(np.diff(store.offsets)[list(sides.train)], 1 - LONGER))


def _check(run: Run, tokenizer: Tokenizer[Any], record: Record) -> None:
    """Raises RequestError for what the representation does not know, or what goes against something else."""
    if record.precision not in PRECISIONS:
        raise RequestError(f"there is no precision {record.precision!r}; there are: {', '.join(PRECISIONS)}")
    unknown = sorted(set(record.controls) - set(tokenizer.controls))
    if unknown:
        known = ", ".join(tokenizer.controls)
        raise RequestError(
            f"{run.folder} is a model of {tokenizer.name}, which knows no {unknown[0]}; it knows: {known}; "
            "or name another run"
        )
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


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a name, or of signs that none has
        return False


def _prime(tokenizer: Tokenizer[Any], prime: str, controls: Mapping[str, Any]) -> tuple[Prime[Any], str | None]:
    """The beginning that a file holds, and its digest; or that `prime` itself is where it does not look like a path."""
    suffixes = {*tokenizer.suffixes, ".abc", ".txt", ".mid", ".midi"}
    if "\n" in prime or ("/" not in prime.split("|")[0] and Path(prime).suffix.lower() not in suffixes):
        return tokenizer.prime(prime, **controls), None
    try:
        with open_file(Path(prime), tokenizer.largest) as file:
            data = file.read()
    except (ParseError, OSError, ValueError) as error:
        named = Path(prime).suffix.lower() in suffixes
        if ".txt" in tokenizer.outputs and not (named or _is_there(prime)):  # any text may be a beginning
            return tokenizer.prime(prime, **controls), None
        if Path(prime).suffix or "|" not in prime:
            raise error if isinstance(error, ParseError) else RequestError(f"{prime}: is no prime ({error})") from None
        return tokenizer.prime(prime, **controls), None
    return tokenizer.prime_file(data, prime, **controls), hashlib.sha256(data).hexdigest()[:12]
