"""The model that settings describe."""

from __future__ import annotations

from folkseq.models.language_model import LanguageModel
from folkseq.models.settings import ModelSettings


def make_model(settings: ModelSettings) -> LanguageModel:
    """Return the model that the settings describe, with new weights from PyTorch's global generator."""
    if settings.encoder is None:
        return LanguageModel(settings)
    from folkseq.models.encoder_decoder import EncoderDecoder

    return EncoderDecoder(settings)
