"""Performances for tests: literal ones, and random ones with many collisions."""

import numpy as np
from hypothesis import strategies as st

from folkseq.music.performance import NOTE, PEDAL, Performance, Track


def track(*notes, pedal=(), drum=False):
    """The track of (pitch, velocity, onset, offset) notes, in seconds, and (seconds, value) positions of its pedal."""
    rows = [(onset, offset, pitch, velocity) for pitch, velocity, onset, offset in notes]
    return Track(np.array(rows, NOTE), drum=drum, pedal=np.array(list(pedal), PEDAL))


def solo(*notes, pedal=(), drum=False):
    """The performance of one such track."""
    return Performance((track(*notes, pedal=pedal, drum=drum),))


def notes_of(performance):
    """(pitch, velocity, onset, offset) of all notes, track by track."""
    return [(note.pitch, note.velocity, note.onset_s, note.offset_s) for track in performance.tracks for note in track]


def pedal_of(performance):
    """(seconds, value) of all positions of all pedals, track by track."""
    return [pair for track in performance.tracks for pair in track.pedal.tolist()]


# Times on steps, between them, halfway, and far apart: 0.125 is 12.5 steps of a hundred.
_times = st.one_of(st.integers(0, 60).map(lambda eighth: eighth / 40), st.floats(0, 12), st.just(300.0))
_lengths = st.one_of(st.sampled_from([0.0, 0.001, 0.01, 0.125, 0.5]), st.floats(0, 3))
_values = st.sampled_from([0, 63, 64, 127])


@st.composite
def tracks(draw):
    rows = draw(
        st.lists(st.tuples(st.sampled_from([0, 60, 61, 127]), st.integers(1, 127), _times, _lengths), max_size=14)
    )
    pedal = draw(st.lists(st.tuples(_times, _values), max_size=8))
    notes = [(pitch, velocity, onset, onset + length) for pitch, velocity, onset, length in rows]
    return track(*notes, pedal=pedal, drum=draw(st.integers(0, 3)) == 0)


def performances():
    """Performances of up to three tracks of four pitches."""
    return st.lists(tracks(), max_size=3).map(lambda found: Performance(tuple(found)))


def take(seed, seconds=20.0):
    """A lifelike performance: two voices, uneven in time and velocity, with the pedal."""
    random = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    rows = []
    for low, pace in ((60, 0.25), (41, 0.5)):
        onsets = np.arange(0.3, seconds, pace) + random.normal(0, 0.01, len(np.arange(0.3, seconds, pace)))
        degrees = np.cumsum(random.integers(-2, 3, len(onsets))) % 14
        pitches = low + scale[degrees % 7] + 12 * (degrees // 7)
        lengths = pace * random.uniform(0.6, 1.1, len(onsets))
        velocities = np.clip(random.normal(70, 15, len(onsets)), 20, 120).astype(int)
        rows += zip(pitches.tolist(), velocities.tolist(), onsets.tolist(), (onsets + lengths).tolist(), strict=True)
    pedal = [(time, value) for bar in np.arange(0.5, seconds, 2.0) for time, value in ((bar, 127), (bar + 1.8, 0))]
    return solo(*rows, pedal=pedal)


def beat(seed, bars=8):
    """A rock beat of quarters at 120, with random crashes."""
    random, rows = np.random.default_rng(seed), []
    for step in range(16 * bars):
        struck = [42] * (step % 2 == 0) + [36] * (step % 8 == 0) + [38] * (step % 8 == 4)
        struck += [49] * (step % 16 == 0 and random.random() < 0.3)
        rows += [(pitch, 90, step * 0.125, step * 0.125 + 0.05) for pitch in struck]
    return solo(*rows, drum=True)


def band(seed, bars=8):
    """Four bars of chords over and over, played by a melody, a bass, chords and drums: flute, bass, piano and kit."""
    random, parts = np.random.default_rng(seed), ([], [], [], [])
    melody, bass, chords, drums = parts
    for bar in range(bars):
        root, start = (0, 9, 5, 7)[bar % 4], 2.0 * bar
        chords += [(60 + (root + step) % 12, 60, start, start + 1.9) for step in (0, 4, 7)]
        bass += [(36 + root, 80, start + beat, start + beat + 0.45) for beat in (0.0, 1.0)]
        pitches = 72 + (root + random.choice([0, 2, 4, 7, 9], 4)) % 12
        melody += [(int(p), 90, start + beat / 2, start + beat / 2 + 0.4) for beat, p in enumerate(pitches)]
        drums += [(36 if beat % 2 == 0 else 38, 100, start + beat / 2, start + beat / 2 + 0.1) for beat in range(4)]
    programs = (73, 33, 0, 0)
    made = [track(*rows, drum=part == 3) for part, rows in enumerate(parts)]
    return Performance(
        tuple(Track(each.notes, "", program, each.drum) for each, program in zip(made, programs, strict=True))
    )


def choir(seed, notes=24):
    """Two voices in quarters and halves, one track each."""
    random = np.random.default_rng(seed)
    tracks = []
    for low, length in ((60, 0.5), (48, 1.0)):
        pitches = low + random.choice([0, 2, 4, 5, 7], round(notes / length / 2))
        rows = [(pitch, 80, place * length, (place + 1) * length) for place, pitch in enumerate(pitches.tolist())]
        tracks.append(track(*rows))
    return Performance(tuple(tracks))
