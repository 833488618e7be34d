"""YAML text of `specs/` -> `Spec` records, or findings with line and column. Reads files; writes none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipeline.errors import SettingsError
from pipeline.records import Finding, Place
from pipeline.specs.complaints import suggest
from pipeline.specs.shape import SHARED
from pipeline.specs.together import Loaded, Together
from pipeline.specs.together import parse_spec as parse_spec
from pipeline.specs.yaml_source import decode_text, sort_findings

FOLDER = "specs"
_SUFFIXES = frozenset({".yaml", ".yml"})


def load_specs(root: Path, paths: Sequence[str] | None = None) -> Loaded:
    """Every spec of a project without a finding, callees' specs first, and every finding of all files, by place.

    `paths` selects by name (`text`), by file (`specs/text.yaml`) or by pattern (`on*`); SettingsError when one
    of them selects nothing. What the selected specs use is read as well. A project without `specs/` has no specs.
    """
    files, doubles = _spec_files(root)
    shared = files.pop(SHARED, None)
    selected = [*files] if paths is None else _selected(root, files, paths)
    texts = {path: _read(root, path) for path in files.values()}
    together = Together(texts, None if shared is None else (shared, _read(root, shared)))
    loaded = together.load(selected, whole=paths is None)
    found = [each for name, each in doubles if paths is None or name in {*selected, SHARED}]
    return replace(loaded, findings=sort_findings([*loaded.findings, *found]))


def _spec_files(root: Path) -> tuple[dict[str, str], list[tuple[str, Finding]]]:
    """Name -> file of every spec and of the shared definitions, and a finding about each file too many."""
    folder = root / FOLDER
    if not folder.is_dir():
        return {}, []
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.suffix in _SUFFIXES and not entry.is_dir()
    )
    files: dict[str, str] = {}
    doubles: list[tuple[str, Finding]] = []
    for path in (f"{FOLDER}/{name}" for name in names if not name.startswith(".")):
        stem = PurePosixPath(path).stem
        first = files.setdefault(stem, path)
        if first != path:
            message = f"{first} is already the spec of this name"
            doubles.append((stem, Finding(place=Place(path=path), message=message)))
    return files, doubles


def _read(root: Path, path: str) -> str | Finding:
    try:
        raw = (root / path).read_bytes()
    except OSError as error:
        return Finding(place=Place(path=path), message=f"cannot be read: {error.strerror}")
    return decode_text(path, raw)


def _selected(root: Path, files: Mapping[str, str], wanted: Sequence[str]) -> list[str]:
    chosen: set[str] = set()
    for item in wanted:
        pattern = _relative(root, item)
        found = [n for n, path in files.items() if fnmatchcase(n, pattern) or fnmatchcase(path, pattern)]
        if not found:
            hint = suggest(item, [*files, *files.values()])
            raise SettingsError(f"no spec '{item}' in {FOLDER}/{hint}")
        chosen.update(found)
    return [name for name in files if name in chosen]


def _relative(root: Path, item: str) -> str:
    """A selection as a POSIX path from the root, where it is a path."""
    path = Path(item)
    if path.is_absolute() and path.is_relative_to(root.resolve()):
        path = path.relative_to(root.resolve())
    return path.as_posix()
