"""Spec -> Choices. The architect answers what a spec leaves open, once for all the functions it covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import prompts
from pipeline.decisions import Choice, choose
from pipeline.llm.port import STOPPED, Message, Reply, Request
from pipeline.records import Contract, DecisionRecord, Finding, Spec
from pipeline.stages.port import Ask
from pipeline.structured import object_schema, one_line, parse_reply

MAX_TOKENS = 8192
"""Of one reply, a reasoning model's thoughts included."""
MOST_REASON = 400


@dataclass(frozen=True, slots=True)
class Undecided:
    """The architect could not be brought to answer: a finding at the place of each question."""

    findings: tuple[Finding, ...]


def first_messages(spec: Spec, decisions: Sequence[DecisionRecord]) -> tuple[str, str]:
    """System and user text of the request for a spec's open decisions."""
    questions = [
        {"decision": decision, "functions": _covered(spec, decision), "offered": _offered(spec, decision)}
        for decision in decisions
    ]
    return prompts.render_prompt("decide.system.md.j2"), prompts.render_prompt(
        "decide.md.j2", spec=spec, questions=questions
    )


def first_request(spec: Spec, decisions: Sequence[DecisionRecord], *, model: str) -> Request:
    """The request for a spec's open decisions, as it is asked first."""
    system, prompt = first_messages(spec, decisions)
    return Request(
        model=model,
        system=system,
        messages=(Message("user", prompt),),
        max_tokens=MAX_TOKENS,
        schema=_schema(spec, decisions),
        temperature=0.0,
        seed=1,
    )


def decide(
    spec: Spec, decisions: Sequence[DecisionRecord], *, model: str, ask: Ask
) -> tuple[Choice, ...] | Undecided:
    """Have a model choose an answer, with the reason, for every one of the open decisions of a spec.

    Where functions take an answer for granted, no other can be chosen. A reply that cannot be used is asked for
    once more, with what is wrong with it. A failing provider is an exception (`ProviderError`).
    """
    if not decisions:
        return ()
    request = first_request(spec, decisions, model=model)
    reply = ask(request)
    choices = _read(reply, request, decisions)
    if isinstance(choices, str):
        repair = prompts.render_prompt("decide.repair.md.j2", complaint=choices)
        said = Message("assistant", reply.text.strip() or "(empty)")
        again = Request(
            model=model,
            system=request.system,
            messages=(*request.messages, said, Message("user", repair)),
            max_tokens=MAX_TOKENS,
            schema=request.schema,
            temperature=0.0,
            seed=2,
        )
        choices = _read(ask(again), request, decisions)
    if isinstance(choices, str):
        return Undecided(tuple(_finding(decision, choices) for decision in decisions))
    return choices


def _covered(spec: Spec, decision: DecisionRecord) -> list[Contract]:
    return [
        function.contract
        for function in spec.functions
        if decision.name in {each.name for each in function.contract.decisions}
        or decision.name in function.contract.assumes
    ]


def _offered(spec: Spec, decision: DecisionRecord) -> list[str]:
    """The options that functions take for granted, or all of them where none does."""
    assumed = {contract.assumes.get(decision.name) for contract in _covered(spec, decision)} - {None}
    return [option for option in decision.options if option in assumed] or list(decision.options)


def _schema(spec: Spec, decisions: Sequence[DecisionRecord]) -> dict[str, Any]:
    """The reason comes first: whoever gives it before the answer answers better."""
    return object_schema(
        {
            decision.name: object_schema(
                {
                    "reason": {"type": "string"},
                    "choice": {"type": "string", "enum": _offered(spec, decision)},
                }
            )
            for decision in decisions
        }
    )


def _read(reply: Reply, request: Request, decisions: Sequence[DecisionRecord]) -> tuple[Choice, ...] | str:
    """The choices in a reply, or what is wrong with it."""
    if reply.stop != "end":
        return STOPPED[reply.stop]
    assert request.schema is not None
    try:
        answers = parse_reply(reply.text, request.schema)
    except ValueError as error:
        return one_line(str(error), 300)
    reasons = {name: one_line(answer["reason"], MOST_REASON) for name, answer in answers.items()}
    silent = [name for name, reason in reasons.items() if not reason]
    if silent:
        return f"{', '.join(silent)}: no reason is given"
    return tuple(choose(each, answers[each.name]["choice"], reasons[each.name]) for each in decisions)


def _finding(decision: DecisionRecord, why: str) -> Finding:
    return Finding(
        place=decision.place,
        message=f"decision '{decision.name}': the architect gave no usable answer ({why}); choose one yourself",
    )
