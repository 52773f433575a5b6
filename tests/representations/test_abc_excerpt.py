"""Bars of a tune's tokens as ABC, with the shared part underlined."""

from folkseq.formats import abc
from folkseq.music import Interval
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.excerpt import WIDTH

TUNE = """X:1
M:6/8
L:1/8
K:G
D|:GAB AGE|{f}g^fd (3Bcd e|[GB]2z AGE|[M:9/8][K:D]F3- F3 z3:|
"""


def shown(start, stop, piece=None, text=TUNE):
    (tune,) = abc.parse_bytes(text.encode(), "x.abc").tunes
    codec, (ids,) = AbcRepresentation().fit_encode([tune])
    tokens = codec.vocabulary.decode(ids.tolist())
    places = [place for place, token in enumerate(tokens) if token == "|"]
    return codec.analysis.excerpt(tokens, start(places), stop(places), tune if piece is None else piece).splitlines()


def test_whole_bars_are_shown_and_the_passage_is_underlined():
    # from the third note of bar 1 to the first of the tuplet in bar 2
    lines = shown(lambda bars: bars[0] - 4, lambda bars: bars[0] + 9)
    assert lines == [
        "M:6/8  L:1/8  K:Gmaj",
        "G A B A G E | {f}g f d (3B c d e |",
        "    ^^^^^^^^^^^^^^^^^^^^^^",
    ]


def test_the_bars_are_in_the_key_of_the_piece():
    (tune,) = abc.parse_bytes(TUNE.encode(), "x.abc").tunes
    lines = shown(lambda bars: bars[2] - 3, lambda bars: bars[2] + 2, tune.transposed(Interval(1, 2)))
    assert lines[0] == "M:6/8  L:1/8  K:Amaj"
    assert lines[1].startswith("[Ac]2 z B A F |")


def test_a_meter_and_a_key_hold_from_where_they_stand():
    lines = shown(lambda bars: bars[-1] + 3, lambda bars: bars[-1] + 5)
    assert lines[0] == "M:9/8  L:1/8  K:Gmaj"
    assert lines[1].startswith("[M:9/8] [K:Dmaj] F3- F3 z3 :|")


def test_long_passages_have_several_lines():
    text = f"X:1\nM:4/4\nL:1/8\nK:C\n{'CDEFGABc|' * 20}\n"
    lines = shown(lambda bars: 3, lambda bars: bars[-1], text=text)
    assert len(lines) > 7
    assert all(len(line) <= WIDTH for line in lines)
    assert all(set(marks) <= {"^", " "} for marks in lines[2::2])
