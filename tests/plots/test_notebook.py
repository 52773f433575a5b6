"""Pieces in a notebook: a picture and a sound that need no network."""

import io
import re
from base64 import b64decode
from html import escape

import numpy as np
import pytest
import soundfile
from book import JIG
from performances import beat, solo, take

import folkseq
from folkseq.errors import FolkseqError, RequestError
from folkseq.extras import advice
from folkseq.formats import abc, midi
from folkseq.music.performance import Performance
from folkseq.plots import notebook

RATE = 48_000


def parts(html):
    """Return the embedded picture and sound."""
    kinds = ("image/svg+xml", "audio/ogg")
    return [b64decode(re.search(rf"data:{re.escape(kind)};base64,([^\"]+)", html)[1]) for kind in kinds]


def samples_of(data):
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == RATE
    return samples


@pytest.fixture
def no_engraver(monkeypatch):
    def none(*_):
        raise FolkseqError(advice("verovio"))

    monkeypatch.setattr(notebook.score, "format", none)


def test_a_tune_shows_its_score(monkeypatch):
    monkeypatch.setattr(notebook.score, "format", lambda files, _: b"<svg>%d</svg>" % files[0].count(b"The Test Jig"))
    html = folkseq.show(abc.parse(JIG).tunes[0])._repr_html_()
    picture, sound = parts(html)
    assert picture == b"<svg>2</svg>"
    assert len(samples_of(sound)) > 5 * RATE
    assert not re.findall(r"https?://", html)


def test_a_tune_without_an_engraver_shows_its_roll_and_what_to_install(no_engraver, tmp_path):
    (tmp_path / "jig.abc").write_text(JIG)
    html = folkseq.show(tmp_path / "jig.abc")._repr_html_()
    assert b"<!-- The Test Jig -->" in parts(html)[0]
    assert escape("pip install 'folkseq[score]'") in html


def test_a_performance_shows_its_roll(tmp_path):
    (tmp_path / "take.mid").write_bytes(midi.format(take(0, seconds=3)))
    html = folkseq.show(tmp_path / "take.mid")._repr_html_()
    assert b"<!-- take -->" in parts(html)[0]
    assert "install" not in html


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onload="x()', "x" * 10_000, "🎻 $x$"])
def test_hostile_names_are_escaped_and_cut(no_engraver, name):
    html = notebook.display(abc.parse(JIG).tunes[0], name)
    assert "<script" not in html
    assert '" onload=' not in html
    assert "x" * 100 not in html
    assert b"<script" not in parts(html)[0]


@pytest.mark.parametrize("piece", [Performance(()), solo(), solo((0, 1, 0.0, 0.1)), beat(0)])
def test_anything_has_a_sound(piece):
    assert np.isfinite(samples_of(parts(notebook.display(piece))[1])).all()


def test_without_the_synthesizer_there_is_only_a_picture(monkeypatch, no_engraver):
    def missing(*_):
        raise RequestError("midirenderer is not installed")

    monkeypatch.setattr(notebook.audio, "format", missing)
    html = folkseq.show(abc.parse(JIG).tunes[0])._repr_html_()
    assert "data:image/svg+xml" in html
    assert "<audio" not in html
