"""What a run writes and when: a function once it is accepted, a spec with flows all at once; or only the difference."""

import threading
from collections.abc import Mapping
from pathlib import Path

from pipeline import disk
from pipeline.landed import FLOWS
from pipeline.project import Project
from pipeline.stages import land

Files = Mapping[Path, str]


class Writer:
    """The one who writes for a run. Safe to use from several threads; after `stop` nothing is written any more."""

    def __init__(self, project: Project, *, only_diff: bool) -> None:
        self.notes: list[str] = []
        """Files written or removed beside the functions."""
        self._project = project
        self._only_diff = only_diff
        self._mechanical = project.mechanical()
        """Texts of files of whole specs still to be written, or None where one must go."""
        self._changes: dict[Path, str | None] = {}
        self._held: dict[str, list[Files]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def put(self, spec: str, files: Files) -> None:
        """Write or note what was accepted, what it imports first."""
        with self._lock:
            if not self._stopped:
                self._put_mechanical(spec)
                self._put(files)

    def hold(self, spec: str, files: Files) -> None:
        """Keep what was accepted until its whole spec is."""
        with self._lock:
            self._held.setdefault(spec, []).append(files)

    def release(self, spec: str, evidence: Files) -> None:
        """Write all that was held of a spec. The old evidence goes first; the new one comes last."""
        with self._lock:
            if self._stopped:
                return
            for path in evidence if not self._only_diff else ():
                disk.remove_file(path)
            self._put_mechanical(spec)
            for files in self._held.pop(spec, ()):
                self._put(files)
            self._put_mechanical(spec, flows=True)
            for path, text in evidence.items():
                self._put({path: text})

    def tidy(self, kept: frozenset[str]) -> None:
        """Write what came with no function, but for the specs in `kept`: their last good functions need the old files."""
        with self._lock:
            for path in list(self._mechanical):
                if path.parent.name not in kept:
                    self._put_one(path)

    def remove(self, path: Path, why: str) -> None:
        """Remove or note a file that no longer belongs here."""
        if self._only_diff:
            self._changes[path] = None
        else:
            disk.remove(path)
            self.notes.append(self._project.relative(f"removed {path}: {why}"))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True

    def diff(self) -> str:
        """What would have been written, as a unified diff; empty if it was."""
        return land.diff(self._changes, self._project.settings.root)

    def _put_mechanical(self, spec: str, *, flows: bool = False) -> None:
        """The files a spec's functions rest on; with `flows` those that rest on its functions as well."""
        folders = {self._project.settings.generated / name for name in (spec, *self._project.homes(spec))}
        for path in [path for path in self._mechanical if path.parent in folders]:
            if self._mechanical[path] is not None and (flows or path.name != FLOWS):
                self._put_one(path)

    def _put_one(self, path: Path) -> None:
        text = self._mechanical.pop(path)
        if self._only_diff:
            self._changes[path] = text
        elif text is None:
            disk.remove(path)
        else:
            self._make_packages(path.parent)
            disk.write_text(path, text)
        self.notes.append(self._project.relative(f"{'wrote' if text else 'removed'} {path}"))

    def _put(self, files: Files) -> None:
        if self._only_diff:
            self._changes.update(files)
            return
        for folder in {path.parent for path in files}:
            self._make_packages(folder)
        land.write(dict(files))

    def _make_packages(self, folder: Path) -> None:
        """`types.py` is the name of a standard module, so every folder must say that it is a package."""
        for package in (self._project.settings.generated, folder):
            disk.make_package(package)
