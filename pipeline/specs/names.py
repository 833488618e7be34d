"""The names a spec gives: which are taken, and which cannot be told apart."""

import builtins
import keyword
from collections.abc import Collection, Hashable, Iterable

from pipeline.annotations import BUILTIN_TYPES
from pipeline.records import Finding
from pipeline.rules import CONSTANTS, FUNCTIONS, MODULES
from pipeline.specs.draft import BUILTIN_ERRORS, Draft
from pipeline.specs.format import FunctionFile

_TAKEN = frozenset({*dir(builtins), *BUILTIN_TYPES, *FUNCTIONS, *CONSTANTS, *MODULES, "types", "flows"})
_DEVICES = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
_KINDS = {"types": "a type", "errors": "an error", "ports": "a port", "functions": "a function"}


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
    for section, kind in _KINDS.items():
        for name in draft.own(section):
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
    for section in _KINDS:
        for name in draft.own(section):
            if name in seen:
                message = f"'{name}' is already the name of one of the {seen[name]}"
                yield draft.key(section, name, message=message)
            seen.setdefault(name, section)
    files: dict[str, str] = {}
    for name in draft.own("functions"):
        other = files.setdefault(name.lower(), name)
        if other != name:
            message = (
                f"'{name}' and '{other}' differ only in case; some systems cannot tell their files apart"
            )
            yield draft.key("functions", name, message=message)


def _check_params(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    callable_names = {*(used.rpartition(".")[2] for used in function.uses), name}
    taken = {*defined_names(draft), *callable_names}
    for param in function.params:
        at = ("functions", name, "params", param)
        if param == "result":
            message = "'result' is what 'ensures' calls the returned value; choose another name"
            yield draft.key(*at, message=message)
        else:
            yield from check_param(draft, at, param, taken=taken)
    if draft.ports_of(function) and "calls" in taken | function.params.keys():
        message = "'calls' is what 'ensures' calls that which was asked of ports; choose another name"
        is_param = "calls" in function.params
        yield draft.key("functions", name, *(("params", "calls") if is_param else ()), message=message)


def defined_names(draft: Draft) -> set[str]:
    """Names of the types, errors and ports that a spec defines and imports."""
    return {name for section in ("types", "errors", "ports") for name in draft.names(section)}


def check_param(
    draft: Draft, at: tuple[Hashable, ...], name: str, *, taken: Collection[str]
) -> Iterable[Finding]:
    """Findings about the name of a parameter."""
    if keyword.iskeyword(name):
        yield draft.key(*at, message=f"'{name}' is a Python keyword; choose another name")
    elif name in taken:
        message = (
            f"'{name}' is already the name of a type, an error, a port or a function that a rule may call"
        )
        yield draft.key(*at, message=message)
