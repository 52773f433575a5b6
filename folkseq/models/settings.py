"""The settings of a model and of its training, as stored in `config.json` of a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from folkseq.corpora.lookback import BAR_LENGTH, Lookback
from folkseq.corpora.recall import RecentTokens
from folkseq.recent import Recent
from folkseq.settings import REQUIRED, setting, validate
from folkseq.voices import VoiceLookback, Voices

if TYPE_CHECKING:
    from folkseq.compound import CompoundLayout
    from folkseq.pairs import RelativePositions

CELLS = {"rnn": ("h",), "gru": ("h",), "lstm": ("h", "c"), "peephole": ("h", "c")}
"""The recurrent cells, each with the names of its states."""
GATES = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}
"""The number of weight matrices, (H, N), that each cell stacks."""
DIRECTIONS = {"both": 2, "forward": 1}
"""The choices of reading directions for a source, each with its number of directions."""
ATTENTIONS = ("dot", "additive")
BATCHES = ("streams", "windows", "pairs")
TARGETS = ("all", "last")
FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")
IMPOSSIBLE = -1e9
"""The logit of an id that cannot come next."""


@dataclass(frozen=True)
class EncoderSettings:
    """An encoder that reads a source, and the attention to it."""

    source: tuple[int, ...] = setting(REQUIRED, "Number of values of each field of the source.", low=1)
    along: int = setting(REQUIRED, "Largest distinguished offset in the first direction.", low=0)
    within: int = setting(0, "Largest distinguished offset in the second direction.", low=0)
    direction: str = setting(
        "both",
        "Direction in which the encoder reads: both, or forward only.",
        choices=tuple(DIRECTIONS),
        flags=("--encoder",),
    )
    attention: str = setting("dot", "Attention score: dot product or additive.", choices=ATTENTIONS)
    heads: int = setting(4, "Number of attention heads.", low=1)

    def __post_init__(self) -> None:
        validate(self)
        if not self.source:
            raise ValueError("a source needs one field or more")

    @property
    def relative_positions(self) -> RelativePositions:
        """Return the relative positions in a source; later ones are masked if it is only read forward."""
        from folkseq.pairs import RelativePositions

        return RelativePositions(self.along, self.within, self.causal)

    @property
    def causal(self) -> bool:
        """Return whether the decoder sees the source only up to its own position."""
        return self.direction == "forward"


@dataclass(frozen=True)
class ModelSettings:
    """A stack of recurrent layers between an embedding and a softmax.

    >>> ModelSettings(vocabulary_size=137).carried
    ('h', 'c')
    """

    vocabulary_size: int = setting(REQUIRED, "Number of ids, V.", low=1)
    cell: str = setting("lstm", "Recurrent cell: rnn (tanh), gru, lstm or peephole.", choices=tuple(CELLS))
    layers: int = setting(2, "Number of recurrent layers, L.", low=1, high=64)
    hidden: int = setting(
        320,
        "Width of each layer, H.  [default: planned from --minutes; 320 with --steps or --task]",
        low=1,
        high=16_384,
    )
    # A width of 320 did not reduce the loss after the same number of steps, and took a sixth more time.
    embedding: int = setting(128, "Width of the embedding, E.", low=1)
    dropout: float | None = setting(
        None,
        "Share of values dropped after the embedding and each layer; None: planned from the number of epochs.",
        low=0,
        high=1,
        exclusive="high",
    )
    # A layer's output lies in [-1, 1] and is mostly small, but the size of AdamW's steps does not depend on it, so the
    # weights that read the output would grow too slowly.
    gain: float = setting(4.0, "Factor on the output of each layer.", low=0, exclusive="low")
    lookback_bars: tuple[int, ...] = setting((), "Distances in bars to look back; see `corpora.lookback`.", low=1)
    lookback_bar_length: int = setting(BAR_LENGTH, "Number of ids of each bar to keep.", low=1)
    lookback_position: bool = setting(False, "Also give the network the position of each id in its bar.")
    lookback_match: bool = setting(
        False, "Also give the network the id after the longest match; see `corpora.matching`."
    )
    copy_pointer: bool = setting(
        False, "Add a score to the logit of each id in the lookback; see `models.copy_pointer`."
    )
    bar_ends: tuple[int, ...] = setting((), "Ids that end a bar.", low=0)
    section_ends: tuple[int, ...] = setting((), "Ids among them that end a section.", low=0)
    conditioning: int = setting(0, "Width of the conditioning vector beside each id, C; 0 for none.", low=0)
    # The cells make one step per compound token, and its fields are predicted one after another.
    fields: tuple[int, ...] = setting((), "Number of values of each field of compound tokens.", low=1)
    # If set, the fields have a fixed order, and the outputs see recent tokens.
    recent: Recent | None = None
    # If set, the fields have a fixed order, and their values are heights on one scale.
    voices: Voices | None = None
    encoder: EncoderSettings | None = None

    def __post_init__(self) -> None:
        validate(self)
        if self.copy_pointer and self.lookback is None:
            raise ValueError("copy_pointer needs lookback_bars or lookback_match")
        if not set(self.section_ends) <= set(self.bar_ends) <= set(range(self.vocabulary_size)):
            raise ValueError("section_ends must be among bar_ends, and bar_ends below vocabulary_size")
        if self.compound is not None and self.compound.size != self.vocabulary_size:
            size = self.compound.size
            raise ValueError(
                f"fields of {self.fields} values have {size} ids, but vocabulary_size is {self.vocabulary_size}"
            )
        if (self.fields or self.encoder) and self.lookback:
            raise ValueError("fields and encoder do not go with lookback")
        if self.voices is not None and (self.recent or len(self.voices.heights) != len(self.fields)):
            raise ValueError("voices need heights for each field, and do not go with recent tokens")
        if self.encoder and self.conditioning:
            raise ValueError("an encoder does not go with conditioning")
        if self.encoder is not None and self.hidden % self.encoder.heads:
            raise ValueError(f"hidden must be a multiple of heads, got {self.hidden} and {self.encoder.heads}")

    @property
    def lookback(self) -> Lookback | None:
        """Return the lookback for each id, or None."""
        if not self.lookback_bars and not self.lookback_match:
            return None
        return Lookback(
            self.vocabulary_size,
            self.lookback_bars,
            self.bar_ends,
            self.section_ends,
            self.lookback_bar_length,
            self.lookback_position,
            self.lookback_match,
        )

    @property
    def compound(self) -> CompoundLayout | None:
        """Return the layout of compound tokens, or None."""
        if not self.fields:
            return None
        from folkseq.compound import CompoundLayout

        return CompoundLayout(self.fields)

    @cached_property
    def tokens(self) -> RecentTokens | None:
        """Return the description of the recent compound tokens that the model reads, or None."""
        if self.recent is None or self.compound is None:
            return None
        return RecentTokens(self.compound, self.recent)

    @cached_property
    def voice_lookback(self) -> VoiceLookback | None:
        """Return the lookback of voices, or None."""
        if self.voices is None or self.compound is None:
            return None
        return VoiceLookback.of(self.compound, self.voices)

    @property
    def beside(self) -> Lookback | RecentTokens | VoiceLookback | None:
        """Return the additional input for each id, or None."""
        return self.tokens or self.voice_lookback or self.lookback

    @property
    def output_width(self) -> int:
        """Return the width of the vector before the logits: H, or half of it if the model sees recent tokens."""
        return self.hidden if self.recent is None else self.hidden // 2

    @property
    def ids_per_step(self) -> int:
        """Return the number of ids in a step of the cells: F with compound tokens, else 1."""
        return len(self.fields) or 1

    @property
    def carried(self) -> tuple[str, ...]:
        """Return the names of the states, each (L, B, H), that the cells carry from step to step."""
        return CELLS[self.cell]


@dataclass(frozen=True)
class TrainSettings:
    """The plan of training: many small updates by AdamW, with warm-up and cosine decay."""

    minutes: float = setting(
        10.0, "Training time in minutes; it determines the number of updates.", low=0, exclusive="low"
    )
    plan_hidden: bool = setting(False, "Also plan `hidden` from the minutes.")
    steps: int | None = setting(None, "Number of updates, instead of --minutes.", low=1)
    # Streams read short pieces one after another and carry the state from batch to batch. Windows are passages from
    # random positions of long pieces. Pairs consist of a part of a piece as target and the rest as source.
    batches: str = setting("streams", "How batches are made: streams, windows or pairs.", choices=BATCHES)
    targets: str = setting("all", "Ids of a window to predict: all of them, or the last.", choices=TARGETS)
    passage: int = setting(8, "Number of consecutive windows over which the state is carried.", low=1)
    # Many updates from small batches learn more than few updates from large ones.
    rows: int = setting(16, "Number of rows in a batch, B.", low=1)
    length: int = setting(64, "Number of time steps in a batch, T, through which gradients flow back.", low=1)
    learning_rate: float = setting(3e-3, "Highest learning rate, after the warm-up.", low=0, exclusive="low")
    warm_up: int = setting(100, "Number of updates of linear warm-up.", low=0)
    weight_decay: float = setting(0.01, "AdamW's weight decay.", low=0)
    beta2: float = setting(0.99, "AdamW's beta2.", low=0, high=1, exclusive="high")
    clip: float = setting(
        1.0, "Maximum norm of the gradient; larger gradients are scaled down.", low=0, exclusive="low"
    )
    validations: int = setting(20, "Number of validations, evenly spaced.", low=1)
    validation_ids: int = setting(65_536, "Maximum number of held-out ids in validations before the last.", low=1)
    save_every: int | None = setting(None, "Updates between saved states; None: as many as take a minute.", low=1)
    threads: int | None = setting(
        None, "Number of threads.  [default: all cores; with --minutes, all or one, whichever is faster]", low=1
    )
    precision: str | None = setting(
        None, "Number format of matrix products.  [default: the faster one on this machine]", choices=PRECISIONS
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.targets == "last" and self.batches != "windows":
            raise ValueError("targets 'last' needs batches 'windows'")
