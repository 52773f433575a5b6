"""Settings check their values against one declaration each, and come back from JSON."""

import json
from dataclasses import asdict, dataclass

import pytest

from folkseq.settings import REQUIRED, from_json, setting, validate


@dataclass(frozen=True)
class Inner:
    """A nested dataclass."""

    sizes: tuple[int, ...] = setting((), "Sizes.", low=1)


@dataclass(frozen=True)
class Outer:
    """One setting of each kind."""

    name: str = setting(REQUIRED, "Kind.", choices=("a", "b"))
    count: int = setting(1, "Count.", low=0)
    share: float = setting(0.5, "Share.", low=0, high=1, exclusive="high")
    rate: float | None = setting(None, "Rate.", low=0, exclusive="low")
    on: bool = setting(False, "Switch.")
    label: str = setting("", "Label.", longest=3)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()

    def __post_init__(self) -> None:
        validate(self)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"name": "c"}, ValueError, "name must be one of a, b, got 'c'"),
        ({"count": -1}, ValueError, "count must be at least 0, got -1"),
        ({"count": 1.5}, TypeError, "count must be int, got 1.5"),
        ({"count": True}, TypeError, "count must be int, got True"),
        ({"share": 1.0}, ValueError, "share must be at least 0 and below 1, got 1.0"),
        ({"rate": 0.0}, ValueError, "rate must be above 0, got 0.0"),
        ({"rate": float("inf")}, ValueError, "rate must be above 0, got inf"),
        ({"label": "abcd"}, ValueError, "label must have at most 3 characters, got 4"),
        ({"rate": "1"}, TypeError, "rate must be float or int or None, got '1'"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(values, error, message):
    with pytest.raises(error) as caught:
        Outer(**{"name": "a", **values})
    assert str(caught.value) == message


def test_every_element_of_a_tuple_is_checked():
    validate(Inner((1, 2)))
    with pytest.raises(ValueError, match=r"sizes must be at least 1, got \(1, 0\)"):
        validate(Inner((1, 0)))


def test_a_number_is_no_list():
    with pytest.raises(TypeError, match=r"sizes must be a list, got 3"):
        validate(Inner(sizes=3))


def test_settings_come_back_from_json():
    outer = Outer("b", share=0, rate=2, inner=Inner((3, 4)), inners=(Inner((5,)), Inner()))
    assert from_json(Outer, json.loads(json.dumps(asdict(outer)))) == outer
    with pytest.raises(ValueError, match=r"Outer: fields missing: \['name'\]; unknown: \['nmae'\]"):
        from_json(Outer, {"nmae": "a"})
