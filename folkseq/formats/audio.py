"""Music as sound: a MIDI file, played by a General MIDI soundfont, as WAV, FLAC or Ogg Vorbis.

midirenderer (rustysynth) synthesizes stereo at 48 kHz and follows programs, volume, panning, pedal and pitch bends.
libsndfile encodes the file and stores the text events of the first track, such as the record of a sampled piece, as a
comment. The mean level is `LEVEL_DB`, or lower where the peak would exceed `PEAK_DB`. The last notes ring out.
"""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from folkseq.errors import RequestError
from folkseq.extras import require

SUFFIXES = (".wav", ".flac", ".ogg")
LEVEL_DB, PEAK_DB = -20.0, -1.0
"""Mean level of the audible part, and the highest peak, in dBFS."""
LONGEST_S = 3600.0
VARIABLE = "FOLKSEQ_SOUNDFONT"
"""The environment variable that names a soundfont."""

_RING_S = 4.0  # after the last event
_SILENCE_DB = -70.0  # below the peak
_BLOCK = 4800  # samples that are trimmed or written at once
_FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/soundfonts")
_USUAL = ("FluidR3_GM.sf2", "FluidR3Mono_GM.sf2", "default.sf2", "TimGM6mb.sf2")


def format(data: bytes, suffix: str, soundfont: Path | str | None = None, compression: float | None = None) -> bytes:
    """Return the sound of a MIDI file as the bytes of an audio file.

    Args:
        data: the MIDI file.
        suffix: one of `SUFFIXES`.
        soundfont: an .sf2 file; by default, `find_soundfont` chooses one.
        compression: the compression of FLAC and Ogg, from 0 to 1 (smallest file).

    Raises:
        RequestError: an optional package or a soundfont is missing, or the music lasts longer than `LONGEST_S`.
    """
    samples, rate = render(data, soundfont)
    import mido
    import soundfile

    file = io.BytesIO()
    comment = "\n".join(each.text for each in mido.MidiFile(file=io.BytesIO(data)).tracks[0] if each.type == "text")
    about = {} if compression is None else {"compression_level": compression}
    with soundfile.SoundFile(file, "w", rate, samples.shape[1], format=suffix[1:].upper(), **about) as out:
        if comment:
            out.comment = comment
        for start in range(0, len(samples), _BLOCK):  # long writes overflow the stack of libsndfile's Vorbis encoder
            out.write(samples[start : start + _BLOCK])
    return file.getvalue()


def render(data: bytes, soundfont: Path | str | None = None) -> tuple[NDArray[np.float32], int]:
    """Return the samples of a MIDI file, (N, 2) in [−1, 1], and the sample rate in Hz; see `format`."""
    require("midirenderer", "mido", "soundfile")
    import midirenderer
    import soundfile

    path = find_soundfont(soundfont)
    try:
        sound = midirenderer.render_wave_from(_read(path), _with_tail(data))
    except RuntimeError as error:
        raise RequestError(f"{path}: cannot be used as a soundfont ({error}); name an .sf2 file") from None
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
    return _normalize(samples), rate


def find_soundfont(path: Path | str | None = None, most_bytes: int | None = None) -> Path:
    """Return the soundfont at `path`, or else from `$FOLKSEQ_SOUNDFONT`, the system or pretty_midi, in this order.

    Args:
        path: an .sf2 file.
        most_bytes: the largest size of a system soundfont to use if pretty_midi is installed.

    Raises:
        RequestError: no soundfont was found.
    """
    asked = path or os.environ.get(VARIABLE)
    if asked:
        if not Path(asked).is_file():
            raise RequestError(f"{asked}: there is no such soundfont; name an .sf2 file")
        return Path(asked)
    from importlib.util import find_spec

    usual = (Path(folder) / name for name in _USUAL for folder in _FOLDERS)
    found = [each for each in usual if each.is_file()]
    package = find_spec("pretty_midi")
    if found and package and most_bytes is not None:
        found = [each for each in found if each.stat().st_size <= most_bytes]
    if found:
        return found[0]
    require("pretty_midi")
    return Path(getattr(package, "origin", "")).with_name("TimGM6mb.sf2")


@lru_cache(maxsize=1)
def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror or error}); name another soundfont") from None


def _with_tail(data: bytes) -> bytes:
    """Return the MIDI file, extended so that the last notes can die away."""
    import mido

    song = mido.MidiFile(file=io.BytesIO(data))
    if song.length > LONGEST_S:
        raise RequestError(f"the music lasts {song.length / 60:.0f} minutes; sound is written for at most an hour")
    tempo = [message.tempo for message in mido.merge_tracks(song.tracks) if message.type == "set_tempo"]
    for track in song.tracks:
        track[-1].time += mido.second2tick(_RING_S, song.ticks_per_beat, tempo[-1] if tempo else 500_000)
    file = io.BytesIO()
    song.save(file=file)
    return file.getvalue()


def _normalize(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples, (N, 2), at the standard level and without trailing silence."""
    loud = np.maximum(*np.abs(samples.T))  # (N,)
    peak = loud.max(initial=0)
    heard = loud > 10 ** (_SILENCE_DB / 20) * peak
    if not heard.any():
        return samples[:_BLOCK]
    length = -(-(len(heard) - int(heard[::-1].argmax())) // _BLOCK) * _BLOCK
    samples, heard = samples[:length], heard[:length]
    level = np.sqrt(np.mean(samples[heard] ** 2))
    return samples * np.float32(min(10 ** (LEVEL_DB / 20) / level, 10 ** (PEAK_DB / 20) / peak))
