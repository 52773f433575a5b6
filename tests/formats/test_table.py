"""CSV files of small integers or labels."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import table
from folkseq.music.grid import Grid


def parse(text, **settings):
    return table.parse(io.BytesIO(text if isinstance(text, bytes) else text.encode()), "t.csv", **settings)


def test_a_table_with_a_header_and_one_without():
    assert parse("lead, bass\nFT,03\nST,1\n\n") == Grid(("lead", "bass"), (("FT", "3"), ("ST", "1")))
    assert parse("0;1\n2;1\n") == Grid(("1", "2"), (("0", "1"), ("2", "1")), named=False)
    labels = parse("a\tb\nc\tb\n")  # b comes again in its column, so the first line is no header
    assert (labels.named, labels.rows[0]) == (False, ("a", "b"))
    assert parse('"x, y",z\r\n"1",2\r\n').columns == ("x, y", "z")
    assert parse('"lead", "bass"\n"1", "FT"\n') == Grid(("lead", "bass"), (("1", "FT"),))
    assert parse("nom,é\n1,2\n".encode("latin-1")).columns == ("nom", "é")


CELLS = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="=-+."), min_size=1).map(str.strip)


@given(st.data(), st.integers(2, 5), st.integers(1, 6))
def test_a_table_survives_formatting(data, width, height):
    cell = CELLS.filter(lambda text: text and not any(map(str.isdigit, text)) and text.lower() not in _NUMBERS)
    names = data.draw(st.lists(cell, min_size=width, max_size=width, unique=True))
    rows = data.draw(st.lists(st.lists(st.sampled_from("0123"), min_size=width, max_size=width), min_size=height))
    whole = Grid(tuple(names), tuple(map(tuple, rows)) or (("0",) * width,))
    assert table.parse(io.BytesIO(table.format(whole)), "t.csv").rows == whole.rows


_NUMBERS = ("nan", "inf", "infinity")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,\n", r"t\.csv: row 3, column 2 \(b\): the cell is missing"),
        ("1,2\n1\n", r"t\.csv: row 2, column 2: the cell is missing"),
        ("1,2\n1,2,3\n", r"t\.csv: row 2, column 3: a cell more than the 2 of row 1"),
        ("1,2\n1,-1\n", r"t\.csv: row 2, column 2: -1 is below 0"),
        ("1,2\n1,99999\n", r"t\.csv: row 2, column 2: 99999 is above 4,095"),
        ("1,2\n1,0.5\n", r"t\.csv: row 2, column 2: 0\.5 is neither an integer nor a label"),
        ("1\n2\n", r"t\.csv: one column"),
        ("", r"t\.csv: holds no rows"),
        ("a,b\n", r"t\.csv: holds no rows but its header"),
        ("\n1,2\n", r"t\.csv: row 1: an empty line; leave it out"),
        ("a,a\n1,2\n", r"t\.csv: row 1, column 2: a second column 'a'; rename it"),
        ("x,x\ny,z\n", "a second column 'x'; rename it, or put names above the labels"),
        ("a=b,c\n1,2\n", r"t\.csv: row 1, column 1: 'a=b' cannot be a name"),
        ('a,b\n"x\ty",2\n', r"t\.csv: row 2, column 1 \(a\): 'x\\ty' holds what is not printed; leave"),
        ("a,b\nx\u00a0y,2\n", r"t\.csv: row 2, column 1 \(a\): 'x\\xa0y' holds what is not printed"),
        ("1;2,5\n3;4,5\n", r"t\.csv: row 1: as many ',' as ';'; write whole numbers, separated by one of them"),
        (b"\0\1\2", r"t\.csv: row 1: not text"),
        ("1," * 1_000_000, r"t\.csv: row 1, from column 1 on: a line of more than"),
        (",".join("1" * 65), r"t\.csv: row 1: 65 columns"),
    ],
)
def test_a_fault_names_row_and_column(text, said):
    with pytest.raises(ParseError, match=said):
        parse(text, fewest_columns=2)
