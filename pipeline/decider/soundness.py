"""Whether a contract is well formed: names, annotations, rules within the whitelist, values of their types.

A contract may come from a file that anyone wrote, so nothing of it is evaluated before this has found nothing.
"""

import ast
import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.annotations import (
    BUILTIN_TYPES,
    CONTAINERS,
    annotation_names,
    check_annotation,
    check_use,
    parse_annotation,
)
from pipeline.decider.clauses import Clauses
from pipeline.decider.inputs import Strategies
from pipeline.decider.sound_ports import port_names, unsound_memory, unsound_ports, value_annotations
from pipeline.definitions import TypeAlias, TypeDefinition, TypeRecord
from pipeline.records import Case, Contract
from pipeline.rules import check_rule, rule_functions, rule_scope
from pipeline.values import Types, ValuesError


@dataclass(frozen=True, slots=True)
class Problem:
    """A clause of a contract that cannot stand, or `contract` for the whole of it."""

    clause: str
    message: str


def unsound(contract: Contract) -> list[Problem]:
    """Everything that is ill formed; empty for a contract that may be evaluated."""
    for check in (_names, _clashes, _annotations, _ports, _types, _memory, _rules, _cases):
        problems = list(check(contract))
        if problems:
            return problems
    return []


def _names(contract: Contract) -> Iterator[Problem]:
    names = [contract.spec, contract.function, *(param.name for param in contract.params), *contract.types]
    names += [*contract.errors, *(item.error for item in contract.raises)]
    names += [part for callee in contract.uses for part in callee.function.split(".", 1)]
    names += [*port_names(contract), *contract.handles, *contract.homes, *contract.homes.values()]
    for definition in contract.types.values():
        if isinstance(definition, TypeRecord):
            names += [field.name for field in definition.fields]
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            yield Problem("contract", f"'{name}' is no name")


def _clashes(contract: Contract) -> Iterator[Problem]:
    """Two things of one name where a rule, or the program, can hold one."""
    params = [param.name for param in contract.params]
    own = [contract.function, *(callee.function.rpartition(".")[2] for callee in contract.uses)]
    records = [kind for kind in contract.types.values() if isinstance(kind, TypeRecord)]
    defined = [*contract.types, *contract.errors, *contract.ports]
    groups = [[*params, "result", *["calls"] * bool(contract.ports)], [*params, *own]]
    groups += [[*defined, *own, *BUILTIN_TYPES]]
    groups += [[item.error for item in contract.raises], [*own, "types"]]
    groups += [[field.name for field in record.fields] for record in records]
    for name in sorted({name for group in groups for name in group if group.count(name) > 1}):
        yield Problem("contract", f"'{name}' names two things")
    for name in contract.mutates:
        if name not in params or name in contract.port_params:
            yield Problem("contract", f"it may change '{name}', which is no parameter that holds a value")


def _annotations(contract: Contract) -> Iterator[Problem]:
    annotations = [contract.returns, *value_annotations(contract)]
    for definition in contract.types.values():
        if isinstance(definition, TypeRecord):
            annotations += [field.type for field in definition.fields]
        elif isinstance(definition, TypeAlias):
            annotations.append(definition.type)
    for annotation in annotations:
        complaint = check_annotation(annotation, contract.types)
        if complaint:
            yield Problem("contract", complaint)


def _ports(contract: Contract) -> Iterator[Problem]:
    yield from (Problem("contract", message) for message in unsound_ports(contract))


def _memory(contract: Contract) -> Iterator[Problem]:
    yield from (Problem("contract", message) for message in unsound_memory(contract))


def _types(contract: Contract) -> Iterator[Problem]:
    """Types of which no value can be made, read back or drawn."""
    for name in contract.types:
        if _is_circular(name, contract.types):
            yield Problem("contract", f"'{name}' is defined by itself")
            return
    annotations = [*contract.types, *value_annotations(contract), contract.returns]
    for annotation in dict.fromkeys(annotations):
        complaint = _unusable(annotation, contract)
        if complaint:
            yield Problem("contract", f"the type {annotation} {complaint}")


def _is_circular(name: str, types: Mapping[str, TypeDefinition]) -> bool:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        kind = types.get(waiting.pop())
        inner = annotation_names(kind.type) if isinstance(kind, TypeAlias) else set()
        if name in inner:
            return True
        waiting += inner - seen
        seen |= inner
    return False


def _unusable(annotation: str, contract: Contract) -> str | None:
    own = contract.types.get(annotation)
    written = own.type if isinstance(own, TypeAlias) else annotation
    fields = own.fields if isinstance(own, TypeRecord) else ()
    for text in (written, *(field.type for field in fields)):
        if (complaint := check_use(text, contract.types)) is not None:
            return f"cannot be: {complaint}"
    if not annotation_names(annotation) and "Literal" not in annotation:
        return None  # of every other type that is built in there are values
    try:
        types = Types(contract.types)
        if isinstance(own, TypeAlias) and (misfit := _misfit(own, types)):
            return f"cannot be: {misfit}"
        types.adapter(annotation)
        strategy = Strategies(contract, types).of(parse_annotation(annotation))
        strategy.validate()
        empty = strategy.is_empty
    except Exception as error:  # noqa: BLE001 - limits may be any text, and every library has its own complaint
        return f"cannot be: {error}"
    return "has no value" if empty else None


def _misfit(alias: TypeAlias, types: Types) -> str | None:
    """Limits that say nothing of the alias's own kind of value."""
    node, _ = types.resolve_alias(parse_annotation(alias.type))
    kind = ast.unparse(node.value if isinstance(node, ast.Subscript) else node)
    fits = {
        "pattern": {"str"}, "decimal_places": {"Decimal"},
        **{key: {"str", *CONTAINERS} for key in ("min_length", "max_length")},
        **{key: {"int", "float", "Decimal"} for key in ("ge", "gt", "le", "lt")},
    }  # fmt: skip
    return next(
        (f"{key} does not go with {alias.type}" for key, kinds in fits.items()
         if getattr(alias, key) is not None and kind not in kinds),
        None,
    )  # fmt: skip


def _rules(contract: Contract) -> Iterator[Problem]:
    before, after = rule_scope(contract, after=False), rule_scope(contract, after=True)
    callable_names = rule_functions(contract)
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
    clauses = Clauses(contract)
    seen: set[str] = set()
    for case in contract.cases:
        clause = f"examples[{case.name}]"
        if case.name in seen:
            yield Problem(clause, "another case has this name")
        seen.add(case.name)
        complaint = _case(contract, case, clauses)
        if complaint:
            yield Problem(clause, complaint)


def _case(contract: Contract, case: Case, clauses: Clauses) -> str | None:
    names = [param.name for param in contract.params]
    if set(case.given) != set(names):
        return f"it gives {', '.join(sorted(case.given)) or 'nothing'}, the function takes {', '.join(names)}"
    if case.raises is not None and case.raises not in {item.error for item in contract.raises}:
        return f"it promises {case.raises}, which is not under 'raises'"
    try:
        clauses.arguments(case.given)
        clauses.expected(case)
    except ValuesError as error:
        return str(error)
    return None
