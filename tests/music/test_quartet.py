"""Scores in four voices as the grids of chorales, however they are written."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import tunes
from folkseq.music import Bar, Key, Sound, Tune
from folkseq.music.chorale import COLUMNS, HOLD, RANGES
from folkseq.music.quartet import to_grid

HEAD = "X:1\nT:Own\nM:2/4\nL:1/4\n"
VOICES = f"{HEAD}V:1\nV:2\nV:3 clef=bass\nV:4 clef=bass\nK:C\n"
FOUR = VOICES + "[V:1] c|d2-|d HG|]\n[V:2] G|G F|E E|]\n[V:3] C|B,2|C C|]\n[V:4] E,|G, G,|C, C,|]\n"
NOTES = "72 67 60 52 0|74 67 59 55 0|- 65 - 55 0|- 64 60 48 0|67 64 60 48 1"
PLACES = [4, 5, 6, 7, *range(8), *range(8)]  # after a pickup of a quarter
EXPECTED = [
    [*(quarter.replace("-", HOLD).split() if step == 0 else [HOLD] * 4 + [quarter[-1]]), str(PLACES[4 * number + step])]
    for number, quarter in enumerate(NOTES.split("|"))
    for step in range(4)
]


def read(text):
    data = text.encode()
    (tune,) = tunes.parse(data, "own").tunes
    return to_grid(tune)


def column(text, name):
    return read(text)[0].column(name)


def test_four_voices():
    grid, lost = read(FOUR)
    assert grid.columns == COLUMNS
    assert [list(row) for row in grid.rows] == EXPECTED
    assert (grid.title, dict(lost)) == ("Own", {})


STAVES = f"{HEAD}V:1\nV:2 clef=bass\nK:C\n"


def test_two_voices_a_staff_as_overlays():
    music = "[V:1] c & G|d2- & G F|d HG & E E|]\n[V:2] C & E,|B,2 & G, G,|C C & C, C,|]\n"
    assert [list(row) for row in read(STAVES + music)[0].rows] == EXPECTED


def test_two_voices_a_staff_as_chords_and_overlays():
    music = "[V:1] [cG]|d2- & G F|[dE] H[GE]|]\n[V:2] [CE,]|B,2 & G, G,|[CC,] [CC,]|]\n"
    assert [list(row) for row in read(STAVES + music)[0].rows] == EXPECTED


def test_two_voices_a_staff_as_chords():
    grid, lost = read(STAVES + "[V:1] [cG] H[dG]-|[dG] [cE]|]\n[V:2] [CE,] [B,G,]|[CC,] [CC,]|]\n")
    assert [row[:5] for row in grid.rows[::4]] == [
        ("72", "67", "60", "52", "0"),
        ("74", "67", "59", "55", "1"),
        (HOLD, HOLD, "60", "48", "0"),
        ("72", "64", "60", "48", "0"),
    ]
    assert not lost


def test_a_single_note_of_a_staff_in_chords_is_a_unison():
    text = STAVES + "[V:1] [cG] G|[Ad] [ce]|\n[V:2] [C,C] [C,C]|[F,C] [C,G,]|\n"
    assert column(text, "soprano")[::4] == ("72", "67", "74", "76")
    assert column(text, "alto")[::4] == ("67", "67", "69", "72")


def note(step, octave, voice, staff, type_="quarter", more=""):
    return (
        f"<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>1</duration>"
        f"<voice>{voice}</voice><type>{type_}</type><staff>{staff}</staff>{more}</note>"
    )


FERMATA = "<notations><fermata/></notations>"
BACK = "<backup><duration>2</duration></backup>"


def score(parts, names=()):
    names = [*names, *[""] * len(parts)]
    listed = "".join(f'<score-part id="P{n}"><part-name>{names[n]}</part-name></score-part>' for n in range(len(parts)))
    written = "".join(f'<part id="P{n}"><measure number="1">{part}</measure></part>' for n, part in enumerate(parts))
    return f'<?xml version="1.0"?><score-partwise><part-list>{listed}</part-list>{written}</score-partwise>'


def attributes(staves):
    return (
        "<attributes><divisions>1</divisions><time><beats>2</beats><beat-type>4</beat-type></time>"
        f"<staves>{staves}</staves></attributes>"
    )


LINES = [
    lambda voice, staff: note("C", 5, voice, staff) + note("D", 5, voice, staff, more=FERMATA),
    lambda voice, staff: note("G", 4, voice, staff) + note("G", 4, voice, staff),
    lambda voice, staff: note("E", 4, voice, staff) + note("D", 4, voice, staff),
    lambda voice, staff: note("C", 3, voice, staff) + note("B", 2, voice, staff),
]


@pytest.mark.parametrize(
    "parts",
    [
        [attributes(1) + line(1, 1) for line in LINES],
        [attributes(1) + LINES[n](1, 1) + BACK + LINES[n + 1](2, 1) for n in (0, 2)],
        [attributes(2) + BACK.join(line(n + 1, n // 2 + 1) for n, line in enumerate(LINES))],
    ],
    ids=["four parts", "two parts", "two staves"],
)
def test_musicxml(parts):
    grid, lost = read(score(parts))
    assert [row[:5] for row in grid.rows[::4]] == [("72", "67", "64", "48", "0"), ("74", "67", "62", "47", "1")]
    assert (len(grid.rows), dict(lost)) == (8, {})


def test_voices_are_found_by_name_among_others():
    fields = "V:o name=Oboe\nV:b name=Bass\nV:t name=Tenor\nV:a name=Alto\nV:s name=Soprano\n"
    text = f"{HEAD}{fields}K:C\n[V:o] c'/d'/ e'|\n[V:b] C, C,|\n[V:t] G, G,|\n[V:a] E E|\n[V:s] c c|\n"
    grid, lost = read(text)
    assert grid.rows[0] == ("72", "64", "55", "48", "0", "0")
    assert dict(lost) == {"note of another voice": 3}


def test_parts_of_musicxml_are_found_by_name_beside_a_piano():
    piano = attributes(2) + LINES[0](1, 1) + BACK + LINES[1](2, 2)
    parts = [piano, *(attributes(1) + line(1, 1) for line in reversed(LINES))]
    text = score(parts, ["Piano", "Bass", "Tenor", "Alto", "Sopran"])
    grid, lost = read(text)
    assert grid.rows[0] == ("72", "67", "64", "48", "0", "0")
    assert dict(lost) == {"note of another voice": 4}
    (tune,) = tunes.parse(text.encode(), "own").tunes
    assert tune.voice_fields == (
        '1 name="Piano"',
        "2",
        '3 name="Bass"',
        '4 name="Tenor"',
        '5 name="Alto"',
        '6 name="Sopran"',
    )


def test_scores_from_the_bass_up_are_turned_round():
    fields = "V:1 clef=bass\nV:2 clef=bass\nV:3\nV:4\n"
    grid, _ = read(f"{HEAD}{fields}K:C\n[V:1] C,2|\n[V:2] G,2|\n[V:3] E2|\n[V:4] c2|\n")
    assert grid.rows[0] == ("72", "64", "55", "48", "0", "0")


def test_a_bar_that_completes_a_short_one_continues_it():
    music = "".join(f"[V:{n}] {note}2|{note}|{note}|{note}2|]\n" for n, note in enumerate(("c", "G", "C", "C,"), 1))
    assert " ".join(column(VOICES + music, "place")) == "0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7"


def test_rests_after_the_last_note_are_no_steps():
    music = "".join(f"[V:{n}] {note} z|z2|]\n" for n, note in enumerate(("c", "G", "C", "C,"), 1))
    assert len(read(VOICES + music)[0].rows) == 4


def test_few_notes_of_a_fifth_voice_are_left_out():
    more = FOUR.replace("V:4 clef", "V:5 clef=bass\nV:4 clef").replace("[V:4]", "[V:5] x|C, x|x x|]\n[V:4]")
    grid, lost = read(more)
    assert [list(row) for row in grid.rows] == EXPECTED
    assert dict(lost) == {"note of another voice": 1}


@pytest.mark.parametrize(
    ("music", "soprano", "lost"),
    [
        ("(3c/d/e/ c|", "72 74 - 76 72 - - -", {"note moved to the grid": 3}),
        (
            "c/8d/8e/8f/8 c/ c|",
            "72 76 72 - 72 - - -",
            {"note shorter than a sixteenth": 2, "note moved to the grid": 2},
        ),
        ("{d}c c|", "72 - - - 72 - - -", {"grace note": 1}),
        ('"C"c c|\nw: la la', "72 - - - 72 - - -", {"chord symbol": 1, "syllable": 2}),
        ("|:c c:|", "72 - - - 72 - - -", {"repeat, written once": 1}),
        ("[ce] c|", "76 - - - 72 - - -", {"note beside another of its voice": 1}),
        ("c !D.C.!c|", "72 - - - 72 - - -", {"D.C. or D.S., not followed": 1}),
    ],
)
def test_what_the_grid_does_not_hold_is_counted(music, soprano, lost):
    text = VOICES + f"[V:1] {music}\n[V:2] E E|\n[V:3] G, G,|\n[V:4] C, C,|\n"
    grid, found = read(text)
    assert " ".join(grid.column("soprano")).replace(HOLD, "-") == soprano
    assert dict(found) == lost


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("X:1\nK:C\nCDEF|", "has 1 voice with notes, and a chorale has four"),
        (f"{VOICES}[V:1] c|\n[V:2] G|\n[V:3] E,|\n", "has 3 voices with notes, and a chorale has four"),
        (FOUR.replace("[V:4]", "[V:5] C,|G, G,|C, C,|]\n[V:4]"), "has 5 voices with notes, and a chorale has four"),
        (
            FOUR.replace("C, C,", "c c").replace("G, G,", "g g"),
            "is not for a choir: the bass is about 72, outside 40 to 64",
        ),
    ],
)
def test_other_scores_are_refused_with_the_reason(text, reason):
    with pytest.raises(ParseError, match=reason):
        read(text)


@given(st.data())
def test_the_cells_of_any_voices_are_their_notes(data):
    steps = data.draw(st.integers(1, 40))
    voices, expected = [], []
    for low, high in {**RANGES, "soprano": (65, 81)}.values():  # above any bass, so that it is the highest
        cells, elements = [], []
        while len(cells) < steps:
            length = data.draw(st.integers(1, steps - len(cells)))
            midi = data.draw(st.integers(low, high))
            elements.append(Sound((Key().spell(midi),), Fraction(length, 16)))
            cells += [str(midi), *[HOLD] * (length - 1)]
        voices.append((*elements, Bar("|]")))
        expected.append(tuple(cells))
    grid, lost = to_grid(Tune(tuple(voices)))
    assert [grid.column(name) for name in COLUMNS[:4]] == expected
    assert not lost
