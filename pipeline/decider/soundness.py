"""Whether a contract is well formed: names, annotations, rules within the whitelist, values of their types.

A contract may come from a file that anyone wrote, so nothing of it is evaluated before this has found nothing.
"""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.annotations import check_annotation
from pipeline.records import Case, Contract, TypeAlias, TypeRecord
from pipeline.rules import check_rule
from pipeline.values import Types, ValuesError


@dataclass(frozen=True, slots=True)
class Problem:
    """A clause of a contract that cannot stand, or `contract` for the whole of it."""

    clause: str
    message: str


def unsound(contract: Contract) -> list[Problem]:
    """Everything that is ill formed; empty for a contract that may be evaluated."""
    problems = list(_names(contract)) or list(_annotations(contract)) or list(_rules(contract))
    return problems or list(_cases(contract))


def _names(contract: Contract) -> Iterator[Problem]:
    names = [contract.spec, contract.function, *(param.name for param in contract.params), *contract.types]
    names += [*contract.errors, *(item.error for item in contract.raises)]
    names += [part for callee in contract.uses for part in callee.function.split(".")]
    for definition in contract.types.values():
        if isinstance(definition, TypeRecord):
            names += [field.name for field in definition.fields]
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            yield Problem("contract", f"'{name}' is no name")


def _annotations(contract: Contract) -> Iterator[Problem]:
    annotations = [contract.returns, *(param.type for param in contract.params)]
    for definition in contract.types.values():
        if isinstance(definition, TypeRecord):
            annotations += [field.type for field in definition.fields]
        elif isinstance(definition, TypeAlias):
            annotations.append(definition.type)
    for annotation in annotations:
        complaint = check_annotation(annotation, contract.types)
        if complaint:
            yield Problem("contract", complaint)


def _rules(contract: Contract) -> Iterator[Problem]:
    before = {param.name: param.type for param in contract.params}
    after = {**before, "result": contract.returns}
    callable_names = {contract.function, *(callee.function for callee in contract.uses)}
    whens = ((f"raises[{item.error}]", item.when) for item in contract.raises if item.when is not None)
    requires = ((f"requires[{number}]", rule.rule) for number, rule in enumerate(contract.requires))
    for clause, text in (*requires, *whens):
        problem = check_rule(text, scope=before, types=contract.types)
        if problem:
            yield Problem(clause, problem.message)
    for number, rule in enumerate(contract.ensures):
        problem = check_rule(rule.rule, scope=after, types=contract.types, functions=callable_names)
        if problem:
            yield Problem(f"ensures[{number}]", problem.message)


def _cases(contract: Contract) -> Iterator[Problem]:
    types = Types(contract.types)
    seen: set[str] = set()
    for case in contract.cases:
        clause = f"examples[{case.name}]"
        if case.name in seen:
            yield Problem(clause, "another case has this name")
        seen.add(case.name)
        complaint = _case(contract, case, types)
        if complaint:
            yield Problem(clause, complaint)


def _case(contract: Contract, case: Case, types: Types) -> str | None:
    names = [param.name for param in contract.params]
    if set(case.given) != set(names):
        return f"it gives {', '.join(sorted(case.given)) or 'nothing'}, the function takes {', '.join(names)}"
    if case.raises is not None and case.raises not in {item.error for item in contract.raises}:
        return f"it promises {case.raises}, which is not under 'raises'"
    try:
        for param in contract.params:
            types.decode(param.type, case.given[param.name])
        if case.raises is None:
            types.decode(contract.returns, case.returns)
    except ValuesError as error:
        return str(error)
    return None
