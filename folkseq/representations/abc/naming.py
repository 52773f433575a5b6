"""New titles in the manner of a corpus: phrases of its titles, joined where the titles use words in the same way.

A title gets the shape of one of the corpus, such as "The * of the *", and is drawn step by step. After two steps comes
what came after them in the corpus, or after others that can stand in their place: after "Banks of" also what came after
"Humors of" if the corpus has the banks and the humors of one place.

Sentences such as "When Will You Be Married?" are not learned, since two halves make no sense, nor are words that look
misprinted. A title is given up if the corpus has it, or has a longer one that contains it, or if too many before it
began or ended so.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from random import Random

from folkseq.representations.abc.titles import DANCE, title_key, title_words

Steps = tuple[str, ...]
"""A title in lower case: words, with "'s" and phrases such as "of the" as steps of their own."""

_OWN, _BEGIN, _END, _ANY = "'s", "^", "", "*"
_LIST = re.compile(r"\S+")
_SMALL = frozenset(
    _LIST.findall("a among an and at behind between by for from in into o' of on or over the through to under with")
)
_SENTENCE = frozenset(
    _LIST.findall(
        """alive am are be been can could did didn't do does don't dont five four gone had has have he he's her here's
        him how i i'll i'm if is isn't it it's let let's me my not our seven shall she she's six that that's thee them
        there's they this thou three thy 'tis tis 'twas twas two us was we were what what's when where where's who
        who's why will won't wont would ye yer you your"""
    )
)
_WORD = re.compile(r"'?[^\W\d_]+(?:['.-][^\W\d_]+)*['.]?")
_MOST_STEPS = 7
_FREE = 0.75
"""Probability of a step that came after others, where there are any."""
_CAREFUL, _LOOSE = 0.15, 0.0
"""Least share of the words after a word that it has in common with another, in whose place it can stand."""
_TRIES = 100
"""Draws before a shape is given up."""


class TitleModel:
    """The titles of a corpus, step by step."""

    def __init__(self, corpus: Iterable[Sequence[str]]) -> None:
        """Learn the titles of each piece; of several titles, from the first."""
        self.known: set[str] = set()
        """Keys of all titles."""
        self.parts: set[str] = set()
        """Keys of their parts."""
        self.spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """How each word is written; within a title, which says more than its beginning, it counts thrice."""
        titles = list(dict.fromkeys(filter(None, map(self._read, corpus))))
        misprints = _misprints(Counter(step for title in titles for step in title))
        self.titles = [title for title in titles if misprints.isdisjoint(title)]
        self.next: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        """What comes after two steps."""
        self.after: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """What comes after one."""
        self.before: defaultdict[Steps, Counter[str]] = defaultdict(Counter)
        """What comes before one step, and before two."""
        for title in self.titles:
            steps = (_BEGIN, *title, _END)
            for first, step, last in zip(("", *steps), steps, steps[1:], strict=False):
                self.next[first, step][last] += 1
                self.after[step][last] += 1
                self.before[step, last][first] += 1
                self.before[last,][step] += 1
        self.owners = {title[: title.index(_OWN)] for title in self.titles if _OWN in title}
        self.shapes = Counter(tuple(map(_kind, (*title, _END))) for title in self.titles)
        self.ends = Counter(end for title in self.titles for end in _ends(title))
        self.kinds = {step: {*map(_kind, after)} for step, after in self.after.items()} | {_END: {""}}
        """The kinds of what comes after a step."""
        self.choices: dict[tuple[str, str, str, str, float | None], tuple[list[str], list[int]]] = {}
        """Choices so far, with the sums of their weights."""
        self.followers: dict[tuple[str, str, str, float | None], list[tuple[str, int]]] = {}
        """What may come after two steps, whatever comes then, with its weights."""
        self._spelt = cache(self._spell_word)

    def _read(self, titles: Sequence[str]) -> Steps:
        """Take note of the titles of a piece; return the steps of the first, or nothing if it is not learned from."""
        steps: list[str] = []
        for number, title in enumerate(titles):
            words = title_words(title)
            key = _key(words).split()
            self.known.add(" ".join(key))
            self.parts.update(" ".join(key[a:b]) for a in range(len(key)) for b in range(a + 1, len(key) + 1))
            for place, word in enumerate(words):
                spelt = word.removesuffix(_OWN)
                if not (title.islower() or (spelt.isupper() and len(spelt) > 1)):
                    self.spellings[spelt.lower()][spelt] += 3 if place else 1
            lower = [word.lower() for word in words]
            named = [word for word in lower if word != DANCE]
            # Further titles are often translations; a dance before the last word is part of a phrase.
            if number or named in ([], ["the"]) or DANCE in lower[:-1]:
                continue
            if _SENTENCE.intersection(named) or not all(map(_WORD.fullmatch, named)):
                continue
            for word in lower:
                if word == "the" and steps and steps[-1] in _SMALL:
                    steps[-1] += " the"
                else:
                    steps += [word[:-2], _OWN] if word.endswith(_OWN) else [word]
        return tuple(steps) if len(steps) <= _MOST_STEPS else ()

    def new_titles(self, random: Random) -> Iterator[str]:
        """Yield titles that the corpus does not have, none twice, until there are hardly any more."""
        seen: set[str] = set()
        ends: Counter[tuple[str, str]] = Counter()
        for likeness in (_CAREFUL, _LOOSE):
            shapes = dict(self.shapes)
            while shapes:
                shape = random.choices(list(shapes), list(shapes.values()))[0]
                for _ in range(_TRIES):
                    steps = self._draw(shape, likeness, random)
                    if not steps or not self._makes_sense(steps):
                        continue
                    key = _key(words := self._spell(steps))
                    if key in seen or key in self.known or (DANCE not in words and key in self.parts):
                        continue
                    if all(ends[end] <= 2 + 3 * len(seen) * self.ends[end] / len(self.titles) for end in _ends(steps)):
                        ends.update(_ends(steps))
                        seen.add(key)
                        yield " ".join(words)
                        break
                else:
                    del shapes[shape]

    def _draw(self, shape: Steps, likeness: float, random: Random) -> Steps:
        """Draw a title of a shape; return nothing at a dead end."""
        first, step, steps = "", _BEGIN, []
        for kind, then in zip(shape, (*shape[1:], ""), strict=True):
            asked = first, step, kind, then, likeness if random.random() < _FREE else None
            if asked not in self.choices:
                self.choices[asked] = self._choose(*asked)
            choices, sums = self.choices[asked]
            if not choices:
                return ()
            # As `random.choices` draws, in a third of the time.
            first, step = step, choices[bisect(sums, random.random() * sums[-1], hi=len(sums) - 1)]
            steps.append(step)
        if self.next[_BEGIN, "the"][steps[0]] > self.next["", _BEGIN][steps[0]]:
            steps.insert(0, "the")
        return tuple(steps[:-1])

    def _choose(
        self, first: str, step: str, kind: str, then: str, likeness: float | None
    ) -> tuple[list[str], list[int]]:
        """Return what may come after two steps, and the sums of its weights.

        Args:
            first: the step before the last.
            step: the last step.
            kind: of what is wanted.
            then: the kind of what is wanted after that.
            likeness: of the words whose followers are taken, too; None to take what came after both steps.
        """
        asked = first, step, kind, likeness
        if asked not in self.followers:
            found: Mapping[str, int] = self.next.get((first, step)) or (self.after[step] if kind != _ANY else {})
            if likeness is not None:
                found = self._free(first, step, kind, found, likeness) or found
            self.followers[asked] = sorted((last, count) for last, count in found.items() if _kind(last) == kind)
        fitting = [(last, count) for last, count in self.followers[asked] if then in self.kinds[last]]
        return [last for last, _ in fitting], list(accumulate(count for _, count in fitting))

    def _free(self, first: str, step: str, kind: str, found: Mapping[str, int], likeness: float) -> Mapping[str, int]:
        """Return what came after others in the place of the first step, or of the last."""
        free: Counter[str] = Counter()
        if likeness == _LOOSE and _kind(step) != _ANY:
            return self.after[step]
        for other, common in Counter(other for last in found for other in self.before[step, last]).items():
            if other not in (first, "", _BEGIN):
                for last, count in self.next[other, step].items():
                    free[last] += common * count
        has_word, has_free = (any(_kind(last) == _ANY for last in each) for each in (found, free))
        if kind == _kind(step) == _ANY and has_word and not has_free:
            shared = Counter(
                other
                for last in self.after[step]
                if _kind(last) == _ANY
                for other in self.before[last,]
                if other != step and _kind(other) == _ANY
            )
            for other, common in shared.items():
                if common >= max(2, likeness * len(self.after[other])):
                    for last, count in self.after[other].items():
                        free[last] += common**2 * count
        return free

    def _makes_sense(self, steps: Steps) -> bool:
        """Return whether no word is repeated, none is left open, and an owner of many words is one of the corpus."""
        words = [word for step in steps for word in step.split() if word not in _SMALL]
        if len(words) != len({*words}) or steps[-1].split()[-1] in _SMALL:
            return False
        if _OWN not in steps:
            return True
        owner = steps[: steps.index(_OWN)]
        if DANCE in steps and steps[-2] != _OWN:
            return False
        names = len(owner) <= 2 and _kind(owner[0]) == _ANY
        return names or not self.owners.isdisjoint((owner, owner[owner[0] == "the" :]))

    def _spell(self, steps: Steps) -> list[str]:
        """Return the words of a title, as the corpus writes them."""
        words = " ".join(steps).replace(f" {_OWN}", _OWN).split()
        return [word if place and word in _SMALL else self._spelt(word) for place, word in enumerate(words)]

    def _spell_word(self, word: str) -> str:
        own = _OWN if word.endswith(_OWN) else ""
        forms = self.spellings[word.removesuffix(_OWN)].most_common()
        capital = next((form for form, _ in forms if form[0].isupper()), None)
        return (capital or _capitalized(word.removesuffix(_OWN))) + own


def _key(words: Iterable[str]) -> str:
    return title_key(word for word in words if word != DANCE)


@cache
def _kind(step: str) -> str:
    """Return a small step, the end, or a dance as it is, and "*" for any word."""
    small = step in (_END, _BEGIN, _OWN, DANCE) or step.split()[0] in _SMALL
    return step if small else _ANY


def _ends(steps: Steps) -> Iterator[tuple[str, str]]:
    """Yield the first word of a title and its last step."""
    yield _BEGIN, next((step for step in steps if _kind(step) == _ANY), "")
    yield _END, steps[-1]


def _misprints(counts: Counter[str]) -> set[str]:
    """Return the words that occur once and differ by one letter from one that occurs more often."""
    common = {part for word, count in counts.items() if count > 1 for part in (word, *_shortened(word))}
    rare = (word for word, count in counts.items() if count == 1 and len(word) > 3)
    return {word for word in rare if not common.isdisjoint((word, *_shortened(word)))}


def _shortened(word: str) -> list[str]:
    """Return a word without each of its letters."""
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _capitalized(word: str) -> str:
    """Return a word with a capital, and with another in a name such as O'Neill.

    >>> _capitalized("o'neill"), _capitalized("long-tailed"), _capitalized("mccarthy")
    ("O'Neill", 'Long-Tailed', 'McCarthy')
    """
    return re.sub(r"(?:^|(?<=[-.])|(?<=^')|(?<=^[od]')|(?<=^mc))[^\W\d_]", lambda letter: letter[0].upper(), word)
