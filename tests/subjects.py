"""Contracts and candidates for the tests of the judge, short to write down; nothing here passes the bounds."""

from typing import Any

from pipeline import render
from pipeline.records import Case, Contract, Judgement, Param, Rule
from pipeline.sandbox.port import Limits, Program
from pipeline.stages.judge import Judge


def contract(params: dict[str, str], returns: str = "int", **more: Any) -> Contract:
    """A contract of `f`; rules as texts, cases as `(given, returned)`."""
    for clauses in ("requires", "ensures"):
        more[clauses] = tuple(Rule(rule=text) for text in more.get(clauses, ()))
    cases = [
        case if isinstance(case, Case) else Case(name=f"case {number}", given=case[0], returns=case[1])
        for number, case in enumerate(more.pop("cases", ()))
    ]
    return Contract(
        spec="s",
        function="f",
        summary="",
        params=tuple(Param(name=name, type=annotation) for name, annotation in params.items()),
        returns=returns,
        cases=tuple(cases),
        **more,
    )


def decide(
    judge: Judge, promised: Contract, source: str, *, limits: Limits | None = None, **callees: str
) -> Judgement:
    """What the judge says of a module, whatever the bounds would say of it."""
    modules = {"types": render.render_stub_types(promised), **callees, promised.function: source}
    return judge.judge_program(promised, Program(modules, limits or Limits(batch_wall_seconds=30)))


def broken(judgement: Judgement) -> list[str]:
    """Names of the clauses that were not kept."""
    return [clause.clause for clause in judgement.failures]
