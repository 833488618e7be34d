"""A spec proposed from an existing function: its signature, its docstring, its plain tests. Nothing of it is run."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import rules
from pipeline.adoption import guessing
from pipeline.adoption.code import FunctionNode, Source, Vocabulary, find_function, own_nodes
from pipeline.adoption.samples import Sample, Samples, defaults
from pipeline.definitions import Record
from pipeline.project import open_judge
from pipeline.records import Spec
from pipeline.settings import Settings
from pipeline.specs import FOLDER, parse_spec
from pipeline.specs.draft import BUILTIN_ERRORS

_EFFECTS = {"open", "print", "input", "exec", "eval"}


class Drafted(Record):
    """A proposal, and what `drystone lint` would say of it."""

    path: str
    """Where it belongs, relative to the project's root."""
    text: str
    """YAML, with comments where a person must decide."""
    missing: tuple[str, ...]
    """As `file:line:column: message`; empty if it has no finding."""
    exists: bool
    """Whether there is a spec of that name already."""


def draft_spec(settings: Settings, target: str, tests: Sequence[Path]) -> Drafted:
    """A spec of one function, `package.module:function`, with examples from its docstring and from `tests`.

    Raises SettingsError where there is no such function, or a file is no Python.
    """
    source = find_function(settings.root, target)
    path = f"{FOLDER}/{source.module}.yaml"
    text = _Proposal(source).render(tests)
    missing = tuple(_missing(settings, path, text))
    return Drafted(path=path, text=text, missing=missing, exists=(settings.root / path).exists())


def next_lines(drafted: Drafted) -> Iterator[str]:
    """What a person does with a proposal, for people."""
    exists = "; it exists already: take the function over into it" if drafted.exists else ""
    yield f"drystone: a proposal for {drafted.path}{exists}"
    count = len(drafted.missing)
    lint = (
        f"settle {'this finding' if count == 1 else f'these {count} findings'}"
        if count
        else "it has no finding"
    )
    yield f"next: {lint}, decide what its comments leave to a person, then drystone lint"


def _missing(settings: Settings, path: str, text: str) -> Iterator[str]:
    spec = parse_spec(path, text)
    if not isinstance(spec, Spec):
        yield from (str(finding) for finding in spec)
        return
    judge = open_judge(settings)
    try:
        for function in spec.functions:
            for clause, message in judge.vet(function.contract):
                yield f"{function.places.get(clause, function.place)}: {function.contract.function}, {clause}: {message}"
    finally:
        judge.close()


@dataclass
class _Proposal:
    """The parts of a spec, as they are found."""

    source: Source

    def __post_init__(self) -> None:
        self._function = self.source.function
        self._vocabulary = Vocabulary(self.source.tree)
        self._notes = self._vocabulary.notes
        self._defaults = defaults(self._function)
        self._params = self._read_params()
        self._returns = self._read_returns()

    def render(self, tests: Sequence[Path]) -> str:
        function, docstring = self._function, ast.get_docstring(self._function) or ""
        found = Samples(function, self._vocabulary)
        samples = _distinct([*found.of_docstring(), *found.of_tests(tests)])
        self._guess_types(samples)
        raised = self._raised(samples)
        for call in found.skipped[:5]:
            self._notes.setdefault(f"example left out, its values are computed: {call}")
        self._look_at_body()
        summary = " ".join(re.split(r"\n\s*\n|\n\s*>>>", docstring)[0].split())
        lines = [
            f"# Proposed from {self.source.path.name}:{function.name}. Read every line: it says what the code does, not what is right.",
            f"spec: {self.source.module}",
            f"summary: {_scalar(f'What {self.source.module} promises.')}  # decide",
            "",
        ]
        lines += [*self._types(), *self._errors(raised)]
        lines += ["functions:", f"  {function.name}:"]
        lines.append(
            f"    summary: {_scalar(summary or 'What does it do?')}{'' if summary else '  # decide'}"
        )
        lines.append(f"    params: {_flow(self._params)}")
        lines.append(f"    returns: {_scalar(self._returns)}")
        if isinstance(function, ast.AsyncFunctionDef):
            lines.append("    async: true")
        lines += self._raises(raised)
        lines += [
            '    # decide: rules true of every result, such as "len(result) <= len(text)"; examples alone hold little',
            "    # ensures: []",
        ]
        lines += self._examples(samples)
        if self._notes:
            lines += ["    # decide:", *(f"    #   {' '.join(note.split())}" for note in self._notes)]
        return "\n".join(lines) + "\n"

    def _read_params(self) -> dict[str, str]:
        arguments, params = self._function.args, {}
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            said = "" if each.annotation is None else self._vocabulary.annotation(each.annotation)
            default = self._defaults.get(each.arg)
            if said and isinstance(default, ast.Constant) and default.value is None:
                said += "" if "None" in said.split(" | ") else " | None"
            params[each.arg] = said
        for stars, starred in (("*", arguments.vararg), ("**", arguments.kwarg)):
            if starred is not None:
                self._notes.setdefault(
                    f"'{stars}{starred.arg}': a spec has no such parameter; name what it takes"
                )
        if arguments.kwonlyargs:
            names = ", ".join(each.arg for each in arguments.kwonlyargs)
            self._notes.setdefault(
                f"passed by name only: {names}; a generated function takes them by position, too"
            )
        if self._defaults:
            self._notes.setdefault(
                "it has defaults; a generated function has none, and every caller passes all"
            )
        return params

    def _read_returns(self) -> str:
        return "" if self._function.returns is None else self._vocabulary.annotation(self._function.returns)

    def _guess_types(self, samples: Sequence[Sample]) -> None:
        """What has no annotation gets the type of its values in examples, of its default, of what it is compared with."""
        told = {name: said for name, said in self._params.items() if said}
        for name in [name for name in self._params if name not in told]:
            shown = [sample.types[name] for sample in samples]
            if name in self._defaults:
                default = self._vocabulary.resolved(self._defaults[name])
                shown.append(guessing.type_of(default, self._vocabulary, {}))
            found = guessing.joined(filter(None, shown))
            if found in {None, "None"}:
                others = sorted(guessing.compared(self._function, name, self._vocabulary))
                found = guessing.joined(filter(None, [*others, found]))
            none = " | None" if found == "None" else ""
            self._params[name] = self._guessed(f"'{name}'", None if none else found, none)
            if found and not none:
                told[name] = self._params[name]
        if not self._returns:
            shown = [sample.types["return"] for sample in samples if sample.raises is None]
            found = guessing.joined(shown) or guessing.returned(self._function, self._vocabulary, told)
            self._returns = self._guessed("the result", found)

    def _guessed(self, what: str, found: str | None, none: str = "") -> str:
        """The annotation to propose for something without one, with the note that it is no more than that."""
        guess = guessing.finished(found or guessing.STAND_IN) + none
        how = "is a guess" if found else "only stands in: nothing tells"
        self._notes.setdefault(f"the type of {what}: it has no annotation, and {guess} {how}")
        return guess

    def _raised(self, samples: Sequence[Sample]) -> dict[str, str | None]:
        """Error -> the condition under which it is raised, where the function begins with it."""
        found: dict[str, str | None] = {}
        opening = True
        for node in self._function.body:
            match node:
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.If(test=test, body=[ast.Raise(exc=ast.expr() as error)], orelse=[]) if opening:
                    condition = ast.unparse(test)
                    name = self._error_name(error)
                    if name and name not in found and self._is_rule(condition):
                        found[name] = condition
                        continue
            opening = False
        raising = [node for node in ast.walk(self._function) if isinstance(node, ast.Raise)]
        counted = [name for node in raising if node.exc and (name := self._error_name(node.exc))]
        for name in [*counted, *(sample.raises for sample in samples if sample.raises)]:
            found.setdefault(name)
        return {name: None if counted.count(name) > 1 else condition for name, condition in found.items()}

    def _error_name(self, error: ast.expr) -> str:
        """The class that is raised; empty where it is computed, which a note tells."""
        name = ast.unparse(error.func if isinstance(error, ast.Call) else error).rpartition(".")[2]
        names = (node for node in ast.walk(self._function) if isinstance(node, ast.Name))
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(self._params)
        bound |= {
            node.name
            for node in ast.walk(self._function)
            if isinstance(node, ast.ExceptHandler) and node.name
        }
        if name.isidentifier() and name not in bound:
            return name
        self._notes.setdefault(f"it raises '{ast.unparse(error)}': name the errors that can be")
        return ""

    def _is_rule(self, condition: str) -> bool:
        return rules.check_rule(condition, scope=self._params, types={}) is None

    def _look_at_body(self) -> None:
        """What a bounded function may not do, and what it rests on."""
        named = [node.name for node in self.source.tree.body if isinstance(node, FunctionNode)]
        local = set(named)
        if (count := named.count(self._function.name)) > 1:
            self._notes.setdefault(f"it is defined {count} times; this is the last, the one that counts")
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(self._function)):
            self._notes.setdefault("it is a generator: a generated function returns the whole list")
        for node in ast.walk(self._function):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in _EFFECTS:
                    self._notes.setdefault(f"it calls {name}(): effects go through a port that is passed in")
                case ast.Call(func=ast.Name(id=name)) if name in local and name != self._function.name:
                    self._notes.setdefault(f"it calls {name}(): draft that as well, and list it under uses")
                case ast.Global() | ast.Nonlocal():
                    self._notes.setdefault("it keeps state outside of itself: pass it in and return it")
                case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                    if (module, name) in {("datetime", "now"), ("time", "time"), ("random", "random")}:
                        self._notes.setdefault(f"it asks {module}.{name}(): pass the moment or the number in")
        if self._function.decorator_list:
            self._notes.setdefault("it has decorators; a generated function has none")

    def _types(self) -> Iterator[str]:
        if not self._vocabulary.types:
            return
        yield "types:"
        for name, definition in self._vocabulary.types.items():
            said = definition if isinstance(definition, dict) else {"type": definition}
            yield f"  {name}: {_flow(said)}"
        yield ""

    def _errors(self, raised: dict[str, str | None]) -> Iterator[str]:
        own = [name for name in raised if name not in BUILTIN_ERRORS]
        if not own:
            return
        said = {
            node.name: " ".join((ast.get_docstring(node) or "").split())
            for node in self.source.tree.body
            if isinstance(node, ast.ClassDef)
        }
        yield "errors:"
        for name in own:
            meaning = said.get(name)
            yield f"  {name}: {_scalar(meaning or 'What does it mean?')}{'' if meaning else '  # decide'}"
        yield ""

    @staticmethod
    def _raises(raised: dict[str, str | None]) -> Iterator[str]:
        if not raised:
            return
        yield "    raises:"
        for name, condition in raised.items():
            if condition is None:
                yield f"      {name}:  # decide: the condition under which it is raised, and no other"
            else:
                yield f"      {name}: {_scalar(condition)}"

    @staticmethod
    def _examples(samples: Sequence[Sample]) -> Iterator[str]:
        if not samples:
            yield "    # decide: examples, at the edges above all"
            yield "    # examples: []"
            return
        yield "    examples:"
        for sample in samples:
            outcome = {"raises": sample.raises} if sample.raises else {"returns": sample.returns}
            yield f"      - {_flow({'name': sample.name, 'given': dict(sample.given), **outcome})}"


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    """One of those with the same arguments, each with a name of its own."""
    found: dict[str, Sample] = {}
    names: dict[str, int] = {}
    for sample in samples:
        key = json.dumps(sample.given, sort_keys=True)
        if key not in found:
            count = names[sample.name] = names.get(sample.name, 0) + 1
            found[key] = sample if count == 1 else replace(sample, name=f"{sample.name} {count}")
    return list(found.values())


def _scalar(text: str) -> str:
    """Text as YAML: as it is where that is plain, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][\w .()\[\]/'-]*[\w.)\]]", text) and text.lower() not in {
        "null",
        "true",
        "false",
    }
    return text if plain else json.dumps(text, ensure_ascii=False)


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return _inline(value) if isinstance(value, str) else json.dumps(value)


def _inline(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_]([\w ]*\w)?", text) and text.lower() not in {"null", "true", "false"}
    return text if plain else json.dumps(text, ensure_ascii=False)
