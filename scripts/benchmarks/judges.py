"""Compare the notes of tunes with the notes that abc2midi plays.

python scripts/benchmark.py judges FILES...     ABC files

A tune counts if abc2midi reads it without an error. Grace notes, ornaments, staccato and `R:` are removed from its
text, since abc2midi interprets them in its own way. Onsets, pitches and durations are compared, but not chord symbols.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mido

from folkseq.formats import abc
from folkseq.music import Sound, Tune
from folkseq.music.playback import perform
from folkseq.music.timeline import Timeline

_OWN = re.compile(
    r'("[^"\n]*"|\[[A-Za-z]:[^\]\n]*\])|\{[^{}\n]*\}'
    r"|[!+](?:trill|roll|(?:upper|lower|inverted)?mordent|pralltriller|(?:inverted)?turn|arpeggio|breath)[!+]|(![^!\n]*!)"
    r'|[~HLMOPSTRuvJ.]+(?=["!\[{(^_=A-Ga-gz~HLMOPSTRuvJ.])'
)
"""Notation that abc2midi plays in its own way, and text in which such characters mean something else."""
_FIELD = re.compile(r"[A-Za-z]:(?!\|)|%")
_TOGETHER = "%%MIDI chordattack 0"  # abc2midi strikes the notes of a chord one after another
_APART = 0.05  # maximum difference between two times of a note, in quarter notes

Played = list[tuple[float, int, float]]  # onsets and durations in quarter notes, and pitches, in order


def main(*files: str) -> None:
    """Print how many tunes agree, and each that does not with the first difference."""
    accepted = same = unplayed = 0
    for file in files:
        for place, text in enumerate(tunes(Path(file)), 1):
            judged = judge(text)
            book = abc.parse(text, file)
            if book.tunes:
                unplayed += (silent := count_unplayed(book.tunes[0]))
                if silent:
                    print(f"{file}, tune {place}: {silent} written sounds are not played")
            if judged is None:
                continue
            accepted += 1
            reason = difference(play(book.tunes[0]), judged) if book.tunes else str(book.faults[0])
            same += not reason
            if reason:
                print(f"{file}, tune {place} ({book.tunes[0].title if book.tunes else ''}): {reason}", flush=True)
    agree = f"{same:,} of {accepted:,} tunes ({100 * same / max(accepted, 1):.2f} %) agree with abc2midi"
    print(f"{agree}; {unplayed} written sounds are not played")


def tunes(path: Path) -> Iterator[str]:
    """Yield the tunes of a file as comparable ABC text, each with the fields of the file header."""
    text = abc.decode(path.read_bytes(), path.name).text
    header, *rest = re.split(r"(?m)^(?=X:)", text)
    fields = "".join(f"{line}\n" for line in header.split("\n") if _FIELD.match(line))
    for tune in rest:
        number, *lines = tune.split("\n")
        yield "\n".join([f"{fields}{number}", _TOGETHER, *(_comparable(line) for line in lines if line[:2] != "R:")])


def _comparable(line: str) -> str:
    return line if _FIELD.match(line) else _OWN.sub(lambda match: match[1] or match[2] or "", line)


def play(tune: Tune) -> Played:
    """Return the notes that folkseq plays."""
    performance = perform(tune, bpm=120)
    quarters = performance.tempos[0][1] / 60  # a second
    tracks = performance.tracks
    tracks = tracks[:-1] if len(tracks) > 1 and tracks[-1].name == "Chords" else tracks
    notes = (note for track in tracks for note in track)
    return _aligned([(n.onset_s * quarters, n.pitch, (n.offset_s - n.onset_s) * quarters) for n in notes])


def judge(text: str) -> Played | None:
    """Return the notes that abc2midi plays, None if it reports an error or plays none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tune.abc")
        path.write_text(text)
        command = ["abc2midi", str(path), "-o", str(path.with_suffix(".mid")), "-NGUI", "-NFER"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return None
        if re.search(rb"^Error", done.stdout + done.stderr, re.MULTILINE) or not path.with_suffix(".mid").exists():
            return None
        file = mido.MidiFile(path.with_suffix(".mid"), clip=True)
    played: Played = []
    for track in file.tracks:
        time, sounding = 0, dict[tuple[int, int], list[int]]()
        for message in track:
            time += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            starts = sounding.setdefault((message.channel, message.note), [])
            if message.type == "note_on" and message.velocity:
                starts.append(time)
            elif starts:
                start, beat = starts.pop(0), file.ticks_per_beat
                played.append((start / beat, message.note, (time - start) / beat))
    return _aligned(played) or None


def _aligned(notes: Played) -> Played:
    """Return notes with times relative to the first one, sorted by pitch."""
    first = min((onset for onset, _, _ in notes), default=0.0)
    return sorted(
        ((onset - first, pitch, length) for onset, pitch, length in notes), key=lambda note: (note[1], note[0])
    )


def difference(ours: Played, theirs: Played) -> str:
    """Return the first difference between two performances, or an empty string."""
    if len(ours) != len(theirs):
        return f"{len(ours)} notes, abc2midi plays {len(theirs)}"
    for (onset, pitch, length), (other, other_pitch, other_length) in zip(ours, theirs, strict=True):
        if pitch != other_pitch or max(abs(onset - other), abs(length - other_length)) > _APART:
            return f"{pitch} at {onset:g} for {length:g}, abc2midi {other_pitch} at {other:g} for {other_length:g}"
    return ""


def count_unplayed(tune: Tune) -> int:
    """Return the number of written sounds that are never played."""
    distinct = tuple(tuple(replace(e) if isinstance(e, Sound) else e for e in voice) for voice in tune.voices)
    played = {id(element) for voice in Timeline.of(replace(tune, voices=distinct)).voices for _, element in voice}
    return sum(isinstance(e, Sound) and bool(e.pitches) and id(e) not in played for voice in distinct for e in voice)
