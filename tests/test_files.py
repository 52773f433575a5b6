import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.files import file_stem


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("The Maid of the Glen", "the-maid-of-the-glen-42-3"),
        ("McCrae's Jig", "mccraes-jig-42-3"),
        ("Tá an Geimhreadh Thart", "ta-an-geimhreadh-thart-42-3"),
        ("Straßen-Ländler № 5", "strassen-landler-no-5-42-3"),
        ("Ørsted og Þór", "orsted-og-thor-42-3"),
        ("Jig 42-3", "jig-42-3"),
        ("Jig 142-3", "jig-142-3-42-3"),
        ("a/b\\c:d*?.", "a-b-c-d-42-3"),
        ("民謡", "42-3"),
        ("", "42-3"),
        (
            "One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen",
            "one-two-three-four-five-six-seven-eight-nine-ten-eleven-42-3",
        ),
    ],
)
def test_a_file_is_named_after_its_title(title, stem):
    assert file_stem(title, "42-3") == stem


@given(st.text(), st.integers(0, 2**63), st.integers(1, 10**6))
def test_every_system_takes_the_name_and_it_ends_with_seed_and_number(title, seed, index):
    number = f"{seed}-{index}"
    stem = file_stem(title, number)
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", stem)
    assert stem == number or stem.endswith(f"-{number}")
    assert len(stem) <= 60
