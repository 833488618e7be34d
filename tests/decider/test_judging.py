"""The judge against candidates: honest ones pass, every trick of the hostile list is refused."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hostile import CONTRACT, HONEST, HOSTILE, Hostile
from subjects import broken, contract, decide, kernel_sandbox

from pipeline.decider import judging
from pipeline.records import Case, Effort
from pipeline.sandbox.port import Call, Limits, Observation
from pipeline.stages.judge import Judge

QUICK = Limits(call_cpu_seconds=0.5, batch_wall_seconds=1.5)
"""For candidates that never end by themselves."""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def test_an_honest_candidate_passes(judge: Judge) -> None:
    """The hostile ones are refused for what they do, not for their contract."""
    assert broken(decide(judge, CONTRACT, HONEST)) == []


@pytest.fixture(scope="module", params=["process", "kernel"])
def judge_of_a_level(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """A judge who isolates just so far."""
    if request.param == "kernel":
        kernel_sandbox().close()
    opened = Judge(at_least=request.param, at_most=request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_candidate_is_refused(judge_of_a_level: Judge, hostile: Hostile) -> None:
    """No trick of the list passes at either level, and each is refused for what it does."""
    limits = QUICK if hostile.endless else None
    judgement = decide(judge_of_a_level, CONTRACT, hostile.source, limits=limits)
    assert hostile.clause in broken(judgement)


def test_the_same_candidate_is_judged_the_same_twice(judge: Judge) -> None:
    """A judgement is a function of the contract and the source."""
    source = HONEST.replace("x + x", "x + x if x < 30 else x")
    other = Judge()
    first, second = decide(judge, CONTRACT, source), decide(other, CONTRACT, source)
    other.close()
    assert first == second


def test_prose_and_seals_change_no_judgement(judge: Judge) -> None:
    """A landed contract is judged again on the inputs on which its function landed."""
    landed = CONTRACT.model_copy(
        update={"summary": "Twice.", "approach": "Add.", "derived_from": "x", "seal": "y"}
    )
    assert decide(judge, landed, HONEST) == decide(judge, CONTRACT, HONEST)


def test_equal_behaviour_has_an_equal_fingerprint(judge: Judge) -> None:
    """Two texts that answer alike on every input cannot be told apart by their fingerprints."""
    first = decide(judge, CONTRACT, HONEST)
    second = decide(judge, CONTRACT, HONEST.replace("x + x", "2 * x"))
    assert first.fingerprint == second.fingerprint


def test_other_behaviour_has_another_fingerprint(judge: Judge) -> None:
    """One other answer is enough."""
    loose = contract({"x": "int"}, ensures=["result >= x"])
    first = decide(judge, loose, "def f(x):\n    return x\n")
    second = decide(judge, loose, "def f(x):\n    return x + 1\n")
    assert first.fingerprint != second.fingerprint


def test_a_function_without_parameters_is_called(judge: Judge) -> None:
    """Without parameters there is one input, and it is tried: a module that does not load is refused."""
    nothing = contract({}, ensures=["result > 0"])
    assert broken(decide(judge, nothing, "def f(:\n")) == ["limits"]


def test_a_dict_filled_in_the_order_of_a_set_is_repeatable(judge: Judge) -> None:
    """Equal dicts are equal answers, whatever the order of their keys."""
    counts = contract(
        {"text": "str"}, "dict[str, int]", ensures=["all(text.count(k) == result[k] for k in result)"]
    )
    source = "def f(text):\n    return {c: text.count(c) for c in set(text)}\n"
    assert broken(decide(judge, counts, source)) == []


def test_a_list_in_the_order_of_a_set_is_not_repeatable(judge: Judge) -> None:
    """The order of a set differs from process to process, and so does the answer."""
    letters = contract({"text": "str"}, "list[str]", ensures=["set(result) == set(text)"])
    assert broken(decide(judge, letters, "def f(text):\n    return list(set(text))\n")) == ["repeatable"]


def test_honest_noise_is_no_offence(judge: Judge) -> None:
    """Prints and warnings go nowhere and break no clause."""
    source = HONEST.replace(
        "    if not",
        "    import sys, warnings\n    warnings.warn('old')\n    print(1, file=sys.stderr)\n    print(2)\n    if not",
    )
    assert broken(decide(judge, CONTRACT, source)) == []


def test_a_broken_rule_is_shown_on_a_small_input(judge: Judge) -> None:
    """The counterexample of a generated input is shrunk."""
    identity = contract({"xs": "list[int]"}, "list[int]", ensures=["result == xs"])
    judgement = decide(judge, identity, "def f(xs):\n    return xs[:2]\n")
    assert judgement.failures[0].message == "f([0, 0, 0]) returned [0, 0], and 'result == xs' is false"


def test_a_held_back_case_is_marked_hidden(judge: Judge) -> None:
    """What only a held-back case shows must not reach the implementer."""
    judgement = decide(
        judge, CONTRACT, "def double(xs):\n    return [x + x for x in xs] if xs != [5] else []\n"
    )
    hidden = {clause.clause: clause.hidden for clause in judgement.failures}
    assert hidden["examples[held back]"]


def test_words_of_unread_code_are_one_printable_line(judge: Judge) -> None:
    """A message of an error cannot move the cursor of a terminal or begin a paragraph of a prompt."""
    anything = contract({"x": "int"}, ensures=["result == x"])
    judgement = decide(
        judge, anything, "def f(x):\n    raise ValueError('\\x1b[2J\\n# Instructions\\ud800')\n"
    )
    assert all(clause.message.isprintable() for clause in judgement.failures if clause.message)


# -- observers of this process, at the port ------------------------------------------------------------------

Observe = Callable[[Sequence[Call]], list[Observation]]
CASES_ONLY = Effort(generated=0, landing=False, counterexample=False)
DOUBLE = contract({"x": "int"}, cases=[({"x": 2}, 4), ({"x": 3}, 6)], ensures=["result == x + x"])


def answer(value: object) -> Observe:
    """An observer whose candidate always returns the same."""
    return lambda calls: [Observation("returned", value=value) for _ in calls]


class Counting:
    """An observer that counts, and lets a function of this process answer."""

    def __init__(self, function: Callable[[int], object]) -> None:
        self.function = function
        self.seen: list[int] = []
        self.batches = 0

    def __call__(self, calls: Sequence[Call]) -> list[Observation]:
        self.batches += 1
        self.seen += [call.arguments[0] for call in calls]
        return [Observation("returned", value=self.function(*call.arguments)) for call in calls]


@pytest.mark.parametrize(
    "value",
    [
        {"$": "nothing"}, {"$": "Decimal", "v": "sNaN"}, {"$": "Decimal", "v": "1E+999999"}, {"$": "opaque", "v": "\ud800\x1b"},
        {"$": "set", "v": [[]]}, {"$": "datetime", "v": "2026-01-01"}, "\ud800", float("nan"), {"$": "dict", "v": [[[], 1]]},
        {"$": "record", "t": "T", "v": {}}, [[[[]]]] * 50, {"$": "enum", "t": "T", "v": 1}, {"$": "timedelta", "v": ["x"]},
        {}, {"v": 1}, {"$": []}, {"$": "opaque", "v": 3}, {"$": "tuple", "v": 3}, {"$": "UUID", "v": "x" * 40}, -0.0, 10**400,
    ],
    ids=lambda value: ascii(value)[:40],
)  # fmt: skip
@pytest.mark.parametrize("returns", ["int", "str | Decimal", "list[list[int]]", "datetime"])
def test_forged_values_are_decided(returns: str, value: object) -> None:
    """Whatever an observation holds, the decider says what it makes of it, and never that it is good."""
    promised = contract({"x": "int"}, returns, ensures=["result != result"])
    found = judging.judge(promised, answer(value), answer(value))
    assert not found.passed


@pytest.mark.parametrize(
    "after", [(), (1, 2), ([],), ({"$": "nothing"},), ("x" * 10**6,)], ids=lambda a: ascii(a)[:20]
)
def test_forged_arguments_are_decided(after: tuple[object, ...]) -> None:
    """Whatever is said to have become of the arguments, they are not as they were."""

    def observe(calls: Sequence[Call]) -> list[Observation]:
        return [Observation("returned", value=1, arguments_after=after) for _ in calls]

    found = judging.judge(contract({"xs": "list[str]"}, ensures=["result == 1"]), observe, observe)
    assert broken(found) == ["unmodified"]


@pytest.mark.parametrize("error", ["", "Empty", "x" * 300, "a.b.Empty", "SystemExit"])
def test_forged_errors_are_decided(error: str) -> None:
    """An error is what its name says and nothing else."""

    def observe(calls: Sequence[Call]) -> list[Observation]:
        return [Observation("raised", error=error, message="{0} %s") for _ in calls]

    assert "raises" in broken(judging.judge(DOUBLE, observe, observe))


def test_cases_only_make_no_other_input() -> None:
    """Whoever wants to know about the cases pays for the cases, once and in one process."""
    first, second = Counting(lambda x: x * 2), Counting(lambda x: x * 2)
    judgement = judging.judge(DOUBLE, first, second, CASES_ONLY)
    assert (judgement.passed, judgement.inputs, first.seen, second.seen) == (True, 2, [2, 3], [])


def test_cases_only_stop_at_what_is_broken() -> None:
    """No counterexample is looked for, and nothing is generated where a case is broken already."""
    some = Effort(generated=50, landing=True, counterexample=False)
    first, second = Counting(lambda x: x), Counting(lambda x: x)
    judgement = judging.judge(DOUBLE, first, second, some)
    assert "examples[case 0]" in broken(judgement)
    assert (first.seen, second.seen) == ([2, 3], [])


def test_without_a_counterexample_nothing_is_shrunk() -> None:
    """What breaks on a generated input is told as it was found, in the one batch in which it was."""
    some = Effort(generated=50, landing=True, counterexample=False)
    first = Counting(lambda x: x * 2 if x in {2, 3} else 0)
    judgement = judging.judge(DOUBLE, first, answer(0), some)
    assert broken(judgement) == ["ensures[0]"]
    assert first.batches == 2
    assert len(first.seen) == judgement.inputs <= 52


def test_a_counterexample_is_looked_for() -> None:
    """The default effort calls again, with smaller inputs, until it has the smallest."""
    promised = contract({"x": "int"}, ensures=["result == x + x"])
    first = Counting(lambda x: x * 2 if x < 5 else 0)
    judgement = judging.judge(promised, first, answer(0))
    assert judgement.failures[0].message == "f(5) returned 0, and 'result == x + x' is false"
    assert first.batches > 1


def test_without_landing_there_is_no_second_process() -> None:
    """What is not to land is not replayed, and no input is held back for it."""
    first, second = Counting(lambda x: x * 2), Counting(lambda x: x * 2)
    draft = judging.judge(DOUBLE, first, second, Effort(landing=False))
    assert (draft.passed, second.batches) == (True, 0)
    full = judging.judge(DOUBLE, first, second)
    assert (full.passed, len(set(map(str, second.seen)))) == (True, len(set(map(str, first.seen))))
    assert full.inputs > draft.inputs


def test_every_effort_tries_the_same_inputs_first() -> None:
    """More effort is more of the same: nothing passes the whole that fails the half."""
    half, whole = Counting(lambda x: x * 2), Counting(lambda x: x * 2)
    judging.judge(DOUBLE, half, half, Effort(landing=False))
    judging.judge(DOUBLE, whole, answer(0))
    assert half.seen == whole.seen[: len(half.seen)]


def test_nothing_to_call_with_is_no_pass() -> None:
    """Cases only, and there are none: nothing has been found out."""
    promised = contract({"x": "int"}, ensures=["result == x + x"])
    assert broken(judging.judge(promised, answer(0), answer(0), CASES_ONLY)) == ["returns"]


def test_a_lost_call_ends_the_judgement() -> None:
    """What comes after the loss of a process says nothing, and is not asked for again."""

    def observe(calls: Sequence[Call]) -> list[Observation]:
        return [Observation("lost", error="ended its process with signal 11")] * len(calls)

    cases = [
        Case(name="a", given={"x": 1}, returns=2),
        Case(name="b", given={"x": 2}, returns=4, shown=False),
    ]
    judgement = judging.judge(contract({"x": "int"}, cases=cases), observe, answer(0))
    assert [(clause.clause, clause.message) for clause in judgement.failures] == [
        ("limits", "f(1) ended its process with signal 11")
    ]
