"""`folkseq plot RUN FILE --cells`: a planted neuron is found, and readings are drawn in musical time."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from click.testing import CliRunner
from performances import take
from planted import A_BAR, CELL, HIDDEN, LAYER, book, make_run

from folkseq.analysis.neurons import analyse, excerpt
from folkseq.analysis.reading import GateSaturation, Neuron, NeuronReading
from folkseq.cli import main
from folkseq.formats import abc, midi
from folkseq.models.settings import CELLS
from folkseq.plots import gates, neurons, page
from folkseq.plots.layout import LINE_S, WIDTH, lay_out
from folkseq.plots.style import render, shade
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bars import labels, read_bars
from folkseq.representations.capabilities import Timing
from folkseq.representations.performance import PerformanceRepresentation

HOSTILE = {
    "markup": "<script>alert('&')</script>]]>--><!--",
    "emoji": "jigs 🎻👩‍🎤 and 琴",
    "formula": r"$\frac{1}{0$ \unknown{",
    "long": "x" * 10_000,
}


def invoke(*arguments):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("planted") / "planted-1")


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.abc"
    path.write_text(book(1, seed=9))
    return path


def test_a_neuron_that_counts_bars_is_the_most_selective(run, tune):
    analysis = analyse(run)
    found = analysis.selectivity["bar_in_part"]
    assert divmod(found.ranking[0], HIDDEN) == (LAYER - 1, CELL)
    assert found.score == pytest.approx(1, abs=1e-3)
    assert found.null < 0.2
    reading = analysis.read(tune)
    (neuron,) = (neuron for neuron in reading.neurons if neuron.label == "bar in part")
    assert (neuron.layer, neuron.number, neuron.measure) == (LAYER, CELL, "r²")
    bars = labels(reading.tokens)["bar_in_part"]
    counted = np.isfinite(bars)
    np.testing.assert_allclose(np.arctanh(neuron.values[counted]), A_BAR * bars[counted], atol=1e-3)


def test_shuffled_weights_are_less_selective(run, tmp_path):
    weights = run.weights()
    random = np.random.default_rng(3)
    for name, array in weights.items():
        if name.startswith("cells."):
            weights[name] = random.permutation(array.ravel()).reshape(array.shape)
    other = make_run(tmp_path / "other", weights=weights)
    assert analyse(other).selectivity["bar_in_part"].score < 0.9


def test_the_verb_writes_pictures_and_figures(run, tune):
    result = invoke(run.folder, tune, "--cells", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    folder = run.folder / "plots"
    names = [f"cells-tune{suffix}" for suffix in (".png", ".svg", ".html")] + ["gates.png", "gates.svg"]
    assert facts["files"] == [str(folder / name) for name in names]
    assert facts["pieces"] == 8
    by_label = {cell["label"]: cell for cell in facts["cells"]}
    assert list(by_label) == ["place_in_bar", "bar_in_part", "inside_repeat", "header"]
    counts = by_label["bar_in_part"]
    assert (counts["layer"], counts["cell"], counts["ranking"][0]) == (LAYER, CELL, [LAYER, CELL])
    assert counts["score"] > 0.99 > 0.2 > counts["shuffled"]
    assert (folder / "cells-tune.png").read_bytes().startswith(b"\x89PNG")
    drawing = (folder / "cells-tune.svg").read_text()
    for told in ("bar in part: layer 2, cell 5, r² 1.00 (shuffled", "tanh(c) after each token", "K:Cmaj", "surprise"):
        assert f"<!-- {told}" in drawing
    gates_drawn = (folder / "gates.svg").read_text()
    for told in ("input gate", "forget gate", "output gate", "layer 2", "share of time below 0.1 (shut)"):
        assert f"<!-- {told}" in gates_drawn
    shown = invoke(run.folder, tune, "--cells", "-o", folder / "x.html")
    assert shown.stdout == f"{folder / 'x.html'}\n"
    assert "bar in part: layer 2, cell 5, r² 1.00" in shown.stderr


@pytest.mark.parametrize("cell", CELLS)
def test_every_kind_of_cell_is_drawn(cell, tune, tmp_path):
    """With random weights; only an LSTM has the planted neuron."""
    from folkseq.models.language_model import LanguageModel

    known = make_run(tmp_path / "known").config.model
    settings = type(known)(vocabulary_size=known.vocabulary_size, cell=cell, layers=1, hidden=HIDDEN, embedding=4)
    weights = {name: tensor.numpy() for name, tensor in LanguageModel(settings).state_dict().items()}
    run = make_run(tmp_path / cell, weights=weights)
    replace(run, config=replace(run.config, model=settings)).write()
    result = invoke(run.folder, tune, "--cells")
    assert result.exit_code == 0, result.output
    assert (run.folder / "plots" / "gates.svg").exists() == (cell != "rnn")
    assert ("has no gates to draw" in result.stderr) == (cell == "rnn")
    shown = "tanh(c)" if cell in ("lstm", "peephole") else "h"
    assert f"<!-- {shown} after each token" in (run.folder / "plots" / "cells-tune.svg").read_text()


def reading_of(name="A tune", count=30, performance=None, timing=None):
    random = np.random.default_rng(0)
    tokens = tuple(f"t{place}" for place in range(count))
    guesses = tuple(((f"<{place}>", 0.5), ("b", 0.25)) for place in range(count))
    surprise = np.concatenate(([np.nan], random.random(count - 1) * 6))
    values = np.clip(random.normal(size=count), -1, 1)
    both = (Neuron("pitch class", 1, 3, "η²", 0.5, 0.1, values), Neuron("density", 2, 4, "r²", 0.4, 0.1, -values))
    timing = timing or Timing(np.arange(count) % 6 / 8, np.full(count, 1 / 8), np.arange(count) // 6)
    return NeuronReading(name, "run: 2 x 8 lstm", "tanh(c)", tokens, surprise, guesses, both, timing, performance)


def told_by(written):
    """Return the texts that a page shows where the reader points."""
    return [unescape(text) for text in re.findall(r'class="over"[^>]* data-told="([^"]*)"', written)]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_and_tokens_are_escaped_and_cut(name):
    reading = reading_of(name)
    object.__setattr__(reading, "tokens", (name, *reading.tokens[1:]))
    object.__setattr__(reading, "guesses", (((name, 0.5),), *reading.guesses[1:]))
    text = render(neurons.draw(reading), ".svg").decode()
    ET.fromstring(text)
    written = page.write(reading).decode()
    for drawn in (text, written):
        assert "<script>alert" not in drawn
        assert "x" * 120 not in drawn
    assert written.count("<script") == 1  # its own
    assert written.count("</script") == 1


def test_the_page_loads_nothing_and_shows_what_was_expected():
    written = page.write(reading_of()).decode()
    assert "default-src 'none'" in written
    addresses = set(re.findall(r"https?://[^\"' )]+|\bsrc=|\bhref=\"(?!#|data:)|url\((?!#)|@import", written))
    assert not addresses
    told = [text.split("\n") for text in told_by(written)]
    assert len(told) == 30
    assert [lines[0].split()[0] for lines in told] == [f"t{place}" for place in range(30)]
    assert "bits" not in told[0][0]
    assert re.fullmatch(r"t4   [0-6]\.\d bits", told[4][0])
    assert told[4][1] == "   expected: <4> 50%, b 25%"
    assert re.fullmatch(r"   pitch class -?[01]\.\d\d, density -?[01]\.\d\d", told[4][2])


def test_the_page_of_a_run_has_five_guesses(run, tune):
    reading = analyse(run).read(tune)
    assert reading.guesses[0] == ()
    for guesses in reading.guesses[1:]:
        assert len(guesses) == 5
        shares = [share for _, share in guesses]
        assert shares == sorted(shares, reverse=True)
    place = next(place for place in range(1, 20) if reading.tokens[place] in dict(reading.guesses[place]))
    share = dict(reading.guesses[place])[reading.tokens[place]]
    assert reading.surprise[place] == pytest.approx(-np.log2(share), rel=1e-4)


def test_performances_are_drawn_under_their_roll():
    codec = PerformanceRepresentation().fit([])
    ids = codec.encode(take(1, seconds=15))
    times = codec.analysis.timing(ids)
    reading = reading_of(count=len(ids), performance=codec.decode(ids), timing=times)
    figure = neurons.draw(reading)
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == ["seconds"]
    layout = lay_out(reading.tokens, times)
    assert layout.lines == 2
    shifts = np.flatnonzero(times.length)
    widths = [(layout.right - layout.left)[layout.token == shift].sum() for shift in shifts]
    np.testing.assert_allclose(widths, times.length[shifts] * WIDTH / LINE_S)
    assert (layout.left == layout.right)[~np.isin(layout.token, shifts)].all()
    written = page.write(reading).decode()
    groups = [re.findall(r"^t(\d+)", text, re.MULTILINE) for text in told_by(written)]
    assert {int(place) for group in groups for place in group} == set(range(len(ids)))
    assert max(map(len, groups)) > 1


def test_only_the_beginning_of_a_long_performance_is_read():
    codec = PerformanceRepresentation().fit([])
    times = codec.analysis.timing(codec.encode(take(1, seconds=60)))
    count = excerpt(times)
    assert times.start[count - 1] < 40 <= times.start[count]
    assert lay_out([""] * count, Timing(times.start[:count], times.length[:count])).lines == 4


@pytest.mark.parametrize("tune", abc.parse(book(3)).tunes[:3], ids=lambda tune: tune.title)
def test_bars_are_aligned(tune):
    tokens = AbcRepresentation().tokenize(tune)
    found = read_bars(tokens).timing
    layout = lay_out(tokens, found)
    assert sorted(layout.token.tolist()) == list(range(len(tokens)))
    assert layout.left.min() >= 0
    assert layout.right.max() <= WIDTH + 1e-6
    for line in range(layout.lines):  # no box overlaps another
        boxes = layout.on(line)
        order = boxes[np.argsort(layout.left[boxes], kind="stable")]
        assert (layout.left[order][1:] >= layout.right[order][:-1] - 1e-6).all()
        assert (np.diff(layout.token[order]) == 1).all()
    downbeats = np.flatnonzero((found.start[layout.token] == 0) & (found.length[layout.token] > 0))
    assert len(np.unique(np.round(layout.left[downbeats], 6))) <= 4
    sounds = layout.right - layout.left
    notes = found.length[layout.token] > 0
    unit = sounds[notes] / found.length[layout.token][notes]
    np.testing.assert_allclose(unit, unit[0])


@pytest.mark.parametrize(
    "tokens", [["<s>"], ["<s>", "M:none", "K:Cmaj", "|]", "</s>"], ["C"], ["<s>", "K:Cmaj", "C", "99"]]
)
def test_unusual_pieces_have_a_page(tokens):
    layout = lay_out(tokens, read_bars(tokens).timing)
    assert sorted(layout.token.tolist()) == list(range(len(tokens)))
    count = len(tokens)
    reading = NeuronReading(
        "odd", "run", "h", tuple(tokens), np.full(count, np.nan), ((),) * count, (), read_bars(tokens).timing
    )
    neurons.draw(reading).draw_without_rendering()
    page.write(reading)


def test_no_texts_overlap(run, tune):
    figure = neurons.draw(analyse(run).read(tune))
    figure.draw_without_rendering()
    shown = [text for text in figure.texts if text.get_text()]
    for axes in figure.axes:
        shown += [text for text in axes.texts if text.get_text()]
        shown += [text for text in axes.get_yticklabels() if axes.axison and text.get_text()]
    boxes = [text.get_window_extent() for text in shown]
    assert len(boxes) > 50
    for place, box in enumerate(boxes):
        assert not [(shown[place], shown[n]) for n, other in enumerate(boxes[:place]) if box.overlaps(other)]
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1


def test_shades_can_be_told_apart_in_grey():
    light = shade(np.linspace(-1, 1, 41)) @ (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
    assert (np.diff(light) > 0.005).all()
    assert light[0] < 0.2
    assert light[-1] > 0.9
    np.testing.assert_allclose(shade(-1.0) * 255, [0x0D, 0x2A, 0x4A])


def test_gates_have_a_marker_for_each_layer():
    shares = np.array([0.1, 0.5])
    drawn = [GateSaturation(name, layer, shares, shares[::-1]) for name in ("reset", "update") for layer in (1, 2)]
    figure = gates.draw(drawn, "$x$ <run>")
    assert [axes.get_title() for axes in figure.axes] == ["reset gate", "update gate"]
    layers = figure.axes[0].lines[:2]
    assert [line.get_xydata().tolist() for line in layers] == [[[0.1, 0.5], [0.5, 0.1]]] * 2
    assert layers[0].get_marker() != layers[1].get_marker()


def test_errors_of_the_user_are_one_line(run, tune, tmp_path):
    text = make_run(tmp_path / "text")
    (text.folder / "config.json").write_text(
        (text.folder / "config.json").read_text().replace('"representation": "abc"', '"representation": "char"')
    )
    few = make_run(tmp_path / "few")
    (few.folder / "tokens" / "split.json").write_text(json.dumps({"train": list(range(11)), "valid": [], "test": [11]}))
    (tmp_path / "other.mid").write_bytes(midi.format(take(0)))
    (tmp_path / "strange.abc").write_text("X:1\nM:7/8\nK:C\n_C^^D7 zG|\n")
    (tmp_path / "none.abc").write_text("nothing\n")
    folder = run.folder
    for arguments, message in [
        ([folder, "--cells"], "--cells takes a run and a file"),
        (["--cells"], "--cells takes a run and a file"),
        ([folder, tune, tune, "--cells"], "--cells takes a run and a file"),
        ([folder, tune, "--cells", "--gradients"], "give one of them"),
        ([folder, tune, "--cells", "--terminal"], "--terminal draws only the training curves"),
        (
            [folder, tune, "--cells", "-o", "x.gif"],
            "x.gif: cannot be drawn by its suffix; choose one of .png, .svg, .html",
        ),
        ([folder, tmp_path / "other.mid", "--cells"], "a model of abc reads .abc, .txt"),
        ([folder, tmp_path / "missing.abc", "--cells"], "missing.abc: cannot be read"),
        ([folder, tmp_path / "none.abc", "--cells"], "none.abc"),
        ([folder, tmp_path / "strange.abc", "--cells"], "strange.abc: cannot be read by"),
        ([folder, tune, "--cells", "--number", "7"], "tune.abc: holds no piece 7"),
        ([text.folder, tune, "--cells"], "char has no labels"),
        ([few.folder, tune, "--cells"], "needs two held-out pieces, got 1"),
    ]:
        result = invoke(*arguments)
        assert result.exit_code == 1, (arguments, result.output, result.exception)
        assert result.stderr.startswith("folkseq: ")
        assert message in result.stderr, (arguments, result.stderr)
        assert result.stderr.count("\n") == 1
