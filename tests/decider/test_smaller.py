"""Smaller values: never a larger one, and in the end the smallest there is."""

from typing import Any

import pytest

from pipeline.decider.smaller import smaller, together, weight


def smallest(wired: Any, keeps: Any) -> Any:
    """The value that is left when the smallest candidate that keeps something is taken again and again."""
    while True:
        candidates = [each for each in smaller(wired) if weight(each) < weight(wired) and keeps(each)]
        if not candidates:
            return wired
        wired = min(candidates, key=weight)


def tagged(tag: str, value: Any) -> dict[str, Any]:
    return {"$": tag, "v": value}


CASES: dict[str, tuple[Any, Any, Any]] = {
    "a whole number": (98_765, lambda n: isinstance(n, int) and n > 417, 418),
    "a negative one": (-98_765, lambda n: isinstance(n, int) and n < -3, -4),
    "a float": (17.25, lambda n: isinstance(n, float) and n > 2, 3.0),
    "a text": ("the quick brown fox", lambda t: isinstance(t, str) and "q" in t, "q"),
    "characters": ("ZQ9x", lambda t: isinstance(t, str) and len(t) == 4, "aaaa"),
    "a list": (
        [5, 9, 12, 44],
        lambda v: isinstance(v, list) and None not in v and max(v, default=0) > 12,
        [13],
    ),
    "a decimal": (
        tagged("Decimal", "123.456"),
        lambda d: isinstance(d, dict) and float(d["v"]) > 2,
        tagged("Decimal", "3"),
    ),
    "a record": (
        {"$": "record", "t": "R", "v": {"a": 44, "b": "xyz"}},
        lambda r: isinstance(r, dict) and isinstance(r["v"]["a"], int) and r["v"]["b"] is not None,
        {"$": "record", "t": "R", "v": {"a": 0, "b": ""}},
    ),
    "a dictionary": (
        tagged("dict", [["a", 1], ["b", 2]]),
        lambda d: isinstance(d, dict) and ["b", 2] in d["v"],
        tagged("dict", [["b", 2]]),
    ),
    "a moment": (
        tagged("datetime", "2026-03-04T05:06:07.089000+00:00"),
        lambda m: isinstance(m, dict) and m["v"] > "2026-02",
        tagged("datetime", "2026-03-01T00:00:00+00:00"),
    ),
    "a duration": (
        tagged("timedelta", [400, 30, 5]),
        lambda d: isinstance(d, dict) and d["v"][0] > 6,
        tagged("timedelta", [7, 0, 0]),
    ),
    "a script keeps an answer": (
        {"$": "script", "v": {"send": [[12, None], [None, "Down"]]}, "cycled": True},
        lambda s: isinstance(s, dict) and s["v"]["send"][-1][1] == "Down",
        {"$": "script", "v": {"send": [[None, "Down"]]}, "cycled": True},
    ),
    "nothing": ({"$": "tuple", "v": [1, None]}, lambda _: True, None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_value_becomes_as_small_as_it_may(name: str) -> None:
    """What must be kept is kept, and the rest goes."""
    value, keeps, expected = CASES[name]
    assert smallest(value, keeps) == expected


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), 10**400, tagged("Decimal", "1E+400"), tagged("Decimal", "NaN")]
)
def test_odd_numbers_do_no_harm(value: Any) -> None:
    """Whatever a contract's inputs hold has a weight and can be tried smaller."""
    assert all(weight(each) is not None for each in [value, *smaller(value)])


def test_a_text_in_two_places_stays_the_same_in_both() -> None:
    """An address and who holds it, say: one of them alone would be another case."""
    person = {"$": "record", "t": "xy", "v": {"name": "xy"}}
    found = list(together([person, ["xy", "z"], {"$": "enum", "t": "xy", "v": "z"}]))
    assert [
        {"$": "record", "t": "xy", "v": {"name": ""}},
        ["", "z"],
        {"$": "enum", "t": "xy", "v": "z"},
    ] in found
    assert all(each[0]["v"]["name"] == each[1][0] for each in found)
    assert list(together(["a", "b"])) == []


@pytest.mark.parametrize(
    ("scalar", "least"),
    [
        (tagged("Decimal", "12.50"), tagged("Decimal", "0.00")),
        (tagged("date", "2026-03-04"), tagged("date", "2026-03-01")),
        (tagged("datetime", "2026-03-04T00:00:00+00:00"), tagged("datetime", "2026-03-01T00:00:00+00:00")),
        (tagged("time", "05:06:00"), tagged("time", "00:06:00")),
        (tagged("UUID", "2085aa74-a032-6980-95bf-8b54f8d26781"), tagged("UUID", f"{0:08}-0000-0000-0000-{0:012}")),
        (tagged("timedelta", [400, 0, 0]), tagged("timedelta", [0, 0, 0])),
        (418, 0),
    ],
)  # fmt: skip
def test_a_scalar_in_two_places_stays_the_same_in_both(scalar: Any, least: Any) -> None:
    """Each time a whole value of its kind, that has a weight."""
    found = list(together([scalar, {"$": "record", "t": "R", "v": {"a": [scalar]}}]))
    assert [least, {"$": "record", "t": "R", "v": {"a": [least]}}] in found
    assert all(weight(each) is not None for each in found)


@pytest.mark.parametrize("value", [{"$": "enum", "t": "E", "v": "a"}, True, None, tagged("Decimal", "NaN")])
def test_what_cannot_be_smaller_is_left(value: Any) -> None:
    """A member of an enumeration is no text."""
    assert list(together([value, value])) == []


def test_true_is_no_number() -> None:
    """Nor is 1.0 the same as 1."""
    assert list(together([1, True, 1.0, 1])) == [[0, True, 1.0, 0]] * 2
