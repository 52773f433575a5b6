"""`folkseq plot FILE` and `--gradients`: piano rolls, scores and gradient flow."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from book import BOOK, JIG
from click.testing import CliRunner
from performances import beat, solo, take
from planted import make_run

from folkseq.analysis.gradient_flow import GradientFlow
from folkseq.cli import main
from folkseq.formats import abc, midi
from folkseq.music import Meter
from folkseq.music.performance import Performance, bar_lines
from folkseq.music.playback import perform
from folkseq.plots import gradients, roll
from folkseq.plots.style import render, velocity_shade

HOSTILE = {
    "markup": "<script>alert('&')</script>]]>--><!--",
    "emoji": "jigs 🎻👩‍🎤 and 琴",
    "formula": r"$\frac{1}{0$ \unknown{ $1 %%beginps",
    "long": "x" * 10_000,
    "empty": "",
}


def invoke(*arguments):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.fixture
def no_engraver(monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)
    monkeypatch.setattr("folkseq.extras.find_spec", lambda name: None if name == "verovio" else find_spec(name))


def drawn(axes):
    """Return the rectangles of a panel, by collection: (left, right, low, high) each."""
    found = []
    for each in axes.collections:
        corners = [path.vertices for path in each.get_paths()]
        if not corners or len(corners[0]) < 4:
            continue  # lines
        found.append([(*np.round(c[[0, 1], 0], 3), *np.round(c[[0, 2], 1], 3)) for c in corners if len(c) >= 4])
    return found


def test_a_roll_shows_notes_velocities_and_pedal():
    piece = solo((60, 1, 0.0, 1.0), (64, 127, 0.5, 2.0), pedal=[(0.25, 127), (1.5, 0)])
    figure = roll.draw(piece, "Two notes")
    panel = figure.axes[0]
    notes, pedal = drawn(panel)
    assert notes == [(0, 1, 59.58, 60.42), (0.5, 2, 63.58, 64.42)]
    assert [(left, right) for left, right, _, _ in pedal] == [(0.25, 1.5)]
    shades = next(each for each in panel.collections if len(each.get_facecolors()) == 2).get_facecolors()[:, :3]
    np.testing.assert_allclose(shades, velocity_shade([1, 127]))
    assert shades[1].sum() < shades[0].sum()
    assert panel.get_xlabel() == "seconds"
    assert "pedal" in [text.get_text() for text in panel.get_yticklabels()]
    assert "C4" in [text.get_text() for text in panel.get_yticklabels()]
    assert figure.texts[0].get_text() == "Two notes"


def test_a_long_piece_is_drawn_in_rows_and_a_very_long_one_in_part():
    assert len(roll.draw(take(0, seconds=50), "x").axes) == 3 + 1  # and the scale of velocities
    long = solo((60, 80, 0.0, 1.0), (60, 80, 3000.0, 3001.0))
    figure = roll.draw(long, "x" * 200)
    assert figure.texts[0].get_text().endswith("…, the first 20 of 50 minutes")
    assert len(figure.texts[0].get_text()) <= roll.MOST_NAME


def test_bar_lines_follow_meters_and_tempos():
    played = perform(abc.parse(JIG).tunes[0])
    lines = bar_lines(played)
    bar_s = 6 / 8 * 4 * 60 / played.tempos[0][1]
    assert lines[:3] == pytest.approx([0, bar_s, 2 * bar_s])
    assert lines[-1] < played.length_s
    one = solo((60, 80, 0.0, 9.0)).tracks
    changing = Performance(one, ((0.0, 60.0), (4.0, 120.0)), ((0.0, Meter(4, 4)), (6.0, Meter(3, 4))))
    assert bar_lines(changing).tolist() == pytest.approx([0, 4, 6, 7.5])
    assert bar_lines(Performance(one)).tolist() == []
    assert bar_lines(Performance(one, meters=((0.0, Meter(0, 4)),))).tolist() == [0]
    panel = roll.draw(changing, "x").axes[0]
    vertical = next(each for each in panel.collections if type(each).__name__ == "LineCollection")
    assert [segment[0][0] for segment in vertical.get_segments()] == pytest.approx([0, 4, 6, 7.5])


def test_drums_are_drawn_only_without_pitched_tracks():
    assert roll.Roll.of(beat(0)).drums
    both = Performance((*beat(0).tracks, *take(0).tracks))
    assert not roll.Roll.of(both).drums
    assert len(roll.Roll.of(both).notes) == len(take(0).tracks[0])


@pytest.mark.parametrize("piece", [Performance(()), solo(), solo((0, 1, 0.0, 0.0)), solo((127, 127, 0.0, 1e-6))])
def test_nearly_empty_pieces_have_a_roll(piece):
    roll.draw(piece, "").draw_without_rendering()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_escaped_and_cut(name):
    text = render(roll.draw(take(0, seconds=3), name), ".svg").decode()
    ET.fromstring(text)
    assert "<script" not in text
    assert "onload" not in text
    assert "x" * 120 not in text


def test_a_tune_has_a_roll_and_a_score(tmp_path):
    (tmp_path / "book.abc").write_text(BOOK)
    result = invoke(tmp_path / "book.abc", "--number", 2)
    assert result.exit_code == 0, result.output
    names = ("book-roll.png", "book-roll.svg", "book-score.svg")
    assert result.stdout.split() == [str(tmp_path / name) for name in names]
    assert "The Test Reel" in (tmp_path / "book-score.svg").read_text()
    assert "<!-- The Test Reel -->" in (tmp_path / "book-roll.svg").read_text()
    result = invoke(tmp_path / "book.abc", "--number", 2, "-o", tmp_path / "new" / "x.png", "--json")
    assert json.loads(result.stdout) == {"files": [str(tmp_path / "new" / name) for name in ("x.png", "x-score.svg")]}
    result = invoke(tmp_path / "book.abc", "--number", 2, "-o", tmp_path / "new" / "y.svg", "--json")
    assert json.loads(result.stdout) == {"files": [str(tmp_path / "new" / "y.svg")]}
    assert (tmp_path / "new" / "y.svg").read_bytes() == (tmp_path / "book-score.svg").read_bytes()


def test_every_tune_of_a_set_is_drawn(tmp_path):
    (tmp_path / "set.abc").write_text(JIG.replace("X:1", "X:7") + "\n" + JIG.replace("X:1", "X:12"))
    result = invoke(tmp_path / "set.abc", "-o", tmp_path / "x.svg")
    assert result.stdout.split() == [str(tmp_path / name) for name in ("x-07.svg", "x-12.svg")]
    assert (tmp_path / "x-07.svg").exists()
    result = invoke(tmp_path / "set.abc")
    stems = [f"set-{number}" for number in ("07", "12")]
    names = [f"{stem}-{end}" for stem in stems for end in ("roll.png", "roll.svg", "score.svg")]
    assert result.stdout.split() == [str(tmp_path / name) for name in names]
    (tmp_path / "large.abc").write_text("\n".join(JIG.replace("X:1", f"X:{number}") for number in range(1, 102)))
    assert "holds 101 pieces, too many to draw; name one with --number" in invoke(tmp_path / "large.abc").stderr


def test_the_roll_is_drawn_without_an_engraver(no_engraver, tmp_path):
    (tmp_path / "jig.abc").write_text(JIG)
    result = invoke(tmp_path / "jig.abc")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(tmp_path / f"jig-roll{suffix}") for suffix in (".png", ".svg")]
    assert result.stderr.count("\n") == 1
    assert "pip install 'folkseq[score]'" in result.stderr
    result = invoke(tmp_path / "jig.abc", "-o", tmp_path / "x.svg")
    assert result.exit_code == 1
    assert "pip install 'folkseq[score]'" in result.stderr


def test_a_performance_has_a_roll(tmp_path):
    (tmp_path / "take.mid").write_bytes(midi.format(take(0)))
    result = invoke(tmp_path / "take.mid")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "take-roll.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "take-score.svg").exists()


def test_gradient_flow_of_several_runs_is_one_picture(tmp_path):
    runs = [make_run(tmp_path / name) for name in ("one", "two")]
    result = invoke(*(run.folder for run in runs), "--gradients", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["files"] == [str(tmp_path / "one" / "plots" / f"gradients{suffix}") for suffix in (".png", ".svg")]
    first, second = (np.array(facts["gradients"][str(run.folder)]) for run in runs)
    assert first.tolist() == second.tolist()
    assert len(first) > 50
    assert (first > 0).all()
    cell = np.array(facts["cell_gradients"][str(runs[0].folder)])
    assert cell.shape == first.shape
    assert (cell[1:] > 0).all()
    drawing = (tmp_path / "one" / "plots" / "gradients.svg").read_text()
    for told in ("one: 2 x 8 lstm", "two: 2 x 8 lstm", "k, tokens back from the loss"):
        assert f"{told} -->" in drawing
    for told in ("∂loss/∂h", "∂loss/∂c"):
        assert f"{told} " in invoke(runs[0].folder, "--gradients").stderr


def test_lines_show_the_norms_and_differ_in_grey():
    reaches = [
        GradientFlow(name, 2.0 ** -np.arange(50.0) * place) for place, name in enumerate(("rnn", "$x$", "lstm"), 1)
    ]
    reaches[2] = replace(reaches[2], cell_norms=np.full(50, 0.5))
    figure = gradients.draw(reaches)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == ["∂/∂h  rnn", "∂/∂h  $x$", "∂/∂h  lstm", "∂/∂c  lstm"]
    norms = [*(reach.norms for reach in reaches), reaches[2].cell_norms]
    for line, drawn in zip(axes.lines, norms, strict=True):
        assert line.get_ydata().tolist() == drawn.tolist()
    assert len({(line.get_linestyle(), line.get_marker(), line.get_markerfacecolor()) for line in axes.lines}) == 4
    for odd in (np.zeros(5), np.full(5, np.nan), np.full(5, 1e300), np.ones(1)):
        gradients.draw([GradientFlow("x" * 10_000, odd)]).draw_without_rendering()
    assert [gradients.power(value) for value in (1e-12, 1.0, 100.0)] == ["10⁻¹²", "1", "10²"]


def test_errors_of_the_user_are_one_line(tmp_path):
    (tmp_path / "jig.abc").write_text(JIG)
    (tmp_path / "silent.abc").write_text("X:1\nT:Silent\nK:C\n|]\n")
    (tmp_path / "words.txt").write_text("nothing of music\n")
    (tmp_path / "broken.mid").write_bytes(b"MThd\0")
    jig = tmp_path / "jig.abc"
    for arguments, message in [
        ([tmp_path / "missing.abc"], "missing.abc: cannot be read"),
        ([tmp_path / "missing.mid"], "missing.mid: cannot be read"),
        ([tmp_path / "broken.mid"], "broken.mid"),
        ([tmp_path / "silent.abc"], "silent.abc"),
        ([tmp_path / "words.txt"], "words.txt"),
        ([tmp_path / "take.wav"], "there is no such run"),
        ([jig, "--terminal"], "--terminal draws only the training curves"),
        ([jig, "--number", "9"], "holds no piece 9"),
        ([jig, jig], "give one run or file"),
        ([jig, "-o", "x.gif"], "choose one of .png, .svg"),
        ([jig, "-o", "x.html"], "choose one of .png, .svg"),
        ([jig, "--gradients"], "not the folder of a run"),
    ]:
        result = invoke(*arguments)
        assert result.exit_code == 1, (arguments, result.output, result.exception)
        assert result.stderr.startswith("folkseq: ")
        assert message in result.stderr, (arguments, result.stderr)
        assert result.stderr.count("\n") == 1


def test_rolls_import_no_torch(tmp_path):
    (tmp_path / "jig.abc").write_text(JIG)
    code = (
        f"import sys, folkseq\nfolkseq.plot({str(tmp_path / 'jig.abc')!r})\n"
        "assert not {'torch', 'music21', 'matplotlib.pyplot'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_legend_has_every_run_and_ticks_have_plain_numbers():
    flat = [GradientFlow("_best: 1 x 8 lstm", np.linspace(1, 0.6, 21)), GradientFlow("rr", np.ones(3))]
    figure = gradients.draw(flat)
    (panel,) = figure.axes
    figure.canvas.draw()
    assert [text.get_text().strip() for text in panel.get_legend().get_texts()] == [
        "∂/∂h  _best: 1 x 8 lstm",
        "∂/∂h  rr",
    ]
    shown = [text.get_text() for axis in (panel.xaxis, panel.yaxis) for text in axis.get_ticklabels(which="both")]
    assert not [text for text in shown if "$" in text or "." in text]
