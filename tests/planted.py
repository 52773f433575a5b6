"""A run with a planted neuron: one unit of a small LSTM counts the bars of each part."""

import numpy as np
from safetensors.numpy import save

from folkseq.corpora import Split, TokenStore
from folkseq.formats import abc
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.representations.abc import AbcRepresentation
from folkseq.run import CorpusFile, Run, RunConfig

LAYER, CELL = 2, 5
"""Its layer and number, as in a picture."""
HIDDEN = 8
A_BAR = 0.1
"""The rise of its state at a bar line."""


def book(count=12, seed=0):
    """Return tunes of two parts with four to nine bars each."""
    random, tunes = np.random.default_rng(seed), []
    for number in range(1, count + 1):
        parts = []
        for _ in range(2):
            bars = ["".join(random.choice(list("CDEFGABc"), 6)) for _ in range(random.integers(4, 10))]
            parts.append("|:" + "|".join(bars) + ":|")
        tunes.append(f"X:{number}\nT:Tune {number}\nR:jig\nM:6/8\nL:1/8\nK:C\n" + "\n".join(parts) + "\n")
    return "\n".join(tunes)


def weights_of(vocabulary, settings, layer=LAYER - 1, cell=CELL):
    """Return small random weights, except for the planted neuron and its inputs in the layer below."""
    random, hidden, size = np.random.default_rng(1), settings.hidden, len(vocabulary)
    weights = {"embedding.weight": np.eye(size, dtype=np.float32)}
    for number in range(settings.layers):
        width = size if number == 0 else hidden
        shapes = {"weight_ih_l0": (4 * hidden, width), "weight_hh_l0": (4 * hidden, hidden)}
        shapes |= {"bias_ih_l0": (4 * hidden,), "bias_hh_l0": (4 * hidden,)}
        for name, shape in shapes.items():
            weights[f"cells.{number}.{name}"] = random.normal(0, 0.3, shape).astype(np.float32)
    if settings.cell == "peephole":
        for number in range(settings.layers):
            weights[f"cells.{number}.peephole"] = np.zeros((3, hidden), np.float32)
    weights["output.weight"] = random.normal(0, 0.3, (size, hidden)).astype(np.float32)
    weights["output.bias"] = np.zeros(size, np.float32)
    lines = [vocabulary.id("|")]
    closing = [vocabulary.id(line) for line in ("|:", ":|", "::", "||", "|]") if line in vocabulary]
    if layer:  # the first two units of the layer below detect bar lines and ends of parts
        _detects(weights, 0, 0, lines)
        _detects(weights, 0, 1, closing)
        _counts(weights, layer, cell, [0], [1], 1 / settings.gain / np.tanh(1.0))
    else:
        _counts(weights, layer, cell, lines, closing, 1.0)
    return weights


def _set(weights, layer, unit, gate, bias, seen=(), weight=0.0):
    row = gate * HIDDEN + unit
    for name in ("weight_ih_l0", "weight_hh_l0"):
        weights[f"cells.{layer}.{name}"][row] = 0
    weights[f"cells.{layer}.weight_ih_l0"][row, list(seen)] = weight
    weights[f"cells.{layer}.bias_ih_l0"][row], weights[f"cells.{layer}.bias_hh_l0"][row] = bias, 0


def _detects(weights, layer, unit, seen):
    """Let a unit detect ids: h is tanh(1) after them, else 0."""
    for gate, bias in ((0, -30.0), (1, -30.0), (2, 30.0), (3, 30.0)):
        _set(weights, layer, unit, gate, bias, seen if gate == 0 else (), 60.0 if gate == 0 else 0.0)


def _counts(weights, layer, unit, lines, closing, scale):
    """Let a unit count: c rises by `A_BAR` at each of `lines`, and is 0 after each of `closing`."""
    _set(weights, layer, unit, 0, -30.0, lines, 60.0 * scale)
    _set(weights, layer, unit, 1, 30.0, closing, -60.0 * scale)
    _set(weights, layer, unit, 2, np.arctanh(A_BAR))
    _set(weights, layer, unit, 3, 30.0)


def make_run(folder, cell="lstm", layers=2, weights=None):
    """Return the run, whose held-out pieces are the last eight of a book of twelve."""
    tunes = abc.parse(book()).tunes
    codec = AbcRepresentation().fit(tunes)
    vocabulary = codec.vocabulary
    settings = ModelSettings(
        vocabulary_size=len(vocabulary), cell=cell, layers=layers, hidden=HIDDEN, embedding=len(vocabulary)
    )
    config = RunConfig("abc", settings, TrainSettings(), (CorpusFile("book.abc", "ab" * 32),), "0.1.0")
    run = Run.create(folder, config, vocabulary)
    store, tokens = TokenStore.of([codec.encode(tune) for tune in tunes]), folder.parent / f"{folder.name}-tokens"
    tokens.mkdir()
    np.save(tokens / "ids.npy", store.ids)
    np.save(tokens / "offsets.npy", store.offsets)
    sides = Split(train=tuple(range(4)), valid=(), test=tuple(range(4, 12)))
    run.write_tokens(tokens, sides, [f"X:{number}" for number in range(1, 13)])
    (folder / "model.safetensors").write_bytes(save(weights or weights_of(vocabulary, settings)))
    (folder / "model.onnx").touch()
    return run
