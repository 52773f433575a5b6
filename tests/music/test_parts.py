"""Parts: their order, and voices that share them."""

import pytest
from tunes import letters

from folkseq.formats import abc
from folkseq.music import Part
from folkseq.music.parts import part_order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("AABB", "AABB"),
        ("A(A2B2)2", "AAABBAABB"),
        ("((AB)3.(CD)3)2", "ABABABCDCDCDABABABCDCDCD"),
        ("A B.A", "ABA"),
        ("Modern Version.", ""),
        ("A)B", ""),
        ("(((((A99)99)99)99)99)99", ""),
        ("", ""),
    ],
)
def test_part_order(text, order):
    assert part_order(text) == order


@pytest.mark.parametrize(
    "music",
    [
        "P:A\nV:1\nC|\nV:2\nE|\nP:B\nV:1\nD|\nV:2\nF|",  # a label between the voices
        "P:A\nV:S\nC|\nV:T\nE|\nP:B\nF|\nV:S\nD|",  # in the voice before
        "V:1\nP:A\nC|\nP:B\nD|\nV:2\nE|F|",  # in the first voice alone
        "V:1\nP:A\nC|\nP:B\nD|\nV:2\nP:A\nE|\nP:B\nF|",
    ],
)
def test_a_label_holds_for_every_voice(music: str) -> None:
    assert letters(f"P:ABA\nK:C\n{music}") == (["CDC", "EFE"], {})


def test_repeats_are_played_within_parts_of_every_voice() -> None:
    music = "P:BA\nK:C\nV:1\nP:A\n|:C:|\nP:B\n|:D|1E:|2F|]\nV:2\n|:E:|:F|1G:|2A|]"
    assert letters(music) == (["DEDFCC", "FGFAEE"], {})


def test_normal_form_has_the_labels_in_every_voice() -> None:
    (tune,) = abc.parse("X:1\nL:1/4\nP:AB\nK:C\nP:A\nV:1\nC|\nV:2\nE|\nP:B\nV:1\nD|\nV:2\nF|\n").tunes
    assert [[e.label for e in voice if isinstance(e, Part)] for voice in tune.voices] == [["A", "B"]] * 2
    assert abc.parse(abc.format(tune)).tunes[0].voices == tune.voices


@pytest.mark.parametrize(
    ("music", "played", "lost"),
    [
        (
            "P:ABZ\nK:C\nP:A\nC|\nP:B\nD|\nP:C\nE|",
            "CD",
            {"part Z of the order (P:) that is not in the tune": 1, "part C that is not in the order (P:)": 1},
        ),
        ("P:first, then second\nK:C\nP:A\nC|\nP:B\nD|", "CD", {"order of parts (P:) that is not followed": 1}),
        ("P:AABB\nK:C\nC|D|", "CD", {"order of parts (P:) that is not followed": 1}),
        ("P:XYX\nK:C\nP:A\nC|", "C", {f"part {x} of the order (P:) that is not in the tune": 1 for x in "XY"}),
        ("P:A,B,A\nK:C\nP:A\nC|\nP:B\nD|", "CDC", {}),
    ],
)
def test_what_an_order_cannot_play_is_counted(music: str, played: str, lost: dict[str, int]) -> None:
    assert letters(music) == ([played], lost)


def test_many_labels_take_linear_time() -> None:
    music = "P:A\nC|\n" * 20_000
    (tune,) = abc.parse(f"X:1\nL:1/4\nK:C\nV:1\n{music}V:2\n{'C|' * 20_000}\n").tunes
    assert sum(isinstance(element, Part) for element in tune.voices[1]) == 20_000
