"""Training curves show the reports, whatever these hold, and have the same bytes every time."""

import errno
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from folkseq.cli import main
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.plots import curves, history, terminal
from folkseq.plots.history import History, Panel, panels
from folkseq.plots.style import legible, render
from folkseq.plots.terminal import draw_panel, ticks
from folkseq.representations.vocabulary import Vocabulary
from folkseq.run import CorpusFile, Run, RunConfig

NAN = math.nan
REPORTS = [
    {"step": 16, "loss": 4.0, "heldout_nll": None, "learning_rate": 0.001, "grad_norm": 2.0, "grad_norm_clipped": 0.9},
    {"step": 32, "loss": 3.0, "heldout_nll": 3.25, "learning_rate": 0.002, "grad_norm": 1.0, "grad_norm_clipped": 0.8},
    {"step": 48, "loss": 2.0, "heldout_nll": 2.25, "learning_rate": 0.003, "grad_norm": 0.5, "grad_norm_clipped": 0.5},
    {"step": 64, "loss": 1.0, "heldout_nll": 2.5, "learning_rate": 0.002, "grad_norm": 0.5, "grad_norm_clipped": 0.5},
]
REPORTS = [
    report | {"tokens_per_s": speed, "elapsed_s": report["step"] * 2.0}
    for report, speed in zip(REPORTS, (10_000.0, 20_000.0, 30_000.0, 20_000.0), strict=True)
]
HALVED = {"step": 48, "event": "learning rate halved"}


def told(reports=REPORTS, **known):
    return History.of(reports, **{"name": "abc-1", "ngram_nll": 2.75, "clip": 1.0} | known)


def axes_of(figure):
    """Return the labelled axes, from the top."""
    return {axes.get_ylabel(): axes for axes in figure.axes if axes.get_ylabel()}


def drawn(axes):
    """Return the points of the lines, by label."""
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_the_figure_shows_the_reports():
    figure = curves.draw(told())
    loss, norms, rate, speed = axes_of(figure).values()
    assert drawn(loss) == {
        "training, each report": [[16, 4], [32, 3], [48, 2], [64, 1]],
        "training, smoothed": [[16, 4], [32, 3], [48, 2], [64, 1]],
        "held-out": [[32, 3.25], [48, 2.25], [64, 2.5]],
        "best, 2.250 at step 48": [[48, 2.25]],
        "n-gram, 2.750": [[0, 2.75], [1, 2.75]],  # from side to side
    }
    assert drawn(norms) == {
        "before clipping": [[16, 2], [32, 1], [48, 0.5], [64, 0.5]],
        "after clipping": [[16, 0.9], [32, 0.8], [48, 0.5], [64, 0.5]],
        "clipped to 1": [[0, 1], [1, 1]],
    }
    assert drawn(rate) == {"learning rate": [[16, 0.001], [32, 0.002], [48, 0.003], [64, 0.002]]}
    assert drawn(speed)["speed, each report"] == [[16, 10_000], [32, 20_000], [48, 30_000], [64, 20_000]]
    for axes in (loss, norms, speed):
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(drawn(axes))


def test_the_n_gram_is_named_by_its_order():
    history = told(ngram_order=5)
    assert "5-gram, 2.750" in drawn(next(iter(axes_of(curves.draw(history)).values())))
    assert "╌╌ 5-gram, 2.750" in terminal.draw(history)


def test_axes_are_labelled_with_quantities_and_units():
    figure = curves.draw(told())
    named = axes_of(figure)
    assert list(named) == [
        "loss\n(nats a token)",
        "gradient norm\n(log scale)",
        "learning rate",
        "speed\n(tokens a second)",
    ]
    assert [axes.get_yscale() for axes in named.values()] == ["linear", "log", "linear", "linear"]
    assert [axes.get_xlim() for axes in named.values()] == [(0, 1.01 * 64)] * 4
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == ["steps", "minutes"]
    times = figure.axes[-1]
    assert [text.get_text() for text in times.get_xticklabels()] == ["0", "0.5", "1", "1.5", "2"]
    assert times.get_xticks().tolist() == pytest.approx([0, 15, 30, 45, 60])
    assert figure.texts[0].get_text() == "abc-1"
    assert curves.draw(told(about="abc, 2 x 320 lstm")).texts[0].get_text() == "abc-1: abc, 2 x 320 lstm"


@pytest.mark.parametrize(("pace_s", "unit"), [(0.01, "seconds"), (1.8, "seconds"), (2.0, "minutes"), (200, "hours")])
def test_time_has_a_suitable_unit(pace_s, unit):
    figure = curves.draw(told([report | {"elapsed_s": report["step"] * pace_s} for report in REPORTS]))
    assert figure.axes[-1].get_xlabel() == unit


def test_ticks_of_time_are_not_crowded_after_a_pause():
    figure = curves.draw(told([report | {"elapsed_s": 3600.0 + report["step"]} for report in REPORTS]))
    places = figure.axes[-1].get_xticks()
    assert (np.diff(places) >= 64 / 25).all()


def texts_shown(axes):
    """Yield the texts that are drawn; matplotlib keeps labels of ticks beyond the ends of an axis, too."""
    yield from axes.texts
    if not axes.axison:
        return
    for axis, (low, high), place in ((axes.xaxis, axes.get_xlim(), 0), (axes.yaxis, axes.get_ylim(), 1)):
        if axis.get_visible():
            yield axis.label
            yield from (label for label in axis.get_ticklabels() if low <= label.get_position()[place] <= high)


def test_no_texts_overlap():
    figure = curves.draw(told([*REPORTS[:3], HALVED, REPORTS[3]], about="abc, 2 x 320 lstm"))
    figure.draw_without_rendering()
    texts = [text for axes in figure.axes for text in texts_shown(axes) if text.get_visible() and text.get_text()]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    shown = [*figure.texts, *texts, *legends]
    boxes = [artist.get_window_extent() for artist in shown]
    assert len(boxes) > 30
    for place, box in enumerate(boxes):
        assert not [(shown[place], shown[n]) for n, other in enumerate(boxes[:place]) if box.overlaps(other)]
        assert figure.bbox.contains(box.x0, box.y0)
        assert figure.bbox.contains(box.x1, box.y1)


def test_events_are_marked_in_every_panel_and_named_once():
    figure = curves.draw(told([*REPORTS[:3], HALVED, REPORTS[3]]))
    for axes in axes_of(figure).values():
        assert [[48, 0], [48, 1]] in [line.get_xydata().tolist() for line in axes.lines]
    texts = [text.get_text().strip() for axes in figure.axes for text in axes.texts]
    assert texts == ["learning rate halved"]


def test_events_beyond_the_first_ones_are_counted():
    events = [{"step": 16 + step, "event": f"event {step} " + "and so on " * 9} for step in range(30)]
    history = told([REPORTS[0], *events, *REPORTS[2:]])
    texts = [text.get_text().strip() for axes in curves.draw(history).axes for text in axes.texts]
    assert [text[:7] for text in texts[:-1]] == ["event 0", "event 1", "event 2", "event 3", "event 4"]
    assert max(map(len, texts)) == curves.MOST_EVENT
    assert texts[-1] == "and 25 more from here on"
    lines = terminal.draw(history).splitlines()
    assert lines[-1] == "▲ step 21: and 25 more from here on"
    assert max(map(len, lines)) <= 80


def test_reports_without_the_clipped_norm_are_drawn():
    older = [{name: value for name, value in report.items() if name != "grad_norm_clipped"} for report in REPORTS]
    _, norms, *_ = axes_of(curves.draw(told(older))).values()
    assert list(drawn(norms)) == ["before clipping", "clipped to 1"]
    assert "○ after clipping" not in terminal.draw(told(older))


HARD = {
    "one report": REPORTS[:1],
    "one report at step 0": [{"step": 0, "loss": 1.0}],
    "steps alone": [{"step": 16}, {"step": 32}],
    "no numbers": [dict.fromkeys(REPORTS[0], None) | {"step": 16}, dict.fromkeys(REPORTS[0], "x") | {"step": 32}],
    "no finite numbers": [dict.fromkeys(REPORTS[0], NAN) | {"step": 16}, {"step": 32, "loss": math.inf}],
    "a loss that is lost": [*REPORTS[:3], REPORTS[3] | {"loss": NAN, "heldout_nll": NAN}],
    "a loss that explodes": [*REPORTS[:3], REPORTS[3] | {"loss": 1e30, "grad_norm": 1e30}],
    "more than can be drawn": [*REPORTS[:3], REPORTS[3] | {"loss": 10**400, "grad_norm": 1e308}],
    "no gradient": [report | {"grad_norm": 0.0, "grad_norm_clipped": None} for report in REPORTS],
    "the same everywhere": [REPORTS[0] | {"step": step} for step in (1, 2, 3)],
    "an event after the last report": [*REPORTS, {"step": 99, "event": "interrupted"}],
    "below nought": [report | {"loss": -1.0, "learning_rate": -1.0, "tokens_per_s": -1.0} for report in REPORTS],
}


@pytest.mark.parametrize("reports", HARD.values(), ids=HARD)
def test_unusual_reports_are_drawn(reports):
    history = told(reports, ngram_nll=None, clip=None)
    figure = curves.draw(history)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
    lines = terminal.draw(history).splitlines()
    assert {"learning rate", "speed (tokens a second)"} <= set(lines)
    assert max(map(len, lines)) <= 80


def test_a_single_report_is_visible():
    loss, *_ = axes_of(curves.draw(told(REPORTS[:1]))).values()
    assert loss.lines[0].get_marker() == "."


def test_a_history_needs_a_report():
    for lines in ([], [HALVED], [{"step": NAN, "loss": 1.0}]):
        with pytest.raises(ValueError, match="no report"):
            told(lines)


def test_the_steep_fall_at_the_start_does_not_flatten_the_rest():
    many = [{"step": step, "loss": 100.0 if step < 3 else 2.0 - step / 400} for step in range(1, 401)]
    low, high = panels(told(many, ngram_nll=1.5))[0].limits
    assert 0.9 < low < 1.0
    assert 2.0 < high < 2.1
    assert panels(told(many, ngram_nll=3.0))[0].limits[1] > 3


def test_smoothed_values_are_means_over_symmetric_windows():
    values = np.array([NAN if place % 7 == 0 else float(place**2 % 97) for place in range(200)])
    for place, mean in enumerate(history.smooth(values)):
        reach = min(place, 199 - place, 2)
        near = [value for value in values[place - reach : place + reach + 1] if not math.isnan(value)]
        assert mean == pytest.approx(sum(near) / len(near)) if near else math.isnan(mean)


def test_very_many_reports_are_averaged():
    few = told([{"step": step, "loss": float(step % 2), "heldout_nll": 0.5} for step in range(1, 10_002)])
    assert len(few.step) == 1_667
    assert few.step[[0, 1, -1]].tolist() == [6, 12, 10_001]
    assert few.loss[:-1].tolist() == [0.5] * 1_666
    assert len(few.heldout_nll) == 10_001
    assert np.isnan(few.grad_norm).all()
    assert told().loss.tolist() == [4, 3, 2, 1]


HOSTILE = {
    "markup": "<script>alert('&')</script>]]>--><!--",
    "emoji": "jigs 🎻👩‍🎤 and 琴",
    "formula": r"$\frac{1}{0$ \unknown{",
    "long": "x" * 10_000,
    "control": "a\x00b\x1b[31mc\nd\u202ee\udcff",
    "empty": "",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_escaped_and_cut(name):
    event = {"step": 64, "event": name}
    history = told([*REPORTS, event], name=name, about="abc")
    figure = curves.draw(history)
    text = render(figure, ".svg").decode()
    ET.fromstring(text)
    assert "<script" not in text
    assert "x" * 100 not in text
    assert len(figure.texts[0].get_text()) <= curves.MOST_TITLE
    lines = terminal.draw(history).split("\n")
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_characters_that_the_font_lacks_are_replaced():
    assert legible("Für 琴\x1b", 20) == "Für ��"
    assert legible("abcdef", 4) == "abc…"


def test_the_same_reports_give_the_same_bytes(monkeypatch):
    import matplotlib

    first = [render(curves.draw(told([*REPORTS, HALVED])), suffix) for suffix in (".png", ".svg")]
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)  # as in a user's matplotlibrc
    monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", None)
    assert [render(curves.draw(told([*REPORTS, HALVED])), suffix) for suffix in (".png", ".svg")] == first
    assert not re.search(rb"20\d\d-\d\d-\d\d", first[1])
    assert matplotlib.rcParams["font.size"] == 30
    with pytest.raises(ValueError, match=r"\.png, \.svg"):
        render(curves.draw(told()), ".gif")


TERMINAL = """\
abc-1
64 steps in 2.1 minutes

loss (nats a token):  █ training  ● held-out
         ◉ best, 2.250 at step 48  ╌╌ n-gram, 2.750
      4 ┤▄▄▄▄▄▄▄▄▄▄▄▄▄
        │█████████████
    3.5 ┤█████████████
        │█████████████            ●
      3 ┤█████████████▇▇▇▇▇▇▇▇▇▇▇▇▇
        │██████████████████████████╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
    2.5 ┤██████████████████████████            ◉            ●
      2 ┤██████████████████████████▁▁▁▁▁▁▁▁▁▁▁▁▁
        │███████████████████████████████████████
    1.5 ┤███████████████████████████████████████
        │███████████████████████████████████████
      1 ┤███████████████████████████████████████▄▄▄▄▄▄▄▄▄▄▄▄▄

gradient norm (log scale):  █ before clipping
         ○ after clipping  ╌╌ clipped to 1
      2 ┤▆▆▆▆▆▆▆▆▆▆▆▆▆
        │█████████████
      1 ┤█████████████╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
        │○○○○○○○○○○○○○○○○○○○○○○○○○○
        │██████████████████████████
    0.5 ┤██████████████████████████▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂

learning rate
        │                          ▆▆▆▆▆▆▆▆▆▆▆▆▆
  0.002 ┤             ▁▁▁▁▁▁▁▁▁▁▁▁▁█████████████▁▁▁▁▁▁▁▁▁▁▁▁▁
        │             ███████████████████████████████████████
        │▅▅▅▅▅▅▅▅▅▅▅▅▅███████████████████████████████████████
      0 ┤████████████████████████████████████████████████████

speed (tokens a second)
        │                          ▆▆▆▆▆▆▆▆▆▆▆▆▆
 20,000 ┤             ▁▁▁▁▁▁▁▁▁▁▁▁▁█████████████▁▁▁▁▁▁▁▁▁▁▁▁▁
        │             ███████████████████████████████████████
        │▅▅▅▅▅▅▅▅▅▅▅▅▅███████████████████████████████████████
      0 ┤████████████████████████████████████████████████████
        └┴───────┴───────┴───────┴───────┴───────┴───────┴───
steps    0      10      20      30      40      50      60
                                               ▲
▲ step 48: learning rate halved
"""


def test_the_terminal_shows_the_same_panels():
    assert terminal.draw(told([*REPORTS[:3], HALVED, REPORTS[3]]), width=61) == TERMINAL.rstrip("\n")


def test_lines_fit_narrow_and_wide_terminals():
    assert {len(line) for line in terminal.draw(told(), width=1).splitlines()} <= set(range(41))
    assert max(map(len, terminal.draw(told(), width=200).splitlines())) == 200


def test_a_panel_fills_columns_to_an_eighth():
    history = told([{"step": step, "loss": 1.0} for step in range(1, 9)])
    values = np.array([0, 0.125, 1, 1.5, 2, 9, NAN, -1])
    mark = {"m": (np.array([2.0]), np.array([2.0]))}
    panel = Panel("t", 2, {"u": values}, (0, 2), marks=mark, line=("l", 1.25))
    lines = ["", "t:  █ u  ● m", "         ╌╌ l", "      2 ┤╌●╌▄██╌╌", "      0 ┤▁▁████ ▁"]
    assert list(draw_panel(panel, history, 8)) == lines
    values = np.array([1.0, 10, 100, 0, NAN, NAN, 10, 100])
    panel = Panel("t", 2, {"u": values, "v": values / 100}, (1, 100), log=True)
    lines = ["", "t:  █ u  ○ v", "        │  █    █", "      1 ┤○○○▁  ○○"]
    assert list(draw_panel(panel, history, 8)) == lines


def test_a_column_holds_the_mean_of_its_reports_or_the_next_one():
    def columns_of(reports):
        history = told(reports)
        return terminal.columns(history, history.loss, 4)

    losses = zip((1, 2, 3, 6, 8), (1.0, 3.0, None, 6.0, None), strict=True)
    shown = columns_of([{"step": step, "loss": loss} for step, loss in losses])
    assert shown.tolist()[:3] == [2, pytest.approx(NAN, nan_ok=True), 6]
    assert math.isnan(shown[3])
    assert columns_of([{"step": 8, "loss": 5.0}]).tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize(
    ("low", "high", "lines", "log", "found"),
    [
        (0, 10, 6, False, [0, 2.5, 5, 7.5, 10]),
        (0.9, 2.3, 6, False, [1, 1.5, 2]),
        (0, 34_000, 5, False, [0, 20_000]),
        (-1, 1, 3, False, [-1, 0, 1]),
        (0.15, 1.9, 6, True, [0.2, 0.5, 1]),
        (1e-9, 1e9, 6, True, [1e-9, 1e-4, 10, 1e6]),
        (0.3, 0.4, 3, True, [0.3, 0.4]),
    ],
)
def test_ticks_are_round_and_few(low, high, lines, log, found):
    assert ticks(low, high, lines, log) == pytest.approx(found)


@pytest.fixture
def run(tmp_path):
    """A run with training reports and without weights."""
    config = RunConfig(
        representation="abc",
        model=ModelSettings(vocabulary_size=3, hidden=8),
        training=TrainSettings(clip=0.5),
        corpus=(CorpusFile("folk.abc", "ab" * 32),),
        version="0.1.0",
        figures={"ngram_nll": 2.75, "ngram_order": 5},
    )
    run = Run.create(tmp_path / "runs" / "abc-1", config, Vocabulary(("<s>", "</s>", "é")))
    (run.folder / "model.onnx").touch()
    for report in REPORTS:
        run.metrics.add(report)
    return run


def invoke(*arguments, **settings):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)], **settings)


def test_pictures_are_written_into_the_newest_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke()
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["runs/abc-1/plots/curves.png", "runs/abc-1/plots/curves.svg"]
    assert (run.folder / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")
    drawing = (run.folder / "plots" / "curves.svg").read_text()
    for label in ("5-gram, 2.750", "clipped to 0.5", "abc-1: abc, 2 x 8 lstm"):
        assert f"<!-- {label} -->" in drawing


def test_out_names_one_picture(run, tmp_path):
    result = invoke(run.folder, "-o", tmp_path / "new" / "x.PNG", "--json")
    assert json.loads(result.stdout) == {"files": [str(tmp_path / "new" / "x.PNG")]}
    assert (tmp_path / "new" / "x.PNG").read_bytes().startswith(b"\x89PNG")
    assert not (run.folder / "plots").exists()


def test_the_terminal_option_writes_no_files(run, tmp_path):
    result = invoke(run.folder, "--terminal", env={"COLUMNS": "60"})
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) == 60
    assert not (run.folder / "plots").exists()
    assert (
        result.stdout.rstrip("\n")
        == json.loads(invoke(run.folder, "--terminal", "--json", env={"COLUMNS": "60"}).stdout)["text"]
    )
    both = invoke(run.folder, "--terminal", "-o", tmp_path / "x.svg")
    assert both.stdout.splitlines()[-1] == str(tmp_path / "x.svg")


def test_plotting_imports_no_torch_and_the_terminal_no_matplotlib(run):
    code = (
        "import sys, folkseq\n"
        f"folkseq.plot({str(run.folder)!r}, terminal=True)\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"folkseq.plot({str(run.folder)!r})\n"
        "assert not {'torch', 'music21', 'matplotlib.pyplot'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_errors_of_the_user_are_one_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty = Run.create(tmp_path / "empty", run.config, run.vocabulary)
    empty.metrics.add(HALVED)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for arguments, message in [
        (["missing"], "missing: there is no such run, nor a pretrained model"),
        ([run.folder, "-o", "x.gif"], "x.gif: cannot be drawn by its suffix; choose one of .png, .svg"),
        ([run.folder, "-o", "folder/"], "folder: cannot be drawn by its suffix; choose one of .png, .svg"),
        (["empty"], "empty: holds no training report yet"),
        ([run.folder, "-o", "x.svg"], "x.svg: cannot be written: No space left on device"),
        ([run.folder], "curves.png: cannot be written: No space left on device"),
    ]:
        result = invoke(*arguments)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("folkseq: ")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    assert not list(tmp_path.glob("x.*"))
    result = CliRunner(charset="latin-1").invoke(main, ["plot", str(run.folder), "--terminal"])
    assert "has no blocks; set PYTHONIOENCODING=utf-8" in result.stderr


def test_the_steps_of_a_short_training_are_whole_numbers():
    reports = [
        {"step": step, "loss": 2.0, "learning_rate": 0.1, "tokens_per_s": 9.0, "elapsed_s": 1.0} for step in (1, 3)
    ]
    short = told(reports)
    figure = curves.draw(short)
    figure.canvas.draw()
    marked = [tick for tick in list(axes_of(figure).values())[-1].get_xticks() if 0 <= tick <= 3]
    assert marked == [round(tick) for tick in marked]
    (steps,) = (line for line in terminal.draw(short, 80).splitlines() if line.startswith("steps"))
    numbers = steps.split()[1:]
    assert numbers == sorted(set(numbers))
