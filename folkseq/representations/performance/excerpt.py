"""Windows for training: a slice of a piece in another key and at another tempo, drawn afresh each time it is read.

Source: Performance RNN's augmentation, −3 to +3 semitones and a tempo changed by up to a twentieth. Deviations: both
are drawn for every window, the tempo from its whole range, and not from a few fixed copies; and a copy that leaves the
piano's keyboard is not made. The tempo is changed on the grid of steps, so that each event moves by at most half a step
from where it should be; a note stays a step long at least; and of two notes of one pitch that come to begin at one
step the earlier goes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkseq.representations.performance.controls import Controls, held_before
from folkseq.representations.performance.events import FINISH, OFF, ON, PEDAL, Layout, Rows, in_order, to_ids, to_rows

SEMITONES, STRETCH = 3, 0.05
"""How far up or down a piece is moved, and by what share it is made longer or shorter, at most."""
KEYBOARD = (21, 108)
"""The lowest and highest pitch of a piano."""
UNASKED = 0.5
"""The share of windows in which all controls are off, so that a model of which nothing is asked writes as well."""

Ids = NDArray[Any]


def excerpt(
    ids: Ids,
    length: int,
    layout: Layout,
    controls: Controls,
    span: tuple[int, int],
    random: np.random.Generator,
    *,
    canonical: bool = True,
    semitones: int = SEMITONES,
    stretch: float = STRETCH,
) -> tuple[Ids, NDArray[np.float32] | None]:
    """A window of a piece, varied.

    Args:
        ids: the window's, and those after it that its controls look at.
        length: T.
        layout: what the ids mean.
        controls: what is read beside them.
        span: the lowest and highest pitch of the piece.
        random: draws the key, the tempo, and which controls are on.
        canonical: whether the events of a step stand in canonical order, and not in that of their unquantised times.
        semitones: up or down at most.
        stretch: at most, as a share.

    Returns:
        At most T + 1 ids, and the controls of all but the first of them, (T, C); None if there are no controls.
    """
    interval = draw_interval(span, semitones, random)
    if interval:
        ids = np.where(ids < layout.time_shift, ids.astype(np.int64) + interval, ids)
    factor = random.uniform(1 - stretch, 1 + stretch)
    if factor != 1:
        ids = stretched(ids, factor, layout, canonical=canonical)
    window = ids[: length + 1]
    if not controls.size:
        return window, None
    return window, _draw_controls(ids, controls, random)[1 : len(window)]


def draw_interval(span: tuple[int, int], semitones: int, random: np.random.Generator) -> int:
    """Semitones to move a piece of that span by: it stays on the keyboard, or within MIDI's pitches if it is off it."""
    low, high = KEYBOARD if KEYBOARD[0] <= span[0] and span[1] <= KEYBOARD[1] else (0, 127)
    return int(random.integers(max(-semitones, low - span[0]), min(semitones, high - span[1]), endpoint=True))


def _draw_controls(ids: Ids, controls: Controls, random: np.random.Generator) -> NDArray[np.float32]:
    """The controls of each id, (T, C): all off in `UNASKED` of the windows; else both or one, each choice as often."""
    density, pitch_classes = ((True, True), (True, False), (False, True))[int(random.integers(3))]
    if random.random() < UNASKED:
        density = pitch_classes = False
    elif not (controls.density and controls.pitch_classes):
        density = pitch_classes = True
    return controls.of(ids, density=density, pitch_classes=pitch_classes)


def stretched(ids: Ids, factor: float, layout: Layout, *, canonical: bool = True) -> Ids:
    """A slice of a piece, `factor` times as long; time shifts after its last event are left out.

    Args:
        ids: (T,) as the tokenizer spells them.
        factor: 0.5 or more.
        layout: what the ids mean.
        canonical: whether to bring events that come to one step into canonical order; or else ends before beginnings,
            each in the order in which they were.

    Returns:
        The new ids, in the tokenizer's spelling.
    """
    rows = to_rows(ids, layout)
    step = np.floor(rows.step * factor + 0.5).astype(np.int64)
    stays = _mend(rows, step, canonical)
    if layout.pedal:  # it moves once a step
        pedal = np.flatnonzero(rows.kind == PEDAL)
        step[pedal] = np.maximum.accumulate(step[pedal] - np.arange(len(pedal))) + np.arange(len(pedal))
    if len(step) and rows.kind[-1] == FINISH:
        step[-1] = step.max()
    rows = rows._replace(step=step)
    if not stays.all():
        rows = Rows(*(column[stays] for column in rows))
    if canonical:
        rows = in_order(rows)
    else:
        order = np.argsort(rows.step * 8 + rows.kind, kind="stable")
        rows = Rows(*(column[order] for column in rows))
    ons = np.flatnonzero(rows.kind == ON)
    told = rows.velocity[ons]
    if not told.all():  # what no velocity is known of takes the one before, that none is told twice
        rows.velocity[ons] = told[np.maximum.accumulate(np.where(told > 0, np.arange(len(told)), 0))]
    return to_ids(rows, layout)


def _mend(rows: Rows, step: NDArray[np.int64], canonical: bool) -> NDArray[np.bool_]:
    """Make notes that have come to nothing a step long, in place.

    Args:
        rows: (R,) in their old order.
        step: (R,) their new steps.
        canonical: whether two notes of one pitch may not begin at one step.

    Returns:
        (R,) bool, which rows stay.
    """
    stays = np.ones(len(step), np.bool_)
    noted = np.flatnonzero((rows.kind == OFF) | (rows.kind == ON))
    pitch = rows.value[noted].astype(np.uint8)
    order = np.argsort(pitch, kind="stable")
    noted, pitch = noted[order], pitch[order]
    on = rows.kind[noted] == ON
    # Notes of one pitch end in the order in which they begin, after those that sounded before the slice.
    held = held_before(pitch, on)
    begins, ends, begun, ended = noted[on], noted[~on], pitch[on], pitch[~on]
    ons, offs = np.bincount(begun, minlength=128), np.bincount(ended, minlength=128)
    ends_here = np.arange(len(begins)) - (np.cumsum(ons) - ons)[begun] < (offs - held)[begun]
    end = ends[np.arange(len(ends)) - (np.cumsum(offs) - offs)[ended] >= held[ended]]
    step[end] = np.maximum(step[end], step[begins[ends_here]] + 1)
    if canonical:
        twice = np.flatnonzero((begun[1:] == begun[:-1]) & (step[begins[1:]] == step[begins[:-1]]) & ends_here[:-1])
        stays[begins[twice]] = False
        stays[end[np.searchsorted(np.flatnonzero(ends_here), twice)]] = False
    return stays
