"""From a spec without findings to the contract of each of its functions; nothing is added, nothing inferred."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.definitions import Param, Port
from pipeline.records import (
    Bounds,
    Callee,
    Case,
    Constraint,
    Contract,
    Decision,
    DecisionRecord,
    Place,
    Raise,
    Rule,
    SpecFunction,
)
from pipeline.specs.draft import Draft, conditions, reached_by
from pipeline.specs.format import DecisionFile, FunctionFile
from pipeline.specs.meanings import home_of_names
from pipeline.specs.types import reached_types


def derive_function(
    draft: Draft, name: str, cases: tuple[Case, ...], callees: Mapping[str, SpecFunction]
) -> SpecFunction:
    """The contract of one function as its spec alone gives it, and the place of each clause.

    `callees` holds the derived functions it uses, by their names under `uses`. The contract holds every type that
    its signature, its ports, its rules and its callees' contracts reach, so that it can be read without the spec.
    """
    function = draft.file.functions[name]
    used = [callees[callee].contract for callee in function.uses]
    raises = tuple(Raise(error=error, when=when) for error, when in conditions(function))
    requires = tuple(Rule(rule=rule.strip()) for rule in function.requires)
    ensures = _ensures(draft, name, function)
    rules = [*(r.rule for r in requires), *(r.when for r in raises if r.when), *(r.rule for r in ensures)]
    reached = reached_by(function, draft) | reached_types(_names_in(rules), draft.types)
    types = {key: definition for key, definition in draft.types.items() if key in reached}
    for contract in used:
        types |= contract.types
    ports = {port: draft.ports[port] for port in _port_names(draft, function)}
    contract = Contract(
        spec=draft.name,
        function=name,
        summary=function.summary.strip(),
        params=tuple(Param(name=param, type=text.strip()) for param, text in function.params.items()),
        returns=function.returns.strip(),
        types=_in_order(types, draft.types),
        errors=_errors(draft, function, ports, used),
        ports=ports,
        is_async=function.is_async,
        calls=tuple(draft.calls_of(function)),
        handles=tuple(function.handles),
        requires=requires,
        raises=raises,
        ensures=ensures,
        mutates=tuple(function.mutates),
        cases=cases,
        constraints=tuple(
            Constraint(name=key, text=constraint.text.strip())
            for key, constraint, _ in draft.constraints_of(name)
        ),
        decisions=tuple(_decision(key, decision) for key, decision, _ in draft.decisions_of(name)),
        assumes=dict(function.assumes),
        uses=tuple(_callee(draft, each) for each in used),
        bounds=_bounds(draft, name, function),
    )
    contract = contract.model_copy(update={"homes": _homes(draft, contract, used)})
    place = draft.document.key("functions", name)
    return SpecFunction(contract=contract, place=place, places=_places(draft, name, contract))


def decision_records(draft: Draft) -> tuple[DecisionRecord, ...]:
    """The decisions a spec asks and those it imports."""
    return tuple(
        DecisionRecord(
            name=name,
            question=decision.question.strip(),
            options={option: meaning.strip() for option, meaning in decision.options.items()},
            choice=decision.choose,
            place=_place_of_choice(home, name, decision),
            home=home.name,
        )
        for name, decision, home in draft.decisions
    )


def _place_of_choice(home: Draft, name: str, decision: DecisionFile) -> Place:
    written = ("decisions", name)
    return home.document.key(*written) if decision.choose is None else home.document.at(*written, "choose")


def _decision(name: str, decision: DecisionFile) -> Decision:
    choice = decision.choose or ""
    meaning = decision.options[choice].strip() if choice else ""
    return Decision(name=name, question=decision.question.strip(), choice=choice, meaning=meaning)


def _port_names(draft: Draft, function: FunctionFile) -> Iterable[str]:
    return dict.fromkeys(text.strip() for text in function.params.values() if text.strip() in draft.ports)


def _errors(
    draft: Draft, function: FunctionFile, ports: Mapping[str, Port], used: Iterable[Contract]
) -> dict[str, str]:
    """What the errors mean that a function may raise, handle or meet at its ports; Python's own need no meaning."""
    names = {*(error for error, _ in conditions(function)), *function.handles}
    names |= {error for port in ports.values() for method in port.methods for error in method.raises}
    known = draft.errors
    for contract in used:
        known = {**contract.errors, **known}
    return _in_order({name: text for name, text in known.items() if name in names}, draft.file.errors)


def _in_order(values: Mapping[str, Any], order: Iterable[str]) -> dict[str, Any]:
    """First those that the spec defines, as it does; then the others."""
    return {key: values[key] for key in dict.fromkeys([*order, *values]) if key in values}


def _homes(draft: Draft, contract: Contract, used: Iterable[Contract]) -> dict[str, str]:
    """Where the types, errors and ports of a contract are defined, if not in its own spec."""
    homes: dict[str, str] = {}
    for each in used:
        theirs = (*each.types, *each.errors, *each.ports)
        homes |= {name: each.homes.get(name, each.spec) for name in theirs}
    homes |= home_of_names(draft)
    held = (*contract.types, *contract.errors, *contract.ports)
    return {name: homes[name] for name in sorted(held) if homes[name] != draft.name}


def _ensures(draft: Draft, name: str, function: FunctionFile) -> tuple[Rule, ...]:
    own = [Rule(rule=rule.strip()) for rule in function.ensures]
    covering = [
        Rule(rule=rule.strip(), constraint=key)
        for key, constraint, _ in draft.constraints_of(name)
        for rule in constraint.ensures
    ]
    return (*own, *covering)


def _names_in(rules: Iterable[str]) -> set[str]:
    return {
        node.id
        for rule in rules
        for node in ast.walk(ast.parse(rule, mode="eval"))
        if isinstance(node, ast.Name)
    }


def _callee(draft: Draft, contract: Contract) -> Callee:
    from pipeline.render import signature  # renders; needed by specs whose functions use others

    return Callee(
        function=contract.function if contract.spec == draft.name else contract.id,
        signature=signature(contract),
        summary=contract.summary,
        requires=tuple(rule.rule for rule in contract.requires),
        raises=tuple(f"{r.error} when {r.when}" if r.when else r.error for r in contract.raises),
        ensures=tuple(rule.rule for rule in contract.ensures),
    )


def _bounds(draft: Draft, name: str, function: FunctionFile) -> Bounds:
    covering = [constraint.forbids for _, constraint, _ in draft.constraints_of(name)]
    modules = {module for forbids in covering for module in forbids.imports}
    return Bounds(
        forbidden_imports=tuple(sorted(modules)),
        forbidden_names=tuple(sorted({word for forbids in covering for word in forbids.names})),
        max_lines=function.max_lines,
    )


def _places(draft: Draft, name: str, contract: Contract) -> dict[str, Place]:
    document, at = draft.document, ("functions", name)
    places = {f"requires[{i}]": document.at(*at, "requires", i) for i in range(len(contract.requires))}
    listed = isinstance(draft.file.functions[name].raises, list)
    for index, clause in enumerate(contract.raises):
        places[f"raises[{clause.error}]"] = document.key(*at, "raises", index if listed else clause.error)
    rules = [document.at(*at, "ensures", i) for i in range(len(draft.file.functions[name].ensures))]
    for key, constraint, home in draft.constraints_of(name):
        places[f"constraints[{key}]"] = home.document.key("constraints", key)
        written = ("constraints", key, "ensures")
        rules += [home.document.at(*written, i) for i in range(len(constraint.ensures))]
    places |= {f"ensures[{i}]": place for i, place in enumerate(rules)}
    for index, case in enumerate(contract.cases):
        places[f"examples[{case.name}]"] = document.at(*at, "examples", index)
    for key, decision, home in draft.decisions_of(name):
        places[f"decisions[{key}]"] = _place_of_choice(home, key, decision)
    for key in contract.assumes:
        places[f"assumes[{key}]"] = document.at(*at, "assumes", key)
    return places
