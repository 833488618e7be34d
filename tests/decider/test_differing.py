"""Two versions of a function with one planted difference: it is found, and shown small."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import bounds, render
from pipeline.records import Behaviour, Contract, Spec
from pipeline.specs import parse_spec
from pipeline.stages.judge import Judge, Part

CASES = Path(__file__).parents[1] / "cases" / "differences"
NAMES = sorted(folder.name for folder in CASES.iterdir())


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def part(spec: str, code: str) -> Part:
    """The one function of a spec with this code, as it would land."""
    parsed = parse_spec("specs/pair.yaml", spec)
    assert isinstance(parsed, Spec), parsed
    contract: Contract = parsed.functions[0].contract
    checked = bounds.check_reply(f"```python\n{code}```\n", contract)
    assert isinstance(checked, bounds.FunctionText), checked
    return Part(contract, render.render_function(contract, checked))


def differ(judge: Judge, spec: str, old: str, new: str, old_spec: str | None = None) -> Behaviour:
    return judge.differ([part(old_spec or spec, old)], [part(spec, new)])


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_difference_is_found_and_shown_small(judge: Judge, name: str, update: bool) -> None:  # noqa: FBT001
    """What is told of each pair is what the case says, to the letter."""
    folder = CASES / name
    texts = [(folder / file).read_text("utf-8") for file in ("spec.yaml", "old.py", "new.py")]
    found = differ(judge, *texts)
    told = {
        "differences": [each.model_dump(mode="json") for each in found.differences],
        "note": found.note,
    }
    if update:
        (folder / "expected.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert json.loads((folder / "expected.json").read_text("utf-8")) == told
    assert found.inputs > 100


HEAD = "spec: pair\nsummary: One function in two versions.\n"
RULE = '    ensures: ["result == result"]\n'


def spec(params: str, *more: str, head: str = "", returns: str = "int") -> str:
    """A spec of one function with these parameters."""
    lines = f"functions:\n  f:\n    summary: A function.\n    params: {{{params}}}\n    returns: {returns}\n"
    return HEAD + head + lines + RULE + "".join(more)


def test_a_renamed_parameter_is_the_same_parameter(judge: Judge) -> None:
    """As long as nothing else changed; what is told has the new name."""
    found = differ(
        judge, spec("number: int"), "def f(n):\n    return n\n", "def f(number):\n    return max(number, 3)\n", spec("n: int")
    )  # fmt: skip
    assert [(each.given, each.before) for each in found.differences] == [({"number": 0}, "returned 0")]


def test_parameters_in_another_order_are_matched_by_name(judge: Judge) -> None:
    """A call is the same call, whatever the order is."""
    found = differ(
        judge,
        spec("b: int, a: str"),
        "def f(a, b):\n    return len(a) - b\n",
        "def f(b, a):\n    return len(a) - b\n",
        spec("a: str, b: int"),
    )
    assert (found.differences, found.inputs > 100) == ((), True)


def test_other_parameters_cannot_be_compared(judge: Judge) -> None:
    """And the report says so, instead of saying that nothing differs."""
    found = differ(
        judge, spec("a: int, b: int"), "def f(a):\n    return a\n", "def f(a, b):\n    return a + b\n", spec("a: int")
    )  # fmt: skip
    assert (found.inputs, found.note) == (0, "it takes other parameters than before, so no input fits both")


def test_what_only_one_version_takes_is_counted_and_not_compared(judge: Judge) -> None:
    """Outside of its preconditions a function may do anything."""
    narrow = '    requires: ["n >= 0"]\n'
    old, new = "def f(n):\n    return n\n", "def f(n):\n    return abs(n)\n"
    found = differ(judge, spec("n: int"), old, new, spec("n: int", narrow))
    assert (found.differing, found.inputs > 50, found.skipped > 20) == (0, True, True)


def test_what_neither_version_takes_is_not_counted(judge: Judge) -> None:
    """What code mentions may lie outside of what both are given."""
    narrow = "types:\n  Small: {type: int, ge: 0, le: 9}\n"
    old, new = "def f(n):\n    return n if n < 500 else 0\n", "def f(n):\n    return n if n < 900 else 0\n"
    found = differ(judge, spec("n: Small", head=narrow), old, new)
    assert (found.inputs, found.skipped, found.differing) == (10, 0, 0)


def test_a_port_answers_what_is_of_its_types(judge: Judge) -> None:
    """Also where its answers are made smaller for a person to read."""
    head = (
        "types:\n  Account: {fields: {name: str, closed: bool}}\n"
        "ports:\n  Store:\n    account: {returns: 'Account | None', query: true}\n"
    )
    old = "def f(store):\n    one = store.account()\n    return one.name if one is not None and not one.closed else ''\n"
    (only,) = differ(
        judge, spec("store: Store", head=head, returns="str"), old, old.replace(" and not one.closed", "")
    ).differences
    assert only.call == "f(store) with store.account returning Account(name='a', closed=True)"


def test_a_value_of_a_type_that_changed_is_another_value(judge: Judge) -> None:
    """A field more is a difference on every input, and shown on a small one."""
    small = "types:\n  Pair: {fields: {a: int}}\n"
    large = "types:\n  Pair: {fields: {a: int, b: int}}\n"
    found = differ(
        judge,
        spec("n: int", head=large, returns="Pair"),
        "def f(n):\n    return Pair(n)\n",
        "def f(n):\n    return Pair(n, n)\n",
        spec("n: int", head=small, returns="Pair"),
    )
    (only,) = found.differences
    assert (only.before, only.after) == ("returned Pair(a=0)", "returned Pair(a=0, b=0)")
    assert found.differing == found.inputs


def test_each_way_to_differ_is_told_once(judge: Judge) -> None:
    """A value for an error, an error for a value: two inputs, not two hundred."""
    errors = "errors: {Odd: It is odd.}\n"
    found = differ(
        judge,
        spec("n: int", "    raises: [Odd]\n", head=errors),
        "def f(n):\n    if n == 7:\n        raise Odd\n    return n\n",
        "def f(n):\n    if n == 8:\n        raise Odd\n    return n\n",
    )
    assert {(each.call, each.before, each.after) for each in found.differences} == {
        ("f(7)", "raised Odd", "returned 7"),
        ("f(8)", "returned 8", "raised Odd"),
    }


def test_code_out_of_bounds_is_not_run(judge: Judge) -> None:
    """The old version is as untrusted as any, and so is what it calls."""
    good = part(spec("n: int"), "def f(n):\n    return n\n")
    bad = Part(good.contract, good.source.replace("return n", "return open('/etc/passwd')"))
    for old, new in (([bad], [good]), ([good], [bad]), ([bad, good], [good])):
        found = judge.differ(old, new)
        assert (found.inputs, found.note.startswith("not run: ")) == (0, True)


def test_the_same_pair_is_told_the_same_twice(judge: Judge) -> None:
    """A review does not change from one run to the next."""
    texts = spec("a: list[int], b: str").replace("list[int]", "'list[int]'")
    old, new = "def f(a, b):\n    return len(a)\n", "def f(a, b):\n    return len(a) + len(b) // 4\n"
    other = Judge()
    first, second = differ(judge, texts, old, new), differ(other, texts, old, new)
    other.close()
    assert first == second
    assert [each.call for each in first.differences] == ["f([], 'aaaa')"]


def test_every_text_that_code_compares_with_is_tried(judge: Judge) -> None:
    """However many others stand in the code, and however long."""
    spec = """
spec: pair
summary: One function.
functions:
  tag:
    summary: Marks a text.
    params: {text: str}
    returns: str
    examples:
      - {name: one, given: {text: a}, returns: "a!"}
"""
    words = ", ".join(f"'word {number} of many others'" for number in range(40))
    old = f"def tag(text: str) -> str:\n    known = [{words}]\n    return text + '!' if known else text\n"
    new = old.replace("'!'", "('?' if text == 'needle' else '!')")
    (found,) = differ(judge, spec, old, new).differences
    assert (found.call, found.after) == ("tag('needle')", "returned 'needle?'")
