"""Make everything in this folder again with the folkseq that is installed; README.md says when that is right.

python tests/golden/make.py inputs      # the MIDI files, the table and the picture of inputs/
python tests/golden/make.py runs        # trains runs/, in some minutes; then all of written/ is out of date, too
python tests/golden/make.py expected    # expected/ and written/, from commands.toml; or of some only: expected abc-*
python tests/golden/make.py verbs       # verbs.json
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
from dataclasses import MISSING, fields
from fnmatch import fnmatch
from pathlib import Path

import mido
import numpy as np
from commands import GOLDEN, commands, invoke, surface
from PIL import Image

INPUTS = GOLDEN / "inputs"
SCALE = (0, 2, 4, 5, 7, 9, 11)
# Soprano, alto, tenor and bass of chords in C.
CHORDS = ((72, 67, 64, 48), (71, 67, 62, 55), (69, 65, 60, 53), (72, 65, 57, 53), (67, 64, 60, 48), (74, 67, 59, 55))
HYMN = (0, 1, 0, 3, 0, 5, 4, 1, 2, 3, 5, 4, 0, 3, 1, 0)
KEPT = ("config.json", "vocabulary.json", "model.safetensors", "model.onnx", "encoder.onnx", "tokens", "novelty")

EMBEDDING = 8  # the width of embeddings, which is no option; as it usually is, the runs would take 4 MB
TRAINED = {
    "abc": ("abc", "book.abc", "--hidden 16 --layers 2 --steps 800"),
    "abc-fill": ("abc", "book.abc", "--task fill --hidden 12 --layers 1 --steps 400"),
    "performance": ("performance:velocity_bins=8", "takes", "--hidden 16 --layers 1 --steps 400"),
    "performance-fill": ("performance", "takes", "--task fill --hidden 8 --layers 1 --steps 200"),
    "char": ("char", "words.txt", "--cell gru --hidden 24 --layers 1 --steps 600"),
    "band": ("packed", "band", "--hidden 16 --layers 1 --steps 200"),
    "joint": ("packed:head=joint", "band", "--hidden 16 --layers 1 --steps 100"),
    "drums": ("packed:grid=drums", "beats", "--cell peephole --hidden 16 --layers 1 --steps 200"),
    "picture": ("packed", "pictures", "--cell rnn --hidden 16 --layers 1 --steps 100"),
    "hymns": ("packed", "hymns", "--task harmonise --hidden 12 --layers 1 --steps 200"),
}
"""Each run's representation, corpus and options."""


def midi(path: Path, *tracks: list[tuple[int, mido.Message | mido.MetaMessage]], division: int = 480) -> None:
    """Write a MIDI file of tracks of (tick, message)."""
    file = mido.MidiFile(ticks_per_beat=division)
    for events in tracks:
        now, track = 0, mido.MidiTrack()
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)


def note(start: int, end: int, pitch: int, velocity: int, channel: int = 0) -> list[tuple[int, mido.Message]]:
    """Return a note's two events."""
    on = mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)
    return [(start, on), (end, mido.Message("note_off", note=pitch, velocity=64, channel=channel))]


def take(path: Path, seed: int, seconds: int = 8) -> None:
    """Write what someone might play: two voices, uneven in time and loudness, with the pedal."""
    draw, events = random.Random(seed), []
    for low, pace, step in ((60, 240, 4), (40, 480, 2)):
        degree = step
        for onset in range(96, seconds * 960 - pace, pace):  # 960 ticks a second
            degree = max(0, min(13, degree + draw.randint(-2, 2)))
            start = onset + draw.randint(-12, 12)
            pitch = low + SCALE[degree % 7] + 12 * (degree // 7)
            events += note(start, start + draw.randint(pace // 2, pace + 30), pitch, draw.randint(40, 100))
    for bar in range(480, seconds * 960, 1920):
        events += [(bar, mido.Message("control_change", control=64, value=127))]
        events += [(bar + 1700, mido.Message("control_change", control=64, value=0))]
    midi(path, events)


def beat(path: Path, seed: int, bars: int = 4) -> None:
    """Write a rock beat with fills and some strokes off the grid."""
    draw, events = random.Random(seed), []
    for step in range(16 * bars):
        struck = [42] * (step % 2 == 0) + [36] * (step % 8 == 0) + [38] * (step % 8 == 4)
        struck += [draw.choice((46, 45, 49, 70))] * (draw.random() < 0.2)
        for pitch in struck:
            start = step * 120 + draw.choice((0, 0, 0, 7))
            events += note(start, start + 60, pitch, draw.randint(60, 120), channel=9)
    midi(path, events)


def hymn(seed: int) -> list[list[int]]:
    """Return chords of four voices, soprano first, one a quarter."""
    draw = random.Random(seed)
    moved = draw.choice((-3, -1, 0, 2))
    order = [*HYMN[: 4 * (seed % 3)], *(draw.randrange(len(CHORDS)) for _ in range(12)), *HYMN[-4:]]
    return [[pitch + moved for pitch in CHORDS[chord]] for chord in order]


def hymn_table(chords: list[list[int]]) -> str:
    """Return chords as a table of sixteenths: four voices, the fermatas, and the place in the bar."""
    rows = ["soprano,alto,tenor,bass,fermata,place"]
    for beat, chord in enumerate(chords):
        fermata = int(beat % 8 == 7)
        rows.append(",".join([*map(str, chord), str(fermata), str(beat % 4 * 4)]))
        rows += [f"hold,hold,hold,hold,{fermata},{beat % 4 * 4 + step}" for step in (1, 2, 3)]
    return "\n".join(rows) + "\n"


def band(seed: int, steps: int) -> str:
    """Return the gestures of a leader, and of two who answer in their ways."""
    draw, rows, gesture = random.Random(seed), ["leader,second,third"], 0
    for _ in range(steps):
        gesture = gesture if draw.random() < 0.6 else draw.randrange(5)
        rows.append(f"{gesture},{(gesture * 2 + 1) % 5 if draw.random() < 0.9 else draw.randrange(5)},{gesture % 3}")
    return "\n".join(rows) + "\n"


def picture(path: Path, seed: int) -> None:
    """Write a chequered cloth of three colours."""
    draw = random.Random(seed)
    wide, high = draw.choice((3, 4)), draw.choice((2, 3))
    cells = np.add.outer(np.arange(20) // high, np.arange(16) // wide) % 3
    Image.fromarray(np.array([[20, 60, 90], [200, 40, 40], [240, 240, 220]], np.uint8)[cells]).save(path)


def several_tracks(path: Path) -> None:
    """Write a melody, a bass with its pedal, drums, two tempos, a key, a meter, and much that tokens do not hold."""
    meta, message = mido.MetaMessage, mido.Message
    head = [
        (0, meta("track_name", name="Three at Once")),
        (0, meta("set_tempo", tempo=mido.bpm2tempo(100))),
        (0, meta("time_signature", numerator=3, denominator=4)),
        (0, meta("key_signature", key="D")),
        (1440, meta("marker", text="second part")),
        (2880, meta("set_tempo", tempo=mido.bpm2tempo(140))),
    ]
    melody = [(0, meta("track_name", name="Melody")), (0, message("program_change", program=73))]
    melody += [(700, message("pitchwheel", pitch=900)), (720, message("control_change", control=1, value=30))]
    for place, degree in enumerate((0, 2, 4, 3, 2, 1, 2, 4, 6, 5, 4, 2, 3, 1, 0)):
        melody += note(place * 240, place * 240 + 220, 74 + SCALE[degree], 70 + 3 * place)
    melody += note(3600, 3600, 90, 50) + note(3600, 4320, 86, 90) + note(3900, 4400, 86, 40)  # doubled, and cut
    bass = [(0, meta("track_name", name="Bass")), (0, message("program_change", program=32, channel=1))]
    for place, pitch in enumerate((38, 45, 43, 38)):
        bass += note(place * 960 + 5, place * 960 + 900, pitch, 64, 1)
    bass += [(100, message("control_change", control=64, value=100, channel=1))]
    bass += [(1900, message("control_change", control=64, value=0, channel=1))]
    drums = [(0, meta("track_name", name="Drums"))]
    for place in range(15):
        drums += note(place * 240, place * 240 + 100, (36, 42, 38, 42, 51)[place % 5], 100 - place, 9)
    midi(path, head, melody, bass, drums)


def voices(path: Path) -> None:
    """Write four voices, a track each."""
    tracks = [[(0, mido.MetaMessage("track_name", name=name))] for name in ("Soprano", "Alto", "Tenor", "Bass")]
    for beat, chord in enumerate(hymn(1)):
        for voice, pitch in enumerate(chord):
            long = voice == 3 and beat % 2 == 0  # the bass in halves
            if not (voice == 3 and beat % 2):
                tracks[voice] += note(beat * 480, beat * 480 + (960 if long else 450), pitch, 80, voice)
    midi(path, *tracks)


def make_inputs() -> None:
    """Write what is made by rule; the tunes and the words are written by hand."""
    take(INPUTS / "take.mid", 1)
    take(INPUTS / "prime.mid", 2, seconds=3)
    several_tracks(INPUTS / "tracks.mid")
    beat(INPUTS / "drums.mid", 3)
    voices(INPUTS / "voices.mid")
    picture(INPUTS / "picture.png", 4)
    (INPUTS / "gestures.csv").write_text(band(5, 40))
    lead = band(6, 12).splitlines()
    (INPUTS / "lead.csv").write_text("".join(row.split(",")[0] + "\n" for row in lead))
    (INPUTS / "hymn.csv").write_text(hymn_table(hymn(0)))


def corpora(folder: Path) -> None:
    """Write what the runs learn from."""
    for name in ("takes", "beats", "band", "pictures", "hymns"):
        (folder / name).mkdir()
    for seed in range(6):
        take(folder / "takes" / f"{seed}.mid", 10 + seed)
        beat(folder / "beats" / f"{seed}.mid", 20 + seed)
        picture(folder / "pictures" / f"{seed}.png", 30 + seed)
        (folder / "band" / f"{seed}.csv").write_text(band(40 + seed, 80))
    for seed in range(8):
        (folder / "hymns" / f"{seed}.csv").write_text(hymn_table(hymn(50 + seed)))
    for name in ("book.abc", "words.txt"):
        shutil.copy(INPUTS / name, folder)


def narrow() -> None:
    """Make networks of narrow embeddings the usual ones in this process."""
    from folkseq.models.settings import ModelSettings

    names = [field.name for field in fields(ModelSettings) if field.default is not MISSING]
    defaults = list(ModelSettings.__init__.__defaults__)
    defaults[names.index("embedding")] = EMBEDDING
    ModelSettings.__init__.__defaults__ = tuple(defaults)


def make_runs(*patterns: str) -> None:
    """Train the runs, and keep of each what sampling needs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpora(folder)
        narrow()
        os.chdir(folder)
        for name, (spec, corpus, options) in TRAINED.items():
            if not any(fnmatch(name, pattern) for pattern in patterns or "*"):
                continue
            arguments = [
                "train",
                spec,
                corpus,
                *options.split(),
                "--out",
                f"runs/{name}",
                "--precision",
                "float32",
                "-q",
            ]
            result = invoke(arguments)
            print(name, result.exit_code, result.stderr or result.stdout)
            shutil.rmtree(GOLDEN / "runs" / name, ignore_errors=True)
            (GOLDEN / "runs" / name).mkdir(parents=True)
            for kept in KEPT:
                if (folder / "runs" / name / kept).is_dir():
                    shutil.copytree(folder / "runs" / name / kept, GOLDEN / "runs" / name / kept)
                elif (folder / "runs" / name / kept).exists():
                    shutil.copy(folder / "runs" / name / kept, GOLDEN / "runs" / name / kept)


def make_expected(*patterns: str) -> None:
    """Run the commands, and keep what each prints and writes."""
    os.chdir(GOLDEN)
    for command in commands():
        if not any(fnmatch(command.name, pattern) for pattern in patterns or "*"):
            continue
        shutil.rmtree(command.folder, ignore_errors=True)
        command.folder.mkdir(parents=True)
        result = invoke(command.arguments(command.folder))
        print(command.name, result.exit_code, result.stderr.strip())
        if result.exit_code:
            raise result.exception or SystemExit(1)
        (command.folder / "stderr.txt").write_text(result.stderr.replace(f"{command.folder}/", ""))
        if "--json" in command.line:
            (command.folder / "stdout.jsonl").write_text(result.stdout.replace(f"{command.folder}/", ""))


def make_verbs() -> None:
    """Write the public names, the verbs and their options."""
    (GOLDEN / "verbs.json").write_text(json.dumps(surface(), indent=2) + "\n")


if __name__ == "__main__":
    makers = {"inputs": make_inputs, "runs": make_runs, "expected": make_expected, "verbs": make_verbs}
    makers[sys.argv[1]](*sys.argv[2:])
