"""CSV files of small integers or labels."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.errors import ParseError
from folkseq.formats import table
from folkseq.formats.columns import Scale
from folkseq.formats.numerals import MISSING
from folkseq.formats.table import ColumnOptions
from folkseq.music.grid import Grid


def read(text, **reading):
    data = text if isinstance(text, bytes) else text.encode()
    return table.parse(data, "t.csv", fewest_columns=2, reading=ColumnOptions(**reading))


def parse(text, **reading):
    return read(text, **reading).grid


def test_a_table_with_a_header_and_one_without():
    assert parse("lead, bass\nFT,03\nST,1\n\n") == Grid(("lead", "bass"), (("FT", "3"), ("ST", "1")))
    assert parse("0;1\n2;1\n") == Grid(("1", "2"), (("0", "1"), ("2", "1")), named=False)
    labels = parse("a\tb\nc\tb\n")  # b comes again in its column, so the first line is no header
    assert (labels.named, labels.rows[0]) == (False, ("a", "b"))
    assert parse('"x, y",z\r\n"1",2\r\n').columns == ("x, y", "z")
    assert parse('"lead", "bass"\n"1", "FT"\n') == Grid(("lead", "bass"), (("1", "FT"),))
    assert parse("nom,é\n1,2\n".encode("latin-1")).columns == ("nom", "é")


CELLS = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="=-+."), min_size=1).map(
    lambda text: normalize("NFC", text.strip())
)


@given(st.data(), st.integers(2, 5), st.integers(1, 6))
def test_a_table_survives_formatting(data, width, height):
    cell = CELLS.filter(
        lambda text: any(map(str.isalpha, text)) and not any(map(str.isdigit, text)) and text.lower() not in _NO_NAMES
    )
    names = data.draw(st.lists(cell, min_size=width, max_size=width, unique=True))
    rows = data.draw(st.lists(st.lists(st.sampled_from("0123"), min_size=width, max_size=width), min_size=height))
    whole = Grid(tuple(names), tuple(map(tuple, rows)) or (("0",) * width,))
    assert table.parse(table.format(whole), "t.csv", reading=ColumnOptions(labels=tuple(names))).grid.rows == whole.rows


_NO_NAMES = {"inf", "infinity", *(word.lower() for word in MISSING)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,\n", r"t\.csv: row 3, column 2 \(b\): the cell is missing"),
        ("1,2\n1\n", r"t\.csv: row 2, column 2: the cell is missing"),
        ("1,2\n1,2,3\n", r"t\.csv: row 2, column 3: a cell more than the 2 of row 1"),
        ("1,2\n1,-1\n", r"t\.csv: row 2, column 2: -1 is below 0"),
        ("1,2\n1,99999\n", r"t\.csv: row 2, column 2: 99999 is above 4,095"),
        ("1,2\n1,0.5\n", r"row 2, column 2: 0\.5 is not an integer; .*packed:levels=16,high=2, .*packed:drop=2"),
        ("1\n2\n", r"t\.csv: one column"),
        ("", r"t\.csv: holds no rows"),
        ("a,b\n", r"t\.csv: holds no rows but its header"),
        ("a,a\n1,2\n", r"t\.csv: row 1, column 2: a second column 'a'; rename it"),
        ("x,x\ny,z\n", "a second column 'x'; rename it, or put names above the labels"),
        ("a=b,c\n1,2\n", r"t\.csv: row 1, column 1: 'a=b' cannot be a name"),
        ('a,b\n"x\ty",2\n', r"t\.csv: row 2, column 1 \(a\): 'x\\ty' holds what is not printed; leave"),
        ("a,b\nx\u00a0y,2\n", r"t\.csv: row 2, column 1 \(a\): 'x\\xa0y' holds what is not printed"),
        ("1;2,5\n3;4,5\n", r"row 1, column 2: 2,5 is not an integer; .*packed:levels=16,high=4\.5"),
        ("a;b\n1,000;2\n", r"row 2, column 1 \(a\): 1,000 is either 1\.000 or 1000; write it without a comma"),
        ("a,b\n\n# c\nNaN,2\n", r"row 4, column 1 \(a\): NaN is no value; fill it in, or .* packed:labels=a"),
        ("a+b,c\n1,2\nNone,3\n", r"row 3, .* None is no value; .* packed:labels=a%2Bb"),
        ("My band\na,b\n1,2\n", r"t\.csv: row 1: has one cell, and most rows have 2; leave it out, or begin it with #"),
        ("time,x\n0.0,1\n0.1,3\n", r"t\.csv: one column besides time; give 2 or more"),
        (b"\0\1\2", r"t\.csv: not text"),
        ("1," * 1_000_000, r"t\.csv: row 1, from column 1 on: a line of more than"),
        (",".join("1" * 65), r"t\.csv: row 1: 65 columns"),
    ],
)
def test_a_fault_names_row_and_column(text, said):
    with pytest.raises(ParseError, match=said):
        parse(text)


def columns(text, **reading):
    grid = parse(text, **reading)
    return {name: " ".join(grid.column(name)) for name in grid.columns}


@pytest.mark.parametrize(
    "text",
    [
        "lead;bass\nFT;3\nST;1\n",
        "sep=;\r\nlead;bass\r\nFT;3\r\nST;1\r\n",
        "lead|bass\nFT|3\nST|1\n",
        "lead bass\n  FT   3\nST 1\n",
        "lead,bass\rFT,3\rST,1\r",
        "lead,bass,\nFT,3,\nST,1,\n",
        "lead,bass\nFT,3,,\nST,1,,\n",
        "lead,,bass\nFT,,3\nST,,1\n",
        "# lead,bass\nFT,3\nST,1\n",
        "\n\nlead,bass\n\n,\nFT,3\nST,1\n",
        "# the band of 1/2\nlead,bass\n# second take, slower, louder\nFT,3\nST,1\n",
        ",lead,bass\n0,FT,3\n1,ST,1\n",
        '"lead","bass"\n"1","FT",3\n"2","ST",1\n',
        "Time,lead,bass\n12:00:01,FT,3\n12:00:02.5,ST,1\n",
        "lead,bass,when\nFT,3,2023-07-18T12:02:45.123456\nST,1,2023-07-18T12:02:46\n",
        "step,lead,bass\n17,FT,3\n18,ST,1\n",
        "t_ms,lead,bass\n1700000000123,FT,3\n1700000000240,ST,1\n",
        "lead,bass,elapsed (s)\nFT,3.0,0,1\nST,1.0,0,2\n".replace(",0,", ",0."),
        "\ufefflead,bass\nFT,3\nST,1\n",
    ],
)
def test_a_table_is_read_as_it_was_written_by(text):
    """Excel, R, pandas, NumPy, loggers, old Macs and people."""
    assert columns(text) == {"lead": "FT ST", "bass": "3 1"}


def test_what_was_left_out_is_counted_and_how_columns_were_read_is_told():
    found = read("n,t,lead,x\n0,12:00,FT,0.5\n\n1,12:01,ST,1.0\n# end\n", scale=Scale(3))
    assert found.lost == {
        "cell of an index column": 2,
        "cell of a time column": 2,
        "blank row": 1,
        "comment line": 1,
    }
    assert found.notice == (
        "the first row holds names; labels in lead; numbers from 0 to 1 in 3 levels in x; "
        "left out: n (an index column); left out: t (a time column)"
    )
    assert read("0,1\n2,1\n").notice == "the first row holds data; integers in 1, 2"


def test_players_who_rise_and_fall_are_no_index_and_no_time():
    for values in ("0 1 2 3 0 1 2 3 0", "0 0 0 0 0 0 0 0 0", "0 2 3", "5 6 7 9 10 12 13 15 16"):
        text = "".join(f"{value},{place % 2}\n" for place, value in enumerate(values.split()))
        assert columns(text)["1"] == values
        assert columns(f"s,b\n{text}" if "0 1 2 3 0" in values else f"a,b\n{text}")


def test_a_counter_without_a_name_is_recognised_by_its_rows():
    counted = "".join(f"{place},{place % 2},{place % 3}\n" for place in range(8))
    assert columns(counted) == {"1": "0 1 0 1 0 1 0 1", "2": "0 1 2 0 1 2 0 1"}
    assert columns(counted, columns=("1", "3"))["1"] == "0 1 2 3 4 5 6 7"  # asked for
    assert columns(counted, labels=("1",))["1"] == "0 1 2 3 4 5 6 7"
    assert len(columns(counted, width=3)) == 3


def test_columns_are_chosen_dropped_and_put_in_order_by_name_or_number():
    text = "a,b,c\n0,1,2\n3,4,5\n"
    assert columns(text, columns=("c", "1")) == {"c": "2 5", "a": "0 3"}
    assert list(columns(text, columns=("c", "1"))) == ["c", "a"]
    assert columns(text, drop=("b",)) == {"a": "0 3", "c": "2 5"}
    assert columns("0,1\n3,4\n", columns=("x", "y")) == {"x": "0 3", "y": "1 4"}  # a table without names
    with pytest.raises(ParseError, match=r"t\.csv: has the columns a, b, c, and none called d; name others"):
        parse(text, columns=("a", "d"))


def test_numbers_are_read_in_the_spelling_of_their_column():
    assert columns("a;b\n0,5;1\n0,25;0\n1,000;1\n", scale=Scale(5))["a"] == "2 1 4"
    assert columns('a,b\n"1,000",1\n"2,048",0\n')["a"] == "1000 2048"
    assert columns("a,b\n1.0,+02\n3.0,1\n") == {"a": "1 3", "b": "2 1"}
    assert columns("a,b\n-1,0\n1,1\n", scale=Scale(3, -1, 1)) == {"a": "0 2", "b": "0 1"}  # b has integers only
    with pytest.raises(ParseError, match=r"row 2, .*1\.5 is not from 0 to 1; .*packed:levels=4,low=-0\.5,high=1\.5"):
        parse("a,b\n1.5,0.25\n-0.5,0.5\n", scale=Scale(4))


def test_missing_values_and_numbers_are_labels_if_that_is_asked():
    text = 'a,b\nNaN,"1,000"\nFT,0.5\nNone,-3\n'
    assert columns(text, labels=("a", "2")) == {"a": "NaN FT None", "b": "1,000 0.5 -3"}


@given(st.integers(2, 32), st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1))
def test_the_nearest_level_is_taken(levels, numbers):
    scale = Scale(levels)
    for number in numbers:
        level, between = scale.level(number)
        assert abs(level / (levels - 1) - number) <= 0.5 / (levels - 1) + 1e-9
        assert between == (abs(level - number * (levels - 1)) > 1e-6)


def test_the_log_of_an_instrument_has_time_source_and_values():
    text = "".join(
        f"2019-01-17T12:37:{second:02}.106,{source},{value}\n"
        for second, (source, value) in enumerate([("interface", 0.345), ("rnn", 0.5), ("interface", 1.0)])
    )
    assert columns(text, scale=Scale(16)) == {"1": "interface rnn interface", "2": "5 8 15"}


def test_labels_are_compared_in_their_composed_form():
    assert columns("e\u0301,b\ne\u0301,1\n\u00e9,2\n") == {"1": "\u00e9 \u00e9 \u00e9", "2": "b 1 2"}
