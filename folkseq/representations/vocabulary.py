"""Tokens and their ids: a tuple of tokens, in which the id is the index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RunError, TokenError, few

START, END = "<s>", "</s>"


@dataclass(frozen=True)
class Vocabulary:
    """A tuple of distinct tokens; a token's id is its index.

    >>> vocabulary = Vocabulary.learn([["<s>", "b", "a", "</s>"]])
    >>> vocabulary.tokens
    ('</s>', '<s>', 'a', 'b')
    >>> vocabulary.encode(["<s>", "a"])
    [1, 2]
    """

    tokens: tuple[str, ...]
    conventions: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    """Number of pieces of the corpus for each result of `Representation.convention`; empty if it is unknown."""
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {token: index for index, token in enumerate(self.tokens)}
        if len(ids) != len(self.tokens):
            repeated = sorted({token for token in self.tokens if self.tokens.count(token) > 1})
            raise ValueError(f"a vocabulary holds each token once; repeated: {', '.join(repeated)}")
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def learn(cls, pieces: Iterable[Sequence[str]]) -> Vocabulary:
        """Collect the tokens that occur in `pieces`, sorted, so that the same corpus always gives the same ids."""
        seen: set[str] = set()
        for piece in pieces:
            seen.update(piece)
        return cls(tuple(sorted(seen)))

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def id(self, token: str) -> int:
        """Return the id of one token. Raises TokenError if there is none."""
        try:
            return self._ids[token]
        except KeyError:
            raise self._lacking([token]) from None

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Return the ids of tokens. Raises TokenError with the names of unknown tokens."""
        try:
            return list(map(self._ids.__getitem__, tokens))
        except KeyError:
            raise self._lacking(dict.fromkeys(token for token in tokens if token not in self._ids)) from None

    def array(self, tokens: Sequence[str]) -> NDArray[Any]:
        """Return the ids of tokens as (T,) integers of the smallest type that holds every id."""
        return np.array(self.encode(tokens), np.min_scalar_type(max(len(self) - 1, 0)))

    def _lacking(self, unknown: Iterable[str]) -> TokenError:
        names = list(map(repr, unknown))
        verb = "tokens {} are" if len(names) > 1 else "token {} is"
        return TokenError(f"the {verb.format(few(names))} not among the {len(self)} that this model was trained on")

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of ids."""
        return [self.tokens[index] for index in ids]

    def to_json(self) -> str:
        """Format the tokens as JSON, one per line, in order of their ids; with the conventions if there are any."""
        found = {"tokens": self.tokens, "conventions": dict(self.conventions)} if self.conventions else self.tokens
        return json.dumps(found, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read the vocabulary that `to_json` wrote. Raises RunError if the file holds anything else."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: not a vocabulary ({error})") from None
        tokens, conventions = (
            (found.get("tokens"), found.get("conventions")) if isinstance(found, dict) else (found, {})
        )
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise RunError(f"{path}: not a vocabulary: expected a list of strings")
        if not isinstance(conventions, dict) or not all(isinstance(count, int) for count in conventions.values()):
            raise RunError(f"{path}: not a vocabulary: expected a number of pieces for each convention")
        try:
            return cls(tuple(tokens), conventions)
        except ValueError as error:
            raise RunError(f"{path}: not a vocabulary: {error}") from None
