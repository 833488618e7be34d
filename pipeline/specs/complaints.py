"""What to say where a YAML document has not the shape of a spec, in plain words."""

import difflib
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from pipeline.records import Finding, Place
from pipeline.specs import format as spec_format
from pipeline.specs.yaml_source import Document, Path

_MODELS: tuple[tuple[Path, type[BaseModel]], ...] = (
    (("constraints", "*"), spec_format.ConstraintFile),
    (("constraints", "*", "forbids"), spec_format.ForbidsFile),
    (("decisions", "*"), spec_format.DecisionFile),
    (("types", "*", "(alias)"), spec_format.AliasFile),
    (("types", "*", "(enum)"), spec_format.EnumFile),
    (("types", "*", "(record)"), spec_format.RecordFile),
    (("ports", "*", "*"), spec_format.MethodFile),
    (("functions", "*"), spec_format.FunctionFile),
    (("functions", "*", "examples", "*"), spec_format.ExampleFile),
    (("flows", "*"), spec_format.FlowFile),
    (("flows", "*", "transitions", "*"), spec_format.TransitionFile),
    (("flows", "*", "timeouts", "*"), spec_format.TimeoutFile),
    (("flows", "*", "scenarios", "*"), spec_format.ScenarioFile),
    (("flows", "*", "scenarios", "*", "steps", "*"), spec_format.StepFile),
)
_PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "'{}' is not a name; use letters, digits and '_', a letter first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "'{}' is not a name; use letters, digits, '-', '_' and '.'",
    r"^\S([^\r\n]*\S)?$": "must be text on one line, without spaces around it",
    r"\S": "must not be empty",
}


def suggest(name: object, known: Collection[str]) -> str:
    """`; did you mean 'summary'?`, or nothing when no known name is near."""
    close = difflib.get_close_matches(str(name), sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def written_path(loc: Path) -> Path:
    """The place of an error as a path into the document."""
    return tuple(part for part in loc if part not in spec_format.FORMS and part != "[key]")


class Complaints:
    """What there is to say about one document that should be a `model`."""

    def __init__(self, document: Document, model: type[BaseModel]) -> None:
        self._document = document
        self._model = model

    def findings(self, errors: list[ErrorDetails]) -> tuple[Finding, ...]:
        """A finding an error, but for keys that are missing because they are misspelt."""
        unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
        suggested = {(loc[:-1], self.nearest_key(loc)) for loc in unknown}
        forms = {(loc, "type") for loc, key in suggested if key in {"enum", "fields"}}
        return tuple(
            Finding(place=self._place(error), message=self._message(error))
            for error in errors
            if error["type"] != "missing" or (error["loc"][:-1], error["loc"][-1]) not in suggested | forms
        )

    def nearest_key(self, loc: Path) -> str | None:
        """The key that was meant by the unknown one at `loc`."""
        close = difflib.get_close_matches(str(loc[-1]), sorted(self._keys(loc[:-1])), n=1)
        return close[0] if close else None

    def _place(self, error: ErrorDetails) -> Place:
        path = written_path(error["loc"])
        if error["type"] == "missing":
            return self._document.key(*path[:-1])
        name_of_method = len(path) == 3 and path[0] == "ports" and path[2] == error["input"]
        if error["type"] in {"extra_forbidden", "invalid_key"} or "[key]" in error["loc"] or name_of_method:
            return self._document.key(*path)
        return self._document.at(*path)

    def _keys(self, loc: Path) -> Collection[str]:
        """Keys that the mapping at `loc` may hold."""
        for pattern, model in (((), self._model), *_MODELS):
            if len(pattern) == len(loc) and all(p in {"*", q} for p, q in zip(pattern, loc, strict=True)):
                other = ("enum", "fields") if model is spec_format.AliasFile else ()
                return [*(field.alias or name for name, field in model.model_fields.items()), *other]
        return ()

    def _message(self, error: ErrorDetails) -> str:
        if error["type"] == "extra_forbidden":
            return self._unknown_key(error["loc"])
        return _message(error)

    def _unknown_key(self, loc: Path) -> str:
        key = loc[-1]
        if loc[0] == "types" and loc[-2] in {"(enum)", "(record)"}:
            return f"'{key}' does not go with '{'enum' if loc[-2] == '(enum)' else 'fields'}'"
        if (
            len(loc) == 1
            and self._model is spec_format.SharedFile
            and key in spec_format.SpecFile.model_fields
        ):
            return f"'{key}' is for specs; this file holds only what they share"
        return f"unknown key '{key}'{suggest(key, self._keys(loc[:-1]))}"


def _message(error: ErrorDetails) -> str:
    loc, value, context = error["loc"], error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return _missing(loc)
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
        case "bool_type":
            return f"expected true or false, found {_kind(value)}"
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
    if "(alias)" in loc:
        return "missing key 'type', 'enum' or 'fields'"
    return f"missing key '{loc[-1]}'"


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
        case list() if "timeouts" in loc:
            return "; when time runs out one thing happens, and leads to one state"
        case list():
            return "; quote text that starts with '['"
    return "; put it in quotes"
