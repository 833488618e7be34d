"""YAML text of `specs/` -> `Spec` records, or findings with line and column. Reads files; writes none."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipeline.errors import SettingsError
from pipeline.records import Finding, Place, Spec, SpecFunction
from pipeline.specs.checks import check_spec, order_of
from pipeline.specs.contracts import derive_function
from pipeline.specs.draft import Draft
from pipeline.specs.examples import parse_cases
from pipeline.specs.shape import read_shape, suggest
from pipeline.specs.types import define_types
from pipeline.specs.yaml_source import decode_text, parse_yaml, sort_findings
from pipeline.values import Types

FOLDER = "specs"
_SUFFIXES = frozenset({".yaml", ".yml"})


def load_specs(
    root: Path, paths: Sequence[str] | None = None
) -> tuple[tuple[Spec, ...], tuple[Finding, ...]]:
    """Every spec of a project without a finding, by name, and every finding of all the others, by place.

    `paths` selects by name (`text`), by file (`specs/text.yaml`) or by pattern (`on*`); SettingsError when one
    of them selects nothing. A project without `specs/` has no specs.
    """
    files = _spec_files(root)
    if paths is not None:
        files = _selected(root, files, paths)
    specs: list[Spec] = []
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for path in files:
        first = seen.setdefault(PurePosixPath(path).stem, path)
        if first != path:
            findings.append(
                Finding(place=Place(path=path), message=f"{first} is already the spec of this name")
            )
            continue
        text = _read(root, path)
        parsed = (text,) if isinstance(text, Finding) else parse_spec(path, text)
        if isinstance(parsed, Spec):
            specs.append(parsed)
        else:
            findings += parsed
    return tuple(specs), sort_findings(findings)


def parse_spec(path: str, text: str) -> Spec | tuple[Finding, ...]:
    """One spec file, or every finding about it, sorted by place. Pure; `path` names the spec and the places."""
    document = parse_yaml(path, text)
    if isinstance(document, tuple):
        return document
    shape = read_shape(document)
    if shape.file is None:
        return sort_findings([*shape.findings])
    refused = {str(name) for section, name in shape.dropped if section == "types"}
    types, findings = define_types(document, shape.file.types, refused)
    draft = Draft(document, shape.file, types, shape.dropped, shape.trimmed)
    findings += [*shape.findings, *check_spec(draft, PurePosixPath(path).stem)]
    reader = Types(types)
    cases = {}
    for name in shape.file.functions:
        cases[name], found = parse_cases(draft, reader, name)
        findings += found
    if findings:
        return sort_findings(findings)
    derived: dict[str, SpecFunction] = {}
    for name in order_of(draft):
        derived[name] = derive_function(draft, name, cases[name], derived)
    return Spec(
        name=shape.file.spec,
        path=path,
        summary=shape.file.summary.strip(),
        types=types,
        errors={name: meaning.strip() for name, meaning in shape.file.errors.items()},
        functions=tuple(derived.values()),
    )


def _spec_files(root: Path) -> list[str]:
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.suffix in _SUFFIXES and not entry.is_dir()
    )
    return [f"{FOLDER}/{name}" for name in names if not name.startswith(".")]


def _read(root: Path, path: str) -> str | Finding:
    try:
        raw = (root / path).read_bytes()
    except OSError as error:
        return Finding(place=Place(path=path), message=f"cannot be read: {error.strerror}")
    return decode_text(path, raw)


def _selected(root: Path, files: Sequence[str], wanted: Sequence[str]) -> list[str]:
    chosen: set[str] = set()
    for item in wanted:
        pattern = _relative(root, item)
        found = [f for f in files if fnmatchcase(PurePosixPath(f).stem, pattern) or fnmatchcase(f, pattern)]
        if not found:
            hint = suggest(item, [PurePosixPath(f).stem for f in files] + list(files))
            raise SettingsError(f"no spec '{item}' in {FOLDER}/{hint}")
        chosen.update(found)
    return [path for path in files if path in chosen]


def _relative(root: Path, item: str) -> str:
    """A selection as a POSIX path from the root, where it is a path."""
    path = Path(item)
    if path.is_absolute() and path.is_relative_to(root.resolve()):
        path = path.relative_to(root.resolve())
    return path.as_posix()
