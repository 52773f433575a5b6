"""Pieces in a notebook: a picture and a sound that need no network."""

import io
import re
import wave
from base64 import b64decode

import numpy as np
import pytest
from book import JIG
from performances import beat, solo, take

import folkseq
from folkseq.errors import FolkseqError
from folkseq.formats import abc, midi, wav
from folkseq.music.performance import Performance
from folkseq.plots import notebook, score


def parts(html):
    """Return the embedded picture and sound."""
    kinds = ("image/svg+xml", "audio/wav")
    return [b64decode(re.search(rf"data:{re.escape(kind)};base64,([^\"]+)", html)[1]) for kind in kinds]


def samples_of(data):
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, wav.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


@pytest.fixture
def no_engraver(monkeypatch):
    def none(_):
        raise FolkseqError(score.INSTALL)

    monkeypatch.setattr(notebook.score, "engrave", none)


def test_a_tune_shows_its_score(monkeypatch):
    monkeypatch.setattr(notebook.score, "engrave", lambda tune: f"<svg>{tune.title}</svg>".encode())
    html = folkseq.show(abc.parse(JIG).tunes[0])._repr_html_()
    picture, sound = parts(html)
    assert picture == b"<svg>The Test Jig</svg>"
    assert len(samples_of(sound)) > 5 * wav.RATE
    assert not re.findall(r"https?://", html)


def test_a_tune_without_an_engraver_shows_its_roll_and_what_to_install(no_engraver, tmp_path):
    (tmp_path / "jig.abc").write_text(JIG)
    html = folkseq.show(tmp_path / "jig.abc")._repr_html_()
    assert b"<!-- The Test Jig -->" in parts(html)[0]
    assert "apt install abcm2ps" in html


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


def test_sound_has_the_pitch_and_time_of_its_note():
    samples = wav.synthesize(solo((69, 100, 0.5, 1.5)))
    assert len(samples) == pytest.approx((1.5 + 0.08) * wav.RATE, abs=2)
    assert np.abs(samples[: round(0.5 * wav.RATE)]).max() == 0
    assert np.abs(samples[-5:]).max() < 0.01
    heard = samples[round(0.5 * wav.RATE) :][: wav.RATE]
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.fft.rfftfreq(len(heard), 1 / wav.RATE)[spectrum.argmax()] == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.89)


def test_louder_notes_are_louder():
    samples = wav.synthesize(solo((60, 30, 0.0, 0.5), (60, 120, 1.0, 1.5)))
    assert np.abs(samples[: wav.RATE // 2]).max() < 0.3 * np.abs(samples[wav.RATE :]).max()


@pytest.mark.parametrize(
    "piece", [Performance(()), solo(), solo((0, 1, 0.0, 0.0)), beat(0), solo((127, 127, 0.0, 1e-6))]
)
def test_anything_has_a_sound(piece):
    assert np.isfinite(samples_of(wav.format(piece))).all()


def test_a_very_long_piece_is_cut():
    samples = wav.synthesize(solo((60, 80, 0.0, 1.0), (60, 80, 9000.0, 9001.0), (64, 80, 1.0, 8000.0)))
    assert len(samples) <= (wav.LONGEST_S + 1) * wav.RATE
    assert wav.format(solo((60, 80, 0.0, 1.0))) == wav.format(solo((60, 80, 0.0, 1.0)))
