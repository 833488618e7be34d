"""Scripts: how the answers of a port are written, and what is wrong with those that are not."""

from typing import Any

import pytest

from pipeline.definitions import Method, Port, TypeAlias
from pipeline.scripts import Reply, Script
from pipeline.values import Types, ValuesError

STORE = Port(
    methods=(
        Method(name="save", raises=("StoreDown", "OSError")),
        Method(name="load", returns="dict[int, Name]"),
    )
)
TYPES = Types({"Name": TypeAlias(type="str", pattern="[a-z]{0,5}")}, {"Store": STORE})


def test_a_script_is_read_and_written_back() -> None:
    """In the order of the port's methods, values of the types of what they return."""
    written = {"load": [{"returns": {"1": "a"}}], "save": [{"returns": None}, {"raises": "OSError"}]}
    script = TYPES.decode("Store", written)
    assert script == Script({"load": (Reply({1: "a"}),), "save": (Reply(), Reply(raises="OSError"))})
    assert list(TYPES.encode("Store", script).items()) == list(reversed(written.items()))


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        (None, (), "a port is given as a script: its methods, and for each a list of answers"),
        ({"drop": []}, ("drop",), "the port has no method 'drop'; it has save, load"),
        ({"save": {"returns": None}}, ("save",), "a list of answers is wanted, one for each call in order"),
        ({"save": [{}]}, ("save", 0), "an answer is either {returns: value} or {raises: Error}"),
        (
            {"save": [{"returns": None, "raises": "OSError"}]},
            ("save", 0),
            "an answer is either {returns: value} or {raises: Error}",
        ),
        (
            {"save": [{"raises": "Lost"}]},
            ("save", 0, "raises"),
            "'save' does not raise 'Lost'; it raises StoreDown, OSError",
        ),
        ({"save": [{"returns": 1}]}, ("save", 0, "returns"), "1: input should be None"),
        (
            {"load": [{"returns": {}}, {"returns": {1: "abcdef"}}]},
            ("load", 1, "returns", 1),
            "'abcdef' does not match the pattern [a-z]{0,5}",
        ),
    ],
)
def test_what_is_no_script_says_where(written: Any, path: tuple[Any, ...], message: str) -> None:
    """Every problem has its place in what was written."""
    with pytest.raises(ValuesError) as caught:
        TYPES.decode("Store", written)
    assert caught.value.problems == ((path, message),)


def test_a_script_that_is_cycled_never_ends() -> None:
    """Its answers begin again; those of any other are given once."""
    replies = {"save": (Reply(1), Reply(2))}
    cycled, once = Script(replies, cycled=True), Script(replies)
    assert [cycled.reply("save", n) for n in range(3)] == [Reply(1), Reply(2), Reply(1)]
    assert [once.reply("save", n) for n in range(3)] == [Reply(1), Reply(2), None]
    assert cycled.reply("load", 0) is None
