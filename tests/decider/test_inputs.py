"""Generated inputs: of their types, at the edges, and the same wherever they are drawn."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from subjects import broken, contract, decide

import pipeline
from pipeline.decider.corpus import corpus
from pipeline.definitions import Param, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Contract, Raise
from pipeline.stages.judge import Judge
from pipeline.values import Types

TYPES: dict[str, TypeDefinition] = {
    "Step": TypeEnum(values=("on hold", "done")),
    "Code": TypeAlias(type="str", pattern="[A-Z]{2}[0-9]+", max_length=6),
    "Short": TypeAlias(type="Code", max_length=4),
    "Price": TypeAlias(type="Decimal", gt="0", le="99.99", decimal_places=2),
    "Low": TypeAlias(type="int", le="-50"),
    "Far": TypeAlias(type="float", ge="2e9"),
    "Tiny": TypeAlias(type="Decimal", gt="0.001", lt="0.004"),
    "Long": TypeAlias(type="str", min_length=100),
    "Three": TypeAlias(type="set[int]", min_length=3, max_length=3),
    "Node": TypeRecord(fields=(Param(name="value", type="int"), Param(name="next", type="Node | None"))),
    "Tree": TypeRecord(fields=(Param(name="kids", type="list[Branch]"),)),
    "Branch": TypeAlias(type="Tree"),
    "Job": TypeRecord(fields=(Param(name="code", type="Code"), Param(name="step", type="Step"))),
}
ANNOTATIONS = [
    "int", "float", "str", "bool", "Decimal", "datetime", "date", "time", "timedelta", "UUID", "None", "int | None",
    "Literal['a', 1, True]", "list[int]", "dict[int, list[str]]", "tuple[int, str]", "tuple[Step, ...]", "set[date]",
    "frozenset[frozenset[int]]", "list[set[Node]]", *TYPES,
]  # fmt: skip

WIDE: dict[str, TypeDefinition] = {
    "Count": TypeAlias(type="int", ge="0"),
    "Limit": TypeAlias(type="int", ge="1", le="200"),
    "Few": TypeAlias(type="list[int]", max_length=12),
    "Note": TypeAlias(type="str", max_length=120),
    "Box": TypeRecord(fields=(Param(name="items", type="list[int]"),)),
}


@dataclass(frozen=True)
class Wrong:
    """A function that breaks its rule on inputs that are not small or not usual."""

    name: str
    params: dict[str, str]
    returns: str
    ensures: list[str]
    body: str

    @property
    def source(self) -> str:
        lines = "".join(f"    {line}\n" for line in self.body.splitlines())
        return f"import re\nfrom datetime import UTC, datetime\n\ndef f({', '.join(self.params)}):\n{lines}"


WRONG = [
    Wrong(
        "thousands from a million on", {"n": "Count"}, "str", ["re.fullmatch('[0-9]{1,3}(,[0-9]{3})*', result) is not None"],
        "return str(n) if n < 1000 else f'{n // 1000},{n % 1000:03d}'",
    ),
    Wrong("the first eight", {"xs": "list[int]"}, "int", ["result == sum(xs)"], "return sum(xs[:8])"),
    Wrong(
        "the first 25", {"xs": "list[int]"}, "list[int]", ["result == [x + 1 for x in xs]"],
        "return [x + 1 for x in xs[:25]]",
    ),
    Wrong(
        "the first eight of a record", {"box": "Box"}, "int", ["result == sum(box.items)"],
        "return sum(box.items[:8])",
    ),
    Wrong("the first hundred characters", {"text": "str"}, "str", ["result == text"], "return text[:100]"),
    Wrong(
        "three replacements", {"text": "str"}, "str", ["result == re.sub(' +', ' ', text)"],
        "return text.replace('  ', ' ').replace('  ', ' ').replace('  ', ' ')",
    ),
    Wrong(
        "a limit above fifty", {"text": "str", "n": "Limit"}, "str", ["result == text[:n]"],
        "return text[:50] if n > 50 else text[:n]",
    ),
    Wrong(
        "29 February", {"d": "date"}, "date",
        ["result.year == d.year + 1"], "return d.replace(year=d.year + 1)",
    ),
    Wrong(
        "every fourth year", {"d": "date"}, "bool",
        ["result == (d.year % 4 == 0 and (d.year % 100 != 0 or d.year % 400 == 0))"],
        "return d.year % 4 == 0",
    ),
    Wrong(
        "no century before the twentieth", {"d": "date"}, "int", ["result == (d.year - 1) // 100 + 1"],
        "return max((d.year - 1) // 100 + 1, 20)",
    ),
    Wrong(
        "no century after the twenty-first", {"d": "date"}, "int", ["result == (d.year - 1) // 100 + 1"],
        "return min((d.year - 1) // 100 + 1, 21)",
    ),
    Wrong(
        "another day in UTC", {"at": "datetime"}, "date", ["result == at.date()"],
        "return at.astimezone(UTC).date()",
    ),
    Wrong(
        "microseconds left", {"at": "datetime"}, "datetime", ["result == at.replace(microsecond=0)"],
        "return at",
    ),
]  # fmt: skip
"""Each landed once, or would have."""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def draw(
    drawn: Contract, count: int = 40, seed_number: int = 1, allowed: Any = lambda _: True
) -> list[tuple[Any, ...]]:
    return corpus(drawn, Types(drawn.types), allowed=allowed, seed_number=seed_number, count=count)


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_inputs_conform_to_their_type(annotation: str) -> None:
    """Every type has inputs, and every input keeps its type's limits."""
    drawn = contract({"x": annotation}, types=TYPES)
    types = Types(TYPES)
    inputs = corpus(drawn, types, allowed=lambda _: True, seed_number=1, count=40)
    assert inputs != []
    for (value,) in inputs:
        types.conform(annotation, value)


def test_no_input_comes_twice() -> None:
    """Inputs are different from each other."""
    inputs = draw(contract({"x": "int", "y": "bool"}))
    assert len(inputs) == len(set(inputs))


def test_preconditions_are_kept() -> None:
    """Only what is allowed comes back."""
    inputs = draw(contract({"x": "int"}), allowed=lambda arguments: arguments[0] % 2 == 0)
    assert all(x % 2 == 0 for (x,) in inputs)


def test_preconditions_that_allow_nothing_leave_nothing() -> None:
    """No input is an answer."""
    assert draw(contract({"x": "int"}), allowed=lambda _: False) == []


def test_a_type_without_values_leaves_nothing() -> None:
    """A set of five booleans is no crash."""
    types = {"T": TypeAlias(type="set[bool]", min_length=5)}
    assert draw(contract({"x": "T"}, types=types)) == []


@pytest.mark.parametrize("number", [416, 417, 418])
def test_numbers_of_rules_are_tried(number: int) -> None:
    """A function may differ at the numbers a rule speaks of, and one beside them."""
    inputs = draw(contract({"x": "int"}, ensures=["result == (x > 417)"]), count=100)
    assert (number,) in inputs


def test_texts_of_cases_are_tried() -> None:
    """A function may differ at the texts its cases speak of."""
    inputs = draw(contract({"x": "str"}, cases=[({"x": "drystone wall"}, 1)]), count=100)
    assert ("drystone wall",) in inputs


def test_a_number_in_a_text_is_tried_one_off() -> None:
    """A function that reads numbers out of texts may differ at their edges."""
    texts = {x for (x,) in draw(contract({"x": "str"}, cases=[({"x": "06-31"}, 1)]), count=100)}
    assert texts & {"06-32", "06-30"}


def test_two_moments_lie_at_the_edge_of_a_rule() -> None:
    """A day between two moments, to the second, is among the inputs that a rule about a day gets."""
    promised = contract(
        {"sent": "datetime", "now": "datetime"},
        raises=(Raise(error="ValueError", when="now - sent > timedelta(hours=24)"),),
        cases=[({"sent": "2026-01-01T10:00:00Z", "now": "2026-01-01T10:00:00Z"}, 1)],
    )
    gaps = {abs((now - sent).total_seconds()) for sent, now in draw(promised, count=100)}
    assert gaps >= {86400.0, 86401.0}


def test_whole_numbers_of_no_type_of_their_own_stay_countable() -> None:
    """An honest function may count up to its argument, and nearly always it need not count far."""
    sizes = [abs(x) for (x,) in draw(contract({"x": "int"}), count=200)]
    assert max(sizes) <= 100_003
    assert sum(size > 1000 for size in sizes) < len(sizes) / 10


def test_a_large_number_comes_with_a_short_text() -> None:
    """An honest function may repeat a text as often as it is told."""
    drawn = draw(contract({"text": "str", "times": "Count"}, types=WIDE), count=200)
    assert max(len(text) * times for text, times in drawn) <= 4_000_000


@pytest.mark.parametrize(("annotation", "most"), [("Few", 12), ("Note", 120)])
def test_large_inputs_keep_their_limit(annotation: str, most: int) -> None:
    """What is drawn large is as large as its type lets it be, and no larger."""
    assert max(len(x) for (x,) in draw(contract({"x": annotation}, types=WIDE), count=100)) == most


@pytest.mark.parametrize("annotation", ["dict[str, int]", "set[int]", "tuple[int, ...]"])
def test_containers_of_every_kind_are_sometimes_large(annotation: str) -> None:
    """Not lists alone hold more than a handful."""
    assert max(len(x) for (x,) in draw(contract({"x": annotation}), count=100)) > 14


def test_containers_inside_of_containers_stay_small() -> None:
    """Large inputs are large in one way at a time."""
    drawn = draw(contract({"x": "list[list[int]]"}), count=100)
    assert max(len(inner) for (x,) in drawn for inner in x) <= 8


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_function_that_is_wrong_on_rare_inputs_is_refused(judge: Judge, wrong: Wrong) -> None:
    """What a type allows is tried, and not only where it is small and usual."""
    promised = contract(wrong.params, wrong.returns, ensures=wrong.ensures, types=WIDE)
    clauses = broken(decide(judge, promised, wrong.source))
    assert clauses in (["ensures[0]"], ["raises"])


def test_moments_have_microseconds() -> None:
    """A rule that cuts a moment to the second says something."""
    given = {"at": "2026-01-01T10:00:00+00:00"}
    cut = contract(
        {"at": "datetime"},
        "datetime",
        ensures=["result == at.replace(microsecond=0)"],
        cases=[(given, given["at"])],
    )
    assert any(at.microsecond for (at,) in draw(cut, count=50))


def test_moments_near_a_mentioned_one_keep_its_offset() -> None:
    """A case in local time asks for local times."""
    drawn = draw(contract({"at": "datetime"}, cases=[({"at": "2026-01-01T10:00:00+03:45"}, 1)]), count=40)
    assert sum(at.utcoffset() == timedelta(hours=3, minutes=45) for (at,) in drawn) > 10


def test_durations_are_negative_and_fine() -> None:
    """Durations go both ways and are not always whole seconds."""
    drawn = [x for (x,) in draw(contract({"x": "timedelta"}), count=100)]
    assert any(x < timedelta(0) for x in drawn)
    assert any(x.microseconds for x in drawn)


def test_times_of_day_are_fine() -> None:
    """Times of day are not always whole seconds."""
    assert any(x.microsecond for (x,) in draw(contract({"x": "time"}), count=100))


def test_floats_are_sometimes_inexact_sums() -> None:
    """0.1 + 0.2 is no 0.3, and a function must live with it."""
    drawn = {x for (x,) in draw(contract({"x": "float"}), count=200)}
    assert drawn & {0.1 + 0.2, 1.1 + 2.2}


def test_bounds_of_a_whole_number_are_tried() -> None:
    """A function may differ at the ends of its type."""
    drawn = {x for (x,) in draw(contract({"x": "Limit"}, types=WIDE), count=100)}
    assert drawn >= {1, 200}


def test_whole_numbers_go_where_cases_go() -> None:
    """A case with a large number says that large numbers are meant."""
    inputs = draw(contract({"x": "int"}, cases=[({"x": 10**12}, 1)]), count=100)
    assert any(abs(x) > 10**11 for (x,) in inputs)


def test_records_of_their_own_kind_end() -> None:
    """A tree has a size that a hundred of them can be drawn of."""
    assert len(draw(contract({"x": "Tree"}, types=TYPES), count=100)) > 50


def test_another_seed_draws_other_inputs() -> None:
    """What a model may see says nothing of what it may not."""
    promised = contract({"x": "str"})
    assert draw(promised, seed_number=1) != draw(promised, seed_number=2)


SCRIPT = """
import json, sys
{more}
import pipeline.decider.jobs
from pipeline.decider.__main__ import _hide_own_modules
_hide_own_modules()
from pipeline.decider.corpus import corpus
from pipeline.records import Contract
from pipeline.values import Types
contract = Contract.model_validate(json.loads(sys.argv[1]))
print(corpus(contract, Types(contract.types), allowed=lambda _: True, seed_number=7, count=60))
"""


def drawn_elsewhere(root: Path, folder: Path, more: str = "", hash_seed: str = "0") -> str:
    """The inputs that a process of its own draws, with the package at `root`."""
    promised = contract({"x": "str", "y": "float", "z": "set[Step]"}, types=TYPES, ensures=["x != 'bolt'"])
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed}
    environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    command = [
        sys.executable,
        "-P",
        "-c",
        SCRIPT.format(more=more),
        json.dumps(promised.model_dump(mode="json")),
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_inputs_do_not_depend_on_what_is_imported(tmp_path: Path) -> None:
    """Other modules of the project in memory, with constants of their own, colour nothing."""
    root = Path(pipeline.__file__).parents[1]
    more = "import pipeline.stages.judge, pipeline.render, pipeline.prompts"
    assert drawn_elsewhere(root, tmp_path) == drawn_elsewhere(root, tmp_path, more)


def test_inputs_do_not_depend_on_where_the_package_lies(tmp_path: Path) -> None:
    """Installed or checked out, here or there: the same inputs."""
    root = Path(pipeline.__file__).parents[1]
    shutil.copytree(root / "pipeline", tmp_path / "site-packages" / "pipeline")
    assert drawn_elsewhere(root, tmp_path) == drawn_elsewhere(tmp_path / "site-packages", tmp_path)


def test_inputs_do_not_depend_on_the_seed_of_hashes(tmp_path: Path) -> None:
    """The order of sets goes into nothing that is drawn; sets are shown sorted by the decider's own seed."""
    root = Path(pipeline.__file__).parents[1]
    first, second = (drawn_elsewhere(root, tmp_path, hash_seed=seed) for seed in ("1", "2"))
    assert sorted(first) == sorted(second)
