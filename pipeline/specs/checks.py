"""What a spec of the right shape may still get wrong: names that lead nowhere, rules that are none, circles."""

import sys
from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter

from pipeline.annotations import check_annotation, check_use
from pipeline.records import Finding
from pipeline.rules import check_rule
from pipeline.specs.draft import BUILTIN_ERRORS, Draft, check_known, check_names, conditions, covers
from pipeline.specs.format import FunctionFile
from pipeline.specs.shape import suggest
from pipeline.specs.yaml_source import Path


def check_spec(draft: Draft, stem: str) -> list[Finding]:
    """Every finding about names, coverage, signatures, rules and uses; `stem` is the file's name."""
    findings = [*check_names(draft, stem)]
    if not draft.names("functions"):
        findings.append(draft.at("functions", message="must not be empty"))
    for check in (_check_constraints, _check_decisions, _check_circles):
        findings += check(draft)
    per_function: tuple[Callable[[Draft, str, FunctionFile], Iterable[Finding]], ...]
    per_function = (_check_signature, _check_clauses, _check_uses, _check_rules)
    for name, function in draft.file.functions.items():
        for check_function in per_function:
            findings += check_function(draft, name, function)
    return findings


def order_of(draft: Draft) -> list[str]:
    """Functions of a spec without circles, callees before callers; otherwise as written."""
    order: dict[str, None] = {}
    waiting = [*reversed(draft.file.functions)]
    while waiting:
        name = waiting[-1]
        missing = [callee for callee in _callees(draft, name) if callee not in order]
        if not missing:
            order[waiting.pop()] = None
        waiting += reversed(missing)
    return list(order)


def _callees(draft: Draft, name: str) -> list[str]:
    return [callee for callee in draft.file.functions[name].uses if callee in draft.file.functions]


# -- constraints and decisions -------------------------------------------------------------------------------


def _check_constraints(draft: Draft) -> Iterable[Finding]:
    for name, constraint in draft.file.constraints.items():
        yield from _check_coverage(draft, ("constraints", name, "applies_to"), constraint.applies_to)
        for index, module in enumerate(constraint.forbids.imports):
            if module.partition(".")[0] not in sys.stdlib_module_names:
                hint = suggest(module, sys.stdlib_module_names)
                path = ("constraints", name, "forbids", "imports", index)
                yield draft.at(*path, message=f"unknown module '{module}' of the standard library{hint}")


def _check_decisions(draft: Draft) -> Iterable[Finding]:
    for name, decision in draft.file.decisions.items():
        yield from _check_coverage(draft, ("decisions", name, "applies_to"), decision.applies_to)
        if decision.choose not in decision.options:
            message = f"unknown option '{decision.choose}'{suggest(decision.choose, decision.options)}"
            yield draft.at("decisions", name, "choose", message=message)


def _check_coverage(draft: Draft, path: Path, globs: list[str]) -> Iterable[Finding]:
    functions = draft.names("functions")
    for index, glob in enumerate(globs):
        if functions and not any(covers([glob], function) for function in functions):
            yield draft.at(*path, index, message=f"'{glob}' covers no function{suggest(glob, functions)}")


# -- one function --------------------------------------------------------------------------------------------


def _check_signature(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    written = [(("params", param), text) for param, text in function.params.items()]
    for path, text in [*written, (("returns",), function.returns)]:
        complaint = check_annotation(text, draft.names("types"))
        if complaint is None and check_annotation(text, draft.types) is None:
            complaint = check_use(text, draft.types)
        if complaint:
            yield draft.at("functions", name, *path, message=complaint)
    yield from check_known(
        draft, ("functions", name, "mutates"), function.mutates, function.params, "parameter"
    )


def _check_clauses(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    known = {*draft.names("errors"), *BUILTIN_ERRORS}
    raises = conditions(function)
    if isinstance(function.raises, list):
        errors = [error for error, _ in raises]
        yield from check_known(draft, ("functions", name, "raises"), errors, known, "error")
    else:
        for error, _ in raises:
            if error not in known:
                message = f"unknown error '{error}'{suggest(error, known)}"
                yield draft.key("functions", name, "raises", error, message=message)
    promised = function.ensures or any(constraint.ensures for _, constraint in draft.constraints_of(name))
    judged = function.examples or promised or any(when for _, when in raises)
    if not judged and name not in draft.trimmed:
        message = f"nothing says when '{name}' is right; give it an example or a rule under 'ensures'"
        yield draft.key("functions", name, message=message)


def _check_uses(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    known = draft.names("functions")
    for index, used in enumerate(function.uses):
        path = ("functions", name, "uses", index)
        if used in known:
            continue
        if "." in used:
            yield draft.at(*path, message=f"'{used}': a function of another spec is not supported yet")
        else:
            yield draft.at(*path, message=f"unknown function '{used}'{suggest(used, known)}")
    inside = [used if used in known else "" for used in function.uses]
    for index, used in enumerate(inside):
        if used and used in inside[:index]:
            yield draft.at("functions", name, "uses", index, message=f"'{used}' is listed twice")


def _check_rules(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    if not draft.has_sound_signature(function):
        return
    at: Path = ("functions", name)
    before = dict(function.params)
    after = {**before, "result": function.returns}
    for index, rule in enumerate(function.requires):
        yield from _check_rule(
            draft, (*at, "requires", index), rule, scope=before, function=function, name=name
        )
    if isinstance(function.raises, dict):
        for error, when in function.raises.items():
            if when is not None:
                yield from _check_rule(
                    draft, (*at, "raises", error), when, scope=before, function=function, name=name
                )
    for index, rule in enumerate(function.ensures):
        yield from _check_rule(
            draft, (*at, "ensures", index), rule, scope=after, function=function, name=name
        )
    for label, constraint in draft.constraints_of(name):
        for index, rule in enumerate(constraint.ensures):
            path = ("constraints", label, "ensures", index)
            for finding in _check_rule(draft, path, rule, scope=after, function=function, name=name):
                yield finding.model_copy(update={"message": f"{finding.message} (covering '{name}')"})


def _check_rule(
    draft: Draft, path: Path, rule: str, *, scope: dict[str, str], function: FunctionFile, name: str
) -> Iterable[Finding]:
    callable_names = [*function.uses, name] if "result" in scope else []
    problem = check_rule(rule.strip(), scope=scope, types=draft.types, functions=callable_names)
    if problem is not None:
        offset = len(rule) - len(rule.lstrip()) + problem.column
        yield Finding(place=draft.document.within(*path, offset=offset), message=problem.message)


# -- circles -------------------------------------------------------------------------------------------------


def _check_circles(draft: Draft) -> Iterable[Finding]:
    """One finding a circle, at the first function of it that is written."""
    if not _has_circle(draft):
        return
    seen: set[frozenset[str]] = set()
    for name, function in draft.file.functions.items():
        circle = _circle(draft, name)
        if circle and frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            index = function.uses.index(circle[1])
            message = f"functions use each other in a circle: {' -> '.join(circle)}"
            if len(circle) == 2:
                message = f"'{name}' uses itself"
            yield draft.at("functions", name, "uses", index, message=message)


def _has_circle(draft: Draft) -> bool:
    try:
        TopologicalSorter({name: _callees(draft, name) for name in draft.file.functions}).prepare()
    except CycleError:
        return True
    return False


def _circle(draft: Draft, start: str) -> list[str]:
    """A shortest way from a function back to itself, both ends included; empty when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for callee in _callees(draft, way[-1]):
            if callee == start:
                return [*way, start]
            if callee not in seen:
                seen.add(callee)
                ways.append([*way, callee])
    return []
