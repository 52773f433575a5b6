"""Macros (`m:`): literal texts before and after, and what is heard of a tune with some."""

from __future__ import annotations

import pytest

from folkseq.formats import abc
from folkseq.formats.abc.macros import Macros


@pytest.mark.parametrize(
    ("macros", "line", "expanded"),
    [
        (["~G3 = G{A}G{F}G"], "~G3 ~G2 ~g3 ~F3|", "G{A}G{F}G ~G2 ~g3 ~F3|"),
        (["~G3=GGG"], "~G32 ~G3/2 ~G3", "~G32 ~G3/2 GGG"),
        (["~n3 = n{o}n{m}n"], "~G3 ~c'3 ~C,3 ~G2", "G{A}G{F}G c'{d'}c'{b}c' C,{D,}C,{B,,}C, ~G2"),
        (["~n3 = n{o}n{m}n"], "~^F3 ~ G3", "~^F3 ~ G3"),
        (["~n2 = (3o/n/m/ n"], "EA~B2|", "EA(3c/B/A/ B|"),
        (["~n19=hijklmnopqrstuvwxyz"], "~A19", "B,CDEFGABcdefgabc'd'e'f'"),
        (["~n2=nn", "~G2=G{A}G"], "~G2~A2", "G{A}GAA"),  # a static macro goes first
        (["On =[nn,]", "On/ = [n/n,/]"], "OG, OC,/", "[G,G,,] [C,/C,,/]"),
        (["v = cdef"], 'v GA "very"v !vv! [V:v] v', 'cdef GA "very"cdef !vv! [V:v] cdef'),
        (["a = bc", "b = de"], "abc", "bcdec"),  # once only
        (["~=a3 = {b}a3"], "~=a3 a3", "{b}a3 a3"),
        (["~G2=GG", "~G2=G{A}G"], "~G2", "G{A}G"),  # the last one counts
        (['Tn2=!trill!"so"n2'], "Tc2", '!trill!"so"c2'),
    ],
)
def test_macros_are_expanded(macros: list[str], line: str, expanded: str) -> None:
    made = Macros()
    for macro in macros:
        assert made.define(macro)
    assert made.expand(line) == expanded


@pytest.mark.parametrize("value", ["", "~G3", "=G", "~G3=", f"~{'G' * 31}=G", f"~G={'G' * 201}"])
def test_a_macro_without_target_or_text_is_not_read(value: str) -> None:
    assert not Macros().define(value)
    assert dict(abc.parse(f"X:1\nm:{value}\nK:C\n~G3|").lost[0]) == {"macro (m:) that cannot be read": 1}


def test_macros_hold_in_their_tune_and_from_the_file_header_in_all() -> None:
    book = abc.parse("m:~n2=non\n\nX:1\nm:~c2=cBc\nL:1/8\nK:C\n~G2~c2|\nm:C=D\nC|\nw:~G2\n\nX:2\nL:1/8\nK:C\n~c2C|\n")
    plain = abc.parse("X:1\nL:1/8\nK:C\nGAGcBc|\nD|\nw:~G2\n\nX:2\nL:1/8\nK:C\ncdcC|\n")
    assert book.tunes == plain.tunes
    assert not any(book.lost)
