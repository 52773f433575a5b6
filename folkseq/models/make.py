"""Construction of a model from its settings."""

from __future__ import annotations

from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings


def make_model(settings: ModelSettings) -> LanguageModel:
    """Return a model for the settings, with random weights from PyTorch's global generator."""
    if settings.encoder is None:
        return LanguageModel(settings)
    from folkseq.models.encoder_decoder import EncoderDecoder

    return EncoderDecoder(settings)
