"""Small tunes for the tests: read from ABC, and played."""

from folkseq.formats import abc
from folkseq.music import Sound, Tune
from folkseq.music.performance import Performance, Track
from folkseq.music.playback import perform
from folkseq.music.timeline import Timeline


def tune(body: str, meter: str = "4/4", fields: str = "Q:1/4=60\n") -> Tune:
    """Return a tune of eighths in C; at its tempo a quarter note is a second."""
    book = abc.parse(f"X:1\nT:Made Up\nM:{meter}\nL:1/8\n{fields}K:C\n{body}\n")
    assert not book.faults
    return book.tunes[0]


def play(body: str, meter: str = "4/4", fields: str = "Q:1/4=60\n", **options) -> Performance:
    return perform(tune(body, meter, fields), **options)


def rows(track: Track) -> list[tuple[float, float, int]]:
    """Return onset, offset and pitch of each note."""
    return [(round(note.onset_s, 6), round(note.offset_s, 6), note.pitch) for note in track]


def onsets(track: Track) -> list[float]:
    return [onset for onset, _, _ in rows(track)]


def letters(music: str) -> tuple[list[str], dict[str, int]]:
    """Return the notes of each voice as played, as letters, and what is lost; `music` has its own `K:`, in quarters."""
    book = abc.parse(f"X:1\nL:1/4\nM:1/4\n{music}\n")
    voices = Timeline.of(book.tunes[0]).voices
    played = ["".join("CDEFGAB"[e.pitches[0].letter] for _, e in voice if isinstance(e, Sound)) for voice in voices]
    return played, dict(book.lost[0])
