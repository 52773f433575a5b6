"""What a model is, and how it is trained: settings that check themselves and stand in a run's `config.json`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from folkseq.compound import CompoundLayout
from folkseq.corpus.lookback import WIDTH, Lookback
from folkseq.pairs import RelativePositions

CELLS = {"rnn": ("h",), "gru": ("h",), "lstm": ("h", "c"), "peephole": ("h", "c")}
"""The cells there are, each with the names of what it carries from one step to the next."""

GATES = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}
"""How many times its width of sums each makes at a step."""
DIRECTIONS = {"both": 2, "forward": 1}
"""How many ways an encoder reads what is known: `both` forwards and backwards, or only `forward`."""
ATTENTIONS = ("dot", "additive")
BATCHES = ("streams", "windows", "pairs")
TARGETS = ("all", "last")
FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")
IMPOSSIBLE = -1e9
"""The score of an id that cannot come next, whatever the model has learnt."""

MOST_LAYERS, MOST_HIDDEN = 64, 16_384


@dataclass(frozen=True)
class EncoderSettings:
    """What reads all that is known beforehand, and how the model looks at it while it writes."""

    source: tuple[int, ...]
    """How many ids each field has of what is known."""
    along: int
    """How far apart places are told from one another; see `folkseq.pairs.RelativePositions`."""
    within: int = 0
    direction: str = "both"
    """One of `DIRECTIONS`. Of an encoder that reads only forward the model sees nothing beyond its own place."""
    attention: str = "dot"
    """One of `ATTENTIONS`."""
    heads: int = 4
    """How many places it can look at at once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", tuple(self.source))  # JSON gives lists
        for name, known in (("direction", tuple(DIRECTIONS)), ("attention", ATTENTIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {getattr(self, name)!r}")
        if not self.source:
            raise ValueError("what is known has one field or more")
        for size in (*self.source, self.heads):
            _check_count("source and heads", size)
        if min(self.along, self.within) < 0:
            raise ValueError(f"places reach 0 or farther, got {self.along} and {self.within}")

    @property
    def relative_positions(self) -> RelativePositions:
        """How near places are."""
        return RelativePositions(self.along, self.within, self.causal)

    @property
    def causal(self) -> bool:
        """Whether the model sees nothing beyond its own position."""
        return self.direction == "forward"


@dataclass(frozen=True)
class ModelSettings:
    """A stack of recurrent layers between an embedding and a softmax.

    >>> ModelSettings(vocabulary_size=137).carried
    ('h', 'c')
    """

    vocabulary_size: int
    """V: how many ids there are."""
    cell: str = "lstm"
    """One of `CELLS`."""
    layers: int = 2
    """L: how many cells stand on one another."""
    hidden: int = 320
    """H: the width of each layer. Training may plan another; see `TrainSettings.plan_hidden`."""
    embedding: int = 128
    """E: the width of the vectors that stand for ids; 320 learnt no more in as many steps, and took a sixth longer."""
    dropout: float | None = None
    """The share of values dropped while training, after the embedding and after every layer; in [0, 1). None until it
    is planned from how often training will read the pieces."""
    gain: float = 4.0
    """What every layer's output is multiplied by before it is read. It lies in [−1, 1] and is mostly small, and AdamW's
    steps are as long whatever it is, so what reads it would learn too slowly. It is folded into the weights where the
    model is sampled from."""
    lookback_bars: tuple[int, ...] = ()
    """Distances in bars, of which the network is shown what stood there; see `dataset.recall`."""
    lookback_bar_length: int = WIDTH
    """How many ids of a bar are remembered for that."""
    lookback_position: bool = False
    """Whether the network is shown each id's place in its bar, too."""
    lookback_match: bool = False
    """Whether it is shown what followed the longest match, too; see `dataset.matching`."""
    copy_pointer: bool = False
    """Whether each id that is recalled is given a score of its own; see `models.copy_pointer`."""
    bar_ends: tuple[int, ...] = ()
    """Ids that end a bar, where anything is recalled."""
    section_ends: tuple[int, ...] = ()
    """Those of them that end a section, too."""
    conditioning: int = 0
    """C: the width of what is read beside each id, such as how dense the music is to be; 0 for nothing."""
    fields: tuple[int, ...] = ()
    """How many values each field has, where ids come in frames of several fields; see `folkseq.compound`. The cells
    then make a step a frame, and the fields of a frame are foretold one after another."""
    encoder: EncoderSettings | None = None
    """What reads the rest of a piece, where a part of it is to be written."""

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"there is no cell {self.cell!r}; there are: {', '.join(CELLS)}")
        for name in ("vocabulary_size", "layers", "hidden", "embedding"):
            _check_count(name, getattr(self, name))
        for name, most in (("layers", MOST_LAYERS), ("hidden", MOST_HIDDEN)):
            if getattr(self, name) > most:
                raise ValueError(f"{name} is at most {most}, got {getattr(self, name)}")
        for name in ("lookback_bars", "bar_ends", "section_ends", "fields"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives lists
        _check_count("lookback_bar_length", self.lookback_bar_length)
        for distance in self.lookback_bars:
            _check_count("lookback_bars", distance)
        if self.copy_pointer and self.lookback is None:
            raise ValueError("there are no pointers where nothing is recalled")
        if not set(self.section_ends) <= set(self.bar_ends) <= set(range(self.vocabulary_size)):
            raise ValueError("bars and sections end at ids of the vocabulary, and a section where a bar does")
        if self.compound is not None and self.compound.size != self.vocabulary_size:
            raise ValueError(
                f"fields of {self.fields} values have {self.compound.size} ids, not {self.vocabulary_size}"
            )
        if self.fields and (self.lookback or self.conditioning):
            raise ValueError("beside frames nothing can be read or recalled")
        if isinstance(self.encoder, dict):  # from JSON
            object.__setattr__(self, "encoder", EncoderSettings(**self.encoder))
        if self.encoder is not None:
            if self.lookback or self.conditioning:
                raise ValueError("beside what an encoder reads nothing can be read or recalled")
            if self.hidden % self.encoder.heads:
                raise ValueError(f"a width of {self.hidden} does not divide among {self.encoder.heads} heads")
        if not isinstance(self.conditioning, int):
            raise TypeError(f"conditioning is a whole number, got {self.conditioning!r}")
        if self.conditioning < 0:
            raise ValueError(f"conditioning is 0 or above, got {self.conditioning}")
        if not (self.gain > 0 and math.isfinite(self.gain)):
            raise ValueError(f"gain is above 0, got {self.gain}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share from 0 up to, not with, 1, got {self.dropout}")

    @property
    def lookback(self) -> Lookback | None:
        """What gives the network what it recalls, if it does."""
        if not self.lookback_bars and not self.lookback_match:
            return None
        ends = self.bar_ends, self.section_ends
        places, match = self.lookback_position, self.lookback_match
        return Lookback(self.vocabulary_size, self.lookback_bars, *ends, self.lookback_bar_length, places, match)

    @property
    def compound(self) -> CompoundLayout | None:
        """The frames in which ids come, if they do."""
        return CompoundLayout(self.fields) if self.fields else None

    @property
    def encoder_width(self) -> int:
        """The width of each of the encoder's directions: half of `hidden` for both, or as many weights one way."""
        both = max(self.hidden // 2, 1)
        if self.encoder is None or self.encoder.direction == "both":
            return both
        wanted = self._encoder_weights(2, both)
        return min(range(both, 2 * both + 1), key=lambda width: abs(self._encoder_weights(1, width) - wanted))

    @property
    def encoder_layers(self) -> int:
        """One fewer than there are of the decoder's, whose first reads what the encoder gives; one at least."""
        return max(self.layers - 1, 1)

    def _encoder_weights(self, directions: int, width: int) -> int:
        """How many weights an encoder has of so many directions of a width, with what reads it."""
        total, read = directions * width * (self.embedding + 2 * self.hidden), self.embedding
        for _ in range(self.encoder_layers):
            total += directions * GATES[self.cell] * width * (read + width + 2)
            read = directions * width
        return total

    @property
    def ids_per_step(self) -> int:
        """How many ids the cells read in a step."""
        return len(self.fields) or 1

    @property
    def carried(self) -> tuple[str, ...]:
        """The names of the tensors, each (L, B, H), that go from one step to the next."""
        return CELLS[self.cell]


@dataclass(frozen=True)
class TrainSettings:
    """The plain recipe: many small updates, AdamW, warm-up and cosine decay."""

    minutes: float = 10.0
    """How long to train; turned into `steps` while the rate warms up."""
    plan_hidden: bool = False
    """Whether the width of the network is planned from the minutes, too, in place of `ModelSettings.hidden`."""
    steps: int | None = None
    """How many updates to make; given, `minutes` is not looked at, and else planned from it."""
    batches: str = "streams"
    """One of `BATCHES`: rows that read short pieces one after another, with the state carried from batch to batch, or
    windows of passages drawn at random out of long ones; or `pairs`, where a part of a piece is to be written."""
    targets: str = "all"
    """One of `TARGETS`: which ids of a window are predicted, `all` of them or only the `last`."""
    passage: int = 8
    """How many windows of a passage are read one after another, with the state carried."""
    rows: int = 16
    """B: how many are read side by side. Updates matter more than their size, so it is small."""
    length: int = 64
    """T: steps of the cells in a batch, and how far gradients reach back."""
    learning_rate: float = 3e-3
    """The highest, reached after `warm_up` updates."""
    warm_up: int = 100
    """Updates over which the rate rises in a straight line."""
    weight_decay: float = 0.01
    beta2: float = 0.99
    """How much of AdamW's mean of squared gradients stays at each update; PyTorch's own is 0.999."""
    clip: float = 1.0
    """The longest that a gradient may be; longer ones are scaled down, so that none explodes."""
    validations: int = 20
    """How often, spread evenly, the held-out pieces are looked at."""
    validation_ids: int = 65_536
    """The most held-out ids that are then looked at; in the end all of them are, or `JUDGED` of them."""
    save_every: int | None = None
    """Steps from one saved state to the next, planned to be a minute; it is saved at every best, too."""
    threads: int | None = None
    """The number of threads, where others would give other weights; planned."""
    precision: str | None = None
    """One of `PRECISIONS`, in which products are made while training; planned from what the machine has."""

    def __post_init__(self) -> None:
        if self.batches not in BATCHES:
            raise ValueError(f"there are no batches {self.batches!r}; there are: {', '.join(BATCHES)}")
        if self.targets not in TARGETS:
            raise ValueError(f"there are no targets {self.targets!r}; there are: {', '.join(TARGETS)}")
        if self.targets == "last" and self.batches != "windows":
            raise ValueError("only windows can be learnt from by their last ids")
        if self.precision not in (None, *PRECISIONS):
            raise ValueError(f"there is no precision {self.precision!r}; there are: {', '.join(PRECISIONS)}")
        for name in ("rows", "length", "passage", "validations", "validation_ids"):
            _check_count(name, getattr(self, name))
        for name in ("steps", "save_every", "threads"):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name))
        for name in ("minutes", "learning_rate", "clip"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} is above 0, got {value}")
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 is a share from 0 up to, not with, 1, got {self.beta2}")
        for name in ("warm_up", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is 0 or above, got {getattr(self, name)}")


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} is at least 1, got {value}")
