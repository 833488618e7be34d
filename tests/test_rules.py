"""The rule language: what a rule may say, what is refused, and that nothing outside it can be reached."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.definitions import Param, TypeDefinition, TypeEnum, TypeRecord
from pipeline.rules import (
    RuleProblem,
    calls_functions,
    check_rule,
    compile_rule,
    constants,
    durations,
    namespace,
)
from pipeline.values import Types

TYPES: dict[str, TypeDefinition] = {
    "Step": TypeEnum(values=("on hold", "done")),
    "Task": TypeRecord(fields=(Param(name="step", type="Step"), Param(name="due", type="datetime"))),
}
SCOPE = {"x": "int", "xs": "list[int]", "text": "str", "task": "Task", "tasks": "list[Task]", "result": "int"}

GOOD = [
    "result == x + 1",
    "all(a <= b for a, b in zip(xs, xs[1:]))",
    "sorted(xs, key=lambda item: -item) == xs",
    "task.step == 'done'",
    "task.step == Step.ON_HOLD",
    "any(item.step == Step.DONE for item in tasks)",
    "task.due - task.due > timedelta(hours=24)",
    "math.isclose(result, x) if x else not result",
    "re.fullmatch('[a-z]+', text) is not None",
    "{**{'a': 1}}['a'] == 1 and [*xs] == xs",
    "datetime.fromisoformat('2026-01-01T00:00:00+00:00') < task.due",
    "g(f(x)) == x",
    "Task(step=Step.DONE, due=task.due) == task",
    "text.strip().split(',')[0:2] != []",
    "task.due.tzinfo == timezone.utc",
    "len(str(abs(x) ** 2)) < 3",
]
BAD = {
    "y == 1": "unknown name 'y'",
    "x.__class__": "a rule cannot read '.__class__'",
    "().__class__.__bases__": "a rule cannot read '.__bases__'",
    "text.format(x)": "a rule cannot call '.format'",
    "text.format_map(xs)": "a rule cannot call '.format_map'",
    "text.encode": "a rule cannot read '.encode'",
    "eval('1')": "unknown name 'eval'",
    "__import__('os')": "unknown name '__import__'",
    "getattr(x, 'real')": "unknown name 'getattr'",
    "type(x)": "unknown name 'type'",
    "open('x')": "unknown name 'open'",
    "math": "'math' is used as math.<function>",
    "math.sin(x) > 0": "math has no function 'sin' for rules",
    "math.__loader__": "math has no function '__loader__' for rules",
    "re.compile('x')": "re has no function 'compile' for rules",
    "(lambda: x)()": "a rule calls functions and methods by name only",
    "[len][0](xs)": "a rule calls functions and methods by name only",
    "(y := x) > 0": "a rule names nothing; write the expression twice or split the rule",
    "f'{x}' == text": "a rule has no f-strings; join texts with +",
    "await x": "a rule cannot wait",
    "(yield x)": "a rule cannot yield",
    "b'x' == text": "a rule cannot hold the constant b'x'",
    "... == x": "a rule cannot hold the constant ...",
    "1j == x": "a rule cannot hold the constant 1j",
    "f == x": "'f' is a function; call it",
    "x(1)": "'x' is a value, not a function",
    "[x for x in xs] == xs": "'x' is taken; use another name in the comprehension",
    "[len for len in xs] == xs": "'len' is taken; use another name in the comprehension",
    "task.stop == 'done'": "Task has no field 'stop'; did you mean 'step'?",
    "Step.NEVER == task.step": "Step has no member 'NEVER'",
    "x = 1": "not a Python expression: invalid syntax",
    "x; x": "not a Python expression: invalid syntax",
    "import os": "not a Python expression: invalid syntax",
    "": "not a Python expression: invalid syntax",
    "x + " * 700 + "x": "a rule has at most 2000 characters, this one 2801",
    "x+" * 500 + "x": "the rule is too long; split it",
}


def check(text: str, scope: dict[str, str] = SCOPE) -> RuleProblem | None:
    return check_rule(text, scope=scope, types=TYPES, functions={"f", "g"})


@pytest.mark.parametrize("text", GOOD)
def test_rules_of_plain_data_are_good(text: str) -> None:
    """Comparisons, arithmetic, comprehensions, listed functions and methods."""
    assert check(text) is None


@pytest.mark.parametrize(("text", "expected"), BAD.items(), ids=lambda text: text[:30])
def test_other_expressions_are_refused(text: str, expected: str) -> None:
    """Whatever is not listed is refused, with what to write instead."""
    problem = check(text)
    assert problem is not None
    assert problem.message.startswith(expected)


@given(st.text("xs.()[]'\"{}:=+-*/,_ letmadfi0123456789\n\t\\\ud800\0é", max_size=40))
def test_any_text_is_answered(text: str) -> None:
    """A text is a rule or has a problem; it is never a crash."""
    problem = check(text)
    assert problem is None or problem.column >= 0


@pytest.mark.parametrize(
    "text", ["(" * 900, "-" * 1900 + "x", "[" * 150 + "]" * 150, "x" + ".real" * 390, "\0", "x\ud800"]
)
def test_texts_no_person_writes_are_answered(text: str) -> None:
    """Depth and odd characters end in an answer as well."""
    problem = check(text)
    if problem is None:
        compile_rule(text)


def test_a_problem_has_its_column() -> None:
    """Columns count characters, not bytes."""
    assert RuleProblem("unknown name 'zz'", 7) == check("'éé' + zz")


@pytest.mark.parametrize("name", ["timezone", "re", "math"])
def test_a_parameter_may_be_called_like_a_module_of_rules(name: str) -> None:
    """A parameter hides the module: it is a value like any other."""
    assert check(f"{name} == 'UTC' and {name}.upper() == {name}", {name: "str"}) is None


def test_a_parameter_called_like_a_function_is_no_function() -> None:
    """A hidden function cannot be called."""
    assert (
        getattr(check("len(xs) > 0", {"len": "int", "xs": "list[int]"}), "message", None)
        == "'len' is a value, not a function"
    )


def test_preconditions_do_not_speak_of_the_result() -> None:
    """`result` is known only after the call."""
    problem = check_rule("result > 0", scope={"x": "int"}, types={})
    assert (
        getattr(problem, "message", None) == "unknown name 'result'; only 'ensures' may speak of the result"
    )


def test_preconditions_call_no_functions() -> None:
    """Before a call there is no code."""
    problem = check_rule("g(x)", scope={"x": "int"}, types={})
    assert (
        getattr(problem, "message", None) == "unknown name 'g'; only 'ensures' may call functions of the spec"
    )


def evaluate(text: str, **values: Any) -> Any:
    assert check(text) is None
    names = namespace(Types(TYPES), {"f": lambda value: value + 1})
    return eval(compile_rule(text), {**names, **values})


def test_a_rule_is_evaluated_over_its_names_alone() -> None:
    """No built-in function is there but those listed."""
    assert evaluate("[f(item) for item in xs if isinstance(item, int)]", xs=[1, 2]) == [2, 3]


def test_there_are_no_builtins() -> None:
    """The namespace of a rule has none, so a hole in the check would still find nothing."""
    with pytest.raises(NameError):
        eval(compile_rule("open('x')"), namespace(Types({}), {}))


def test_leading_spaces_do_not_matter() -> None:
    """A rule may come from a block of YAML."""
    assert evaluate("  x == 1\n", x=1)


def test_calls_are_found() -> None:
    """Only calls of the spec's functions need code."""
    assert (calls_functions("len(f(x)) > 0", {"f"}), calls_functions("len(xs) > 0", {"f"})) == (True, False)


def test_constants_are_found() -> None:
    """The values at whose edges a function may differ."""
    assert {5, "done", 1.5} == set(constants("x > 5 and task.step == 'done' or x > 1.5"))


def test_durations_are_found() -> None:
    """Only those that are written in plain numbers."""
    text = "now - sent > timedelta(hours=24) or now - sent < -timedelta(1, seconds=2) + timedelta(days=x)"
    assert durations(text) == [timedelta(1), timedelta(1, 2)]
