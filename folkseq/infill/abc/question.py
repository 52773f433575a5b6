"""A gap in a tune: it is located in the text, filled by the model, and replaced in the text.

Only the bars of the gap change, in the text and in the music. To guarantee this, the text is parsed again with test
notes in the gap and with each answer, and rejected if anything else has changed. Thus a tie that carries an accidental
out of the gap, a broken rhythm over its edge, or a change of key within a bar can never change the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from folkseq.errors import RequestError
from folkseq.formats import tunes
from folkseq.formats.abc.fields import parse_key
from folkseq.formats.abc.lexer import KINDS, SYMBOL
from folkseq.formats.abc.splice import TextBar, find_bars, replace_bars, replace_record
from folkseq.formats.abc.writer import format_bars
from folkseq.formats.transcription import transcription_notice
from folkseq.grammar import PlacedGrammar
from folkseq.infill.abc.gap import Gap, GapGrammar
from folkseq.infill.abc.tune_text import TuneText, bars_of
from folkseq.music import Element, Interval, Key, Pitch, Sound, Tune
from folkseq.pairs import Integers
from folkseq.representations.abc import AbcCodec
from folkseq.representations.abc.bar_grammar import BarGrammar
from folkseq.representations.abc.bars import SIGNS, Bars, read_bars
from folkseq.representations.abc.instruments import Instrument
from folkseq.representations.abc.playable import PlayableGrammar
from folkseq.representations.abc.tokens import kind
from folkseq.representations.base import END, START
from folkseq.representations.task import Answer, Question

MOST_BARS = 16
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, kw_only=True, eq=False)
class GapInTune(Question):
    """A gap to fill in a tune."""

    codec: AbcCodec
    text: TuneText
    interval: Interval
    """The interval from the key of the ids to the key of the tune."""
    bars: tuple[TextBar, ...]
    """The bars of the gap in the text."""
    gap: Gap

    def answer(self, ids: Sequence[int]) -> FilledTune:
        """Return the tune with new bars. Raises RequestError if they would change the surrounding bars."""
        new = np.array([each for each in ids if each not in (*self.opening, self.end_id)], np.int64)
        tune = self.codec.decode(self.gap.filled(new)).transposed(self.interval)
        elements = bars_of(tune.body)[self.gap.first : self.gap.first + len(self.bars)]
        written = [_format_bar(each, bar) for each, bar in zip(elements, self.bars, strict=True)]
        text = ""
        if self.text.text:
            text = replace_bars(self.text.text, self.bars, written)
            if not self.text.differs_only_in(text, self.gap.first, elements):
                raise RequestError("an answer would change the bars around it; ask for others, or with another --seed")
        return FilledTune(
            title=self.text.tune.title,
            summary=" | ".join(written),
            compared=new,
            choices=sum(kind(token) not in SIGNS for token in self.codec.vocabulary.decode(new)),
            before=self.text,
            text=text,
            decoded=replace(tune, titles=self.text.tune.titles, rhythm=self.text.tune.rhythm),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FilledTune(Answer):
    """A tune with new bars in a gap."""

    before: TuneText
    text: str
    """The new text of the book; empty if the tune comes from MIDI."""
    decoded: Tune

    @cached_property
    def tune(self) -> Tune:
        """Return the tune parsed from its text, or decoded from its ids without a text."""
        return (self.before.read(self.text) if self.text else None) or self.decoded

    def format(self, suffix: str, comments: Sequence[str] = ()) -> bytes:
        """Format the tune as ABC, in which only the gap and the comments are new, or as MIDI."""
        if suffix == ".mid" or not self.text:
            return tunes.format(self.tune, suffix, comments)
        added = self.before.added
        plain = [comment.encode("ascii", "backslashreplace").decode() for comment in comments]
        text = replace_record(self.text, self.before.index, len(added), plain) if comments else self.text
        return text.removeprefix(added).encode(self.before.encoding)


def find_gap(
    codec: AbcCodec,
    grammar: BarGrammar,
    data: bytes,
    file: str,
    bars: str | None,
    number: int | None,
    instrument: Instrument | None = None,
) -> GapInTune:
    """Find the gap of `bars`, such as `5-8`, in tune `number` of an ABC file, or in the melody of a MIDI file.

    With an instrument, the new bars stay within its range.

    Raises:
        FolkseqError: there is no such tune or bar, the model does not know the meter, or the gap cannot be filled
            without changing the surrounding bars.
    """
    text = TuneText.find(data, file, number)
    if text.text and text.text.removeprefix(text.added).encode(text.encoding, "replace") != data:
        raise RequestError(f"{file}: its bytes would not all come back as they are; save it as UTF-8")
    first, last = _parse_range(bars)
    known = _with_known_keys(text.tune, codec)
    tokens = codec.representation.tokenize(known)
    ids = np.array(_known_ids(tokens, codec, file), np.int64)
    measured = _measure(codec, tokens, ids, file)
    if not measured.spans:
        raise RequestError(f"{file}: has no bars")
    lowest, highest = measured.spans[0].number, measured.spans[-1].number
    if not lowest <= first <= last <= highest:
        raise RequestError(f"--bars {bars}: the tune has bars {lowest} to {highest}, endings counted as they stand")
    if last - first >= MOST_BARS:
        raise RequestError(f"--bars {bars}: ask for at most {MOST_BARS} bars at a time")
    places = [place for place, span in enumerate(measured.spans) if first <= span.number <= last]
    place, count = places[0], len(places)
    for span in measured.spans[place : place + count]:
        if not grammar.can_fill(span):
            why = "its meter or key changes within it, or it has no meter"
            raise RequestError(f"{file}: bar {span.number} cannot be filled, since {why}")
    if text.text:
        text_bars, notices = _find_text_bars(text, place, count, len(measured.spans), f"{file}: bars {bars}")
    else:
        text_bars = [TextBar((), text.tune.key, text.tune.meter, text.tune.unit)] * count
        notices = [transcription_notice(file, text.lost)]
    gap = Gap(grammar, ids, measured, place, count)
    interval = -codec.representation.interval(known)
    keeps: PlacedGrammar = GapGrammar(gap)
    if instrument is not None:
        names = [token.strip("[]")[2:] for token in tokens[: gap.start] if kind(token) in ("K:", "key")]
        key = parse_key(names[-1])[0] if names else None
        keeps = PlayableGrammar(keeps, codec.vocabulary, instrument, lambda _: (interval.semitones,), key)
    return GapInTune(
        codec=codec,
        text=text,
        interval=interval,
        bars=tuple(text_bars),
        gap=gap,
        source=gap.source,
        grammar=keeps,
        opening=(codec.vocabulary.id(START),),
        end_id=codec.vocabulary.id(END),
        limit=gap.limit,
        notices=tuple(notices),
    )


def _parse_range(bars: str | None) -> tuple[int, int]:
    """Return the numbers of the first and the last bar."""
    match = _RANGE.fullmatch((bars or "").strip())
    if match is None:
        asked = f"--bars {bars}: " if bars else ""
        raise RequestError(f"{asked}which bars? write --bars 5, or two with a dash between, as in --bars 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise RequestError(f"--bars {bars}: goes backwards; write {last}-{first}")
    return first, last


def _find_text_bars(text: TuneText, first: int, count: int, total: int, named: str) -> tuple[list[TextBar], list[str]]:
    """Return the bars of a gap in the text, which has `total` bars, and notices about what the new bars will drop."""
    every, has_words = find_bars(text.text, text.index)
    elements = bars_of(text.tune.body)
    if not len(every) == len(elements) == total:
        raise RequestError(f"{named} cannot be told from others; write rests of several bars (Z) bar by bar")
    bars = every[first : first + count]
    if any(bar.overlay for bar in bars):
        raise RequestError(f"{named} have a second line (&), which cannot be written; ask for others")
    # The test notes: a single pitch in the rhythm of each bar.
    trial: list[list[Element]] = [
        [Sound((Pitch(4),), each.duration) for each in bar if isinstance(each, Sound)]
        for bar in elements[first : first + count]
    ]
    written = [format_bars(sounds, bar.key, bar.meter, bar.unit) for sounds, bar in zip(trial, bars, strict=True)]
    if not text.differs_only_in(replace_bars(text.text, bars, written), first, trial):
        raise RequestError(
            f"{named} cannot be filled without a change around them: something in them (a tie with an accidental, "
            "a broken rhythm, a field) affects other bars; choose others"
        )
    notices = []
    if symbols := sum(bar.symbols for bar in bars):
        notices.append(f"{symbols} chord symbol{'s' * (symbols != 1)} or other text over these bars will be gone")
    if has_words:
        notices.append("the words under the tune stay as they are, and may not fit the new notes")
    return bars, notices


def _measure(codec: AbcCodec, tokens: Sequence[str], ids: Integers, file: str) -> Bars:
    """Return the bars of the ids, with lengths measured on all tokens, including those that the model does not know."""
    every, known = read_bars(tokens), read_bars(codec.vocabulary.decode(ids.tolist()))
    if len(every.spans) != len(known.spans):
        raise RequestError(f"{file}: the model has not met what parts its bars; train one on such tunes")
    both = zip(every.spans, known.spans, strict=True)
    return replace(known, spans=tuple(one._replace(start=other.start, stop=other.stop) for one, other in both))


def _with_known_keys(tune: Tune, codec: AbcCodec) -> Tune:
    """Return the tune; if the model does not know its keys, in the major keys with the same signature."""
    keys = [token for token in codec.representation.tokenize(tune) if kind(token) in ("K:", "key")]
    if all(key in codec.vocabulary for key in keys):
        return tune
    voices = tuple(tuple(each for each in voice if not isinstance(each, Key)) for voice in tune.voices)
    sharps = tune.key.sharps
    return replace(tune, key=Key(4 * sharps % 7, (sharps + 1) // 7), voices=voices)


def _known_ids(tokens: Sequence[str], codec: AbcCodec, file: str) -> list[int]:
    """Return the ids of a tune's tokens; unknown tokens are left out, since the model would only read them.

    Raises:
        RequestError: the model does not know the tune's meter.
    """
    ids, vocabulary = [], codec.vocabulary
    for place, token in enumerate(tokens):
        if token in vocabulary:
            ids.append(vocabulary.id(token))
        elif kind(token) in ("M:", "meter"):
            met = ", ".join(each[2:] for each in vocabulary.tokens if each[:2] == token.strip("[]")[:2])
            where = f"{file}: {codec.analysis.locate(tokens, place)}" if kind(token) == "meter" else file
            raise RequestError(f"{where}: the model knows no {token.strip('[]')}; it has met {met}")
        elif kind(token) == "pitch" and token.strip("^_=,'") in vocabulary:
            ids.append(vocabulary.id(token.strip("^_=,'")))
    return ids


def _format_bar(elements: Sequence[Element], bar: TextBar) -> str:
    """Return a bar as text, including the ends of slurs from earlier bars and the beginnings of slurs to later bars."""
    text = format_bars(elements, bar.key, bar.meter, bar.unit)
    sounds = [match for match in SYMBOL.finditer(text) if KINDS[match.lastindex or 0] in ("note", "chord", "rest")]
    if not sounds:
        return text
    first, last = sounds[0].end(), sounds[-1].start()
    if last < first:
        return "(" * bar.opens + text + ")" * bar.closes
    return text[:first] + ")" * bar.closes + text[first:last] + "(" * bar.opens + text[last:]
