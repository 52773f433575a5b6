"""The base model of fine-tuning: another run or a pretrained model, whose weights replace random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq import representations
from folkseq.corpora.reader import TokenizedCorpus
from folkseq.errors import RequestError, few
from folkseq.models.settings import ModelSettings
from folkseq.models.transfer import NEW, transfer
from folkseq.representations.base import Representation
from folkseq.representations.task import CONTINUE
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import Run
from folkseq.settings import option_name

FOLLOWS = {"vocabulary_size", "bar_ends", "section_ends", "fields", "voices", "encoder", "dropout"}
"""Settings of a model that follow from its vocabulary, or are planned for each corpus."""
LEARNING_RATE = 1e-3
"""A third of what random weights learn with, so that what was learned before is not lost."""


@dataclass(frozen=True)
class BaseModel:
    """The run from which another run starts."""

    run: Run

    @classmethod
    def open(cls, name: Path | str, asked_for: Representation[Any], asked: Mapping[str, Any]) -> BaseModel:
        """Open a run or a pretrained model.

        Args:
            name: the folder of the run, or the model's name.
            asked_for: the representation of the new run.
            asked: its settings.

        Raises:
            FolkseqError: there is no such model, or the new run asks for what it does not have.
        """
        run = Run.open(name)
        own, task = run.config.representation, asked.get("task", CONTINUE)
        if asked_for.spec not in (own, own.partition(":")[0]):
            raise RequestError(f"--from {name}: was trained as {own}, not as {asked_for.spec}; name that")
        if run.config.task != task:
            raise RequestError(f"--from {name}: was trained to {run.config.task}; add --task {run.config.task}")
        for section in filter(None, (run.config.model, run.config.model.encoder)):
            for option, value in vars(section).items():
                if asked.get(option, value) != value:
                    named = option_name(type(section), option)
                    raise RequestError(f"{named}: {name} has {value}, which stays as it is; leave it out")
        return cls(run)

    @property
    def described(self) -> str:
        """Return its name and the digest of its network."""
        return f"{self.run.name} ({self.run.weights_digest()})"

    @cached_property
    def representation(self) -> Representation[Any]:
        """Return the representation, which reads the new corpus by the names of the base model's columns."""
        return representations.find(self.run.config.representation).matching(self.run.vocabulary)

    @property
    def signature(self) -> str | None:
        """Return what the new pieces must have in common with the old ones; see `Codec.signature`."""
        return self.representation.codec(self.run.vocabulary).signature or None

    def adapt(self, found: TokenizedCorpus) -> TokenizedCorpus:
        """Return a corpus whose codec knows the tokens of the base model, too; its store stays as it is."""
        own, new = self.run.vocabulary, found.codec.vocabulary
        merged = self.representation.merge([*own.tokens, *new.tokens])
        conventions = {**own.conventions, **new.conventions}
        codec = self.representation.codec(Vocabulary(merged.tokens, conventions))
        return replace(found, codec=codec)

    def settings(self, fitted: ModelSettings) -> ModelSettings:
        """Return the settings of the new model, given those that the vocabulary asks for.

        Raises:
            RequestError: a part that cannot be mapped has another size.
        """
        base = self.run.config.model
        kept = {field.name: getattr(base, field.name) for field in fields(base) if field.name not in FOLLOWS}
        voices = base.voices and fitted.voices and replace(fitted.voices, distances=base.voices.distances)
        settings = replace(fitted, **kept, voices=voices)
        same_fields = len(settings.fields) == len(base.fields)
        if base.voice_lookback is not None:
            new = settings.voice_lookback
            same_fields = new is not None and base.voice_lookback.shape == new.shape
        if base.encoder is not None and fitted.encoder is not None:
            own = {field.name: getattr(base.encoder, field.name) for field in fields(base.encoder)}
            settings = replace(settings, encoder=replace(fitted.encoder, **{**own, "source": fitted.encoder.source}))
            by_id = fitted.encoder.source == (fitted.vocabulary_size + 1,)
            same_fields = same_fields and (by_id or fitted.encoder.source == base.encoder.source)
        if not same_fields:
            raise RequestError(f"--from {self.run.name}: the corpus has labels that the model cannot read; train anew")
        return settings

    def origins(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Return the id of each new id in the base model, (V,), or `NEW`."""
        own = self.run.vocabulary
        return np.array([own.id(token) if token in own else NEW for token in vocabulary.tokens], np.int64)

    def weights(self, settings: ModelSettings, vocabulary: Vocabulary) -> dict[str, NDArray[Any]]:
        """Return the initial weights of the new model."""
        base, origins = self.run.config.model, self.origins(vocabulary)
        if len(vocabulary) != settings.vocabulary_size:  # a task has ids of its own, and they are the same
            origins = np.arange(settings.vocabulary_size)
        return transfer(self.run.weights(), base, settings, origins)

    def notice(self, vocabulary: Vocabulary) -> str:
        """Describe how the vocabularies are mapped."""
        new = [token for token in vocabulary.tokens if token not in self.run.vocabulary]
        kept = len(vocabulary) - len(new)
        told = f"starts from {self.described}: {kept} tokens are known"
        if new:
            told += f", {len(new)} are new and start from the mean of the others: {few(new)}"
        return told
