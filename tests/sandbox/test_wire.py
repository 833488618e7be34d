"""Plain data with tags: what crosses comes back the same, what does not is refused."""

import dataclasses
import enum
import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox import wire


class Step(enum.StrEnum):
    ON = "on"


@dataclasses.dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


CLASSES: dict[str, type] = {"Step": Step, "Pair": Pair}
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.decimals(allow_nan=False) | st.dates() | st.times() | st.timedeltas() | st.uuids() | st.just(Step.ON)
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(SCALARS, inner, max_size=3)
        | st.frozensets(SCALARS, max_size=3) | st.sets(SCALARS, max_size=3) | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)  # fmt: skip


def crossed(value: Any) -> Any:
    return wire.decode(wire.load_frame(wire.dump_frame(wire.encode(value, CLASSES))), CLASSES)


@given(VALUES)
def test_values_cross_unchanged(value: Any) -> None:
    """Every value of the spec's types comes back equal."""
    assert value == crossed(value)


@given(VALUES)
def test_types_cross_unchanged(value: Any) -> None:
    """The text of a value comes back the same, so no type was lost on the way (1, 1.0, True; list, tuple)."""
    assert wire.encode(value, CLASSES) == wire.encode(crossed(value), CLASSES)


def test_minus_zero_crosses() -> None:
    """-0.0 stays what it is."""
    assert math.copysign(1, crossed(-0.0)) == -1


def test_a_lone_surrogate_crosses() -> None:
    """Half a character is a text like any other here; types decide about it."""
    assert crossed("\ud800") == "\ud800"


def test_a_set_has_one_form() -> None:
    """The order of a set cannot be told from its form."""
    assert wire.encode({"b", "a", "c"}, {}) == wire.encode({"c", "a", "b"}, {})


@pytest.mark.parametrize(
    "value",
    [
        print,
        object(),
        iter([]),
        1j,
        b"x",
        type("Int", (int,), {})(3),
        type("Str", (str,), {})("a"),
        type("Pair", (), {})(),
        ValueError(),
        range(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_cross_as_their_type_alone(value: Any) -> None:
    """Whatever is no plain data, subclasses of plain data included, crosses as a name."""
    assert isinstance(crossed(value), wire.Opaque)


def test_a_value_nested_too_deeply_is_cut() -> None:
    """Deep values end in a name instead of in a crash."""
    deep: list[Any] = []
    deep.append(deep)
    assert "nested too deeply" in json.dumps(wire.encode(deep, {}))


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"$": "dict"},
        {"$": "pickle", "v": "x"},
        {"$": ["set"], "v": []},
        {"$": "set", "v": [[1]]},
        {"$": "dict", "v": [1]},
        {"$": "Decimal", "v": "one"},
        {"$": "Decimal", "v": []},
        {"$": "timedelta", "v": [10**20]},
        {"$": "enum", "t": "Step", "v": "off"},
        {"$": "enum", "t": "Pair", "v": "on"},
        {"$": "record", "t": "Pair", "v": {"left": 1}},
        {"$": "record", "t": "os", "v": {}},
        {"$": "opaque", "v": 3},
    ],
    ids=str,
)
def test_what_encode_never_writes_is_refused(frame: Any) -> None:
    """A forged form is an error of its own, whatever is wrong with it."""
    with pytest.raises(wire.WireError):
        wire.decode(frame, CLASSES)


@pytest.mark.parametrize("depth", [300, 900])
def test_a_form_nested_too_deeply_is_refused(depth: int) -> None:
    """Depth that recursion could not stand is refused before it."""
    frame: Any = 0
    for _ in range(depth):
        frame = [frame]
    with pytest.raises(wire.WireError):
        wire.decode(frame, {})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x\n",
        b"{\n",
        b"\xff\n",
        b"[" * 600 + b"]" * 600,
        b"[" * 100_000,
        b"1" * 5000,
        b" " * (2**24 + 1),
    ],
    ids=lambda line: f"{line[:4]!r} * {len(line)}",
)
def test_lines_that_are_no_frames_are_refused(line: bytes) -> None:
    """Broken, deep, overlong: all are one error."""
    with pytest.raises(wire.WireError):
        wire.load_frame(line)


def test_a_wide_frame_is_no_deep_one() -> None:
    """Only depth is refused, not the number of brackets."""
    assert wire.load_frame(wire.dump_frame([[]] * 5000)) == [[]] * 5000


def test_words_are_made_printable() -> None:
    """Control characters, line ends and half characters are written out."""
    assert wire.printable("a\x1b[2J\n\ud800é") == "a\\x1b[2J\\n\\ud800é"


def test_known_forms() -> None:
    """The forms are fixed: verdicts rest on their digests."""
    value = [(1,), {"a": Decimal("1.50")}, UUID(int=0), date(2026, 1, 2), time(3, 4), timedelta(1), Step.ON]
    expected = [
        {"$": "tuple", "v": [1]},
        {"$": "dict", "v": [["a", {"$": "Decimal", "v": "1.50"}]]},
        {"$": "UUID", "v": "00000000-0000-0000-0000-000000000000"},
        {"$": "date", "v": "2026-01-02"},
        {"$": "time", "v": "03:04:00"},
        {"$": "timedelta", "v": [1, 0, 0]},
        {"$": "enum", "t": "Step", "v": "on"},
    ]
    assert expected == wire.encode(value, CLASSES)


def test_a_moment_keeps_its_offset() -> None:
    """A moment elsewhere is not turned into UTC."""
    moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert moment.utcoffset() == crossed(moment).utcoffset()
