"""Read the notes of each channel; its program, bank and pedal apply to the notes of all its tracks.

Conventions:
- The program is the last one before a track's first note or, if there is none, the last one at the tick of that note.
- Channel 10 is drums, and so is any channel with a drum bank of General MIDI 2 (120) or XG (126, 127).
- Controllers 123 to 127 end the notes of their channel, 120 also the notes that its pedal holds; 121 lifts the pedal.
- Times keep the order of the file: where a note ends before the pedal moves at the same tick, the pedal moves
  `APART_S` later, and so do the notes that end after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from folkseq.formats.midi.changes import NO_CHANGES, Changes, Channel, gather
from folkseq.formats.midi.events import CONTROL, BrokenError, Events, Ticks
from folkseq.formats.midi.order import turns
from folkseq.formats.midi.parts import (
    BANK,
    CARRIED,
    INSTRUMENT,
    NOTES_OFF,
    RESET,
    SOUND_OFF,
    ChannelPart,
    Index,
    changing,
    parts,
    state,
)
from folkseq.formats.midi.silence import silenced
from folkseq.music.performance import PEDAL_DOWN, SUSTAIN

DRUMS = 9  # the channel that General MIDI gives to drums, counted from 0
DRUM_BANKS = (120, 126, 127)
APART_S = 2.0**-30  # far below a step or a tick, but exact in double precision for a month of music
MOST_TRACKS = 2048
_SILENCES = {f"controller {number}" for number in (SOUND_OFF, *NOTES_OFF)}
_LATER = "program change after the first note"
_MARKS = 1 << 14
_MOST_COPIES = 1 << 20  # of changes, summed over the tracks that share a channel
_NO_ENDS = np.empty(0, np.intp), np.empty(0, np.intp)


class Voice(NamedTuple):
    """The notes of a track on a channel, with the state of the channel.

    Attributes:
        track: The track's number in the file.
        channel: The port and the channel.
        part: The notes.
        program: The program.
        drum: Whether the notes are drums.
        pedal: The positions of the pedal.
        moves: (K,) The number of turns before each pedal position at its tick; see `turns`.
        ends: The indices of the notes that end at the tick of a pedal position, and the turns before each end.
        changes: All other messages that change the sound of the channel.
    """

    track: int
    channel: Channel
    part: ChannelPart
    program: int
    drum: bool
    pedal: Changes
    moves: Index
    ends: tuple[Index, Index]
    changes: Changes = NO_CHANGES


def read(chunks: Sequence[Events], ports: Sequence[int], shared: bool, whole: bool, lost: Counter[str]) -> list[Voice]:
    """Return the notes of each track on each channel, in the order of tracks and then of channels.

    Args:
        chunks: The events of each track.
        ports: The port of each track.
        shared: Whether all tracks of a channel share its pedal, and the order of events at the same tick matters.
        whole: Whether to keep the `changes` of voices.
        lost: Collects the number of losses of each kind.
    """
    members, holding, choosing, count = _survey(chunks, ports)
    if shared and not _SILENCES.isdisjoint(count):
        chunks = silenced(chunks, ports, holding)
        members, holding, choosing, count = _survey(chunks, ports)
        del count[f"controller {SOUND_OFF}"], count[f"controller {NOTES_OFF[0]}"]
    for channel in holding.keys() - members.keys():
        count["pedal without notes"] += len(holding[channel].of(SUSTAIN).ticks)
    for channel in choosing.keys() - members.keys():
        count["program without notes"] += len(choosing[channel].of(INSTRUMENT).ticks)
    others = gather(chunks, map(changing, chunks), ports, Counter()) if whole else {}
    voices: list[Voice] = []
    for channel, group in members.items():
        pedal, instruments = (changes.get(channel, NO_CHANGES) for changes in (holding, choosing))
        for voice in _voices(channel, group, pedal, instruments, shared, count):
            own = _changes_of(voice, others.get(channel, NO_CHANGES), len(group), count)
            voices.append(voice._replace(changes=own) if len(own.ticks) else voice)
    for kind in CARRIED & count.keys() if whole else ():
        del count[kind]
    lost.update(count)
    return sorted(voices, key=lambda voice: (voice.track, voice.channel))


def _survey(
    chunks: Sequence[Events], ports: Sequence[int]
) -> tuple[dict[Channel, list[_Member]], dict[Channel, Changes], dict[Channel, Changes], Counter[str]]:
    """Return by channel the notes, the messages that hold or end them, and those that set instruments; and losses."""
    count: Counter[str] = Counter()
    members: dict[Channel, list[_Member]] = defaultdict(list)
    for track, chunk in enumerate(chunks):
        for part in parts(chunk, count):
            members[ports[track], part.channel].append(_Member(track, chunk, part))
    sharing = Counter({channel: len(group) for channel, group in members.items()})
    if sharing.total() > MOST_TRACKS:
        raise BrokenError(
            f"it has {sharing.total():,} tracks and channels with notes; at most {MOST_TRACKS:,} are read"
        )
    holding, choosing = zip(*(state(chunk, count) for chunk in chunks), strict=True) if chunks else ((), ())
    return members, gather(chunks, holding, ports, sharing), gather(chunks, choosing, ports, sharing), count


class _Member(NamedTuple):
    """The notes of a track on a channel."""

    track: int
    events: Events
    part: ChannelPart


def _voices(
    channel: Channel, group: Sequence[_Member], pedal: Changes, instruments: Changes, shared: bool, lost: Counter[str]
) -> Iterator[Voice]:
    """Yield the voices of one channel."""
    drum, programs = channel[1] == DRUMS, _instruments(instruments.of(INSTRUMENT), group, lost)
    if shared:
        pedal = _moves(pedal)
        move_turns, ends = _turns(pedal, group)
        banks = _instruments(instruments.of(BANK), group, Counter())
        for number, member in enumerate(group):
            drums = drum or banks[number] in DRUM_BANKS
            yield Voice(member.track, channel, member.part, programs[number], drums, pedal, move_turns, ends[number])
        return
    pedal = pedal.of(SUSTAIN)
    for number, member in enumerate(group):
        own = pedal.where(pedal.tracks == member.track)
        lost["pedal of another track"] += len(pedal.ticks) - len(own.ticks)
        no_turns = np.zeros(len(own.ticks), np.intp)
        yield Voice(member.track, channel, member.part, programs[number], drum, own, no_turns, _NO_ENDS)


def _changes_of(voice: Voice, changes: Changes, sharing: int, lost: Counter[str]) -> Changes:
    """Return the changes of a voice's channel, with programs only where banks or other programs than its first matter.

    Repeated programs are left out, so that a file does not grow when it is read and written again.
    """
    if len(changes.ticks) * sharing > _MOST_COPIES:
        lost["change of a channel of many tracks"] += len(changes.ticks)
        return NO_CHANGES
    program = changes.numbers == INSTRUMENT
    bank = (changes.kinds == CONTROL) & np.isin(changes.numbers, (BANK, BANK + 32))
    within = (changes.ticks >= voice.part.onsets[0]) & (changes.ticks <= voice.part.onsets[-1])
    if not (bank.any() or (program & within & (changes.values != voice.program)).any()):
        return changes.where(~program)
    at = (program | bank).nonzero()[0]
    is_program = program[at]
    values = changes.values[at].astype(np.intp)
    before = np.append(voice.program, np.where(is_program, values, -1)[:-1])  # −1 for a bank
    program &= changes.ticks > voice.part.onsets[-1]  # these have no effect
    program[at[is_program & (values == before)]] = True
    return changes.where(~program)


def _instruments(changes: Changes, group: Sequence[_Member], lost: Counter[str]) -> list[int]:
    """Return the program (or bank) of each voice of a channel; count the changes without effect in `lost`."""
    if not len(changes.ticks):
        return [0] * len(group)
    found = []
    missed = np.zeros(len(changes.ticks), np.bool_)
    for member in group:
        ticks, begins = member.events.ticks, member.part.begins
        first, last = (changes.before(int(ticks[at]), member.track, int(at)) for at in (begins.min(), begins.max()))
        count = first or int(np.count_nonzero(changes.ticks <= member.part.onsets[0]))
        found.append(int(changes.values[count - 1]) if count else 0)
        missed[first:last] |= changes.values[first:last] != found[-1]
        own = changes.values[:count][changes.tracks[:count] == member.track]
        lost["program of another track on its channel"] += len(own) > 0 and int(own[-1]) != found[-1]
    lost[_LATER] += int(np.count_nonzero(missed))
    return found


def _moves(pedal: Changes) -> Changes:
    """Return the positions of the pedal, including those that other controllers cause."""
    if not np.count_nonzero(pedal.numbers != SUSTAIN):
        return pedal
    pedal = pedal.of(SUSTAIN, SOUND_OFF, RESET)
    at, values, value = [], [], 0
    for place, (number, position) in enumerate(zip(pedal.numbers.tolist(), pedal.values.tolist(), strict=True)):
        moves = [position]
        if number != SUSTAIN:
            moves = [] if value < PEDAL_DOWN else [0] if number == RESET else [0, value]
        at += [place] * len(moves)
        values += moves
        value = moves[-1] if moves else value
    return pedal.where(np.array(at, np.intp))._replace(values=np.array(values, np.uint8))


def _turns(moves: Changes, group: Sequence[_Member]) -> tuple[Index, list[tuple[Index, Index]]]:
    """Return the `moves` of the pedal positions, and the `ends` of each voice; see `Voice`."""
    if not len(moves.ticks):
        return _NO_ENDS[0], [_NO_ENDS] * len(group)
    down = moves.values >= PEDAL_DOWN
    changing = (down != np.concatenate(([False], down[:-1]))).nonzero()[0]
    possible = moves.ticks[changing]
    if len(group) == 1 and (moves.tracks[changing] == group[0].track).all():
        before = moves.places[changing] - 1  # a note must end just before, on the same track
        possible = possible[group[0].events.ticks[before] == possible]
    hits = [_among(member.part.offsets, possible) for member in group] if len(possible) else []
    move_turns = np.zeros(len(down), np.intp)
    if not any(map(len, hits)):
        return move_turns, [_NO_ENDS] * len(group)
    near = _among(moves.ticks, possible)
    ends = [
        (member.part.offsets[hit], np.full(len(hit), member.track), member.part.ends[hit])
        for member, hit in zip(group, hits, strict=True)
    ]
    positions = [column[near] for column in moves[:3]]
    ticks, tracks, places = (np.concatenate(each) for each in zip(positions, *ends, strict=True))
    is_move = np.arange(len(ticks)) < len(near)
    order = np.lexsort((places, tracks, ticks))
    found = np.empty(len(ticks), np.intp)
    found[order] = turns(ticks[order], is_move[order])
    move_turns[near] = found[: len(near)]
    bounds = np.cumsum([len(near), *map(len, hits)])
    return move_turns, [(hit, found[a:b]) for hit, (a, b) in zip(hits, pairwise(bounds), strict=True)]


def _among(ticks: Ticks, others: Ticks) -> Index:
    """Return the indices of the ticks that occur in `others`, which must be sorted and not empty."""
    marks = np.zeros(_MARKS, np.bool_)  # few ticks share a mark by chance; much faster than sorting
    marks[others & _MARKS - 1] = True
    likely = marks[ticks & _MARKS - 1].nonzero()[0]
    ticks = ticks[likely]
    found: Index = likely[others.take(np.searchsorted(others, ticks), mode="clip") == ticks]
    return found
