"""D.C., D.S., fine and coda."""

import pytest
from tunes import letters

from folkseq.formats import abc
from folkseq.music import Bar, Key, Sound
from folkseq.music.route import is_unknown_jump, sign
from folkseq.music.timeline import Timeline

NOT_FOLLOWED = {"D.C. or D.S. that is not followed": 1}


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ("C|D !fine!|E|F !D.C.!|]", "CDEFCD"),
        ("C|!fine!D|E|F !D.C.alfine!|]", "CDEFCD"),  # at a note: its bar is played
        ('C|D "Fine"|E|"^D.C. al Fine"F|]', "CDEFCD"),
        ("C|D|E !D.C.!|]", "CDECDE"),  # to the end
        ("C|!segno!D|E|F !D.S.!|]", "CDEFDEF"),
        ("C|SD|E !fine!|F !D.S.alfine!|]", "CDEFDE"),
        ("C|D !coda!|E|F !D.C.alcoda!|!coda!G|A|]", "CDEFCDGA"),
        ('C|!segno!D "To Coda"|E|F "D.S. al Coda"|"Coda"G|]', "CDEFDG"),
        ("C|OD|E !dacapo!|!coda!G|]", "CDECG"),  # leaves before the bar that has the sign first
        ("C|D|E !D.C.!|!coda!F|]", "CDECDEF"),  # nothing leads to the coda
        ("|:C|1D:|2E !fine!|]|:F|1G:|2A !D.C.!|]", "CDCEFGFACE"),  # no repeats; the last ending
        ("|:C|D:|!fine!|:E:|!D.C.!|]", "CDCDEECD"),
        ("C|D !fine!|E !coda!|F !D.C.alcoda!|!coda!|:G:|", "CDEFCDEGG"),  # repeats of the coda
    ],
)
def test_a_route_is_followed(music: str, played: str) -> None:
    assert letters(f"K:C\n{music}") == ([played], {})


def test_every_voice_takes_the_route() -> None:
    assert letters("K:C\nV:1\nC|D !fine!|E !D.C.!|]\nV:2\nE|F|G|]") == (["CDECD", "EFGEF"], {})


def test_the_key_of_the_place_holds() -> None:
    (tune,) = abc.parse("X:1\nL:1/4\nM:1/4\nK:D\nF|[K:C]!segno!F|[K:A]c !D.S.!|]\n").tunes
    keys = [str(element) for _, element in Timeline.of(tune).voices[0] if isinstance(element, Key)]
    assert keys[-2:] == ["Cmaj", "Amaj"]


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ('C|D|"D.C."E|F|]', "CDEF"),  # a text that does not say where to end
        ("C|D|E|F !D.S.!|]", "CDEF"),  # no segno
        ("C|D !fine!|E !D.C.!|F|]", "CDEF"),  # F would never be played
        ("C|D !coda!|E !D.C.!|F|!coda!G|]", "CDEFG"),
        ("C|D !D.C.!|E|F !D.C.!|]", "CDEF"),
    ],
)
def test_a_route_that_is_not_clear_is_counted(music: str, played: str) -> None:
    assert letters(f"K:C\n{music}") == ([played], NOT_FOLLOWED)


def test_a_route_that_a_voice_cannot_take_is_counted() -> None:
    assert letters("K:C\nV:1\nC|D !fine!|E !D.C.!|]\nV:2\nE|F2|]") == (["CDE", "EF"], NOT_FOLLOWED)


def test_parts_come_before_a_route() -> None:
    (tune,) = abc.parse("X:1\nL:1/4\nP:ABA\nK:C\nP:A\nC|\nP:B\nD !D.C.!|\n").tunes
    assert sum(isinstance(element, Sound) for _, element in Timeline.of(tune).voices[0]) == 3


@pytest.mark.parametrize("text", ['"Dm"', '"D/C"', '"C"', '"Finest"', "T", "!trill!"])
def test_other_marks_are_no_signs(text: str) -> None:
    assert not sign(text)
    assert not is_unknown_jump(text)


def test_words_that_are_not_known_are_counted() -> None:
    assert letters('K:C\nC|"Da Capo il Majore"D|') == (["CD"], {'text "Da Capo il Majore"': 1})


def test_many_endings_take_linear_time() -> None:
    (tune,) = abc.parse(f"X:1\nL:1/4\nM:1/4\nK:C\n{'|:C|1D:|2E|]' * 3000} !D.C.!|\n").tunes
    assert sum(isinstance(element, Bar) for _, element in Timeline.of(tune).voices[0]) > 9000
