"""What the grammar of `abc` allows, as tables that many rows look things up in at once.

A `Filling` and a `Frame` are known by numbers, which are rows of the tables; each is worked out when it is first met,
by whichever thread meets it. A bar's room is a code: how often the grid fits into it, or one of those of `CODES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.abc.alphabet import HEADER, Alphabet, bar_ticks
from folkseq.representations.abc.filling import AT_LINE, IN_CHORD, NOWHERE, TIEABLE, TIED, TIED_OVER, Filler, Filling
from folkseq.representations.abc.form import AT_KEY, AT_METER, AT_RHYTHM, BODY, CLOSED, KEY, METER, Form, Frame
from folkseq.representations.base import END, START

CODES = (AT_LINE, TIED_OVER, TIEABLE, NOWHERE, TIED, IN_CHORD)
"""What a bar line meets in place of room; from `NOWHERE` on none can be drawn."""
LINES = ("|", "||", "|]", "|:", ":|", "::")

Mask = NDArray[np.bool_]
Ids = NDArray[np.integer[Any]]


class Tables:
    """The tables of one alphabet and form.

    Attributes:
        is_line: (V,) which ids belong to what is around bars: header, lines, endings, changes, the two ends.
        filling_of: the fillings by number.
        frame_of: the frames by number.
        code: (fillings,) the code of the room at which a bar line would be drawn.
        sounds: (fillings, V) what may come in the bar.
    """

    def __init__(
        self, alphabet: Alphabet, filler: Filler, form: Form, header: Mapping[int, Sequence[int]], longest_bar: int
    ) -> None:
        """Lay out empty tables.

        Args:
            alphabet: what ids mean.
            filler: what fills bars.
            form: what is around them.
            header: the ids that may come in each phase before the body.
            longest_bar: ticks of the longest bar there is.
        """
        self.alphabet, self.filler, self.form = alphabet, filler, form
        self._header = header
        self._size = size = len(alphabet.vocabulary)
        self._lock = RLock()  # rows of several threads share the tables
        self._rooms = longest_bar // alphabet.grid + 1
        self.codes = {code: self._rooms + place for place, code in enumerate(CODES)}
        kinds = (*HEADER, "ending", "meter", "key")
        lines = [*alphabet.of([*LINES, START, END]), *(i for kind in kinds for i in alphabet.ids[kind])]
        self.is_line = self.mask(lines)
        self._anything = ~self.mask(alphabet.ids[START])
        self._fillings: dict[Filling, int] = {}
        self.filling_of: list[Filling] = []
        self.code = np.zeros(256, np.int32)
        self.sounds = np.zeros((256, size), np.bool_)
        self._next = np.full((256, size), -1, np.int32)
        self._frames: dict[Frame, int] = {}
        self.frame_of: list[Frame] = []
        self._lines = np.full((64, self._rooms + len(CODES)), -1, np.int32)
        self._line_masks = np.zeros((16, size), np.bool_)
        self._masks: dict[bytes, int] = {}
        self._crossings: dict[tuple[int, int, int], tuple[int, int, int]] = {}

    def mask(self, ids: Iterable[int]) -> Mask:
        """(V,) bool, True at `ids`."""
        mask = np.zeros(self._size, np.bool_)
        mask[list(ids)] = True
        return mask

    def begin(self) -> tuple[int, int]:
        """The numbers of the filling and the frame before `<s>`."""
        with self._lock:
            return self._number(self._opened(Frame())), self._frame(Frame())

    def allowed(self, filling: Ids, frame: Ids, code: Ids) -> Mask:
        """What may come in the bars and as lines, (B, V) of (B,) each; the codes are those of the fillings."""
        lines = self._lines[frame, code]
        if lines.min(initial=0) < 0:
            with self._lock:
                for row in np.flatnonzero(lines < 0).tolist():
                    lines[row] = self._line_mask(int(frame[row]), int(code[row]))
        mask = self.sounds.take(filling, axis=0)
        mask |= self._line_masks.take(lines, axis=0)
        return mask

    def advance(self, filling: Ids, frame: Ids, ids: Ids) -> tuple[Ids, Ids, Ids | None]:
        """The fillings and frames after one more id in each row, and how many bars that completes, if any."""
        after = self._next[filling, ids]
        unknown = np.flatnonzero(after < 0).tolist()  # in which a line is met, or what no row has met before
        if not unknown:
            return after, frame, None
        frame, bars = frame.copy(), np.zeros_like(frame)
        for row in unknown:
            now, token_id = int(filling[row]), int(ids[row])
            if self.is_line[token_id]:
                crossing = int(frame[row]), int(self.code[now]), token_id
                landed = self._crossings.get(crossing) or self._cross(*crossing)
                after[row], frame[row], bars[row] = landed
            else:
                after[row] = self._fill(now, token_id)
        return after, frame, bars

    def settled(self, filling: Ids) -> Ids:
        """The fillings, (B,), in which a sound that waits for its length is an eighth, where one fits."""
        states = [self.filler.unlengthened(self.filling_of[number]) for number in filling.tolist()]
        return np.array([self._number(state) for state in states], filling.dtype)

    def at_line(self, frame: Frame, tokens: set[str]) -> list[int]:
        """The ids of what `Form.at_line` gives, or of what the header may go on with."""
        if frame.phase in self._header:
            return list(self._header[frame.phase])
        meters = [i for i in self.alphabet.ids["meter"] if i in self.alphabet.meters] if "meter" in tokens else []
        keys = self.alphabet.ids["key"] if "key" in tokens else []
        return [*self.alphabet.of(tokens), *meters, *keys]

    def or_anything(self, mask: Mask) -> Mask:
        """A mask, or where it is empty one of all ids but the start: the vocabulary is too small to go on with."""
        return mask if mask.any() else self._anything

    def _number(self, state: Filling) -> int:
        """The number of a filling, whose rows of the tables are worked out."""
        number = self._fillings.get(state)
        if number is None:
            number = len(self.filling_of)
            if number == len(self.sounds):
                self.sounds, self._next = _doubled(self.sounds, 0), _doubled(self._next, -1)
                self.code = _doubled(self.code, 0)
            room = self.filler.line_room(state)
            self.code[number] = self.codes.get(room, max(room, 0) // self.alphabet.grid)
            sounds = self.mask(self.filler.allowed(state))
            if room not in (0, AT_LINE, TIED_OVER, TIEABLE):  # there sounds are all that there is
                sounds = self.or_anything(sounds)
            self.sounds[number] = sounds
            self.filling_of.append(state)
            self._fillings[state] = number
        return number

    def _frame(self, frame: Frame) -> int:
        """The number of a frame."""
        number = self._frames.get(frame)
        if number is None:
            number = len(self.frame_of)
            if number == len(self._lines):
                self._lines = _doubled(self._lines, -1)
            self.frame_of.append(frame)
            self._frames[frame] = number
        return number

    def _line_mask(self, number: int, code: int) -> int:
        """The number of the mask of what may come at a line, or be drawn as one, in a frame at a room's code."""
        frame, codes = self.frame_of[number], self.codes
        shut = code in (0, codes[TIED_OVER], codes[TIEABLE])
        ids: list[int] = []
        if code == codes[TIED_OVER]:
            ids = self.alphabet.of("|")
        elif code == codes[AT_LINE]:
            ids = self.at_line(frame, self.form.at_line(frame) if frame.phase in (BODY, CLOSED) else set())
            shut = self.form.shut(frame)
        elif code < codes[NOWHERE]:
            lines = self.form.lines(frame, self._place(frame, code))
            tie = self.alphabet.ids["tie"] if code == codes[TIEABLE] and "|" in lines else []
            ids = self.alphabet.of(lines) + tie
        mask = self.or_anything(self.mask(ids)) if shut else self.mask(ids)
        known = self._masks.setdefault(mask.tobytes(), len(self._masks))
        if known == len(self._line_masks):
            self._line_masks = _doubled(self._line_masks, 0)
        self._line_masks[known] = mask
        self._lines[number, code] = known
        return known

    def _fill(self, filling: int, token_id: int) -> int:
        with self._lock:
            after = self._number(self.filler.advance(self.filling_of[filling], token_id))
            self._next[filling, token_id] = after
        return after

    def _cross(self, number: int, code: int, token_id: int) -> tuple[int, int, int]:
        """The filling and the frame after a token of header or form, and whether it completes a bar."""
        with self._lock:
            frame = self.frame_of[number]
            place = self._place(frame, code) if code != self.codes[AT_LINE] else 0
            after = self._after(frame, place, token_id)
            state = self._opened(after)._replace(tied=code == self.codes[TIED_OVER])
            counted = bool(place) and (place == frame.bar or not frame.opening)
            landed = self._number(state), self._frame(after), int(counted)
            self._crossings[number, code, token_id] = landed
        return landed

    def _place(self, frame: Frame, code: int) -> int:
        """How far into a frame's bar a line is that is drawn at a room's code."""
        return self.form.capacity(frame) - (code * self.alphabet.grid if code < self._rooms else 0)

    def _opened(self, frame: Frame) -> Filling:
        """An empty bar in a frame."""
        return Filling(self.form.capacity(frame), frame.compound, at_line=True, shut=self.form.shut(frame))

    def _after(self, frame: Frame, place: int, token_id: int) -> Frame:
        token, what = self.alphabet.vocabulary.tokens[token_id], self.alphabet.kinds[token_id]
        if token == START:
            return Frame(phase=AT_RHYTHM)
        if token == END:
            return frame._replace(phase=CLOSED)
        if what == "R:":
            return frame._replace(phase=AT_METER)
        if what == "K:":
            return frame._replace(phase=BODY)
        if what in ("M:", "meter"):
            meter = self.alphabet.meters.get(token_id)
            if meter is None:
                return frame
            frame = frame._replace(bar=bar_ticks(meter), compound=meter.compound)
            if what == "M:":
                return frame._replace(phase=AT_KEY)
            return frame._replace(changed=frame.changed | METER, may_end=False)
        if what == "key":
            return frame._replace(changed=frame.changed | KEY, may_end=False)
        if what == "ending":
            return self.form.take_ending(frame, token)
        return self.form.draw(frame, place, token)


def _doubled(table: NDArray[Any], empty: int) -> NDArray[Any]:
    return np.concatenate([table, np.full_like(table, empty)])
