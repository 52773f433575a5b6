"""Parsing ABC: the exact elements of every construct that books use, faults and losses, and texts of any content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import abc
from folkseq.formats.abc import Book
from folkseq.music import Bar, Element, Key, Meter, Part, Pitch, Sound, Tempo, Tune, Tuplet

F = Fraction
BAR = Bar()


def n(step: int, length: int | Fraction = 1, alter: int = 0, **more: object) -> Sound:
    """Return a note of `length` eighths, `step` above middle C."""
    return Sound((Pitch(step, alter),), F(length) / 8, **more)


def rest(length: int | Fraction = 1) -> Sound:
    return Sound((), F(length) / 8)


def chord(steps: Iterable[int], length: int = 1, **more: object) -> Sound:
    return Sound(tuple(Pitch(step) for step in steps), F(length, 8), **more)


def read(music: str, header: str = "M:4/4\nL:1/8\nK:C") -> tuple[Tune, dict[str, int]]:
    book = abc.parse(f"X:1\nT:t\n{header}\n{music}\n")
    assert not book.faults
    return book.tunes[0], dict(book.lost[0])


# Literal: music on the left, and what it says on the right, in C with eighths as the unit.
GOLDEN: list[tuple[str, list[Element]]] = [
    ("C,, C, C c c' c''", [n(-14), n(-7), n(0), n(7), n(14), n(21)]),
    ("A2 A3/2 A/ A/2 A// A3/4 A16", [n(5, F(x)) for x in ("2", "3/2", "1/2", "1/2", "1/4", "3/4", "16")]),
    ("A z x2 z/", [n(5), rest(), rest(2), rest(F(1, 2))]),
    (
        "^F F f =F F | F",
        [n(3, 1, 1), n(3, 1, 1), n(10, 1, 1), n(3), n(3), BAR, n(3)],
    ),  # to the bar's end, in every octave
    ("^^F __B", [n(3, 1, 2), n(6, 1, -2)]),
    ("^F-|F F", [n(3, 1, 1, tied=True), BAR, n(3, 1, 1), n(3)]),  # a tie carries its accidental over the bar
    ("A-A", [n(5, tied=True), n(5)]),
    ("A-B", [n(5, opens=1), n(6, closes=1)]),  # a tie between two pitches is a slur
    ("^F-=F", [n(3, 1, 1, opens=1), n(3, closes=1)]),
    ("(AB) (A(BA)B)", [n(5, opens=1), n(6, closes=1), n(5, opens=1), n(6, opens=1), n(5, closes=1), n(6, closes=1)]),
    ("A>B A<B", [n(5, F(3, 2)), n(6, F(1, 2)), n(5, F(1, 2)), n(6, F(3, 2))]),
    ("A>>B A<<<B", [n(5, F(7, 4)), n(6, F(1, 4)), n(5, F(1, 8)), n(6, F(15, 8))]),
    ("A > B", [n(5, F(3, 2)), n(6, F(1, 2))]),
    ("(3ABc d", [Tuplet(3, 2, 3), n(5, F(2, 3)), n(6, F(2, 3)), n(7, F(2, 3)), n(8)]),
    ("(2AB", [Tuplet(2, 3, 2), n(5, F(3, 2)), n(6, F(3, 2))]),
    ("(3:2:2A2B c", [Tuplet(3, 2, 2), n(5, F(4, 3)), n(6, F(2, 3)), n(7)]),
    ("(5ABcde", [Tuplet(5, 2, 5), *(n(step, F(2, 5)) for step in range(5, 10))]),
    ("(3::2AB", [Tuplet(3, 2, 2), n(5, F(2, 3)), n(6, F(2, 3))]),
    ("(3A>Bc", [Tuplet(3, 2, 3), n(5, 1), n(6, F(1, 3)), n(7, F(2, 3))]),
    (
        "{B}A {/B}A {cBc}A2",
        [n(5, grace=(Pitch(6),)), n(5, grace=(Pitch(6),)), n(5, 2, grace=(Pitch(7), Pitch(6), Pitch(7)))],
    ),
    ("[CEG]2 [C2E2] +CE+", [chord((0, 2, 4), 2), chord((0, 2), 2), chord((0, 2))]),
    ("+CE+2 +C E G+ +C2E2+/", [chord((0, 2), 2), chord((0, 2, 4)), chord((0, 2))]),
    ("+f+A +ff+B +fff+c", [n(5, marks=("+f+",)), n(6, marks=("+ff+",)), n(7, marks=("+fff+",))]),
    ("(10:8CDEFGABcde f", [Tuplet(10, 8, 10), *(n(step, F(4, 5)) for step in range(10)), n(10)]),
    ("(1:2:2AB c", [Tuplet(1, 2, 2), n(5, 2), n(6, 2), n(7)]),
    ("(3:2:4A(3Bcd e", [Tuplet(3, 2, 1), n(5, F(2, 3)), Tuplet(9, 4, 3), *(n(i, F(4, 9)) for i in (6, 7, 8)), n(9)]),
    (
        "(3:2:5A(3BcdB",
        [
            *(Tuplet(3, 2, 1), n(5, F(2, 3)), Tuplet(9, 4, 3), *(n(i, F(4, 9)) for i in (6, 7, 8))),
            *(Tuplet(3, 2, 1), n(6, F(2, 3))),
        ],
    ),
    (
        "(3:2:6(3ABc(3def",
        [
            *(
                Tuplet(9, 4, 3),
                *(n(i, F(4, 9)) for i in (5, 6, 7)),
                Tuplet(9, 4, 3),
                *(n(i, F(4, 9)) for i in (8, 9, 10)),
            )
        ],
    ),
    ("(3A(3Bcd e", [Tuplet(3, 2, 1), n(5, F(2, 3)), Tuplet(9, 4, 3), *(n(i, F(4, 9)) for i in (6, 7, 8)), n(9)]),
    ("[EC]-[CE]", [chord((0, 2), tied=True), chord((0, 2))]),
    ("~A .B HA TB uA vB", [n(5 + i % 2, marks=(mark,)) for i, mark in enumerate("~.HTuv")]),
    ("!trill!A +fermata+B", [n(5, marks=("!trill!",)), n(6, marks=("+fermata+",))]),
    ('"Am"A "1"B "^Slow"c', [n(5, marks=('"Am"',)), n(6, marks=('"1"',)), n(7, marks=('"^Slow"',))]),
    ("A`B ``c y d", [n(5), n(6), n(7), n(8)]),
    ("A | B || c |] d [| e", [n(5), BAR, n(6), Bar("||"), n(7), Bar("|]"), n(8), Bar("||"), n(9)]),
    ("|: A :| B |]", [Bar(opens=True), n(5), Bar(closes=1), n(6), Bar("|]")]),
    (
        "|: A :: B :||: c ::|",
        [Bar(opens=True), n(5), Bar(closes=1, opens=True), n(6), Bar(closes=1, opens=True), n(7), Bar(closes=2)],
    ),
    (
        "|: A |1 B :|2 c |]",
        [Bar(opens=True), n(5), Bar(endings=(1,)), n(6), Bar(closes=1, endings=(2,)), n(7), Bar("|]")],
    ),
    ("A | [1 B :| [2 c", [n(5), Bar(endings=(1,)), n(6), Bar(closes=1, endings=(2,)), n(7)]),
    ("A [1,3 B :|[2-4 c", [n(5), Bar("", endings=(1, 3)), n(6), Bar(closes=1, endings=(2, 3, 4)), n(7)]),
    ("A |\n| B", [n(5), BAR, n(6)]),  # a line's end does not make a double bar
    ("A |\n: B :|", [n(5), Bar(opens=True), n(6), Bar(closes=1)]),
    ("A :|\n|: B", [n(5), Bar(closes=1, opens=True), n(6)]),
    ("A .| B", [n(5), BAR, n(6)]),
    ("A | . | B", [n(5), BAR, n(6)]),
    ("d\nA:| \nB::c", [n(8), n(5), Bar(closes=1), n(6), Bar(closes=1, opens=True), n(7)]),  # no fields
    ("Z | X2 | A", [rest(8), BAR, rest(8), BAR, rest(8), BAR, n(5)]),
    ("A \\\nB", [n(5), n(6)]),
    ("A ! B !\nc", [n(5), n(6), n(7)]),  # old line breaks
    ("A % B\n% c\n%%text d\ne", [n(5), n(9)]),
    ("A\n%%begintext\nB c d\n%%endtext\ne", [n(5), n(9)]),
    ("A\n%%beginml\n<b>B c d</b>\n%%endml\ne", [n(5), n(9)]),
    ("A\n\\vskip 10pt\ne", [n(5), n(9)]),  # for TeX
    ("[K:D]F [K:none]F", [Key(1), n(3, 1, 1), Key(), n(3)]),
    ("[M:3/4] A [M:C|]", [Meter(3, 4), n(5), Meter(2, 2)]),
    ("[M:6/8](5ABcde", [Meter(6, 8), Tuplet(5, 3, 5), *(n(step, F(3, 5)) for step in range(5, 10))]),
    ("A [L:1/4] A [L:1/16] A", [n(5), n(5, 2), n(5, F(1, 2))]),
    ("A\nK:G\nF\nM:2/4\nL:1/16\nF", [n(5), Key(4), n(3, 1, 1), Meter(2, 4), n(3, F(1, 2), 1)]),
    ("P:A\nA\nP:B\nB [P:C]c", [Part("A"), n(5), Part("B"), n(6), Part("C"), n(7)]),
    ("A [Q:1/4=90] B", [n(5), Tempo(F(1, 4), 90), n(6)]),
    ("A [r:a remark] B", [n(5), n(6)]),
    ("A 2 B /2 c 3/2 | d", [n(5, 2), n(6, F(1, 2)), n(7, F(3, 2)), BAR, n(8)]),  # folk-rnn's tokens
]


@pytest.mark.parametrize(("music", "elements"), GOLDEN, ids=[music for music, _ in GOLDEN])
def test_music(music: str, elements: list[Element]) -> None:
    tune, lost = read(music)
    assert list(tune.body) == elements
    assert lost == {}


@pytest.mark.parametrize(
    ("music", "lost"),
    [
        ("A & B c | d", {"overlay (&) longer than its bar, cut": 1}),
        ("(& A | B & c | d | e &)", {"note of an overlay (&) with more bars than its voice": 1}),
        ("A {B}", {"grace note with no note after it": 1}),
        ('A "D"', {"decoration or text with no note after it": 1}),
        ("A-", {"tie with no note after it": 1}),
        ("A- z", {"tie with no note after it": 1}),
        ("- A", {"tie with no note before it": 1}),
        (") A", {"slur with no note before its end": 1}),
        ("A (", {"slur with no note after it": 1}),
        ("> A", {"broken rhythm with no note before it": 1}),
        ("A >", {"broken rhythm with no note after it": 1}),
        ("A>>>>B", {"broken rhythm of more than three signs": 1}),
        ("(3AB", {"tuplet with too few notes": 1}),
        ("(3AB(3ABc", {"tuplet with too few notes": 1}),
        ("(3(3ABc d", {"tuplet with too few notes": 1}),  # one sign too many
        ("(3:2:5A(3ABc", {"tuplet with too few notes": 1}),
        ("(13:12A(11:10BCDEFGABcde fg", {"tuplet with too few notes": 1}),
        ("[A2c]", {"chord of several lengths, read as its first": 1}),
        ("A []", {"chord without notes": 1}),
        ("[Az]", {"'z' in a chord": 1}),
        ("{vB}A", {"'v' in grace notes": 1}),
        ("^1/2A", {"microtone, read as the nearest written accidental": 1}),
        ("A N ä", {"unknown symbol 'N'": 1, "unknown symbol 'ä'": 1}),
        ("| 20 A", {"unknown symbol '2'": 1, "unknown symbol '0'": 1}),
        ("kA", {"decoration 'k' of the encoder's own": 1}),
        ("A\nw:la la", {"syllable with no note": 1}),
        ("{[CE]}A", {"note of a chord of grace notes": 1}),
        ("[C^1/2E]", {"microtone, read as the nearest written accidental": 1}),
        ("C0 [CE]0", {"note of no length (0), read as one unit long": 2}),
        ("A\nZ:me", {"Z: field in the body": 1}),
        ('A [Q:"slow"]', {"tempo in words": 1}),
        ("A [Q:1/4=60-70]", {"tempo range, read as its first number": 1}),
        ('"C7xyz"A', {'chord symbol "C7xyz" of an unknown kind': 1}),
        ("A [K:alto]", {"setting alto": 1}),
        ("|:A|1B|2c|]", {"ending that no :| comes before": 1}),
        ("A|1B:|2c|d|1e:|2f|]", {"second part with endings but no |:": 1}),
        ("|:A|1B:|3c|]", {"endings not numbered 1, 2, 3 …": 2}),
        ("|:A|1B:|2c:|d|]", {":| after the last ending, read as the section without endings once more": 1}),
        ("|:A|1B:|2c:|", {":| after the last ending, read as a plain line": 1}),
    ],
)
def test_losses_are_counted(music: str, lost: dict[str, int]) -> None:
    assert read(music)[1] == lost


@pytest.mark.parametrize(
    ("music", "normal"),
    [
        ("A |[| B ]| c |]", "A || B |] c |]"),
        ("A ]|: B :|", "A |: B :|"),
        ("[: A :] B |[|: c ::|", "|: A :| B |: c ::|"),
        ("|: A |  1 B :|   2 c |]", "|: A |1 B :|2 c |]"),
        ("|: A |1-11 B :|12 c |]", "|: A | [1,2,3,4,5,6,7,8,9,10,11 B :| [12 c |]"),
        ("|: A |[1, 3 B :|[2 c |]", "|: A |1,3 B :|2 c |]"),
        ('|: A |["first time" B :|["last" c |]', '|: A |1 "^first time" B :|2 "^last" c |]'),
        ('|: A | B ["1." c | d :| ["2." e |]', None),
    ],
)
def test_bar_lines_and_endings_as_people_write_them(music: str, normal: str | None) -> None:
    tune, lost = read(music, "M:1/8\nL:1/8\nK:C")
    assert lost == {}
    text = abc.format(tune)
    if normal:
        assert "".join(text.split("K:Cmaj\n")[1].split()) == "".join(normal.split())
    assert abc.parse(text).tunes[0].body == tune.body


def test_long_rests_are_read() -> None:
    tune, _ = read("C8|" + "Z90|" * 4 + "D8|")
    assert len(tune.body) == 2 * 362


def test_missing_signs_of_endings_are_written() -> None:
    tune, _ = read("A|1B|2c|d|1e:|2f|]", "M:1/8\nL:1/8\nK:C")
    assert abc.format(tune).endswith("K:Cmaj\nA |1 B :|2 c |: d |\n[1 e :|2 f |]\n")


def test_the_header() -> None:
    tune, lost = read(
        "A",
        "T:Second, The\nC:Trad.\nR:reel\nO:Ireland\n+:Clare\nP:AAB\nM:C|\nQ:1/2=90\nZ:A. N. Coder\n"
        "m:~G2\nI:linebreak $\nK:Em",
    )
    assert tune.titles == ("t", "Second, The")
    assert (tune.title, tune.rhythm, tune.parts, str(tune.key), str(tune.meter)) == ("t", "reel", "AAB", "Emin", "2/2")
    assert tune.fields == (("C", "Trad."), ("O", "Ireland Clare"), ("Z", "A. N. Coder"))
    assert (tune.unit, tune.tempo) == (F(1, 8), Tempo(F(1, 2), 90))
    assert lost == {"macro (m:) that cannot be read": 1, "order of parts (P:) that is not followed": 1}


@pytest.mark.parametrize(("meter", "sixteenths"), [("2/4", 1), ("6/8", 2), ("C", 2), ("none", 2)])
def test_a_missing_unit_follows_the_meter(meter: str, sixteenths: int) -> None:
    tune, _ = read("A", f"M:{meter}\nK:C")
    assert tune.body == (n(5, F(sixteenths, 2)),)


def test_pickups_keep_their_length() -> None:
    tune, _ = read("d|BAG AGE|G3 G2:|", "M:6/8\nL:1/8\nK:G")
    bars = [F(0)]
    for element in tune.body:
        if isinstance(element, Sound):
            bars[-1] += element.duration
        else:
            bars.append(F(0))
    assert bars == [F(1, 8), F(3, 4), F(5, 8), 0]


def test_a_tempo_in_the_header_that_cannot_be_read_is_counted_and_kept() -> None:
    tune, lost = read("A", "Q:1/4=3/8\nK:C")
    assert tune.fields == (("Q", "1/4=3/8"),)
    assert lost == {"tempo that cannot be read": 1}
    assert read("A", "Q:quick\nK:C")[1] == {}


def test_a_tune_may_be_indented() -> None:
    book = abc.parse("Dear all,\n\n  X:7\n  T:One\n  K:G\n  F |\n\tL:1/4\n  A |\n")
    assert [(tune.number, tune.title, str(tune.key)) for tune in book.tunes] == [(7, "One", "Gmaj")]
    assert book.tunes[0].body == (n(3, 1, 1), BAR, n(5, 2), BAR)


def test_a_text_may_name_a_voice() -> None:
    tune, _ = read('V:1\nA "^see [V:2] below"B [V:2] c')
    assert tune.voices == ((n(5), n(6, marks=('"^see [V:2] below"',))), (n(7),))


def test_a_voice_field_within_a_line_may_have_a_space() -> None:
    tune, _ = read("[V: a] c | [V: b] C |\n[V:a ] d |", "L:1/8\nV: a\nV: b\nK:C")
    assert tune.voices == ((n(7), BAR, n(8), BAR), (n(0), BAR))


def test_voices() -> None:
    header = "M:4/4\nL:1/8\nV:melody\nV:bass clef=bass\nK:C"
    for music in ("V:bass\nC,\nV:melody\nc\nV:bass\nD,", "c\n[V:bass]C,[V:bass]D,", "[V:melody]c [V:bass] C,D,"):
        tune, lost = read(music, header)
        assert tune.voices == ((n(7),), (n(-7), n(-6)))  # in the header's order
        assert tune.voice_fields == ("melody", "bass clef=bass")
        assert lost == {}
    tune, _ = read("V:1\nA\nV:2\nB")
    assert tune.voices == ((n(5),), (n(6),))


def test_a_voice_keeps_its_own_key_and_bar() -> None:
    tune, _ = read("V:1\n^F\nV:2\nF [K:D] F\nV:1\nF | F")
    assert tune.voices == ((n(3, 1, 1), n(3, 1, 1), BAR, n(3)), (n(3), Key(1), n(3, 1, 1)))


def test_music_on_the_line_of_a_voice_field_is_read() -> None:
    tune, lost = read('V:1\nV:2\nV:1 name="A|B" C | \\\nD\nV:2 octave=1 E|', "L:1/8\nK:C")
    assert tune.voices == ((n(0), BAR, n(1)), (n(9), BAR))
    assert lost == {}


def test_notes_have_the_syllables_under_them() -> None:
    tune, lost = read("C | {g}D z E-|E (F G)|\\\nA\nw:Hal-le-lu~ja * so_ ma- -\nw:|two|\\-\nB\nW:And more.")
    assert [(sound.pitches[0].step, sound.lyrics) for sound in tune.sounds() if sound.pitches] == [
        (0, ("Hal-", "")),
        (1, ("le-", "two")),
        (2, ("lu~ja", "")),
        (2, ("", "\\-")),
        (3, ("so", "")),
        (4, ("_", "")),
        (5, ("ma-", "")),
        (6, ()),
    ]
    assert tune.fields == (("W", "And more."),)
    assert lost == {}
    assert abc.format(abc.parse(abc.format(tune)).tunes[0]) == abc.format(tune)
    assert "w:Hal- le- lu~ja * so _ ma-\nw:* two * \\-\n" in abc.format(tune)


BOOK = """% A book.
M:6/8
L:1/8

X:1
T:First
K:G
GAB|

A line of prose, then | lost | music |

X:7
T:Second
K:Gfoo
GAB|

X:8
T:Third

M:3/4
K:D
F|
X:9
T:Fourth
K:C
[CE|
"""


def test_a_fault_does_not_stop_the_book() -> None:
    book = abc.parse(BOOK, "book.abc")
    assert [(tune.number, tune.title, str(tune.meter)) for tune in book.tunes] == [
        (1, "First", "6/8"),
        (8, "Third", "3/4"),
    ]
    assert [(fault.file, fault.number, fault.title, fault.line) for fault in book.faults] == [
        ("book.abc", "7", "Second", 14),
        ("book.abc", "9", "Fourth", 26),
    ]
    assert str(book.faults[0]).startswith("book.abc, X:7 (Second), line 14: K:Gfoo ")
    assert dict(book.stray) == {"line of music after a blank line": 1}
    assert len(book.lost) == len(book.tunes)


@pytest.mark.parametrize(
    ("text", "line", "facts"),
    [
        ("X:1\nT:t\n", 2, "no K: line.* K:G"),
        ("X:1\nK:C\nz|z|\n", 3, "no note"),
        ("X:1\nK:C\nA{B\n", 3, "a { that has no partner"),
        ("X:1\nK:C\nA/0\n", 3, "length /0 is zero"),
        ("X:1\nK:C\nA999\n", 3, "124.875 whole notes.* 64"),
        ("X:1\nK:C\nA/9999\n", 3, "1.25013e-05 of a whole note.* 1/4096"),
        ("X:1\nK:C\nA''''''''\n", 3, "A'''''''' .*keyboard"),
        ("X:1\nK:C\n(9:99:9A\n", 3, r"\(9:99:9 .*tuplet"),
        ("X:1\nM:C\nK:C\nAZ99999999|\n", 4, "Z99999: .*1 to 10000 bars"),
        ("X:1\nM:none\nK:C\nAZ|\n", 4, "Z: .*meter"),
        ("X:1\nK:C\nA|3-1B\n", 3, "3-1 .*ending.* 99"),
    ],
)
def test_a_fault_names_tune_line_and_reason(text: str, line: int, facts: str) -> None:
    book = abc.parse(text)
    assert book.tunes == ()
    (fault,) = book.faults
    assert str(fault) == f"<text>, X:1{' (t)' if 'T:t' in text else ''}, line {line}: {fault.reason}"
    assert re.search(facts, fault.reason)


def test_tunes_without_numbers_are_read() -> None:
    book = abc.parse("M:6/8\nK:Cmaj\n|: C 2 E /2 F /2 G :|\n\nM:4/4\nK:Cdor\nC 8 |\n")
    assert [str(tune.key) for tune in book.tunes] == ["Cmaj", "Cdor"]
    assert book.tunes[0].body[1:5] == (n(0, 2), n(2, F(1, 2)), n(3, F(1, 2)), n(4))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    text = "X:1\nT:Caisleán\nK:D\nA|F|\n\nX:2\nK:C\nA|".replace("\n", end)
    book = abc.parse_bytes(text.encode(encoding))
    assert [tune.title for tune in book.tunes] == ["Caisleán", ""]
    assert book.tunes[0].body == (n(5), BAR, n(3, 1, 1), BAR)


def test_files_without_tunes_are_refused(tmp_path: Path) -> None:
    for data, facts in (
        (b"", "empty"),
        (b" \n", "empty"),
        (b"MThd\0\0\0\6", "not text"),
        (b"Dear all,\n", "no tune"),
    ):
        path = tmp_path / "t.abc"
        path.write_bytes(data)
        with pytest.raises(ParseError, match=f"{re.escape(str(path))}: .*{facts}"):
            abc.read(path)
    with pytest.raises(ParseError, match=r"none\.abc: .*No such file or directory"):
        abc.read(tmp_path / "none.abc")


SYMBOLS = "ABcd^_=,'123/<>-()[]{}|:\"!+~.&%\\ zxZy$`\n"
WORDS = [
    "X:1\n",
    "K:G\n",
    "M:6/8\n",
    "L:1/16\n",
    "V:2\n",
    "[V:1]",
    "[K:",
    "P:A\n",
    "w:la\n",
    "+:x\n",
    "m:A=B|\n",
    "m:n2=no\n",
    "(&",
    "&)",
    "&&",
    "Q:1/4=",
    "|1",
    "[2",
    "(3:2:",
    ":|",
    "\n\n",
]


@given(st.lists(st.one_of(st.sampled_from(SYMBOLS), st.sampled_from(WORDS), st.characters()), max_size=60).map("".join))
@settings(max_examples=400)
def test_any_text_can_be_parsed(text: str) -> None:
    book = abc.parse(f"X:1\nM:4/4\nK:C\nA{text}")
    assert isinstance(book, Book)
    assert len(book.tunes) + len(book.faults) >= 1


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        assert abc.parse_bytes(b"X:1\nK:C\nA" + data).tunes is not None
    except ParseError as error:
        assert str(error).startswith("<bytes>: ")  # noqa: PT017 - most bytes raise nothing


@pytest.mark.parametrize(
    "symbol",
    [
        ">",
        "[",
        "(",
        "|",
        ":",
        "|: ",
        "A-",
        "{a}",
        "(3",
        "A> ",
        " /2",
        "[K:C]",
        "+A11",
        "Z200 ",
        "[V:1]",
        '"a',
        "A/2",
        "::",
        "w:a\n",
        "+:a\n",
        "Q:1 ",
        "|1",
        '["a',
    ],
)
def test_long_texts_are_parsed_in_linear_time(symbol: str) -> None:
    """Quadratic time would be minutes here."""
    book = abc.parse(f"X:1\nM:4/4\nC:a\nK:C\nA{symbol * (300_000 // len(symbol))}\nA\n")
    assert len(book.entries) == 1


def test_a_file_header_is_limited() -> None:
    book = abc.parse("A:x\n" * 5000 + "\n" + "X:1\nK:C\nA\n\n" * 50)
    assert [len(tune.fields) for tune in book.tunes] == [200] * 50
    assert dict(book.stray) == {"line of a file header of more than 200": 4800}


def test_a_byte_order_mark_within_a_file_is_ignored():
    """It is left where one program's file was put after another's."""
    book = abc.parse_bytes(
        "\ufeffX:1\nT:One\nK:C\nCDEF|]\n\ufeff% two\n\ufeffX:2\nT:Two\nK:G\nGABc|]\n".encode(), "a.abc"
    )
    assert [tune.title for tune in book.tunes] == ["One", "Two"]
    assert not any(book.lost)


def test_each_note_of_a_chord_has_a_tie_of_its_own() -> None:
    tune, lost = read("[C-E] [CE] [C-E-] [CE] [CE]- [CE]")
    assert [(sound.tied, sound.untied) for sound in tune.sounds()] == [
        (True, (Pitch(2),)),
        (False, ()),
        *[(True, ()), (False, ())] * 2,
    ]
    assert lost == {}
    tune, _ = read("[C-E] [EG]")  # leads to no C, so a slur is meant
    assert list(tune.body) == [chord((0, 2), opens=1), chord((2, 4), closes=1)]
