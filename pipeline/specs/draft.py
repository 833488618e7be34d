"""A spec between its file and its records: what the checks and the derivation both ask of it."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pipeline.annotations import check_annotation, check_use
from pipeline.definitions import Method, Port, TypeDefinition
from pipeline.records import Finding
from pipeline.specs.complaints import suggest
from pipeline.specs.format import ConstraintFile, DecisionFile, FunctionFile, SpecFile
from pipeline.specs.shape import SHARED
from pipeline.specs.types import Known, not_imported, reached_types
from pipeline.specs.yaml_source import Document

BUILTIN_ERRORS = frozenset({
    "ArithmeticError", "IndexError", "KeyError", "LookupError", "OverflowError", "PermissionError", "RuntimeError",
    "TimeoutError", "TypeError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "ValueError",
    "ZeroDivisionError",
})  # fmt: skip
"""Errors of Python's own that a function may promise to raise."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The sound parts of one file, and the names of the parts that were refused (see `Shape`).

    The shared definitions are one too: named `_shared`, without functions.
    """

    document: Document
    file: SpecFile
    dropped: frozenset[tuple[Hashable, Hashable]] = frozenset()
    trimmed: frozenset[Hashable] = frozenset()
    types: Mapping[str, TypeDefinition] = field(default_factory=dict)
    """Sound ones, its own and those imported."""
    ports: Mapping[str, Port] = field(default_factory=dict)
    """Sound ones, its own and those imported."""
    shared: "Draft | None" = None
    imported: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Section -> names that come from the shared definitions, refused ones included."""
    others: "Mapping[str, Draft | None]" = field(default_factory=dict)
    """Every spec of the project by name, this one too; None for a file that cannot be read."""

    @property
    def name(self) -> str:
        return self.file.spec

    @property
    def path(self) -> str:
        return self.document.at().path

    @property
    def errors(self) -> dict[str, str]:
        """Name -> meaning of the errors it defines and imports."""
        shared = self.shared.file.errors if self.shared else {}
        imported = {name: text for name, text in shared.items() if name in self.imported.get("errors", ())}
        return {name: text.strip() for name, text in {**imported, **self.file.errors}.items()}

    @property
    def known(self) -> Known:
        """What its annotations may hold."""
        known = {*self.names("types"), *self.names("ports")}
        held = self.shared.own("types") + self.shared.own("ports") if self.shared else []
        elsewhere = {name: self.shared.path for name in held if name not in known} if self.shared else {}
        return Known(self.names("types"), self.names("ports"), elsewhere)

    def own(self, section: str) -> list[str]:
        """Names in a section of the file, refused entries included."""
        refused = sorted(str(name) for part, name in self.dropped if part == section)
        return [*getattr(self.file, section), *refused]

    def names(self, section: str) -> list[str]:
        """Names in a section of the file and those imported, refused entries included."""
        return [*self.own(section), *sorted(self.imported.get(section, ()))]

    def home(self, section: str, name: str) -> "Draft":
        """Where a name of the spec is defined: here, or among the shared definitions."""
        return self.shared if self.shared and name in self.imported.get(section, ()) else self

    def constraints_of(self, function: str) -> list[tuple[str, ConstraintFile, "Draft"]]:
        """The constraints that cover a function, as written, and whose they are; its own before the shared ones."""
        return [
            (name, constraint, draft)
            for draft in (self, self.shared)
            for name, constraint in (draft.file.constraints.items() if draft else ())
            if draft and self.is_covered(function, constraint.applies_to, draft)
        ]

    @property
    def decisions(self) -> list[tuple[str, DecisionFile, "Draft"]]:
        """The decisions it asks and those it imports, as written, and whose they are."""
        own = [(name, decision, self) for name, decision in self.file.decisions.items()]
        imported = self.imported.get("decisions", ())
        if self.shared is None:
            return own
        shared = self.shared.file.decisions.items()
        return own + [(name, decision, self.shared) for name, decision in shared if name in imported]

    def decisions_of(self, function: str) -> list[tuple[str, DecisionFile, "Draft"]]:
        """The decisions that cover a function, as written, and whose they are."""
        return [each for each in self.decisions if self.is_covered(function, each[1].applies_to, each[2])]

    def is_covered(self, function: str, globs: Sequence[str], home: "Draft") -> bool:
        """Whether patterns written in `home` cover a function of this spec."""
        return covers(globs, function) or (home.name == SHARED and covers(globs, f"{self.name}.{function}"))

    def used(self, function: FunctionFile) -> "list[Used]":
        """The functions that a function uses, of this spec and of others, without those that are unknown."""
        found = []
        for index, written in enumerate(function.uses):
            spec, _, name = written.rpartition(".")
            draft = self.others.get(spec) if spec else self
            if draft is not None and name in draft.file.functions:
                found.append(Used(index, written, draft, name, draft.file.functions[name]))
        return found

    def ports_of(self, function: FunctionFile) -> dict[str, Port]:
        """Parameter -> the sound port that is passed in by it."""
        params = {param: text.strip() for param, text in function.params.items()}
        return {param: self.ports[text] for param, text in params.items() if text in self.ports}

    def calls_of(self, function: FunctionFile) -> dict[str, Method]:
        """What a function may ask of its ports: `mailer.send` -> the method, in the order of both."""
        every = {
            f"{param}.{method.name}": method
            for param, port in self.ports_of(function).items()
            for method in port.methods
        }
        named = function.calls
        return every if named is None else {call: every[call] for call in every if call in named}

    def has_sound_signature(self, function: FunctionFile) -> bool:
        """Whether every type and port that a function's signature reaches is known and sound."""
        ports = self.ports_of(function)
        written = [text for param, text in function.params.items() if param not in ports]
        return all(self.is_sound(text) for text in [*written, function.returns])

    def is_sound(self, annotation: str) -> bool:
        """Whether every type that an annotation reaches is known and sound."""
        return check_annotation(annotation, self.types) is None and not check_use(annotation, self.types)

    def complaint(self, annotation: str) -> str | None:
        """What is wrong with an annotation, or None; also None where a type it names is refused already."""
        complaint = self.known.complaint(annotation)
        if complaint is None and check_annotation(annotation, self.types) is None:
            return check_use(annotation, self.types)
        return complaint

    def unknown(self, kind: str, section: str, *, name: str, known: Collection[str]) -> str:
        """What to say of a name that is not known."""
        if section and self.shared and name in self.shared.own(section):
            return not_imported(name, self.shared.path)
        return f"unknown {kind} '{name}'{suggest(name, known)}"

    def at(self, *path: Hashable, message: str) -> Finding:
        """A finding at the value at `path`."""
        return Finding(place=self.document.at(*path), message=message)

    def key(self, *path: Hashable, message: str) -> Finding:
        """A finding at the key at `path`."""
        return Finding(place=self.document.key(*path), message=message)


@dataclass(frozen=True, slots=True)
class Used:
    """A function that another one uses, and the spec that has it."""

    index: int
    """Its position under `uses`."""
    written: str
    """Its name there: bare, or `spec.function`."""
    draft: Draft
    name: str
    function: FunctionFile


def covers(globs: Sequence[str], function: str) -> bool:
    """Whether one of the patterns names a function."""
    return any(fnmatchcase(function, glob) for glob in globs)


def conditions(function: FunctionFile) -> list[tuple[str, str | None]]:
    """The errors a function may raise, each with its condition, in order."""
    if isinstance(function.raises, list):
        return [(name.strip(), None) for name in function.raises]
    return [(name, when.strip() if when else None) for name, when in function.raises.items()]


def annotations_of(port: Port) -> list[str]:
    """Every annotation that a port's methods and memory hold."""
    params = [param.type for method in port.methods for param in method.params]
    return [*params, *(method.returns for method in port.methods), *(part.type for part in port.memory)]


def reached_by(function: FunctionFile, draft: Draft) -> set[str]:
    """Names of the types of a spec that a function's signature reaches, its ports included."""
    ports = draft.ports_of(function)
    written = [text for param, text in function.params.items() if param not in ports]
    spoken = [text for port in ports.values() for text in annotations_of(port)]
    return reached_types([*written, function.returns, *spoken], draft.types)


def check_known(
    draft: Draft,
    path: tuple[Hashable, ...],
    names: Sequence[str],
    *,
    known: Collection[str],
    kind: str,
    section: str = "",
) -> Iterable[Finding]:
    """Findings about a list of names at `path`: unknown ones, and those listed twice."""
    for index, name in enumerate(names):
        if name not in known:
            yield draft.at(*path, index, message=draft.unknown(kind, section, name=name, known=known))
        elif name in names[:index]:
            yield draft.at(*path, index, message=f"'{name}' is listed twice")
