"""The generated inputs of a contract: which are drawn, that they differ, and that every port fails in some of them."""

import json
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable

from pipeline.decider.answers import Failing, failings
from pipeline.decider.boundaries import at_boundaries, at_extremes
from pipeline.decider.doubles import wire_argument
from pipeline.decider.inputs import Arguments, Strategies
from pipeline.records import Contract
from pipeline.values import Types, ValuesError

QUIET = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
_EACH_FAILING = 3
"""How many inputs are drawn in which one method of a port always fails in one way."""


def corpus(
    contract: Contract, types: Types, *, allowed: Callable[[Arguments], bool], seed_number: int, count: int
) -> list[Arguments]:
    """Up to `count` different argument tuples that `allowed` (the preconditions) lets through.

    Where rules or types name limits or durations, a few more have a number there, or two moments just so far apart. For
    each way in which a port may fail come a few in which it does so always. The same contract and seed give the same
    inputs in every process; fewer come back where the preconditions leave few, none where they leave none.
    """
    drawn: dict[str, Arguments] = {}
    names = [param.name for param in contract.params]
    strategies = Strategies(contract, types)

    def draw(failing: Failing | None, number: int, most: int) -> None:
        @seed(number)
        @settings(QUIET, max_examples=most)
        @given(strategies.arguments(failing))
        def draw_one(arguments: Arguments) -> None:
            assume(allowed(arguments))
            wired = json.dumps([wire_argument(a, types) for a in arguments], sort_keys=True)
            assume(wired not in drawn)
            drawn[wired] = arguments

        try:
            draw_one()
        except Unsatisfiable:
            return

    draw(None, seed_number, count)
    bases = [*_shown(contract, types, list(drawn.values())), *drawn.values()]
    edges = [*at_boundaries(_rules(contract), names, bases)]
    for base in bases[:1]:
        edges += at_extremes(contract.params, contract.types, base)
    for arguments in edges:
        if _fits(contract, types, arguments) and allowed(arguments):
            drawn.setdefault(
                json.dumps([wire_argument(a, types) for a in arguments], sort_keys=True), arguments
            )
    for offset, failing in enumerate(failings(contract), 1):
        draw(failing, seed_number + offset, _EACH_FAILING)
    return list(drawn.values())


def _rules(contract: Contract) -> list[str]:
    whens = [item.when for item in contract.raises if item.when is not None]
    return [*whens, *(rule.rule for rule in (*contract.requires, *contract.ensures))]


def _shown(contract: Contract, types: Types, drawn: list[Arguments]) -> list[Arguments]:
    """The arguments of cases that return and that implementers see, with drawn answers of ports."""
    cases = [case for case in contract.cases if case.shown and case.raises is None]
    return [
        tuple(
            answers
            if param.name in contract.port_params
            else types.decode(param.type, case.given[param.name])
            for param, answers in zip(contract.params, drawn[0], strict=True)
        )
        for case in cases
        if drawn
    ]


def _fits(contract: Contract, types: Types, arguments: Arguments) -> bool:
    """Whether arguments are still of their types."""
    try:
        for param, argument in zip(contract.params, arguments, strict=True):
            if param.name not in contract.port_params:
                types.conform(param.type, argument)
    except ValuesError:
        return False
    return True
