"""Several integers in one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.representations.packed.packing import pack, unpack

RADICES = st.lists(st.integers(1, 10**12), min_size=1, max_size=12)


@st.composite
def packable(draw):
    radices = draw(RADICES)
    return [draw(st.integers(0, radix - 1)) for radix in radices], radices


@given(packable())
def test_unpacking_undoes_packing(case):
    values, radices = case
    code = pack(values, radices)
    assert 0 <= code < math.prod(radices)
    assert unpack(code, radices) == tuple(values)


@given(RADICES, st.data())
def test_packing_undoes_unpacking(radices, data):
    code = data.draw(st.integers(0, math.prod(radices) - 1))
    assert pack(unpack(code, radices), radices) == code


def test_a_quartet_of_nine_gestures_is_one_of_6561_codes_in_the_order_of_its_players():
    assert pack([1, 2, 3, 4], [9, 9, 9, 9]) == 1 + 2 * 9 + 3 * 81 + 4 * 729
    assert sorted(pack([a, b], [3, 2]) for a in range(3) for b in range(2)) == list(range(6))


def test_what_is_out_of_its_radix_is_named():
    with pytest.raises(ValueError, match=r"value 2 .* 0 to 8, got 9"):
        pack([0, 9, 0], [9, 9, 9])
    with pytest.raises(ValueError, match="got -1"):
        pack([-1], [9])
    with pytest.raises(ValueError, match="2 values and 3 radices"):
        pack([0, 0], [9, 9, 9])
    with pytest.raises(ValueError, match=r"code 81 .*\(9, 9\)"):
        unpack(81, [9, 9])
    with pytest.raises(ValueError, match="code -1"):
        unpack(-1, [9])
