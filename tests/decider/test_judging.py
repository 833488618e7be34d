"""The judge against candidates: honest ones pass, every trick of the hostile list is refused."""

from collections.abc import Iterator

import pytest
from hostile import CONTRACT, HONEST, HOSTILE, Hostile
from subjects import broken, contract, decide

from pipeline.sandbox.port import Limits
from pipeline.sandbox.process import ProcessSandbox
from pipeline.stages.judge import Judge

QUICK = Limits(call_cpu_seconds=1, batch_wall_seconds=3.0)
"""For candidates that never end by themselves."""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge(ProcessSandbox())
    yield opened
    opened.close()


def test_an_honest_candidate_passes(judge: Judge) -> None:
    """The hostile ones are refused for what they do, not for their contract."""
    assert broken(decide(judge, CONTRACT, HONEST)) == []


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_candidate_is_refused(judge: Judge, hostile: Hostile) -> None:
    """No trick of the list passes, and each is refused for what it does."""
    judgement = decide(judge, CONTRACT, hostile.source, limits=QUICK if hostile.endless else None)
    assert hostile.clause in broken(judgement)


def test_the_same_candidate_is_judged_the_same_twice(judge: Judge) -> None:
    """A judgement is a function of the contract and the source."""
    source = HONEST.replace("x + x", "x + x if x < 30 else x")
    other = Judge(ProcessSandbox())
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
