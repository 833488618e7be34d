"""Functions that perhaps only have another name: what is gone from a spec, beside what is new in it."""

import ast
from collections.abc import Callable, Mapping

from pipeline.landed import Status
from pipeline.records import Contract

_NAMELESS = "_"
_UNSAID = {"function", "summary", "approach", "derived_from", "seal"}


def renamed(gone: Mapping[str, Status], come: Mapping[str, Status]) -> dict[str, str]:
    """New name -> old name of functions that are as good as the same; every name is a `spec.function`.

    The two are of one spec, and have the same signature and code but for the name and the docstring, or else the same
    contract but for the name and the summary. Where more than one would do, none is taken.
    """
    found: dict[str, str] = {}
    for likeness in (_code, _contract):
        before = _alone({name: each for name, each in gone.items() if name not in found.values()}, likeness)
        after = _alone({name: each for name, each in come.items() if name not in found}, likeness)
        found |= {after[key]: before[key] for key in after if key in before}
    return found


def called(contract: Contract, name: str) -> Contract:
    """A contract as it would be under another name; its own rules may call it."""
    if contract.function == name:
        return contract
    rules = {
        kind: tuple(
            rule.model_copy(update={"rule": _under(name, rule.rule.strip(), contract.function)})
            if f"{contract.function}(" in rule.rule
            else rule
            for rule in getattr(contract, kind)
        )
        for kind in ("requires", "ensures")
    }
    return contract.model_copy(update={"function": name, **rules})


def nameless(code: str, function: str) -> str:
    """The code of a function file without its docstring, comments and layout, under a name that says nothing."""
    return _under(_NAMELESS, code, function)


def _under(name: str, text: str, function: str) -> str:
    """Code or a rule in which a function has another name, where it is defined and where it is called."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == function:
                node.name = name
                node.body = node.body[ast.get_docstring(node) is not None :]
            case ast.Call(func=ast.Name(id=called)) if called == function:
                node.func = ast.Name(id=name)
    return ast.unparse(tree)


def _alone(statuses: Mapping[str, Status], likeness: Callable[[Status], str]) -> dict[str, str]:
    """What functions are like -> their names, of those that no other one is like."""
    keys = {name: likeness(status) for name, status in statuses.items()}
    every = list(keys.values())
    return {key: name for name, key in keys.items() if key and every.count(key) == 1}


def _code(status: Status) -> str:
    """Empty where there is none that can be read."""
    contract, text = status.function.contract, status.landed.source_text
    try:
        return f"{contract.spec}\n{nameless(text, contract.function)}" if text else ""
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _contract(status: Status) -> str:
    return called(status.function.contract, _NAMELESS).model_dump_json(exclude=_UNSAID)
