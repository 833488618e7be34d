"""Prompts are files; this module fills them in. What is the same for every call of a role comes first."""

from typing import Any

from pipeline import render
from pipeline.definitions import Method, TypeAlias
from pipeline.records import Callee, Case, Contract
from pipeline.showing import show
from pipeline.values import Types

_MOST = 2000
"""Characters of one value."""


def render_prompt(name: str, **values: Any) -> str:
    """The prompt of one file in this folder; a name the file uses and nobody gave is an error."""
    return render.render_template(f"prompts/{name}", **values).strip() + "\n"


def render_implementer(contract: Contract) -> str:
    """What an implementer is told: the contract without what is held back, and nothing else."""
    shown = [_example(contract, case) for case in contract.cases if case.shown]
    return render_prompt("implementer.md.j2", **_contract(contract), examples=shown)


def render_architect(contract: Contract) -> str:
    """What an architect is told: the contract as the spec alone gives it."""
    cases = [_example(contract, case) for case in contract.cases]
    return render_prompt("architect.md.j2", **_contract(contract), examples=cases)


def _contract(contract: Contract) -> dict[str, Any]:
    """Aliases in words, because a model that sees their definition writes it again; the rest as Python."""
    aliases = {name: kind for name, kind in contract.types.items() if isinstance(kind, TypeAlias)}
    classes = {name: kind for name, kind in contract.types.items() if name not in aliases}
    methods = _methods(contract)
    ports = {
        name: port.model_copy(
            update={"methods": tuple(method for method in port.methods if method in methods.values())}
        )
        for name, port in contract.ports.items()
    }
    shown = contract.model_copy(update={"types": classes, "ports": ports})
    return {
        "contract": contract,
        "signature": render.signature(contract),
        "aliases": {
            name: ", ".join(filter(None, [alias.type, render.limits_of(alias)]))
            for name, alias in aliases.items()
        },
        "types": render.render_known_types(shown),
        "asks": [_ask(contract, name, method) for name, method in methods.items()],
        "settled": _settled(contract),
        "callees": [_callee(contract, callee) for callee in contract.uses],
    }


def _settled(contract: Contract) -> list[str]:
    chosen = [item for item in contract.decisions if item.choice]
    known = {(item.name, item.choice) for item in chosen}
    return [
        *(item.text for item in contract.constraints),
        *(
            f"{item.question} {item.choice}: {item.meaning}"
            + (f" (Why: {item.reason})" if item.reason else "")
            for item in chosen
        ),
        *(
            f"Taken for granted: {name} is {answer}."
            for name, answer in contract.assumes.items()
            if (name, answer) not in known
        ),
    ]


def _callee(contract: Contract, callee: Callee) -> dict[str, Any]:
    raised = {line: line.split(" ")[0].removesuffix(":") for line in callee.raises}
    return {
        "callee": callee,
        "is_async": callee.signature.startswith("async "),
        "handled": [
            name
            for name in raised.values()
            if name in contract.handles and name not in {item.error for item in contract.raises}
        ],
    }


# -- ports -------------------------------------------------------------------------------------------------


def _methods(contract: Contract) -> dict[str, Method]:
    """`mailer.send` -> the method, of all that the function may call."""
    every = {
        f"{param}.{method.name}": method
        for param, port in contract.port_params.items()
        for method in port.methods
    }
    return {name: every[name] for name in contract.calls if name in every}


def _ask(contract: Contract, name: str, method: Method) -> dict[str, Any]:
    params = ", ".join(param.name for param in method.params)
    return {
        "call": f"{'await ' * method.is_async}{name}({params})",
        "errors": [f"{error} ({_what_to_do(contract, error)})" for error in method.raises],
    }


def _what_to_do(contract: Contract, error: str) -> str:
    if error not in contract.handles:
        return "let it through"
    allowed = error in {item.error for item in contract.raises}
    return (
        "catch it or let it through, as the contract says"
        if allowed
        else "catch it: it must not reach the caller"
    )


def _exchange(contract: Contract, case: Case, types: Types) -> list[str]:
    """What a case says of its ports: what is asked and answered in order, or else the answers alone."""
    if not contract.port_params:
        return []
    methods = _methods(contract)
    answers = {
        name: [_answer(method, answer, types) for answer in case.given[param].get(method.name, [])]
        for name, method in methods.items()
        for param in [name.partition(".")[0]]
    }
    if case.calls is None:
        said = [f"{name} answers: {', then '.join(each)}" for name, each in answers.items() if each]
        return said or ["asks nothing"]
    lines = []
    for call in case.calls:
        params = methods[call.method].params
        given = [show(types.decode(param.type, call.arguments[param.name]), _MOST) for param in params]
        answer = f" -> {answers[call.method].pop(0)}" if answers[call.method] else ""
        lines.append(f"asks {call.method}({', '.join(given)}){answer}")
    return lines or ["asks nothing"]


def _answer(method: Method, answer: dict[str, Any], types: Types) -> str:
    if "raises" in answer:
        return f"raises {answer['raises']}"
    return show(types.decode(method.returns, answer["returns"]), _MOST)


def _example(contract: Contract, case: Case) -> dict[str, Any]:
    """A case as Python: the call, the value or error that must come of it, and what it asks of its ports."""
    types = Types(contract.types)
    given = [
        param.name
        if param.name in contract.port_params
        else show(types.decode(param.type, case.given[param.name]), _MOST)
        for param in contract.params
    ]
    returns = None if case.raises else show(types.decode(contract.returns, case.returns), _MOST)
    return {
        "call": f"{'await ' * contract.is_async}{contract.function}({', '.join(given)})",
        "returns": returns,
        "raises": case.raises,
        "exchange": _exchange(contract, case, types),
    }
