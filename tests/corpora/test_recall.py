"""What the outputs see of recent compound tokens."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from performances import solo, take

from folkseq.corpora.matching import places_after
from folkseq.corpora.recall import RecentTokens
from folkseq.recent import ENDS, FARTHEST, MATCH, MATCHED, RECALLED
from folkseq.representations.notes import NotesRepresentation

CODEC = NotesRepresentation().fit([])
LAYOUT = CODEC.layout
RECENT = LAYOUT.recent
TOKENS = RecentTokens(LAYOUT.compound, RECENT)
NAMES = LAYOUT.vocabulary.tokens


def parts(piece):
    """For each note of a piece: the parts of what is shown."""
    ends = np.cumsum(TOKENS.widths)[:-1]
    return [np.split(row, ends) for row in TOKENS.indices(CODEC.encode(piece))[1:-1]]


def values(part, reference):
    """The set of values of a reference, and its other values."""
    kept = [
        None if row == reference.nothing else int(row) - kind * reference.values
        for row, kind in zip(part, reference.kinds, strict=True)
    ]
    return sorted(each for each in kept[: reference.many] if each is not None), kept[reference.many :]


def name(field, value):
    return NAMES[LAYOUT.ids_of(field).start + value]


def test_what_sounds_the_last_pitches_and_the_nearest_note():
    piece = solo((60, 1, 0, 1), (64, 5, 0, 0.5), (72, 9, 0.5, 2), (61, 1, 0.7, 0.8))
    found = parts(piece)
    assert [values(each[1], TOKENS.references[1]) for each in found] == [
        ([], [None] * 4),
        ([60], [60, None, None, None]),
        ([60], [64, 60, None, None]),
        ([60, 72], [72, 64, 60, None]),
    ]
    velocity, length, interval, age = (found[3][3] - TOKENS.offsets[:-1])[:4]
    assert (velocity, interval, age) == (0, FARTHEST - 1, 6)  # 60 began 70 steps ago
    assert name("length", length) == "LENGTH_97"


def test_when_what_sounds_ends_and_how_long_the_last_notes_were():
    """After the second note, the first ends in 0.90 s and the second in 0.10 s; at the third only the first sounds."""
    found = parts(solo((60, 9, 0, 1), (64, 9, 0.1, 0.2), (67, 9, 0.5, 0.6)))
    waits, _, lengths = TOKENS.references
    assert [name("wait", value) for value in values(found[1][0], waits)[0]] == ["WAIT_10", "WAIT_80"]
    assert [name("wait", value) for value in values(found[2][0], waits)[0]] == ["WAIT_10", "WAIT_48"]
    ends, others = values(found[2][2], lengths)
    assert [name("length", value) for value in ends] == ["LENGTH_49"]
    nearest, *last = others
    assert name("length", nearest) == "LENGTH_10"
    assert [name("length", value) for value in last[:2]] == ["LENGTH_10", "LENGTH_97"]
    assert last[2:] == [None] * (RECALLED - 2)


def test_the_lengths_with_which_a_note_ends_as_others():
    """The third note would end with both that sound after 2.00 s, which is 1.80 s from its onset."""
    found = parts(solo((60, 9, 0, 2), (64, 9, 0.1, 2), (67, 9, 0.2, 0.5), (72, 9, 0.3, 1)))

    def spelled(part):
        ends = part[4].reshape(ENDS, 2).tolist()
        return [None if coarse < 0 else (name("length", coarse), name("length_fine", fine)) for coarse, fine in ends]

    assert spelled(found[0]) == [None, None]
    assert spelled(found[2]) == [("LENGTH_161", "LENGTH+19"), ("LENGTH_161", "LENGTH+19")]
    assert spelled(found[3]) == [("LENGTH_161", "LENGTH+9"), ("LENGTH_17", "LENGTH+3")]


def test_the_note_that_followed_when_the_last_pitches_were_played_before():
    """After C D for the second time, an E as long and as loud as the first one is likely."""
    first = [(60, 9, 0, 0.2), (62, 9, 0.2, 0.4), (64, 20, 0.5, 0.6)]
    found = parts(solo(*first, (60, 5, 1, 1.1), (62, 5, 1.2, 1.3), (64, 5, 1.5, 1.6)))
    *_, after, before, _ = zip(*found, strict=True)
    assert [int(each[0]) for each in before] == [-1, -1, -1, -1, 0, 1]  # the length of the match, less one
    _, *copied = before[5].tolist()
    assert [name(LAYOUT.fields[field], value) for field, value in zip(RECENT.matched, copied, strict=True)] == [
        "WAIT_28",
        "PITCH_64",
        "VELOCITY_5",
        "LENGTH_10",
        "LENGTH+0",
    ]
    assert all((now == then).all() for now, (_, then) in zip(after, pairwise(before), strict=False))


def test_the_pitch_that_continues_the_last_intervals():
    """After C D E, another tone is likely; after D E G A, as large a step as from E to G."""
    pitches = (60, 62, 64, 67, 69, 69)
    found = parts(solo(*((pitch, 9, at, at + 0.5) for at, pitch in enumerate(pitches))))
    assert [each[-1].tolist() for each in found] == [[-1, -1]] * 3 + [[0, 66], [-1, -1], [0, 72]]


@given(st.lists(st.integers(58, 63), max_size=80))
def test_the_key_after_the_last_of_the_longest_matches_of_intervals(keys):
    piece = solo(*((key, 9, at / 10, at / 10 + 0.05) for at, key in enumerate(keys)))
    found = [each[-1].tolist() for each in parts(piece)]
    for now in range(len(keys)):
        longest, expected = 0, [-1, -1]
        for then in range(now - 2, 0, -1):
            run = 0
            while run < then and keys[now - 1 - run] - keys[now - 2 - run] == keys[then - run] - keys[then - 1 - run]:
                run += 1
            if run > longest and keys[then] != keys[now - 1]:
                longest, expected = run, [min(run, MATCH) - 1, keys[then + 1] + keys[now - 1] - keys[then]]
        assert found[now] == expected


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(2, 40))
def test_the_last_of_the_longest_matches(keys, window):
    places, levels = places_after(np.array(keys, np.int64), range(1, MATCH + 1), window)
    for now in range(len(keys)):
        lengths = {}
        for then in range(max(0, now - window + 1), now):
            run = 0
            while run <= then and run < MATCH and keys[then - run] == keys[now - run]:
                run += 1
            lengths[then] = run
        longest = max(lengths.values(), default=0)
        assert levels[now] == longest
        if longest:
            assert places[now] == max(then for then, run in lengths.items() if run == longest) + 1


def test_a_passage_of_whole_notes_is_shown_like_the_piece_from_there():
    ids, width = CODEC.encode(take(2, 8.0)), LAYOUT.width
    first = 2 + RECENT.count
    whole, part = TOKENS.indices(ids), TOKENS.indices(ids[2 * width :])
    some = slice(TOKENS.widths[0], -sum(TOKENS.widths[-3:]))  # a match may lie further back
    assert len(part) - first > 10
    assert len(whole) < MATCHED
    np.testing.assert_array_equal(whole[first + 2 :, some], part[first:, some])
