"""Parts: the `P:` labels in the body of a tune, and the order of parts that the header's `P:` gives.

A label is written in one voice and applies to all (ABC 2.1, section 3.1.9). A part without a label is skipped.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from folkseq.music.tune import Bar, Element, Part, Sound, Tune

_MOST_PARTS = 256  # limit for one P: line; nested numbers could ask for billions


def part_order(text: str) -> str:
    """Return the parts that a header's `P:` plays, one letter each (ABC 2.1, section 3.1.9); "" if it gives no order.

    >>> part_order("A(A2B2)2"), part_order("A.B.A"), part_order("Modern Version")
    ('AAABBAABB', 'ABA', '')
    """
    order = re.sub(r"[. ,]", "", text)
    if re.search(r"[a-z]", order):
        return ""
    order = re.sub(r"([A-Z])(\d{1,2})", lambda match: match[1] * int(match[2]), order)
    count = 1
    while count and len(order) <= _MOST_PARTS:
        order, count = re.subn(r"\(([A-Z]*)\)(\d{0,2})", lambda match: match[1] * int(match[2] or 1), order)
    return order if re.fullmatch(r"[A-Z]+", order) and len(order) <= _MOST_PARTS else ""


def played_order(tune: Tune) -> str:
    """Return the parts to play, one letter each: the parts of the header's order that every voice has."""
    order = part_order(tune.parts)
    if order:
        known = set.intersection(*map(labels, tune.voices)) if tune.voices else set()
        order = "".join(label for label in order if label in known)
    return order


def unfollowed_parts(tune: Tune) -> Mapping[str, int]:
    """Count the parts that the header's `P:` names but some voice lacks, and the parts that `P:` omits."""
    found = set().union(*map(labels, tune.voices))
    order = part_order(tune.parts)
    if not found or not order:
        return {"order of parts (P:) that is not followed": 1} if tune.parts and (found or order) else {}
    played = set(played_order(tune))
    unknown = sorted(set(order) - played)
    lost = Counter(f"part {label} of the order (P:) that is not in the tune" for label in unknown)
    lost.update(f"part {label} that is not in the order (P:)" for label in sorted(found - played) if played and label)
    return lost


def labels(voice: Iterable[Element]) -> set[str]:
    """Return the labels of the parts of a voice."""
    return {element.label.strip() for element in voice if isinstance(element, Part)}


def spread_parts(voices: Sequence[tuple[Element, ...]]) -> tuple[tuple[Element, ...], ...]:
    """Return the voices, each with the labels of all voices, except labels that fall within one of its sounds."""
    source: dict[str, tuple[Element, ...]] = {}
    for voice in voices:
        for label in labels(voice):
            source.setdefault(label, voice)
    made = []
    for voice in voices:
        missing = source.keys() - labels(voice)
        parts = (part for label in missing for part in _times(source[label], label))
        made.append(tuple(_with_parts(voice, deque(sorted(parts, key=lambda item: item[0])))) if missing else voice)
    return tuple(made)


def _with_parts(voice: Iterable[Element], parts: deque[tuple[Fraction, Part]]) -> Iterator[Element]:
    """Yield the elements of a voice with the parts inserted at their times, after any bar line there."""
    now = Fraction(0)
    for element in voice:
        while parts and parts[0][0] <= now and not (now and isinstance(element, Bar)):
            time, part = parts.popleft()
            if time == now:
                yield part
        yield element
        if isinstance(element, Sound):
            now += element.duration
    yield from (part for time, part in parts if time >= now)


def _times(voice: Iterable[Element], label: str) -> list[tuple[Fraction, Part]]:
    """Return the parts of a voice with this label, and their times."""
    found, time = [], Fraction(0)
    for element in voice:
        if isinstance(element, Sound):
            time += element.duration
        elif isinstance(element, Part) and element.label.strip() == label:
            found.append((time, element))
    return found
