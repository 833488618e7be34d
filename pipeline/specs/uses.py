"""What a function calls: other functions, of its spec and of others, and methods of its ports; and what follows."""

from collections.abc import Iterable, Iterator

from pipeline.records import Finding
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import BUILTIN_ERRORS, Draft, Used, check_known, conditions
from pipeline.specs.format import FunctionFile
from pipeline.specs.names import defined_names
from pipeline.specs.order import callees_first, circles
from pipeline.specs.yaml_source import Path


def own_callees(draft: Draft, name: str) -> list[str]:
    """The functions of the same spec that a function uses, as written."""
    return [callee for callee in draft.file.functions[name].uses if callee in draft.file.functions]


def order_of(draft: Draft) -> list[str]:
    """Functions of a spec without circles, callees before callers; otherwise as written."""
    return callees_first(draft.file.functions, lambda name: own_callees(draft, name))


def check_circles(draft: Draft) -> Iterable[Finding]:
    """One finding a circle of functions, at the first function of it that is written."""
    for circle in circles([*draft.file.functions], lambda name: own_callees(draft, name)):
        index = draft.file.functions[circle[0]].uses.index(circle[1])
        message = f"functions use each other in a circle: {' -> '.join(circle)}"
        if len(circle) == 2:
            message = f"'{circle[0]}' uses itself"
        yield draft.at("functions", circle[0], "uses", index, message=message)


def known_errors(draft: Draft, function: FunctionFile) -> set[str]:
    """Names of the errors that a function may speak of: its spec's, Python's and those of functions it uses."""
    raised = {error for used in draft.used(function) for error, _ in conditions(used.function)}
    return {*draft.names("errors"), *BUILTIN_ERRORS, *raised}


# -- functions used --------------------------------------------------------------------------------------------


def check_uses(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    """Findings about the names under `uses`: unknown ones, and those that mean two things."""
    at: Path = ("functions", name, "uses")
    seen: dict[str, str] = {}
    for index, used in enumerate(function.uses):
        if message := _unknown_function(draft, used):
            yield draft.at(*at, index, message=message)
            continue
        bare = used.rpartition(".")[2]
        first = seen.setdefault(bare, used)
        if used in function.uses[:index]:
            yield draft.at(*at, index, message=f"'{used}' is listed twice")
        elif first != used:
            message = f"'{used}' would be called '{bare}' here, as '{first}' is; use one of them only"
            yield draft.at(*at, index, message=message)
        elif "." in used and bare in {*draft.own("functions"), *defined_names(draft)}:
            message = f"'{used}' would be called '{bare}' here, which is a name of this spec already"
            yield draft.at(*at, index, message=message)


def _unknown_function(draft: Draft, used: str) -> str | None:
    spec, _, name = used.rpartition(".")
    if spec == draft.name and name in draft.own("functions"):
        return f"'{used}' is a function of this spec; write '{name}'"
    if spec != draft.name and spec in draft.others:
        other = draft.others[spec]
        if other is None or name in other.own("functions"):
            return None  # What is wrong with a file that cannot be read is said there.
    elif not spec and name in draft.own("functions"):
        return None
    others = [each for key, each in draft.others.items() if each is not None and key != draft.name]
    known = [f"{each.name}.{function}" for each in others for function in each.own("functions")]
    same = [each for each in known if each.rpartition(".")[2] == name]
    hint = f"; did you mean '{same[0]}'?" if same else suggest(used, [*draft.own("functions"), *known])
    return f"unknown function '{used}'{hint}"


# -- what may be reached through them and through ports --------------------------------------------------------


def check_reach(draft: Draft, name: str, function: FunctionFile) -> Iterable[Finding]:
    """Findings about calls of ports, about errors that come of any call, and about waiting."""
    at: Path = ("functions", name)
    if not all(text.strip() in draft.ports for text in function.params.values() if _is_port(draft, text)):
        return
    if function.calls is not None:
        known = draft.calls_of(function.model_copy(update={"calls": None}))
        yield from check_known(draft, (*at, "calls"), function.calls, known=known, kind="method of a port")
    sources = [*_sources(draft, name, function)]
    yield from _check_errors(draft, at, function, sources)
    if not function.is_async:
        for path, source, waits, _ in sources:
            if waits:
                yield draft.key(*path, message=f"'{source}' must be awaited; make '{name}' 'async: true'")
    for used in draft.used(function):
        for port in used.draft.ports_of(used.function):
            if message := _cannot_pass(draft, function, used, port):
                yield draft.at(*at, "uses", used.index, message=message)


def _is_port(draft: Draft, annotation: str) -> bool:
    return annotation.strip() in draft.names("ports")


_Source = tuple[Path, str, bool, list[str]]
"""Where a call is written, what is called, whether it must be awaited, the errors it may raise."""


def _sources(draft: Draft, name: str, function: FunctionFile) -> Iterator[_Source]:
    at: Path = ("functions", name)
    for call, method in draft.calls_of(function).items():
        param = call.partition(".")[0]
        written = ("calls", function.calls.index(call)) if function.calls else ("params", param)
        yield (*at, *written), call, method.is_async, list(method.raises)
    for used in draft.used(function):
        known = known_errors(used.draft, used.function)
        errors = [error for error, _ in conditions(used.function) if error in known]
        yield (*at, "uses", used.index), used.written, used.function.is_async, errors


def _check_errors(
    draft: Draft, at: Path, function: FunctionFile, sources: list[_Source]
) -> Iterable[Finding]:
    declared = [error for error, _ in conditions(function)]
    for path, source, _, errors in sources:
        for error in errors:
            if error not in {*declared, *function.handles}:
                message = f"'{source}' may raise '{error}'; list it under 'raises' or under 'handles'"
                yield draft.key(*path, message=message)
    possible = {error for *_, errors in sources for error in errors}
    known = {*draft.names("errors"), *BUILTIN_ERRORS, *possible}
    yield from check_known(
        draft, (*at, "handles"), function.handles, known=known, kind="error", section="errors"
    )
    for index, error in enumerate(function.handles):
        if error in known - possible:
            message = f"nothing that it calls raises '{error}'{suggest(error, possible)}"
            yield draft.at(*at, "handles", index, message=message)


def _cannot_pass(draft: Draft, function: FunctionFile, used: Used, param: str) -> str | None:
    """Why a function cannot call another one that takes a port as `param`, or None."""
    name = used.function.params[param].strip()
    home = used.draft.home("ports", name)
    mine = [key for key, text in function.params.items() if text.strip() == name]
    if not mine or draft.home("ports", name).name != home.name:
        return f"'{used.written}' takes the port '{name}', and this function has none to pass on"
    asked = [call.partition(".") for call in used.draft.calls_of(used.function)]
    callable_here = draft.calls_of(function)
    for port, _, method in asked:
        if port == param and not any(f"{key}.{method}" in callable_here for key in mine):
            return f"'{used.written}' asks for '{mine[0]}.{method}'; add it to 'calls'"
    return None
