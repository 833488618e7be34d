"""What need not be done twice, by digest: replies already given, inputs already drawn. May be deleted at any time."""

import contextlib
import json
import threading
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from pipeline import disk
from pipeline.digest import digest_json
from pipeline.errors import OutputError
from pipeline.llm.port import Reply, Request

_LATEST = 256
"""Recordings kept in memory; a few kilobytes each."""


class ReplyStore:
    """A folder of replies, one file each. Safe for several threads and processes: files appear whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, entry: str, request: Request) -> Reply | None:
        text = disk.read_text(self._path(entry, request))
        if text is None:
            return None
        try:
            return TypeAdapter(Reply).validate_python(json.loads(text)["reply"])
        except (ValueError, TypeError, KeyError, RecursionError):  # damaged, or of another version: ask again
            return None

    def put(self, entry: str, request: Request, reply: Reply) -> None:
        disk.hide_from_git(self._folder.parent)
        document = {"model": entry, "reply": asdict(reply)}
        disk.write_text(self._path(entry, request), json.dumps(document))

    def forget(self, entry: str, request: Request) -> None:
        """Drop a reply that led nowhere: the next run asks anew."""
        disk.remove_file(self._path(entry, request))

    def _path(self, entry: str, request: Request) -> Path:
        return self._folder / f"{digest_json([entry, request.question()]).removeprefix('sha256:')}.json"


class InputStore:
    """Recorded inputs, in a folder and the latest in memory; without a folder in memory alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._latest: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        text = self._latest.get(key)
        if text is None and self._folder is not None:
            with contextlib.suppress(OutputError):
                text = disk.read_text(self._path(key))
        if text is not None:
            self._remember(key, text)
        return text

    def put(self, key: str, text: str) -> None:
        """Keep a recording; where nothing can be written it is drawn again another time."""
        self._remember(key, text)
        if self._folder is None:
            return
        with contextlib.suppress(OutputError):
            disk.write_text(self._path(key), text)

    def _remember(self, key: str, text: str) -> None:
        with self._lock:
            self._latest.pop(key, None)
            self._latest[key] = text
            while len(self._latest) > _LATEST:
                del self._latest[next(iter(self._latest))]

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{key.removeprefix('sha256:')}.json"
