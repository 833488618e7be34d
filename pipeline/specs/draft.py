"""A spec between its file and its records: what the checks and the derivation both ask of it."""

import builtins
import keyword
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.annotations import BUILTIN_TYPES, check_annotation, check_use
from pipeline.definitions import TypeDefinition
from pipeline.records import Finding
from pipeline.rules import CONSTANTS, FUNCTIONS, MODULES
from pipeline.specs.format import ConstraintFile, DecisionFile, FunctionFile, SpecFile
from pipeline.specs.shape import suggest
from pipeline.specs.types import reached_types
from pipeline.specs.yaml_source import Document

BUILTIN_ERRORS = frozenset({
    "ArithmeticError", "IndexError", "KeyError", "LookupError", "OverflowError", "PermissionError", "RuntimeError",
    "TimeoutError", "TypeError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "ValueError",
    "ZeroDivisionError",
})  # fmt: skip
"""Errors of Python's own that a function may promise to raise."""

_TAKEN = frozenset({*dir(builtins), *BUILTIN_TYPES, *FUNCTIONS, *CONSTANTS, *MODULES, "types"})
_DEVICES = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


@dataclass(frozen=True, slots=True)
class Draft:
    """The sound parts of one file, and the names of the parts that were refused (see `Shape`)."""

    document: Document
    file: SpecFile
    types: dict[str, TypeDefinition]
    dropped: frozenset[tuple[Hashable, Hashable]]
    trimmed: frozenset[Hashable]

    def names(self, section: str) -> list[str]:
        """Names in a section of the file, refused entries included."""
        refused = sorted(str(name) for part, name in self.dropped if part == section)
        return [*getattr(self.file, section), *refused]

    def constraints_of(self, function: str) -> list[tuple[str, ConstraintFile]]:
        """The constraints that cover a function, as written."""
        every = self.file.constraints.items()
        return [(name, constraint) for name, constraint in every if covers(constraint.applies_to, function)]

    def decisions_of(self, function: str) -> list[tuple[str, DecisionFile]]:
        """The decisions that cover a function, as written."""
        every = self.file.decisions.items()
        return [(name, decision) for name, decision in every if covers(decision.applies_to, function)]

    def has_sound_signature(self, function: FunctionFile) -> bool:
        """Whether every type that a function's signature reaches is known and sound."""
        written = [*function.params.values(), function.returns]
        known = all(check_annotation(text, self.types) is None for text in written)
        return known and not any(check_use(text, self.types) for text in written)

    def at(self, *path: Hashable, message: str) -> Finding:
        """A finding at the value at `path`."""
        return Finding(place=self.document.at(*path), message=message)

    def key(self, *path: Hashable, message: str) -> Finding:
        """A finding at the key at `path`."""
        return Finding(place=self.document.key(*path), message=message)


def covers(globs: Sequence[str], function: str) -> bool:
    """Whether one of the patterns names a function."""
    return any(fnmatchcase(function, glob) for glob in globs)


def conditions(function: FunctionFile) -> list[tuple[str, str | None]]:
    """The errors a function may raise, each with its condition, in order."""
    if isinstance(function.raises, list):
        return [(name.strip(), None) for name in function.raises]
    return [(name, when.strip() if when else None) for name, when in function.raises.items()]


def reached_by(function: FunctionFile, types: dict[str, TypeDefinition]) -> set[str]:
    """Names of the spec's types that a function's signature reaches."""
    return reached_types([*function.params.values(), function.returns], types)


# -- names ---------------------------------------------------------------------------------------------------


def check_names(draft: Draft, stem: str) -> Iterable[Finding]:
    """Findings about the names a spec gives: taken ones, and those that cannot be told apart."""
    if draft.document.value.get("spec") == draft.file.spec != stem:
        yield draft.at(
            "spec", message=f"the file is called '{stem}'; name the spec '{stem}' or rename the file"
        )
    if _is_reserved(draft.file.spec) or draft.file.spec in {*BUILTIN_TYPES, "types"}:
        yield draft.at(
            "spec", message=f"'{draft.file.spec}' cannot name a spec; Python or the system uses it"
        )
    for section, kind in (("types", "a type"), ("errors", "an error"), ("functions", "a function")):
        for name in draft.names(section):
            if message := _bad_name(name, kind):
                yield draft.key(section, name, message=message)
    yield from _check_clashes(draft)
    for name, function in draft.file.functions.items():
        yield from _check_params(draft, name, function)
    for name, form in draft.file.types.items():
        for field in getattr(form, "fields", {}) if not isinstance(form, str) else ():
            if keyword.iskeyword(field):
                yield draft.key("types", name, "fields", field, message=f"'{field}' is a Python keyword")


def _is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or name.lower() in _DEVICES


def _bad_name(name: str, kind: str) -> str | None:
    if keyword.iskeyword(name):
        return f"'{name}' is a Python keyword; choose another name"
    if kind == "an error" and name in BUILTIN_ERRORS:
        return f"'{name}' is Python's own; list it under 'raises' without defining it here"
    if name in _TAKEN:
        return f"'{name}' is Python's own; choose another name for {kind}"
    if kind == "a function" and name.lower() in _DEVICES:
        return f"'{name}' cannot name a file on Windows; choose another name"
    return None


def _check_clashes(draft: Draft) -> Iterable[Finding]:
    seen: dict[str, str] = {}
    for section in ("types", "errors", "functions"):
        for name in draft.names(section):
            if name in seen:
                message = f"'{name}' is already the name of one of the {seen[name]}"
                yield draft.key(section, name, message=message)
            seen.setdefault(name, section)
    files: dict[str, str] = {}
    for name in draft.names("functions"):
        other = files.setdefault(name.lower(), name)
        if other != name:
            message = (
                f"'{name}' and '{other}' differ only in case; some systems cannot tell their files apart"
            )
            yield draft.key("functions", name, message=message)


def _check_params(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    taken = {*draft.names("types"), *draft.names("errors"), *function.uses, name}
    for param in function.params:
        if keyword.iskeyword(param):
            message = f"'{param}' is a Python keyword; choose another name"
        elif param == "result":
            message = "'result' is what 'ensures' calls the returned value; choose another name"
        elif param in taken:
            message = f"'{param}' is already the name of a type, an error or a function that a rule may call"
        else:
            continue
        yield draft.key("functions", name, "params", param, message=message)


def check_known(
    draft: Draft, path: tuple[Hashable, ...], names: Sequence[str], known: Collection[str], kind: str
) -> Iterable[Finding]:
    """Findings about a list of names at `path`: unknown ones, and those listed twice."""
    for index, name in enumerate(names):
        if name not in known:
            yield draft.at(*path, index, message=f"unknown {kind} '{name}'{suggest(name, known)}")
        elif name in names[:index]:
            yield draft.at(*path, index, message=f"'{name}' is listed twice")
