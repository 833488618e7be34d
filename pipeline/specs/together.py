"""Specs together: the definitions they share, and what functions of one use of another."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pipeline.annotations import annotation_names
from pipeline.records import Case, Finding, Spec, SpecFlow, SpecFunction
from pipeline.specs.checks import check_coverage, check_definitions, check_spec
from pipeline.specs.contracts import decision_records, derive_function
from pipeline.specs.contradictions import check_contradictions
from pipeline.specs.draft import Draft, annotations_of
from pipeline.specs.examples import parse_cases
from pipeline.specs.flows import read_flows
from pipeline.specs.format import SharedFile, SpecFile
from pipeline.specs.imports import check_imports, imported_names
from pipeline.specs.meanings import check_meanings, meanings_of
from pipeline.specs.order import callees_first, circles
from pipeline.specs.ports import define_ports
from pipeline.specs.shape import SHARED, read_shape
from pipeline.specs.types import define_types, mentioned_types
from pipeline.specs.uses import order_of
from pipeline.specs.yaml_source import parse_yaml, sort_findings
from pipeline.values import Types


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read of `specs/`: what has no finding, and every finding about the rest."""

    specs: tuple[Spec, ...] = ()
    """Those selected; a spec whose functions others use comes before these, otherwise by name."""
    context: tuple[Spec, ...] = ()
    """Those that are not selected but used by others here, in the same order: read for their contracts."""
    shared: Spec | None = None
    """The shared definitions, named `_shared`, without functions; None if there are none, or findings about them."""
    findings: tuple[Finding, ...] = ()
    """Of all files, by place."""


class Together:
    """Reads files that belong together. Every spec is known to the others; only those asked for are complained about."""

    def __init__(self, texts: Mapping[str, str | Finding], shared: tuple[str, str | Finding] | None) -> None:
        self._found: dict[str, list[Finding]] = {}
        self._drafts: dict[str, Draft | None] = {}
        self._meanings: dict[str, dict[str, str]] = {}
        self._derived: dict[str, dict[str, SpecFunction]] = {}
        self._has_shared = shared is not None
        self._shared = self._read(*shared, SharedFile) if shared else None
        for path, text in texts.items():
            name = PurePosixPath(path).stem
            self._drafts[name] = self._read(path, text, SpecFile)

    def load(self, selected: Collection[str], *, whole: bool) -> Loaded:
        """The selected specs and what they use. `whole` is True if these are all there are."""
        order = callees_first(sorted(selected), self._used_specs)
        specs = {name: spec for name in order if (spec := self._spec(name))}
        if self._shared and whole:
            drafts = [draft for draft in self._drafts.values() if draft]
            functions = [function for draft in drafts for function in draft.names("functions")]
            ids = [f"{draft.name}.{function}" for draft in drafts for function in draft.names("functions")]
            self._found[SHARED] += check_coverage(self._shared, [*functions, *ids])
        findings = [*self._circles(order), *self._found.get(SHARED, ())]
        for name in order:
            findings += self._found.get(name, ())
        return Loaded(
            specs=tuple(spec for name, spec in specs.items() if name in selected),
            context=tuple(spec for name, spec in specs.items() if name not in selected),
            shared=_spec_of(self._shared, {}, ()) if self._shared and not self._found[SHARED] else None,
            findings=sort_findings(findings),
        )

    # -- one file at a time ------------------------------------------------------------------------------------

    def _read(self, path: str, text: str | Finding, model: type[SpecFile | SharedFile]) -> Draft | None:
        """The draft of one file, its definitions checked; None if nothing of it can be read."""
        stem = PurePosixPath(path).stem
        document = (text,) if isinstance(text, Finding) else parse_yaml(path, text)
        if isinstance(document, tuple):
            self._found[stem] = [*document]
            return None
        shape = read_shape(document, model)
        self._found[stem] = [*shape.findings]
        if shape.file is None:
            return None
        shared = None if model is SharedFile else self._shared
        draft = Draft(document, shape.file, shape.dropped, shape.trimmed, shared=shared, others=self._drafts)
        draft = replace(draft, imported=imported_names(draft))
        self._found[stem] += check_imports(draft, expected=self._has_shared)
        imported = {
            name: shared.types[name] for name in draft.names("types") if shared and name in shared.types
        }
        types, found = define_types(document, shape.file.types, imported=imported, known=draft.known)
        draft = replace(draft, types=types)
        ports, more = define_ports(draft)
        theirs = {
            name: shared.ports[name] for name in draft.names("ports") if shared and name in shared.ports
        }
        draft = replace(draft, ports={**theirs, **ports})
        self._found[stem] += [*found, *more, *check_definitions(draft, stem)]
        return draft

    def _used_specs(self, name: str) -> list[str]:
        """Names of the specs whose functions a spec uses, by name."""
        draft = self._drafts[name]
        functions = draft.file.functions.values() if draft else ()
        used = {each.rpartition(".")[0] for function in functions for each in function.uses}
        return sorted(spec for spec in used if spec in self._drafts and spec != name)

    def _circles(self, order: list[str]) -> Iterator[Finding]:
        for circle in circles(sorted(order), self._used_specs):
            ways = [self._way(*pair) for pair in itertools.pairwise(circle)]
            said = ", ".join(f"{caller} uses {callee}" for caller, callee, _ in ways)
            message = f"specs use each other in a circle: {' -> '.join(circle)} ({said})"
            yield ways[0][2].model_copy(update={"message": message})

    def _way(self, caller: str, callee: str) -> tuple[str, str, Finding]:
        """The first function of one spec that uses one of another, both by id, and where."""
        draft = self._drafts[caller]
        assert draft is not None
        for name, function in draft.file.functions.items():
            for index, used in enumerate(function.uses):
                if used.rpartition(".")[0] == callee:
                    return f"{caller}.{name}", used, draft.at("functions", name, "uses", index, message="")
        raise AssertionError

    # -- one spec at a time ------------------------------------------------------------------------------------

    def _spec(self, name: str) -> Spec | None:
        """A spec whose callees' specs were asked for before; None if there is a finding about any of them."""
        draft = self._drafts[name]
        if draft is None:
            return None
        self._found[name] += check_spec(draft)
        reader = Types(draft.types)
        cases = {}
        for function in draft.file.functions:
            cases[function], found = parse_cases(draft, reader, function)
            self._found[name] += found
        ready = all(spec in self._derived for spec in self._used_specs(name))
        if self._found[name] or self._found.get(SHARED) or not ready:
            return None
        functions = self._derive(draft, cases)
        flows, found = read_flows(draft, functions) if draft.file.flows else ((), [])
        self._found[name] += [*found, *check_contradictions(draft, functions, flows)]
        if self._found[name]:
            return None
        self._derived[name] = functions
        return _spec_of(draft, functions, flows)

    def _derive(self, draft: Draft, cases: Mapping[str, tuple[Case, ...]]) -> dict[str, SpecFunction]:
        derived: dict[str, SpecFunction] = {}
        for name in order_of(draft):
            used = draft.used(draft.file.functions[name])
            functions = {
                each.written: {**self._derived, draft.name: derived}[each.draft.name][each.name]
                for each in used
            }
            meanings = {written: self._meanings[each.contract.id] for written, each in functions.items()}
            found = [*check_meanings(draft, name, meanings)]
            self._found[draft.name] += found
            derived[name] = derive_function(draft, name, cases[name], functions)
            met = () if found else meanings.values()
            self._meanings[derived[name].contract.id] = meanings_of(derived[name].contract, met)
        return derived


def parse_spec(path: str, text: str) -> Spec | tuple[Finding, ...]:
    """One spec file, or every finding about it, sorted by place. Pure; `path` names the spec and the places.

    It is on its own: without shared definitions, and without other specs to use.
    """
    loaded = Together({path: text}, None).load([PurePosixPath(path).stem], whole=True)
    return loaded.findings or loaded.specs[0]


def _spec_of(draft: Draft, functions: Mapping[str, SpecFunction], flows: tuple[SpecFlow, ...]) -> Spec:
    types = {name: draft.types[name] for name in draft.file.types}
    ports = {name: draft.ports[name] for name in draft.file.ports}
    spoken = [text for port in ports.values() for text in annotations_of(port)]
    mentioned = mentioned_types([*types.values()]) | {n for text in spoken for n in annotation_names(text)}
    return Spec(
        name=draft.name,
        path=draft.path,
        summary=draft.file.summary.strip(),
        types=types,
        errors={name: meaning.strip() for name, meaning in draft.file.errors.items()},
        ports=ports,
        shared=tuple(sorted(mentioned & draft.imported.get("types", frozenset()))),
        decisions=decision_records(draft),
        flows=flows,
        functions=tuple(functions.values()),
    )
