"""New titles in the style of a corpus: phrases of its titles, joined where the titles use words in the same way.

A new title gets the shape of a title of the corpus, such as "The * of the *", and is drawn step by step. The next step
is one that follows the last two steps in the corpus, or that follows similar steps. For example, words after "Humors
of" are also possible after "Banks of" if the corpus has the banks and the humors of the same place.

Sentences such as "When Will You Be Married?" are not learned, since combining halves of them makes no sense. Words that
look like misprints are not learned either. A title is rejected if it occurs in the corpus, if it is part of a longer
title there, or if too many previous titles began or ended in the same way.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, chain
from random import Random

from folkseq.representations.abc.titles import DANCE, title_key, title_words

Steps = tuple[str, ...]
"""A title in lower case, as steps: words, "'s", and phrases such as "of the"."""
Followers = dict[str, dict[str, int]]
"""Counts of the following steps, by kind."""

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
"""Probability of a step that follows similar steps, if there are any."""
_CAREFUL, _LOOSE = 0.15, 0.0
"""Minimum share of common followers for a word to replace another."""
_TRIES = 100
"""Number of failed draws before a shape is given up."""


class TitleModel:
    """A model of the titles of a corpus, step by step."""

    def __init__(self, corpus: Iterable[Sequence[str]]) -> None:
        """Learn from the titles of each piece; only the first title contributes steps."""
        self.known: set[str] = set()
        """Keys of all titles."""
        self.holding: defaultdict[str, list[str]] = defaultdict(list)
        """Keys of all titles with a word, padded with spaces."""
        self.spellings: defaultdict[str, int] = defaultdict(int)
        """Counts of the spellings of words. A word counts three times except at the beginning, which is capitalized."""
        titles = list(dict.fromkeys(filter(None, map(self._read, corpus))))
        misprints = _misprints(Counter(step for title in titles for step in title))
        self.titles = [title for title in titles if misprints.isdisjoint(title)]
        self.next: defaultdict[tuple[str, str], Followers] = defaultdict(dict)
        """The steps that follow two steps."""
        self.after: defaultdict[str, Followers] = defaultdict(dict)
        """The steps that follow one step."""
        self.before: defaultdict[Steps, list[str]] = defaultdict(list)
        """The steps that precede one step or two steps."""
        runs = [("", _BEGIN, *title, _END) for title in self.titles]
        three = Counter(chain.from_iterable(zip(run, run[1:], run[2:], strict=False) for run in runs))
        for (first, step, last), times in three.items():
            kind = _kind(last)
            self.next[first, step].setdefault(kind, {})[last] = times
            self.before[step, last].append(first)
            after = self.after[step].setdefault(kind, {})
            if last not in after:
                self.before[last,].append(step)
            after[last] = after.get(last, 0) + times
        self.after[_END] = {"": {}}
        self._forms: defaultdict[str, list[str]] = defaultdict(list)  # the capitalized spellings of each word
        for form in self.spellings:
            if form[:1].isupper():
                self._forms[form.lower()].append(form)
        self.owners = {title[: title.index(_OWN)] for title in self.titles if _OWN in title}
        self.shapes = Counter(tuple(map(_kind, (*title, _END))) for title in self.titles)
        self.ends = Counter(end for title in self.titles for end in _ends(title))
        self.choices: dict[tuple[str, str, str, str, float | None], tuple[list[str], list[int]]] = {}
        """Cached choices, with the cumulative sums of their weights."""
        self._followers, self._alike = cache(self._follow), cache(self._find_alike)
        self._spelt = cache(self._spell_word)

    def _read(self, titles: Sequence[str]) -> Steps:
        """Register the titles of a piece; return the steps of the first title, or nothing if it is not learned."""
        steps: list[str] = []
        for number, title in enumerate(titles):
            words = title_words(title)
            key = _key(words)
            self.known.add(key)
            for word in key.split():
                self.holding[word].append(f" {key} ")
            for place, word in enumerate([] if title.islower() else words):
                spelt = word.removesuffix(_OWN)
                if len(spelt) == 1 or not spelt.isupper():
                    self.spellings[spelt] += 3 if place else 1
            lower = [word.lower() for word in words]
            named = [word for word in lower if word != DANCE]
            # Further titles are often translations; a dance before the last word is part of a phrase.
            if number or named in ([], ["the"]) or DANCE in lower[:-1]:
                continue
            if not _SENTENCE.isdisjoint(named) or not all(map(_is_word, named)):
                continue
            for word in lower:
                if word == "the" and steps and steps[-1] in _SMALL:
                    steps[-1] += " the"
                else:
                    steps += [word[:-2], _OWN] if word.endswith(_OWN) else [word]
        return tuple(steps) if len(steps) <= _MOST_STEPS else ()

    def new_titles(self, random: Random) -> Iterator[str]:
        """Yield distinct titles that the corpus does not have, until new ones are hard to find."""
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
                    if key in seen or key in self.known or (DANCE not in words and self._is_part(key)):
                        continue
                    if all(ends[end] <= 2 + 3 * len(seen) * self.ends[end] / len(self.titles) for end in _ends(steps)):
                        ends.update(_ends(steps))
                        seen.add(key)
                        yield " ".join(words)
                        break
                else:
                    del shapes[shape]

    def _is_part(self, key: str) -> bool:
        """Return whether a key is part of the key of a known title."""
        return any(f" {key} " in longer for longer in self.holding.get(key.partition(" ")[0], ()))

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
        after_the, at_first = (self.next.get(each, {}).get(shape[0], {}) for each in ((_BEGIN, "the"), ("", _BEGIN)))
        if after_the.get(steps[0], 0) > at_first.get(steps[0], 0):
            steps.insert(0, "the")
        return tuple(steps[:-1])

    def _choose(
        self, first: str, step: str, kind: str, then: str, likeness: float | None
    ) -> tuple[list[str], list[int]]:
        """Return the possible steps after two steps, and the cumulative sums of their weights.

        Args:
            first: the step before the last.
            step: the last step.
            kind: required kind of the next step.
            then: required kind of the step after the next.
            likeness: minimum similarity of words whose followers are also possible; None for followers of both steps
                only.
        """
        weights = self._followers(first, step, kind, likeness)
        fitting = sorted(last for last in weights if then in self.after[last])
        return fitting, list(accumulate(map(weights.__getitem__, fitting)))

    def _follow(self, first: str, step: str, kind: str, likeness: float | None) -> Mapping[str, int]:
        """Return the possible steps after two steps with their weights, regardless of the step after the next."""
        known = self.next.get((first, step))
        found = known or (self.after[step] if kind != _ANY else {})
        followers: Mapping[str, int] = found.get(kind, {})
        if likeness == _LOOSE and _kind(step) != _ANY:
            followers = self.after[step].get(kind, {})
        elif likeness is not None and found:
            alike = self._alike(first if known else None, step)
            free = self._free(step, kind, alike)
            if kind == _kind(step) == _ANY and followers and not free:
                free = self._free_by_words(step, likeness)
            followers = free if alike or free else followers
        return followers

    def _find_alike(self, first: str | None, step: str) -> dict[str, int]:
        """Return the steps that can replace the first of two, with the number of their common followers."""
        found = self.after[step] if first is None else self.next[first, step]
        alike = Counter(chain.from_iterable(self.before[step, last] for lasts in found.values() for last in lasts))
        return {other: common for other, common in alike.items() if other not in (first, "", _BEGIN)}

    def _free(self, step: str, kind: str, alike: Mapping[str, int]) -> Mapping[str, int]:
        """Return the followers of a step after similar first steps, with weights."""
        free: defaultdict[str, int] = defaultdict(int)
        for other, common in alike.items():
            for last, count in self.next[other, step].get(kind, {}).items():
                free[last] += common * count
        return free

    def _free_by_words(self, step: str, likeness: float) -> Mapping[str, int]:
        """Return the followers of words that share followers with a step, with weights."""
        free: defaultdict[str, int] = defaultdict(int)
        shared = Counter(chain.from_iterable(self.before[last,] for last in self.after[step][_ANY]))
        for other, common in shared.items():
            after = self.after[other]
            if other != step and _kind(other) == _ANY and common >= max(2, likeness * sum(map(len, after.values()))):
                for last, count in after[_ANY].items():
                    free[last] += common**2 * count
        return free

    def _makes_sense(self, steps: Steps) -> bool:
        """Return whether no word is repeated, the last word is complete, and a long owner is one of the corpus."""
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
        """Return the words of a title as the corpus spells them."""
        words = " ".join(steps).replace(f" {_OWN}", _OWN).split()
        return [word if place and word in _SMALL else self._spelt(word) for place, word in enumerate(words)]

    def _spell_word(self, word: str) -> str:
        own = _OWN if word.endswith(_OWN) else ""
        capital = max(self._forms[word.removesuffix(_OWN)], key=self.spellings.__getitem__, default=None)
        return (capital or _capitalized(word.removesuffix(_OWN))) + own


def _key(words: Iterable[str]) -> str:
    return title_key(word for word in words if word != DANCE)


@cache
def _is_word(word: str) -> bool:
    return _WORD.fullmatch(word) is not None


@cache
def _kind(step: str) -> str:
    """Return "*" for an ordinary word, and the step itself for a small word, an end or a dance."""
    small = step in (_END, _BEGIN, _OWN, DANCE) or step.split()[0] in _SMALL
    return step if small else _ANY


def _ends(steps: Steps) -> Iterator[tuple[str, str]]:
    """Yield the first word and the last step of a title."""
    yield _BEGIN, next((step for step in steps if _kind(step) == _ANY), "")
    yield _END, steps[-1]


def _misprints(counts: Counter[str]) -> set[str]:
    """Return the words that occur once and differ by one letter from a more frequent word."""
    common = {part for word, count in counts.items() if count > 1 for part in (word, *_shortened(word))}
    rare = (word for word, count in counts.items() if count == 1 and len(word) > 3)
    return {word for word in rare if not common.isdisjoint((word, *_shortened(word)))}


def _shortened(word: str) -> list[str]:
    """Return a word with each of its letters removed in turn."""
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _capitalized(word: str) -> str:
    """Return a word with a capital letter, and with a second one in a name such as O'Neill.

    >>> _capitalized("o'neill"), _capitalized("long-tailed"), _capitalized("mccarthy")
    ("O'Neill", 'Long-Tailed', 'McCarthy')
    """
    return re.sub(r"(?:^|(?<=[-.])|(?<=^')|(?<=^[od]')|(?<=^mc))[^\W\d_]", lambda letter: letter[0].upper(), word)
