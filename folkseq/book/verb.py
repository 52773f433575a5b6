"""`folkseq book`: files of tunes as one HTML file with an index, scores and players."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from folkseq.book.page import Entry, write
from folkseq.corpora.files import open_file
from folkseq.errors import FolkseqError, ParseError, RequestError
from folkseq.extras import require
from folkseq.files import write_atomically
from folkseq.formats import abc, audio, midi, musicxml, score, tunes
from folkseq.formats.transcription import transcribe
from folkseq.music.pitch import LETTERS
from folkseq.music.playback import perform
from folkseq.music.signature import Key
from folkseq.music.tune import Tune

SUFFIXES = (*tunes.SUFFIXES, *midi.SUFFIXES)
_QUALITY = 0.7  # compression of the sound, from 0 (best) to 1 (smallest)
_WORKERS = 2  # one synthesizes while the other writes Ogg, which takes about as long
_SIGNS = {-1: "♭", 0: "", 1: "♯"}
_CREDITS = {"O": "Origin", "A": "Area", "B": "Book", "D": "Record", "S": "Source", "H": "History", "Z": "Transcription"}


@dataclass(frozen=True)
class WrittenBook:
    """A book: its file, the number of tunes, counts of lost content by kind, faults, and notices."""

    file: Path
    tunes: int
    lost: Counter[str]
    faults: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class FoundTune:
    """A tune of a file, its MusicXML for the score, and its MIDI for the player."""

    tune: Tune
    drawn: bytes
    played: bytes


def book(
    files: Sequence[Path | str],
    out: Path | str,
    *,
    title: str = "",
    sound: bool = True,
    soundfont: Path | str | None = None,
    on_tune: Callable[[int, int], None] | None = None,
) -> WrittenBook:
    """Write a book of tunes.

    Args:
        files: files of ABC, MusicXML or MIDI, or folders of them; melodies in MIDI are transcribed.
        out: the .html file.
        title: the title of the book; by default, derived from the name of `out`.
        sound: whether each tune gets a player.
        soundfont: an .sf2 file for sound, instead of the default one.
        on_tune: called with the number of finished tunes and the number of all tunes.

    Raises:
        FolkseqError: no tune can be read, verovio is not installed, or `out` cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"{out}: a book is an .html file; name one")
    require("verovio", "fontTools")
    notices: list[str] = []
    if sound and (missing := missing_for_sound(soundfont)):
        if soundfont:
            raise RequestError(missing)
        sound = False
        notices.append(f"the book has no players: {missing}")
    lost: Counter[str] = Counter()
    faults: list[str] = []
    found = [each for file in _files(files, notices) for each in read(file, lost, faults)]
    if not found:
        raise ParseError(faults[0] if faults else "no tune in the files")
    entries: list[Entry] = []
    for number, entry in enumerate(engraved(found, sound, soundfont), 1):
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            faults.append(entry)
        if on_tune is not None:
            on_tune(number, len(found))
    if not entries:
        raise ParseError(faults[0])
    write_atomically(out, write(entries, title or out.stem.replace("-", " ").replace("_", " ").strip() or "Tunes"))
    return WrittenBook(out, len(entries), lost, tuple(faults), tuple(notices))


def missing_for_sound(soundfont: Path | str | None = None) -> str:
    """Return the missing requirement of players as a message, or an empty string."""
    try:
        audio.find_soundfont(soundfont)
        require("midirenderer", "mido", "soundfile")
    except RequestError as error:
        return str(error)
    return ""


def engraved(found: Sequence[FoundTune], sound: bool, soundfont: Path | str | None = None) -> Iterator[Entry | str]:
    """Yield for each tune its entry, with a player if requested, or a message with the reason for its absence."""
    pool = ThreadPoolExecutor(_WORKERS)
    try:
        sounds = [pool.submit(audio.format, each.played, ".ogg", soundfont, _QUALITY) for each in found if sound]
        for number, (each, future) in enumerate(zip_longest(found, sounds), 1):
            try:
                entry: Entry | str = _entry(each, number, future)
            except FolkseqError as error:
                entry = f"{each.tune.title or 'Untitled'}: {error}"
            yield entry
    finally:
        pool.shutdown(cancel_futures=True)


def _files(named: Sequence[Path | str], notices: list[str]) -> Iterator[Path]:
    """Yield the tune files, including those in folders; of a folder's files that differ only in format, yield one."""
    for path in map(Path, named):
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
            if not inside:
                raise RequestError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
            chosen: dict[Path, Path] = {}
            for each in sorted(inside, key=lambda each: SUFFIXES.index(each.suffix.lower())):
                chosen.setdefault(each.with_suffix(""), each)
            if repeated := len(inside) - len(chosen):
                notices.append(f"{path}: {repeated} files are left out, which another one with the same name replaces")
            yield from sorted(chosen.values())
        elif path.suffix.lower() in SUFFIXES or not path.exists():
            yield path
        else:
            raise RequestError(f"{path}: a book is made of files that end in {', '.join(SUFFIXES)}")


def read(file: Path, lost: Counter[str], faults: list[str]) -> Iterator[FoundTune]:
    """Yield the tunes in a file; count lost content in `lost`, and collect faults."""
    try:
        with open_file(file, midi.LARGEST) as opened:
            data = opened.read()
        if midi.is_midi(data) or file.suffix.lower() in midi.SUFFIXES:
            performance, of_file, _ = midi.parse(data, str(file))
            tune, not_written = transcribe(performance)
            tune = tune if tune.titles else replace(tune, titles=(file.stem,))
            lost.update(of_file + not_written)
            yield FoundTune(tune, musicxml.format(tune), midi.format(performance))
            return
        found = tunes.parse(data, str(file))
    except ParseError as error:
        faults.append(str(error) if str(file) in str(error) else f"{file}: {error}")
        return
    faults.extend(map(str, found.faults))
    lost.update(sum(map(Counter, found.lost), Counter(found.stray)))
    for tune in found.tunes:
        if musicxml.is_musicxml(data):
            drawn = musicxml.expand(data, str(file))
        else:
            drawn = musicxml.format(tune)
            lost.update(musicxml.unwritten(tune))
        yield FoundTune(tune, drawn, midi.format(perform(tune)))


def _entry(found: FoundTune, number: int, sound: Future[bytes] | None) -> Entry:
    tune = found.tune
    about = (f"{_CREDITS[letter]}: {value}" for letter, value in tune.fields if letter in _CREDITS and value)
    return Entry(
        titles=tune.titles or ("Untitled",),
        rhythm=tune.rhythm,
        key=key_name(tune.key),
        meter="" if tune.meter.free else str(tune.meter),
        score=score.engrave(found.drawn, seed=number),
        source=abc.format(tune).strip(),
        credits=tuple(about),
        sound=sound.result() if sound else b"",
    )


def key_name(key: Key) -> str:
    """Return the name of a key.

    >>> key_name(Key(3, 1, "dor"))
    'F♯ dorian'
    """
    return f"{LETTERS[key.letter]}{_SIGNS[key.alter]} {musicxml.MODES[key.mode]}"
