"""Whether a YAML document has the shape of a spec, and what to say where it has not."""

import difflib
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.records import Finding, Place
from pipeline.specs import format as spec_format
from pipeline.specs.yaml_source import Document, Path

NOT_YET = frozenset({"ports", "flows"})
"""Keys of the language that this version refuses."""

_MODELS: tuple[tuple[Path, type[BaseModel]], ...] = (
    ((), spec_format.SpecFile),
    (("constraints", "*"), spec_format.ConstraintFile),
    (("constraints", "*", "forbids"), spec_format.ForbidsFile),
    (("decisions", "*"), spec_format.DecisionFile),
    (("types", "*", "(alias)"), spec_format.AliasFile),
    (("types", "*", "(enum)"), spec_format.EnumFile),
    (("types", "*", "(record)"), spec_format.RecordFile),
    (("functions", "*"), spec_format.FunctionFile),
    (("functions", "*", "examples", "*"), spec_format.ExampleFile),
)
_PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "'{}' is not a name; use letters, digits and '_', a letter first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "'{}' is not a name; use letters, digits, '-', '_' and '.'",
    r"^\S([^\r\n]*\S)?$": "must be text on one line, without spaces around it",
    r"\S": "must not be empty",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What could be read of a file. With findings, `file` holds the sound parts of it, if any."""

    file: spec_format.SpecFile | None
    findings: tuple[Finding, ...] = ()
    dropped: frozenset[tuple[Hashable, Hashable]] = frozenset()
    """Section and name of every entry that is not in `file` because of a finding."""
    trimmed: frozenset[Hashable] = frozenset()
    """Names of functions that lack a clause because of a finding."""


def read_shape(document: Document) -> Shape:
    """The document as the file model, with a finding for every part that does not fit it."""
    try:
        return Shape(spec_format.SpecFile.model_validate(document.value))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    findings = _findings(document, errors)
    pruner = _Pruner(document.value)
    for error in errors:
        pruner.prune(error)
    try:
        sound = spec_format.SpecFile.model_validate(pruner.value)
    except ValidationError:
        return Shape(None, findings)
    return Shape(sound, findings, frozenset(pruner.dropped), frozenset(pruner.trimmed))


def suggest(name: object, known: Collection[str]) -> str:
    """`; did you mean 'summary'?`, or nothing when no known name is near."""
    close = difflib.get_close_matches(str(name), sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _written(loc: Path) -> Path:
    return tuple(part for part in loc if part not in spec_format.FORMS and part != "[key]")


class _Pruner:
    """Takes out of a value what has errors, and no more than that, so that the rest can be checked."""

    def __init__(self, value: Any) -> None:
        self.value = _copied(value)
        self.dropped: set[tuple[Hashable, Hashable]] = set()
        self.trimmed: set[Hashable] = set()

    def prune(self, error: ErrorDetails) -> None:
        path = _written(error["loc"])
        unknown = error["type"] in {"extra_forbidden", "invalid_key"}
        if path[:1] == ("functions",) and len(path) >= 3:
            self._prune_function(
                path, meant=_nearest_key(error["loc"]) if unknown else path[2], unknown=unknown
            )
        elif unknown:
            _delete(self.value, path)
        elif len(path) >= 2:
            self._drop(path)
        elif path in {("spec",), ("summary",)}:
            self.value[path[0]] = "unknown"

    def _prune_function(self, path: Path, *, meant: Hashable, unknown: bool) -> None:
        if meant in {"params", "returns", "raises", "uses"} and (len(path) == 3 or not unknown):
            self._drop(path)
            return
        self.trimmed.add(path[1])
        _delete(self.value, path if unknown else path[:3])
        function = self.value["functions"].get(path[1])
        if meant == "summary" and function is not None:
            function["summary"] = "unknown"

    def _drop(self, path: Path) -> None:
        _delete(self.value, path[:2])
        self.dropped.add((path[0], path[1]))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _delete(value: Any, path: Path) -> None:
    for part in path[:-1]:
        if isinstance(value, dict) and part not in value:
            return  # An error before this one took it out.
        value = value[part]
    if isinstance(value, dict):
        value.pop(path[-1], None)


# -- what to say ---------------------------------------------------------------------------------------------


def _findings(document: Document, errors: list[ErrorDetails]) -> tuple[Finding, ...]:
    suggested = {(e["loc"][:-1], _nearest_key(e["loc"])) for e in errors if e["type"] == "extra_forbidden"}
    forms = {(loc, "type") for loc, key in suggested if key in {"enum", "fields"}}
    return tuple(
        Finding(place=_place(document, error), message=_message(error))
        for error in errors
        if error["type"] != "missing" or (error["loc"][:-1], error["loc"][-1]) not in suggested | forms
    )


def _place(document: Document, error: ErrorDetails) -> Place:
    path = _written(error["loc"])
    if error["type"] == "missing":
        return document.key(*path[:-1])
    if error["type"] in {"extra_forbidden", "invalid_key"} or "[key]" in error["loc"]:
        return document.key(*path)
    return document.at(*path)


def _keys(loc: Path) -> Collection[str]:
    """Keys that the mapping at `loc` may hold."""
    for pattern, model in _MODELS:
        if len(pattern) == len(loc) and all(p in {"*", q} for p, q in zip(pattern, loc, strict=True)):
            other = ("enum", "fields") if model is spec_format.AliasFile else ()
            return [*model.model_fields, *other]
    return ()


def _nearest_key(loc: Path) -> str | None:
    close = difflib.get_close_matches(str(loc[-1]), sorted(_keys(loc[:-1])), n=1)
    return close[0] if close else None


def _message(error: ErrorDetails) -> str:
    loc, value, context = error["loc"], error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return _missing(loc)
        case "extra_forbidden":
            return _unknown_key(loc)
        case "invalid_key":
            return f"a key must be text, not {_kind(value)}"
        case "string_type" if loc[-1] == "[key]":
            return f"a key must be text, not {_kind(value)}; put it in quotes"
        case "string_type":
            return f"expected text, found {_kind(value)}{_quoting(loc, value)}"
        case "string_pattern_mismatch":
            return _PATTERNS[context["pattern"]].format(value)
        case "dict_type" | "model_type":
            return f"expected a mapping, found {_kind(value)}"
        case "list_type":
            return f"expected a list, found {_kind(value)}; write it as '- ...' lines or in [ ]"
        case "int_type" | "int_from_float":
            return f"expected a whole number, found {_kind(value)}"
        case "number_type":
            return f"expected a number, found {_kind(value)}"
        case "string_too_long":
            return f"longer than {context['max_length']} characters"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {value}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {value}"
        case "too_short":
            return "must not be empty"
        case "literal_error":
            return f"{_kind(value)} is not supported yet; leave '{loc[-1]}' out"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, found {_kind(value)}"


def _missing(loc: Path) -> str:
    if loc[0] == "decisions" and loc[-1] == "choose":
        return "missing key 'choose'; leaving the choice to the architect is not supported yet"
    if "(alias)" in loc:
        return "missing key 'type', 'enum' or 'fields'"
    return f"missing key '{loc[-1]}'"


def _unknown_key(loc: Path) -> str:
    key = loc[-1]
    if len(loc) == 1 and key in NOT_YET:
        return f"'{key}' is not supported yet"
    if loc[0] == "types" and loc[-2] in {"(enum)", "(record)"}:
        return f"'{key}' does not go with '{'enum' if loc[-2] == '(enum)' else 'fields'}'"
    return f"unknown key '{key}'{suggest(key, _keys(loc[:-1]))}"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return f"the number {value}"
        case str():
            return f"'{value}'" if len(value) <= 40 else "text"
        case list():
            return "a list"
    return "a mapping"


def _quoting(loc: Path, value: Any) -> str:
    match value:
        case None:
            return "; write 'None' if it returns nothing" if loc[-1] == "returns" else ""
        case dict():
            return "; quote text that holds ': ' or starts with '{'"
        case list():
            return "; quote text that starts with '['"
    return "; put it in quotes"
