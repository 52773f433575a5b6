from collections import Counter
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.formats.abc.places import read_first, symbol_of
from folkseq.music import Sound

MUSIC = [
    "A",
    "b2",
    "^c/",
    "=F,",
    "z",
    "|",
    ":|",
    "|:",
    "|1",
    ":|2",
    "(",
    ")",
    "-",
    ">",
    "{B}",
    "[CE]2",
    "(3",
    "~",
    "Z2",
]
MUSIC += [
    '"Am"',
    "[K:D]",
    " ",
    "\n",
    "&",
    "[V:2]",
    "D0",
    "+GB+",
    "^/2G",
    "!trill!",
    ".",
    "% \n",
    "y",
    "[V:1]",
    '["Am"]',
]


@given(st.lists(st.sampled_from(MUSIC), max_size=30).map("".join))
@example("A&b2|Z2[V:2]A")
@example("D0D0A&D0|")
@settings(max_examples=300, deadline=None)
def test_each_note_is_read_as_without_places_and_found_in_the_text(music):
    text = f"X:1\nM:4/4\nL:1/8\nK:C\nG{music}\n"
    book = abc.parse(text)
    (expected,) = book.entries
    placed = read_first(text)
    if isinstance(expected, abc.Fault):
        assert placed.tune is None
        assert [each.text for each in placed.faults if not each.lost] == [expected.reason]
        return
    assert placed.tune is not None
    for voice, expected_voice in zip(placed.tune.voices, expected.voices, strict=True):
        for element, plain in zip(voice, expected_voice, strict=True):
            if not isinstance(element, Sound):
                assert element == plain
                continue
            symbol = symbol_of(element)
            assert replace(element, marks=tuple(mark for mark in element.marks if mark[0] != "@")) == plain
            if symbol is None:
                assert not element.pitches  # a rest beside an overlay
                continue
            start, stop = placed.symbols[symbol]
            written = {letter for letter in text[start:stop].upper() if letter in "ABCDEFG"}
            assert written == {"CDEFGAB"[pitch.step % 7] for pitch in element.pitches}
    assert placed.lost == Counter(book.lost[0]) + Counter(book.stray)
