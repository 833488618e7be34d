"""The examples of a spec's functions: from written calls to cases whose values fit their types."""

from collections.abc import Iterable

from pipeline.digest import digest_json
from pipeline.records import Case, Finding
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import Draft, conditions
from pipeline.specs.format import ExampleFile, FunctionFile
from pipeline.specs.scripts import Reader, uneven_calls
from pipeline.specs.uses import known_errors
from pipeline.specs.yaml_source import Path
from pipeline.values import Types


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
            reader = Reader(draft, types, function)
            cases.append(_read_case(reader, example, at, name=names[index]))
            found = reader.findings
            if not found and (uneven := uneven_calls(cases[-1], reader.ports)):
                found = [draft.key(*at, "calls", message=uneven)]
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
        hint = "" if example.raises in known_errors(draft, function) else suggest(example.raises, declared)
        hint = hint or "; list it under 'raises' of the function"
        yield draft.at(*at, "raises", message=f"the function does not raise '{example.raises}'{hint}")


def _read_case(reader: Reader, example: ExampleFile, at: Path, *, name: str) -> Case:
    function: FunctionFile = reader.function
    given = {
        param: reader.script(param, example.given[param], (*at, "given", param))
        if param in reader.ports
        else reader.value(annotation, example.given[param], (*at, "given", param))
        for param, annotation in function.params.items()
    }
    calls = None if example.calls is None else reader.calls(example.calls, (*at, "calls"))
    if example.raises is not None:
        return Case(name=name, given=given, raises=example.raises, calls=calls)
    returns = reader.value(function.returns, example.returns, (*at, "returns"))
    return Case(name=name, given=given, returns=returns, calls=calls)


def _check_contradictions(draft: Draft, name: str, cases: list[Case]) -> Iterable[Finding]:
    first: dict[str, int] = {}
    for index, case in enumerate(cases):
        other = first.setdefault(digest_json(case.given), index)
        same = cases[other]
        both_said = case.calls is not None and same.calls is not None
        other_calls = both_said and case.calls != same.calls
        if (case.returns, case.raises) != (same.returns, same.raises) or other_calls:
            place = draft.document.at("functions", name, "examples", other)
            message = f"contradicts '{same.name}' at {place}: the same call with another outcome"
            yield draft.at("functions", name, "examples", index, message=message)
