"""Specs that contradict themselves, and specs that only look as if they did."""

import shutil
from pathlib import Path

import pytest

from pipeline.coherence import Placed, check_coherence
from pipeline.records import Spec
from pipeline.specs import load_specs, parse_spec
from pipeline.specs.facts import exclude, facts_of

CASES = Path(__file__).parents[1] / "cases" / "contradictions"
NAMES = sorted(folder.name for folder in CASES.iterdir())


def refusals(root: Path) -> list[str]:
    """What is said about a project's specs before any code is asked for."""
    loaded = load_specs(root)
    places = [{f"decisions[{each.name}]": each.place for each in spec.decisions} for spec in loaded.specs]
    contracts = [
        Placed(function.contract, function.place, {**place, **function.places}, function.contract)
        for spec, place in zip(loaded.specs, places, strict=True)
        for function in spec.functions
    ]
    return [str(finding) for finding in (*loaded.findings, *check_coherence(contracts))]


@pytest.mark.parametrize("name", NAMES)
def test_contradictions_are_refused_with_both_places(name: str, tmp_path: Path, update: bool) -> None:  # noqa: FBT001
    """Every finding, word by word; each stands at one place and names another one of the file."""
    (tmp_path / "specs").mkdir()
    shutil.copy(CASES / name / "spec.yaml", tmp_path / "specs")
    found = refusals(tmp_path)
    expected = CASES / name / "findings.txt"
    if update:
        expected.write_text("".join(f"{line}\n" for line in found), encoding="utf-8", newline="\n")
    assert expected.read_text(encoding="utf-8").splitlines() == found
    assert found
    assert {line.count("specs/spec.yaml:") >= 2 for line in found} == {True}


def test_there_are_enough_contradictions() -> None:
    """The walk above cannot pass by finding nothing to walk."""
    assert len(NAMES) >= 10


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        ("x == 1", "x == 2", True),
        ("x == 1", "x == 1.0", False),
        ("x == 1", "1 != x", True),
        ("x in (1, 2)", "x in [2, 3]", False),
        ("x in (1, 2)", "x in {3}", True),
        ("x not in (1, 2)", "x == 2", True),
        ("x not in (1, 2)", "x == 3", False),
        ("0 < x < 10", "x >= 10", True),
        ("0 < x < 10", "x == 9", False),
        ("x < 3", "x >= 3", True),
        ("x <= 3", "x >= 3", False),
        ("x < 3", "not x < 3", True),
        ("x is None", "x is not None", True),
        ("x is None", "x == 3", True),
        ("x == 'a'", "x > 3", False),
        ("x", "not x", True),
        ("x", "x == ''", True),
        ("x", "x == 'a'", False),
        ("x < y", "y < x", True),
        ("x <= y", "y <= x", False),
        ("x == y", "not y == x", True),
        ("not x < y", "x < y", False),
        ("x < timedelta(hours=24)", "x > timedelta(days=1)", True),
        ("x < timedelta(hours=25)", "x > timedelta(days=1)", False),
        ("x == Decimal('1.50')", "x == Decimal('1.5')", False),
        ("x < Decimal('NaN')", "x == 1", False),
        ("x == -1", "x > 0", True),
        ("x == 1 or y", "x == 2", False),
        ("x == 1 if y else x == 2", "x == 3", False),
        ("x in y", "x not in y", False),
        ("x[0] == 'a ~ b'", "not x[0] == 'a ~ c'", False),
        ("x in ()", "x == 1", True),
    ],
)
def test_facts_exclude_each_other_or_not(one: str, other: str, *, excluded: bool) -> None:
    """No alarm where both can hold, and one where they certainly cannot."""
    pairs = [(a, b) for a in facts_of(one, {})[0] for b in facts_of(other, {})[0]]
    assert excluded == any(exclude(a, b) for a, b in pairs)


def test_a_sound_spec_has_no_contradiction() -> None:
    """Conditions, limits and steps that touch without excluding each other are left alone."""
    text = (CASES / "a-step-and-a-rule" / "spec.yaml").read_text(encoding="utf-8")
    text = text.replace("to: [paid, sent]", "to: paid").replace(
        "call: wait, to: done", "call: wait, to: sent"
    )
    spec = parse_spec("specs/spec.yaml", text)
    assert isinstance(spec, Spec), [str(finding) for finding in spec]


def test_a_rule_or_condition_can_contradict_itself() -> None:
    """Then there is no other place to name."""
    text = """\
spec: spec
summary: Rules that never hold.
functions:
  between:
    summary: Nothing.
    params: {low: int, high: int}
    returns: int
    requires: ["high == 1 and high > 3"]
    raises: {ValueError: 3 < low < 2}
    ensures: ["result > low and result == 1 and low > result"]
"""
    findings = parse_spec("specs/spec.yaml", text)
    assert isinstance(findings, tuple)
    assert [str(finding) for finding in findings] == [
        "specs/spec.yaml:8:16: no call is allowed: `high == 1 and high > 3` contradicts itself",
        "specs/spec.yaml:9:14: ValueError can never be raised: its condition contradicts itself",
        "specs/spec.yaml:10:15: `result > low and result == 1 and low > result` contradicts itself",
    ]
