"""Whether a YAML document has the shape of a spec; with findings, what of it can still be read."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.records import Finding
from pipeline.specs.complaints import Complaints, written_path
from pipeline.specs.format import SharedFile, SpecFile
from pipeline.specs.yaml_source import Document, Path

SHARED = "_shared"
"""Name of the file of shared definitions, and of the package they land in."""
_SIGNATURE = frozenset({"params", "returns", "raises", "uses", "async", "calls", "handles"})
"""What others ask of a function: without these, nothing that is said about it holds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What could be read of a file. With findings, `file` holds the sound parts of it, if any."""

    file: SpecFile | None
    findings: tuple[Finding, ...] = ()
    dropped: frozenset[tuple[Hashable, Hashable]] = frozenset()
    """Section and name of every entry that is not in `file` because of a finding."""
    trimmed: frozenset[Hashable] = frozenset()
    """Names of functions that lack a clause because of a finding."""


def read_shape(document: Document, model: type[SpecFile | SharedFile] = SpecFile) -> Shape:
    """The document as the file model, with a finding for every part that does not fit it.

    Shared definitions are read as a spec without functions.
    """
    try:
        return Shape(_as_spec(model.model_validate(document.value)))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    complaints = Complaints(document, model)
    findings = complaints.findings(errors)
    pruner = _Pruner(document.value, complaints)
    for error in errors:
        pruner.prune(error)
    try:
        sound = model.model_validate(pruner.value)
    except ValidationError:
        return Shape(None, findings)
    return Shape(_as_spec(sound), findings, frozenset(pruner.dropped), frozenset(pruner.trimmed))


def _as_spec(file: SpecFile | SharedFile) -> SpecFile:
    if isinstance(file, SpecFile):
        return file
    sections = {name: getattr(file, name) for name in SharedFile.model_fields}
    return SpecFile.model_construct(**{**sections, "summary": file.summary or ""}, spec=SHARED, functions={})


class _Pruner:
    """Takes out of a value what has errors, and no more than that, so that the rest can be checked."""

    def __init__(self, value: Any, complaints: Complaints) -> None:
        self.value = _copied(value)
        self._complaints = complaints
        self.dropped: set[tuple[Hashable, Hashable]] = set()
        self.trimmed: set[Hashable] = set()

    def prune(self, error: ErrorDetails) -> None:
        path = written_path(error["loc"])
        unknown = error["type"] in {"extra_forbidden", "invalid_key"}
        if path[:1] == ("functions",) and len(path) >= 3:
            meant = self._complaints.nearest_key(error["loc"]) if unknown else path[2]
            self._prune_function(path, meant=meant, unknown=unknown)
        elif unknown and path[0] not in {"ports", "flows"}:
            _delete(self.value, path)
        elif len(path) >= 2:
            self._drop(path)
        elif path in {("spec",), ("summary",)}:
            self.value[path[0]] = "unknown"

    def _prune_function(self, path: Path, *, meant: Hashable, unknown: bool) -> None:
        if meant in _SIGNATURE and (len(path) == 3 or not unknown):
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
