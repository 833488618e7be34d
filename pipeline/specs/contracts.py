"""From a spec without findings to the contract of each of its functions; nothing is added, nothing inferred."""

import ast
from collections.abc import Iterable, Mapping

from pipeline.definitions import Param
from pipeline.records import (
    Bounds,
    Callee,
    Case,
    Constraint,
    Contract,
    Decision,
    Place,
    Raise,
    Rule,
    SpecFunction,
)
from pipeline.specs.draft import Draft, conditions, reached_by
from pipeline.specs.format import FunctionFile
from pipeline.specs.types import reached_types


def derive_function(
    draft: Draft, name: str, cases: tuple[Case, ...], callees: Mapping[str, SpecFunction]
) -> SpecFunction:
    """The contract of one function as its spec alone gives it, and the place of each clause.

    `callees` holds the derived functions it uses. The contract holds every type of the spec that its signature,
    its rules and its callees' contracts reach, so that it can be read without the spec.
    """
    function = draft.file.functions[name]
    used = [callees[callee].contract for callee in function.uses]
    raises = tuple(Raise(error=error, when=when) for error, when in conditions(function))
    requires = tuple(Rule(rule=rule.strip()) for rule in function.requires)
    ensures = _ensures(draft, name, function)
    rules = [*(r.rule for r in requires), *(r.when for r in raises if r.when), *(r.rule for r in ensures)]
    types = reached_by(function, draft.types) | reached_types(_names_in(rules), draft.types)
    errors = {r.error for r in raises}
    for contract in used:
        types |= set(contract.types)
    contract = Contract(
        spec=draft.file.spec,
        function=name,
        summary=function.summary.strip(),
        params=tuple(Param(name=param, type=text.strip()) for param, text in function.params.items()),
        returns=function.returns.strip(),
        types={key: definition for key, definition in draft.types.items() if key in types},
        errors={key: text.strip() for key, text in draft.file.errors.items() if key in errors},
        requires=requires,
        raises=raises,
        ensures=ensures,
        mutates=tuple(function.mutates),
        cases=cases,
        constraints=tuple(
            Constraint(name=key, text=constraint.text.strip())
            for key, constraint in draft.constraints_of(name)
        ),
        decisions=tuple(
            Decision(
                name=key,
                question=decision.question.strip(),
                choice=decision.choose or "",
                meaning=decision.options[decision.choose].strip() if decision.choose else "",
            )
            for key, decision in draft.decisions_of(name)
        ),
        uses=tuple(_callee(each) for each in used),
        bounds=_bounds(draft, name, function),
    )
    place = draft.document.key("functions", name)
    return SpecFunction(contract=contract, place=place, places=_places(draft, name, contract))


def _ensures(draft: Draft, name: str, function: FunctionFile) -> tuple[Rule, ...]:
    own = [Rule(rule=rule.strip()) for rule in function.ensures]
    covering = [
        Rule(rule=rule.strip(), constraint=key)
        for key, constraint in draft.constraints_of(name)
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


def _callee(contract: Contract) -> Callee:
    from pipeline.render import signature  # renders; needed by specs whose functions use others

    return Callee(
        function=contract.function,
        signature=signature(contract),
        summary=contract.summary,
        requires=tuple(rule.rule for rule in contract.requires),
        raises=tuple(f"{r.error} when {r.when}" if r.when else r.error for r in contract.raises),
        ensures=tuple(rule.rule for rule in contract.ensures),
    )


def _bounds(draft: Draft, name: str, function: FunctionFile) -> Bounds:
    covering = [constraint.forbids for _, constraint in draft.constraints_of(name)]
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
    written = [(*at, "ensures", i) for i in range(len(draft.file.functions[name].ensures))]
    for key, constraint in draft.constraints_of(name):
        written += [("constraints", key, "ensures", i) for i in range(len(constraint.ensures))]
    places |= {f"ensures[{i}]": document.at(*path) for i, path in enumerate(written)}
    for index, case in enumerate(contract.cases):
        places[f"examples[{case.name}]"] = document.at(*at, "examples", index)
    return places
