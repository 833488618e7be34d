"""What a spec takes from the shared definitions by name, and what comes along with it."""

from collections.abc import Iterable

from pipeline.records import Finding
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import Draft, annotations_of
from pipeline.specs.types import reached_types

SECTIONS = ("types", "errors", "ports", "decisions")
"""The sections of the shared definitions that are imported by name."""


def imported_names(draft: Draft) -> dict[str, frozenset[str]]:
    """Section -> names that a spec has from its shared definitions; what a type or port mentions comes along."""
    found: dict[str, set[str]] = {section: set() for section in SECTIONS}
    shared = draft.shared
    if shared is None:
        return {}
    for section in SECTIONS:
        found[section] |= set(draft.file.imports) & set(shared.own(section))
    mentioned = list(found["types"])
    for name in found["ports"] & shared.ports.keys():
        mentioned += annotations_of(shared.ports[name])
        raised = {error for method in shared.ports[name].methods for error in method.raises}
        found["errors"] |= raised & set(shared.own("errors"))
    found["types"] |= reached_types(mentioned, shared.types)
    return {section: frozenset(names) for section, names in found.items()}


def check_imports(draft: Draft, *, expected: bool) -> Iterable[Finding]:
    """Findings about what is imported: unknown names, and those that the spec defines as well.

    `expected` is True if there are shared definitions, though they may be unreadable.
    """
    shared = draft.shared
    known = [name for section in SECTIONS for name in shared.own(section)] if shared else []
    for index, name in enumerate(draft.file.imports):
        if not expected:
            message = f"there is no specs/_shared.yaml to import '{name}' from"
            yield draft.at("imports", index, message=message)
        elif name in draft.file.imports[:index]:
            yield draft.at("imports", index, message=f"'{name}' is listed twice")
        elif shared and name not in known:
            message = f"{shared.path} defines no '{name}'{suggest(name, known)}"
            if name in shared.own("constraints"):
                message = f"'{name}' is a constraint; it covers functions without being imported"
            yield draft.at("imports", index, message=message)
    if shared:
        yield from _check_doubles(draft, shared)


def _check_doubles(draft: Draft, shared: Draft) -> Iterable[Finding]:
    groups = (("types", "errors", "ports", "functions"), ("decisions",))
    for group in groups:
        imported = {name: section for section in group for name in draft.imported.get(section, ())}
        for section in group:
            for name in draft.own(section):
                if name in imported:
                    place = shared.document.key(imported[name], name)
                    message = f"'{name}' is imported as well, from {place}; rename one of them"
                    yield draft.key(section, name, message=message)
    for name in draft.own("constraints"):
        if name in shared.own("constraints"):
            place = shared.document.key("constraints", name)
            message = f"'{name}' is already a shared constraint, at {place}; rename one of them"
            yield draft.key("constraints", name, message=message)
    for name, decision, home in draft.decisions:
        covered = any(
            draft.is_covered(function, decision.applies_to, home) for function in draft.own("functions")
        )
        if home is shared and name in draft.file.imports and not covered and draft.own("functions"):
            message = f"the decision '{name}' covers no function of this spec"
            yield draft.at("imports", draft.file.imports.index(name), message=message)
