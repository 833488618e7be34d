"""What a spec of the right shape may still get wrong: names that lead nowhere, rules that are none."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.definitions import TypeDefinition
from pipeline.records import Finding
from pipeline.rules import check_rule
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import Draft, check_known, conditions, covers, reached_by
from pipeline.specs.format import FunctionFile
from pipeline.specs.names import check_names
from pipeline.specs.types import not_imported
from pipeline.specs.uses import check_circles, check_reach, check_uses, known_errors
from pipeline.specs.yaml_source import Path

CALLS = "list[tuple[str, ...]]"
"""Stands for the type of `calls` in `ensures`: tuples of a method's name and its arguments."""
_WORD = re.compile(r"\w+")


def check_definitions(draft: Draft, stem: str) -> list[Finding]:
    """Every finding about names, constraints and decisions in themselves; `stem` is the file's name."""
    findings = [*check_names(draft, stem)]
    for name, constraint in draft.file.constraints.items():
        for index, module in enumerate(constraint.forbids.imports):
            if module.partition(".")[0] not in sys.stdlib_module_names:
                hint = suggest(module, sys.stdlib_module_names)
                path = ("constraints", name, "forbids", "imports", index)
                message = f"unknown module '{module}' of the standard library{hint}"
                findings.append(draft.at(*path, message=message))
    for name, decision in draft.file.decisions.items():
        if decision.choose is not None and decision.choose not in decision.options:
            message = f"unknown option '{decision.choose}'{suggest(decision.choose, decision.options)}"
            findings.append(draft.at("decisions", name, "choose", message=message))
    return findings


def check_spec(draft: Draft) -> list[Finding]:
    """Every finding about coverage, signatures, rules and what functions use."""
    findings = [*check_coverage(draft, draft.names("functions")), *check_circles(draft)]
    if not draft.names("functions"):
        findings.append(draft.at("functions", message="must not be empty"))
    per_function: tuple[Callable[[Draft, str, FunctionFile], Iterable[Finding]], ...]
    per_function = (_check_signature, _check_clauses, _check_assumes, check_uses, check_reach, _check_rules)
    for name, function in draft.file.functions.items():
        for check_function in per_function:
            findings += check_function(draft, name, function)
    return findings


def check_coverage(draft: Draft, functions: list[str]) -> Iterable[Finding]:
    """Findings about patterns of constraints and decisions that cover none of the functions."""
    covering = [("constraints", name, each.applies_to) for name, each in draft.file.constraints.items()]
    covering += [("decisions", name, each.applies_to) for name, each in draft.file.decisions.items()]
    for section, name, globs in covering:
        for index, glob in enumerate(globs):
            if functions and not any(covers([glob], function) for function in functions):
                message = f"'{glob}' covers no function{suggest(glob, functions)}"
                yield draft.at(section, name, "applies_to", index, message=message)


# -- one function --------------------------------------------------------------------------------------------


def _check_signature(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    at: Path = ("functions", name)
    ports = {param for param, text in function.params.items() if text.strip() in draft.names("ports")}
    written = [(("params", param), text) for param, text in function.params.items() if param not in ports]
    for path, text in [*written, (("returns",), function.returns)]:
        if complaint := draft.complaint(text):
            yield draft.at(*at, *path, message=complaint)
    at_mutates: Path = (*at, "mutates")
    yield from check_known(draft, at_mutates, function.mutates, known=function.params, kind="parameter")
    for index, param in enumerate(function.mutates):
        if param in ports:
            yield draft.at(
                *at_mutates, index, message=f"'{param}' is a port; what it does is no change in place"
            )


def _check_clauses(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    known = known_errors(draft, function)
    raises = conditions(function)
    at: Path = ("functions", name, "raises")
    if isinstance(function.raises, list):
        errors = [error for error, _ in raises]
        yield from check_known(draft, at, errors, known=known, kind="error", section="errors")
    else:
        for error, _ in raises:
            if error not in known:
                message = draft.unknown("error", "errors", name=error, known=known)
                yield draft.key(*at, error, message=message)
    promised = function.ensures or any(constraint.ensures for _, constraint, _ in draft.constraints_of(name))
    judged = function.examples or promised or any(when for _, when in raises)
    if not judged and name not in draft.trimmed:
        message = f"nothing says when '{name}' is right; give it an example or a rule under 'ensures'"
        yield draft.key("functions", name, message=message)


def _check_assumes(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    decisions = {label: decision for label, decision, _ in draft.decisions}
    covering = {label for label, _, _ in draft.decisions_of(name)}
    for label, answer in function.assumes.items():
        at: Path = ("functions", name, "assumes", label)
        if label not in decisions:
            known = draft.names("decisions")
            if label not in known:
                message = draft.unknown("decision", "decisions", name=label, known=known)
                yield draft.key(*at, message=message)
        elif answer not in (options := decisions[label].options):
            message = f"unknown option '{answer}' of the decision '{label}'{suggest(answer, options)}"
            yield draft.at(*at, message=message)
        elif label not in covering:
            yield draft.key(*at, message=f"the decision '{label}' does not cover '{name}'")


# -- rules ---------------------------------------------------------------------------------------------------


def _check_rules(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    if not draft.has_sound_signature(function):
        return
    at: Path = ("functions", name)
    rules = _Rules(draft, name, function)
    for index, rule in enumerate(function.requires):
        yield from rules.check(draft, (*at, "requires", index), rule, after=False)
    if isinstance(function.raises, dict):
        for error, when in function.raises.items():
            if when is not None:
                yield from rules.check(draft, (*at, "raises", error), when, after=False)
    for index, rule in enumerate(function.ensures):
        yield from rules.check(draft, (*at, "ensures", index), rule, after=True)
    for label, constraint, home in draft.constraints_of(name):
        covered = name if home is draft else f"{draft.name}.{name}"
        for index, rule in enumerate(constraint.ensures):
            path = ("constraints", label, "ensures", index)
            for finding in rules.check(home, path, rule, after=True):
                yield finding.model_copy(update={"message": f"{finding.message} (covering '{covered}')"})


class _Rules:
    """The rules of one function and of the constraints that cover it: what they may speak of and call."""

    def __init__(self, draft: Draft, name: str, function: FunctionFile) -> None:
        self._draft = draft
        self._ports = draft.ports_of(function)
        self._types = _rule_types(draft, function)
        self._scope = {param: text for param, text in function.params.items() if param not in self._ports}
        self._after = {**self._scope, "result": function.returns, **({"calls": CALLS} if self._ports else {})}
        used = {each.name: each.draft.ports_of(each.function) for each in draft.used(function)}
        used[name] = self._ports
        self._with_ports = {name for name, ports in used.items() if ports}
        unknown = {written.rpartition(".")[2] for written in function.uses} - used.keys()
        self._callable = [name for name, ports in used.items() if not ports] + sorted(unknown)

    def check(self, home: Draft, path: Path, rule: str, *, after: bool) -> Iterator[Finding]:
        """Findings about a rule that is written at `path` of `home`."""
        scope, functions = (self._after, self._callable) if after else (self._scope, [])
        problem = check_rule(rule.strip(), scope=scope, types=self._types, functions=functions)
        if problem is not None:
            offset = len(rule) - len(rule.lstrip()) + problem.column
            word = _WORD.match(rule.strip(), problem.column)
            message = self._explanation(word[0] if word else "", after=after) or problem.message
            yield Finding(place=home.document.within(*path, offset=offset), message=message)

    def _explanation(self, word: str, *, after: bool) -> str | None:
        """What is wrong where a rule goes wrong at a word that the spec gives a meaning."""
        if word in self._ports:
            return f"a rule cannot name the port '{word}'; 'ensures' may say what it was asked: 'calls'"
        if word in self._with_ports and after:
            return f"'{word}' takes ports; a rule cannot call it"
        if word == "calls" and self._ports and not after:
            return "only 'ensures' may speak of 'calls'"
        elsewhere = self._draft.known.elsewhere
        return not_imported(word, elsewhere[word]) if word in elsewhere else None


def _rule_types(draft: Draft, function: FunctionFile) -> Mapping[str, TypeDefinition]:
    types = dict(draft.types)
    for used in draft.used(function):
        for name in reached_by(used.function, used.draft) & used.draft.types.keys():
            types.setdefault(name, used.draft.types[name])
    return types
