"""Several models on one's own contracts: what is told of each, and that nothing lands."""

import pytest
from servers import DOUBLE, RIGHT, Answer, ModelServer, Project, python

from pipeline.comparing import _likened, _quantile
from pipeline.reports import Tried

LOOSE = """\
spec: loose
summary: A function that may do as it likes with what is not said.
functions:
  pick:
    summary: A number that is not below either.
    params: {a: int, b: int}
    returns: int
    ensures: ["result >= a and result >= b"]
    examples:
      - {name: none, given: {a: 0, b: 0}, returns: 0}
      - {name: first, given: {a: 1, b: 0}, returns: 1}
      - {name: second, given: {a: 0, b: 3}, returns: 3}
"""


def row(report: dict, model: str) -> dict:
    return next(each for each in report["comparison"]["models"] if each["model"] == model)


def test_every_model_is_told_apart_and_nothing_lands(project: Project, server: ModelServer) -> None:
    """Shares at once and with repairs, calls and tokens of each; the functions where they differ are named."""
    assert project.run("generate").code == 0
    before = project.tree()
    server.reset()
    server.answers = {
        **RIGHT,
        "m2:double": [python("def double(n):\n    return n\n"), DOUBLE],
        "m3:limit": [python("def limit(n):\n    return n\n")],
    }
    run = project.run("compare", "--models", "fake:m1, fake:m2,fake:m3", "--json")
    assert run.code == 0
    assert before == project.tree()
    figures = {
        each["model"]: (each["kept"], each["kept_at_once"], each["tried"], each["agreed"], each["comparable"])
        for each in run.report["comparison"]["models"]
    }
    assert figures == {"fake:m1": (3, 3, 3, 3, 3), "fake:m2": (3, 2, 3, 3, 3), "fake:m3": (2, 2, 3, 2, 2)}
    assert "m1" not in {asked.model for asked in server.asked}
    assert (row(run.report, "fake:m1")["calls"], row(run.report, "fake:m1")["median_seconds"]) == (3, None)
    assert row(run.report, "fake:m2")["calls"] == 4
    assert row(run.report, "fake:m2")["p90_seconds"] > 0
    assert row(run.report, "fake:m2")["tokens_cached"] == 240
    assert run.report["spending"]["total"]["stored"] == 3

    text = project.run("compare", "--models", "fake:m1,fake:m2,fake:m3").out
    assert "small.double:\n" not in text
    assert "small.limit:\n  fake:m1: kept at attempt 1, as landed\n" in text
    assert "\n  fake:m3: not kept: examples[" in text
    assert ["fake:m2", "3", "of", "3", "2", "of", "3", "3", "of", "3"] in [
        line.split()[:10] for line in text.splitlines()
    ]


def test_what_behaves_otherwise_than_the_landed_function_is_named(
    project: Project, server: ModelServer
) -> None:
    """Both keep the contract; only one does what has landed."""
    project.write_spec("loose", LOOSE)
    server.answers["pick"] = [python("def pick(a, b):\n    return max(a, b)\n")]
    assert project.run("generate", "loose").code == 0
    server.answers["m2:pick"] = [python("def pick(a, b):\n    return abs(a) + abs(b)\n")]
    run = project.run("compare", "loose.pick", "--models", "fake:m1,fake:m2", "--json")
    assert [each["like"] for each in run.report["comparison"]["tries"]] == ["landed", "neither"]
    assert {each["kept"] for each in run.report["comparison"]["tries"]} == {True}
    assert row(run.report, "fake:m2")["agreed"] == 0


def test_contracts_that_have_not_landed_are_compared_as_their_spec_has_them(
    project: Project, server: ModelServer
) -> None:
    """But for those that use what has not landed; one function can be meant."""
    run = project.run("compare", "--models", "fake:m1", "--json")
    assert run.code == 0
    assert [each["function"] for each in run.report["comparison"]["tries"]] == ["small.double", "small.limit"]
    assert run.report["notes"] == [
        "small.quadruple: left out: it uses small.double, which has not landed; run drystone generate first"
    ]
    assert not project.generated.exists()
    one = project.run("compare", "small.limit", "--models", "fake:m1", "--json")
    assert [each["function"] for each in one.report["comparison"]["tries"]] == ["small.limit"]
    wrong = project.run("compare", "small.limt", "--models", "fake:m1")
    assert (wrong.code, "did you mean 'small.limit'?" in wrong.err) == (2, True)


def test_samples_are_asked_apart_and_kept(project: Project, server: ModelServer) -> None:
    """Each once; a second comparison pays for nothing."""
    run = project.run("compare", "small.limit", "--models", "fake:m1", "--samples", "3", "--json")
    assert [each["sample"] for each in run.report["comparison"]["tries"]] == [1, 2, 3]
    assert server.functions() == ["limit"] * 3
    again = project.run("compare", "small.limit", "--models", "fake:m1", "--samples", "3", "--json")
    assert again.report["comparison"]["tries"] == run.report["comparison"]["tries"]
    assert len(server.asked) == 3
    refused = project.run("compare", "--models", "fake:m1 x3")
    assert (refused.code, "--samples says" in refused.err) == (2, True)


def test_a_model_that_fails_spoils_no_other(project: Project, server: ModelServer) -> None:
    """The others are told of as ever; the run says what was wrong, with the provider's exit code."""
    server.answers |= {
        "m2:double": [Answer("no such key", status=401)],
        "m2:limit": [Answer("no such key", status=401)],
    }
    run = project.run("compare", "--models", "fake:m1,fake:m2", "--json")
    assert run.code == 5
    assert (row(run.report, "fake:m1")["kept"], row(run.report, "fake:m2")["tried"]) == (2, 0)


def test_a_comparison_keeps_to_its_budget(project: Project) -> None:
    """As a run does, with what had been found out by then; each model has a function's own ceiling to itself."""
    run = project.run("compare", "--models", "fake:m1,fake:m2", "--max-tokens", "0", "--json")
    assert run.code == 7
    assert run.report["comparison"]["tries"] == []
    project.configure(more="[tool.drystone.budget]\nattempts_per_function = 1\n")
    assert project.run("compare", "--models", "fake:m1,fake:m2", "--json").code == 0


def test_no_model_uses_up_what_is_another_ones(project: Project, server: ModelServer) -> None:
    """One that needs a repair stops at its own ceiling; who comes after it is asked all the same."""
    project.configure(more="[tool.drystone.budget]\nattempts_per_function = 1\n")
    server.answers["m1:double"] = [python("def double(n):\n    return n\n")]
    run = project.run("compare", "small.double", "--models", "fake:m1,fake:m2", "--jobs", "1", "--json")
    assert (row(run.report, "fake:m1")["tried"], row(run.report, "fake:m2")["kept"]) == (0, 1)
    assert [asked.model for asked in server.asked] == ["m1", "m2"]


def test_what_failed_is_asked_anew_by_the_next_run(project: Project, server: ModelServer) -> None:
    """A comparison leaves behind no reply that is known to be wrong."""
    server.answers["m1:double"] = [python("def double(n):\n    return n\n")]
    assert project.run("compare", "small.double", "--models", "fake:m1").code == 0
    server.answers["m1:double"] = [DOUBLE]
    assert project.run("generate").code == 0


def test_stored_replies_are_compared_offline(project: Project, server: ModelServer) -> None:
    """Nobody is asked; what is missing is named."""
    asked = ("compare", "small.limit", "--models", "fake:m1", "--json")
    assert project.run(*asked, "--offline").code == 5
    first = project.run(*asked)
    server.reset()
    again = project.run(*asked, "--offline")
    assert (again.code, again.report["comparison"]["tries"]) == (0, first.report["comparison"]["tries"])
    assert server.asked == []


def test_whole_specs_and_functions_of_them_may_both_be_named(project: Project) -> None:
    """More said is never less meant."""
    run = project.run("compare", "small.limit", "small", "--models", "fake:m1", "--json")
    assert [each["function"] for each in run.report["comparison"]["tries"]] == ["small.double", "small.limit"]


@pytest.mark.parametrize(
    ("models", "told"), [(" , ", "--models names nobody"), ("fake:m1,fake:m1", "names fake:m1 twice")]
)
def test_nobody_is_compared_by_mistake(project: Project, models: str, told: str) -> None:
    """Neither the configured ladder nor a model with itself."""
    run = project.run("compare", "--models", models)
    assert (run.code, told in run.err) == (2, True)


def tried(model: str, behaviour: str, *, kept: bool = True) -> Tried:
    return Tried(function="s.f", model=model, kept=kept, attempts=1, behaviour=behaviour)


@pytest.mark.parametrize(
    ("behaviours", "landed", "expected"),
    [
        ("aab", {}, ["majority", "majority", "neither"]),
        ("aab", {"s.f": "b"}, ["neither", "neither", "landed"]),
        ("ab", {}, ["unknown", "unknown"]),
        ("aabb", {}, ["unknown"] * 4),
        ("a", {}, ["unknown"]),
    ],
)
def test_a_majority_is_more_than_one_and_more_than_any_other(
    behaviours: str, landed, expected: list[str]
) -> None:
    """A landed function outweighs it."""
    likened = _likened([tried(str(number), each) for number, each in enumerate(behaviours)], landed)
    assert [each.like for each in likened] == expected


def test_a_model_has_one_voice_however_often_it_is_asked() -> None:
    """Most of the others are others."""
    likened = _likened([tried("1", "a"), tried("1", "a"), tried("1", "a")], {})
    assert [each.like for each in likened] == ["unknown"] * 3


def test_what_was_not_kept_has_no_say() -> None:
    """Nor is it said to be like anything."""
    likened = _likened([tried("1", "", kept=False), tried("2", "", kept=False), tried("3", "a")], {})
    assert [each.like for each in likened] == ["unknown"] * 3


def test_quantiles_are_measured_values() -> None:
    """Of one it is that one, of none there is none."""
    assert [_quantile([3.0, 1.0, 2.0, 10.0], percent) for percent in (50, 90)] == [2.0, 10.0]
    assert (_quantile([1.5], 90), _quantile([], 50)) == (1.5, None)
