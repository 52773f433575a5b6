"""What the outputs see of recent compound tokens."""

import numpy as np
from performances import solo, take

from folkseq.recent import ENDS, FARTHEST, RECALLED, RecentTokens
from folkseq.representations.notes import NotesRepresentation

CODEC = NotesRepresentation().fit([])
RECENT = CODEC.layout.recent


def shown(piece):
    """For each note of a piece: the pitches that sound, the last pitches, and what is shown of the nearest note."""
    tokens = RecentTokens(CODEC.layout.compound, RECENT)
    found, offsets = [], RECENT.offsets(CODEC.layout.compound.fields)
    for row in tokens.indices(CODEC.encode(piece))[1:-1].tolist():
        sounds = sorted(each for each in row[: RECENT.count] if each != tokens.nothing)
        last = row[RECENT.count : RECENT.before()]
        last = [each - offset for each, offset in zip(last, offsets[1:], strict=False) if each != tokens.nothing]
        near = [
            each - offset
            for each, offset in zip(row[RECENT.before() : RECENT.before() + 4], offsets[RECALLED + 1 :], strict=False)
            if each != tokens.nothing
        ]
        found.append((sounds, last, near))
    return found


def test_what_sounds_the_last_pitches_and_the_nearest_note():
    piece = solo((60, 1, 0, 1), (64, 5, 0, 0.5), (72, 9, 0.5, 2), (61, 1, 0.7, 0.8))
    assert [(sounds, last) for sounds, last, _ in shown(piece)] == [
        ([], []),
        ([60], [60]),
        ([60], [64, 60]),
        ([60, 72], [72, 64, 60]),
    ]
    velocity, length, interval, age = shown(piece)[3][2]
    assert (velocity, interval, age) == (0, FARTHEST - 1, 6)  # 60 began 70 steps ago
    assert CODEC.layout.vocabulary.tokens[CODEC.layout.ids_of("length").start + length] == "LENGTH_97"


def test_the_lengths_with_which_a_note_ends_as_others():
    """The third note would end with both that sound after 2.00 s, which is 1.80 s from its onset."""
    piece = solo((60, 9, 0, 2), (64, 9, 0.1, 2), (67, 9, 0.2, 0.5), (72, 9, 0.3, 1))
    tokens = RecentTokens(CODEC.layout.compound, RECENT)
    rows = tokens.indices(CODEC.encode(piece))[1:-1]
    names = CODEC.layout.vocabulary.tokens

    def spelled(row):
        first, second = (CODEC.layout.ids_of(name).start for name in ("length", "length_fine"))
        ends = row[-2 * ENDS :].reshape(ENDS, 2).tolist()
        return [None if coarse < 0 else (names[first + coarse], names[second + fine]) for coarse, fine in ends]

    assert spelled(rows[0]) == [None, None]
    assert spelled(rows[2]) == [("LENGTH_161", "LENGTH+19"), ("LENGTH_161", "LENGTH+19")]
    assert spelled(rows[3]) == [("LENGTH_161", "LENGTH+9"), ("LENGTH_17", "LENGTH+3")]


def test_a_passage_of_whole_notes_is_shown_like_the_piece_from_there():
    ids, width = CODEC.encode(take(2, 8.0)), CODEC.layout.width
    tokens = RecentTokens(CODEC.layout.compound, RECENT)
    first = 2 + RECENT.count
    whole, part = tokens.indices(ids), tokens.indices(ids[2 * width :])
    shown = slice(RECENT.count, RECENT.before() + 4)
    np.testing.assert_array_equal(whole[first + 2 :, shown], part[first:, shown])
