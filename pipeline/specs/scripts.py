"""Values in examples: arguments, scripts of how a port answers, and what must be asked of ports."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pipeline.definitions import Method, Port
from pipeline.records import Case, Finding, PortCall
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import Draft
from pipeline.specs.format import FunctionFile
from pipeline.specs.yaml_source import Path
from pipeline.values import Types, ValuesError


class Reader:
    """Reads the values of one function's example into canonical JSON; collects what does not fit."""

    def __init__(self, draft: Draft, types: Types, function: FunctionFile) -> None:
        self.findings: list[Finding] = []
        self.function = function
        self.ports: Mapping[str, Port] = draft.ports_of(function)
        self._calls = draft.calls_of(function)
        self._draft = draft
        self._types = types

    def value(self, annotation: str, written: Any, at: Path) -> Any:
        """A value that is written at `at`; None where it does not fit."""
        try:
            return self._types.encode(annotation, self._types.decode(annotation, written))
        except ValuesError as error:
            messages: dict[Any, list[str]] = {}
            for path, message in error.problems:
                messages.setdefault(self._draft.document.at(*at, *path), []).append(message)
        for place, alternatives in messages.items():
            self.findings.append(Finding(place=place, message="; or ".join(dict.fromkeys(alternatives))))
        return None

    def script(self, param: str, written: Any, at: Path) -> dict[str, list[dict[str, Any]]]:
        """How a port answers: method -> an answer a call, in the order of its methods; none without an answer."""
        if not isinstance(written, dict):
            self.complain(at, f"'{param}' is a port; give its answers, as '{self._sample(param)}'")
            return {}
        read: dict[str, list[dict[str, Any]]] = {}
        for name, answers in written.items():
            method = self._method(f"{param}.{name}", (*at, name))
            if method is None:
                continue
            if isinstance(answers, list):
                read[method.name] = [
                    read_answer(self, method, answer, (*at, name, index))
                    for index, answer in enumerate(answers)
                ]
            else:
                self.complain((*at, name), "expected a list of answers, one a call")
        return {m.name: read[m.name] for m in self.ports[param].methods if read.get(m.name)}

    def calls(self, written: list[dict[str, Any]], at: Path) -> tuple[PortCall, ...]:
        """What must be asked of ports, in order, with arguments by name."""
        found = []
        for index, item in enumerate(written):
            if len(item) != 1:
                self.complain((*at, index), "expected one call, such as 'mailer.send: [a@b.c, Hello]'")
                continue
            ((call, arguments),) = item.items()
            path = (*at, index, call)
            if (method := self._method(call, path)) is not None:
                found.append(PortCall(method=call, arguments=self._arguments(method, arguments, path)))
        return tuple(found)

    def _sample(self, param: str) -> str:
        method = self.ports[param].methods[0]
        return f"{method.name}: [{{returns: {'null' if method.returns == 'None' else '...'}}}]"

    def _method(self, call: str, at: Path) -> Method | None:
        if call in self._calls:
            return self._calls[call]
        param, _, name = str(call).partition(".")
        if param in self.ports and self.ports[param].method(name):
            message = f"the function may not ask for '{call}'; add it to its 'calls'"
        else:
            message = f"unknown method of a port '{call}'{suggest(call, self._calls)}"
        self.complain_of_key(at, message)
        return None

    def _arguments(self, method: Method, written: Any, at: Path) -> dict[str, Any]:
        params = {param.name: param.type for param in method.params}
        if isinstance(written, list) and len(written) == len(params):
            return {
                name: self.value(params[name], value, (*at, index))
                for index, (name, value) in enumerate(zip(params, written, strict=True))
            }
        if not isinstance(written, dict):
            takes = ", ".join(f"'{name}'" for name in params)
            expected = (
                f"takes {takes}; give a list of values or a mapping" if params else "takes nothing; write {}"
            )
            self.complain(at, f"'{method.name}' {expected}")
            return {}
        for name in written.keys() - params.keys():
            message = f"unknown parameter '{name}'{suggest(name, params)}"
            self.complain_of_key((*at, name), message)
        if missing := [f"'{name}'" for name in params if name not in written]:
            self.complain_of_key(at, f"no value for {', '.join(missing)}")
        return {
            name: self.value(annotation, written[name], (*at, name))
            for name, annotation in params.items()
            if name in written
        }

    def complain(self, at: Path, message: str) -> None:
        """Note what is wrong with the value at `at`."""
        self.findings.append(self._draft.at(*at, message=message))

    def complain_of_key(self, at: Path, message: str) -> None:
        """Note what is wrong with the key at `at`."""
        self.findings.append(self._draft.key(*at, message=message))


class Answers(Protocol):
    """Whoever reads answers of ports somewhere in a spec."""

    def value(self, annotation: str, written: Any, at: Path) -> Any:
        """A value that is written at `at`; None, and a complaint, where it does not fit."""

    def complain(self, at: Path, message: str) -> None:
        """Note what is wrong with the value at `at`."""

    def complain_of_key(self, at: Path, message: str) -> None:
        """Note what is wrong with the key at `at`."""


def read_answer(reader: Answers, method: Method, written: Any, at: Path) -> dict[str, Any]:
    """What a port's method answers once, in canonical JSON: `{returns: ...}` or `{raises: ...}`."""
    if not isinstance(written, dict):
        reader.complain(at, "expected '{returns: ...}' or '{raises: ...}'")
        return {}
    for key in written.keys() - {"returns", "raises"}:
        reader.complain_of_key((*at, key), f"unknown key '{key}'{suggest(key, ('returns', 'raises'))}")
        return {}
    if len(written) != 1:
        both = "an answer either returns or raises, not both"
        reader.complain(at, both if written else "missing key 'returns' or 'raises'")
        return {}
    if "returns" in written:
        return {"returns": reader.value(method.returns, written["returns"], (*at, "returns"))}
    error = written["raises"]
    if error not in method.raises:
        message = f"'{method.name}' does not raise '{error}'{suggest(error, method.raises)}"
        reader.complain((*at, "raises"), message)
    return {"raises": error}


def uneven_calls(case: Case, ports: Iterable[str]) -> str | None:
    """How a case's calls differ from its scripts in number, or None: every answer is used, and no more."""
    scripted = Counter(
        {f"{port}.{name}": len(case.given[port][name]) for port in ports for name in case.given[port]}
    )
    expected = Counter(call.method for call in case.calls or ())
    for call in sorted(scripted.keys() | expected.keys()):
        if case.calls is not None and scripted[call] != expected[call]:
            expectation, answers = _times(expected[call]), _times(scripted[call])
            return f"'{call}' is expected {expectation} here, but answered {answers} in its script"
    return None


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
