"""The examples of a spec's functions: from written calls to cases whose values fit their types."""

from collections.abc import Iterable
from typing import Any

from pipeline.digest import digest_json
from pipeline.records import Case, Finding
from pipeline.specs.draft import BUILTIN_ERRORS, Draft, conditions
from pipeline.specs.format import ExampleFile, FunctionFile
from pipeline.specs.shape import suggest
from pipeline.specs.yaml_source import Path
from pipeline.values import Types, ValuesError


def parse_cases(draft: Draft, types: Types, name: str) -> tuple[tuple[Case, ...], list[Finding]]:
    """The cases of one function, values in canonical JSON, and the findings about its examples."""
    function = draft.file.functions[name]
    names = [example.name or f"example {number}" for number, example in enumerate(function.examples, 1)]
    findings: list[Finding] = []
    cases: list[Case] = []
    for index, example in enumerate(function.examples):
        at: Path = ("functions", name, "examples", index)
        found = list(_check_example(draft, name, example, at))
        if names[index] in names[:index]:
            place = (*at, "name") if example.name else at
            found.append(draft.at(*place, message=f"another example is already called '{names[index]}'"))
        if not found and draft.has_sound_signature(function):
            reader = _Reader(draft, types, at)
            cases.append(reader.case(function, example, names[index]))
            found = reader.findings
        findings += found
    if not findings:
        findings += _check_contradictions(draft, name, cases)
    return tuple(cases), findings


def _check_example(draft: Draft, name: str, example: ExampleFile, at: Path) -> Iterable[Finding]:
    function = draft.file.functions[name]
    for param in example.given:
        if param not in function.params:
            message = f"unknown parameter '{param}'{suggest(param, function.params)}"
            yield draft.key(*at, "given", param, message=message)
    missing = [param for param in function.params if param not in example.given]
    if missing:
        listed = ", ".join(f"'{param}'" for param in missing)
        yield draft.key(*at, "given", message=f"no value for {listed}")
    returns = "returns" in example.model_fields_set
    if returns and example.raises is not None:
        yield draft.key(*at, "raises", message="an example either returns or raises, not both")
    elif not returns and example.raises is None and name not in draft.trimmed:
        yield draft.at(*at, message="missing key 'returns' or 'raises'")
    declared = [error for error, _ in conditions(function)]
    if example.raises is not None and example.raises not in declared:
        known = {*draft.names("errors"), *BUILTIN_ERRORS}
        hint = "" if example.raises in known else suggest(example.raises, declared)
        hint = hint or "; list it under 'raises' of the function"
        yield draft.at(*at, "raises", message=f"the function does not raise '{example.raises}'{hint}")


class _Reader:
    """Reads the values of one example; collects what does not fit."""

    def __init__(self, draft: Draft, types: Types, at: Path) -> None:
        self.findings: list[Finding] = []
        self._draft = draft
        self._types = types
        self._at = at

    def case(self, function: FunctionFile, example: ExampleFile, name: str) -> Case:
        given = {
            param: self._value(annotation, example.given[param], (*self._at, "given", param))
            for param, annotation in function.params.items()
        }
        if example.raises is not None:
            return Case(name=name, given=given, raises=example.raises)
        returns = self._value(function.returns, example.returns, (*self._at, "returns"))
        return Case(name=name, given=given, returns=returns)

    def _value(self, annotation: str, written: Any, at: Path) -> Any:
        try:
            return self._types.encode(annotation, self._types.decode(annotation, written))
        except ValuesError as error:
            messages: dict[Any, list[str]] = {}
            for path, message in error.problems:
                messages.setdefault(self._draft.document.at(*at, *path), []).append(message)
        for place, alternatives in messages.items():
            self.findings.append(Finding(place=place, message="; or ".join(dict.fromkeys(alternatives))))
        return None


def _check_contradictions(draft: Draft, name: str, cases: list[Case]) -> Iterable[Finding]:
    first: dict[str, Case] = {}
    for index, case in enumerate(cases):
        same = first.setdefault(digest_json(case.given), case)
        if (case.returns, case.raises) != (same.returns, same.raises):
            message = f"contradicts '{same.name}': the same call with another outcome"
            yield draft.at("functions", name, "examples", index, message=message)
