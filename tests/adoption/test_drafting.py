"""Specs proposed from functions that exist: what is read, what is left to a person, and that nothing is run."""

import ast
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import DRYSTONE

from pipeline.adoption.code import Vocabulary
from pipeline.adoption.drafting import Drafted, draft_spec
from pipeline.adoption.guessing import type_of
from pipeline.errors import SettingsError
from pipeline.settings import read_settings

ROOT = Path(__file__).parents[2]
SHOP = '''\
from __future__ import annotations
import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Optional, Sequence, NewType

raise SystemExit("a module that must not be imported")

Code = NewType("Code", str)
Codes = list[Code]

class Status(Enum):
    OPEN = "open"
    PAID = "paid"

class AlreadyPaid(Exception):
    """The order is paid already."""

@dataclass(frozen=True)
class Order:
    amount: Required[Decimal]
    status: Status

def clamp(value: int, low: int, high: int = 10) -> int:
    """Brings a value
    into a range.

    >>> clamp(5, 1, 3)
    3
    >>> clamp(0, 3, 1)
    Traceback (most recent call last):
    ...
    ValueError: no range
    """
    if low > high:
        raise ValueError("no range")
    return min(max(value, low), high)

def pay(order: Order, when: Optional[dt.date] = None) -> "Order":
    if order.status is Status.PAID:
        raise AlreadyPaid(order)
    print("paid")
    return Order(order.amount, Status.PAID)

def codes(found: Codes, more: Sequence[str], *rest, until: dt.timedelta) -> set[Code]:
    return clamp(found)

def tags(text, limit):
    """Words that begin with #."""
    return [w for w in text.split() if w.startswith("#")][:limit]

LIMIT = 3

def spread(data, n=4, *, low=0.5, mode="wide", loud=False, last=LIMIT, end=None, key=None, more=(), when: dt.date = None, **rest):
    if n < 1 or mode not in ("wide", "narrow"):
        raise ValueError(mode)
    if end is None:
        end = len(data)
    return f"{n}"

def at_least(count, unit, plain):
    if count < 0:
        raise ValueError(count)
    if unit not in ("km", "m"):
        raise KeyError(unit)
    try:
        return {"a": (count, 1), "b": ()}, [1, 0.5], set(), plain is None
    except TypeError as error:
        raise error

async def even(n: int) -> bool:
    """Whether n is even."""
    return n % 2 == 0
'''
TESTS = """\
import pytest
from shop import prices

@pytest.mark.parametrize(("value", "expected"), [(1, 1), (100, 10), pytest.param(-4, 0, id="neg")])
def test_clamp_default(value, expected):
    assert clamp(value, 0) == expected

def test_pay():
    assert pay(Order(Decimal("9.50"), Status.OPEN)) == Order(amount=Decimal("9.50"), status=Status.PAID)
    with pytest.raises(prices.AlreadyPaid):
        pay(Order(Decimal(1), Status.PAID), dt.date(2026, 1, 2))

def test_tags():
    x = compute()
    assert ["#a", "#b"] == prices.tags("#a #b: no", 2)
    assert prices.tags("", 3) == []
    assert tags(x, 2) == []

@pytest.mark.parametrize("n", [0, 2])
async def test_even(n):
    assert await even(n) is True
    assert not even(7)

class TestAll(unittest.TestCase):
    def test_truth(self):
        self.assertEqual(even(9), False)
        self.assertEqual(True, even(8))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a module under src/ and its tests."""
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "shop" / "prices.py").write_text(SHOP)
    (tmp_path / "tests" / "test_prices.py").write_text(TESTS)
    return tmp_path


def drafted(root: Path, function: str) -> tuple[Drafted, dict[str, Any], dict[str, Any]]:
    """The proposal, its document, and its function in there."""
    proposal = draft_spec(read_settings(root, {}), f"shop.prices:{function}", [root / "tests"])
    document = yaml.safe_load(proposal.text)
    return proposal, document, document["functions"][function]


def test_signature_docstring_and_doctests_become_a_spec(root: Path) -> None:
    """Defaults are filled in, a guard becomes a condition, and the proposal has no finding."""
    proposal, document, function = drafted(root, "clamp")
    assert (proposal.path, proposal.missing) == ("specs/prices.yaml", ())
    assert (document["spec"], function["summary"]) == ("prices", "Brings a value into a range.")
    assert (function["params"], function["returns"]) == ({"value": "int", "low": "int", "high": "int"}, "int")
    assert function["raises"] == {"ValueError": "low > high"}
    assert function["examples"] == [
        {"name": "docstring 1", "given": {"value": 5, "low": 1, "high": 3}, "returns": 3},
        {"name": "docstring 2", "given": {"value": 0, "low": 3, "high": 1}, "raises": "ValueError"},
        {"name": "clamp default", "given": {"value": 1, "low": 0, "high": 10}, "returns": 1},
        {"name": "clamp default 2", "given": {"value": 100, "low": 0, "high": 10}, "returns": 10},
        {"name": "clamp default 3", "given": {"value": -4, "low": 0, "high": 10}, "returns": 0},
    ]
    assert "it has defaults" in proposal.text


def test_types_and_errors_of_the_module_come_along(root: Path) -> None:
    """Enums, dataclasses, aliases and the module's own errors; values of these types are written as a spec has them."""
    proposal, document, function = drafted(root, "pay")
    assert proposal.missing == ()
    assert document["types"] == {
        "Order": {"fields": {"amount": "Decimal", "status": "Status"}},
        "Status": {"enum": ["open", "paid"]},
    }
    assert document["errors"] == {"AlreadyPaid": "The order is paid already."}
    assert function["params"]["when"] == "date | None"
    assert function["examples"][0]["given"] == {"order": {"amount": "9.50", "status": "open"}, "when": None}
    assert function["examples"][0]["returns"] == {"amount": "9.50", "status": "paid"}
    assert (
        str(function["examples"][1]["given"]["when"]),
        function["examples"][1]["raises"],
    ) == ("2026-01-02", "AlreadyPaid")
    assert "#   it calls print(): effects go through a port that is passed in" in proposal.text


def test_what_a_spec_has_no_word_for_is_left_to_a_person(root: Path) -> None:
    """Each thing is named in a comment, and what `lint` would find is told."""
    proposal, document, function = drafted(root, "codes")
    assert document["types"] == {"Code": {"type": "str"}, "Codes": {"type": "list[Code]"}}
    assert function["params"] == {"found": "Codes", "more": "list[str]", "until": "timedelta"}
    for said in ("'Sequence' became 'list'", "'*rest'", "it calls clamp(): draft that", "# decide: examples"):
        assert said in proposal.text
    assert any("nothing says when 'codes' is right" in finding for finding in proposal.missing)


def test_types_are_guessed_from_examples_and_computed_values_left_out(root: Path) -> None:
    """Both are told."""
    proposal, _, function = drafted(root, "tags")
    assert (function["params"], function["returns"]) == ({"text": "str", "limit": "int"}, "list[str]")
    assert len(function["examples"]) == 2
    assert "#   the type of 'limit': it has no annotation, and int is a guess" in proposal.text
    assert "#   example left out, its values are computed: tags(x, 2)" in proposal.text


def test_types_are_guessed_from_defaults_and_from_what_a_parameter_is_set_to(root: Path) -> None:
    """A constant of the module counts as what it is; what may be left out may be None."""
    proposal, _, function = drafted(root, "spread")
    assert function["params"] == {
        "data": "str", "n": "int", "low": "float", "mode": "str", "loud": "bool", "last": "int", "end": "int | None",
        "key": "str | None", "more": "tuple[str, ...]", "when": "date | None",
    }  # fmt: skip
    assert (function["returns"], function["raises"]) == (
        "str", {"ValueError": "n < 1 or mode not in ('wide', 'narrow')"},
    )  # fmt: skip
    assert "'**rest': a spec has no such parameter" in proposal.text
    assert "the type of 'n': it has no annotation, and int is a guess" in proposal.text
    assert "the type of 'key': it has no annotation, and str | None only stands in" in proposal.text
    assert proposal.missing == ()


def test_types_are_guessed_from_comparisons_and_from_what_is_returned(root: Path) -> None:
    """Where neither an example nor a default tells; a variable that is raised is no error of the spec."""
    proposal, document, function = drafted(root, "at_least")
    assert function["params"] == {"count": "int", "unit": "str", "plain": "str | None"}
    assert function["returns"] == "str"
    assert function["raises"] == {"ValueError": "count < 0", "KeyError": "unit not in ('km', 'm')"}
    assert "errors" not in document
    assert "it raises 'error': name the errors that can be" in proposal.text


VALUES = {
    "1": "int", "-1.5": "float", "'a'": "str", "None": "None", "x < 1": "bool", "not x": "bool", "f'{x}'": "str",
    "a < b and not c": "bool", "a and b": None, "[1, 0.5]": "list[float]", "[[1], [0.5]]": "list[list[float]]",
    "[[], [1]]": "list[list[int]]", "[1, None]": "list[int | None]", "{}": "dict[]", "{'a': 1}": "dict[str, int]",
    "(1, 2)": "tuple[int, ...]", "(1, 'a')": "tuple[int, str]", "set()": "set[]", "frozenset([1])": "frozenset[int]",
    "Decimal('1')": "Decimal", "dt.date(2026, 1, 1)": "date", "len(x)": "int", "x": None, "[x]": None, "f(x)": None,
}  # fmt: skip


@pytest.mark.parametrize("written", VALUES)
def test_a_form_tells_a_type(written: str) -> None:
    """Or none: what is computed is unknown, with everything that holds it."""
    node = ast.parse(written, mode="eval").body
    assert VALUES[written] == type_of(node, Vocabulary(ast.Module([], [])), {})


def test_truth_is_read_from_bare_asserts(root: Path) -> None:
    """`assert f(x)` says true of a function that returns bool, `assert not f(x)` false; awaited, or in unittest's words."""
    _, _, function = drafted(root, "even")
    assert function["async"] is True
    assert {each["given"]["n"]: each["returns"] for each in function["examples"]} == {
        0: True,
        2: True,
        7: False,
        9: False,
        8: True,
    }


NONE = {
    "shop.prices:clmp": "did you mean 'clamp'",
    "shop.price:clamp": "no module shop.price",
    "clamp": "write package.module:function",
    "src/shop/none.py:clamp": "there is no such file",
}


@pytest.mark.parametrize("target", NONE)
def test_what_is_not_there_is_said(root: Path, target: str) -> None:
    """An unknown module or function is a mistake of whoever asks."""
    with pytest.raises(SettingsError, match=NONE[target]):
        draft_spec(read_settings(root, {}), target, [])


def test_a_proposal_can_be_written_to_where_it_belongs(root: Path) -> None:
    """Standard output is the YAML alone; `drystone lint` has nothing to say of it, or says what the command said."""
    (root / "pyproject.toml").write_text("")
    (root / "specs").mkdir()

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([DRYSTONE, *arguments], cwd=root, capture_output=True, text=True, check=False)

    for function, code in (("clamp", 0), ("codes", 1), ("spread", 0)):
        done = run("draft-spec", f"src/shop/prices.py:{function}", "--tests", "tests")
        assert code == done.returncode
        (root / "specs" / "prices.yaml").write_text(done.stdout)
        linted = run("lint")
        assert code == linted.returncode
        assert set(linted.stdout.splitlines()[:-1]) <= set(done.stderr.splitlines())
        settle = "settle this finding" if code else "it has no finding"
        assert done.stderr.splitlines()[-1].startswith(f"next: {settle}, decide what its comments leave")
    assert "proposal for specs/prices.yaml; it exists already" in done.stderr


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pipeline" / "adoption").glob("*.py")), ids=lambda path: path.stem
)
def test_any_function_can_be_drafted(path: Path) -> None:
    """Whatever a function looks like, the proposal is YAML."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            proposal = draft_spec(read_settings(ROOT, {}), f"{path}:{node.name}", [])
            assert [node.name] == list(yaml.safe_load(proposal.text)["functions"])


@pytest.mark.parametrize(
    ("code", "note"),
    [
        (
            "class Size(Enum):\n    S = 1\n\ndef f(size: Size) -> int:\n    return 1\n",
            "values of 'Size' are no texts; they became texts here",
        ),
        (
            "def f(*, n: int, m: int) -> int:\n    return n\n",
            "passed by name only: n, m; a generated function",
        ),
        (
            "def f(n: str) -> str:\n    return n\n\ndef f(n: int) -> int:\n    return n\n",
            "it is defined 2 times; this is the last, the one that counts",
        ),
    ],
)
def test_what_a_spec_says_differently_is_noted(tmp_path: Path, code: str, note: str) -> None:
    """Whatever becomes something else in a spec is left to a person, in so many words."""
    (tmp_path / "m.py").write_text(code)
    assert f"#   {note}" in draft_spec(read_settings(tmp_path, {}), "m:f", ()).text


def test_a_file_of_another_encoding_is_named(tmp_path: Path) -> None:
    """Not as a character that cannot be read."""
    (tmp_path / "m.py").write_bytes("def f() -> str:\n    return 'é'\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"m\.py: it is not written in UTF-8; save it as UTF-8"):
        draft_spec(read_settings(tmp_path, {}), "m:f", ())
