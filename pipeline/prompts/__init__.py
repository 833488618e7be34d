"""Prompts are files; this module fills them in. What is the same for every call of a role comes first."""

from typing import Any

from pipeline import render
from pipeline.definitions import TypeAlias
from pipeline.records import Case, Contract
from pipeline.values import Types, show


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
    shown = contract.model_copy(update={"types": classes})
    return {
        "contract": contract,
        "signature": render.signature(contract),
        "aliases": {
            name: ", ".join(filter(None, [alias.type, render.limits_of(alias)]))
            for name, alias in aliases.items()
        },
        "types": render.render_stub_types(shown),
    }


def _example(contract: Contract, case: Case) -> dict[str, str | None]:
    """A case as Python: the call, and the value or error that must come of it."""
    types = Types(contract.types)
    given = [show(types.decode(param.type, case.given[param.name]), 2000) for param in contract.params]
    returns = None if case.raises else show(types.decode(contract.returns, case.returns), 2000)
    return {"call": f"{contract.function}({', '.join(given)})", "returns": returns, "raises": case.raises}
