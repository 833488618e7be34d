"""Replies already given, by the digest of the whole request, so that a run that was stopped does not ask twice."""

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from pipeline import disk
from pipeline.digest import digest_json
from pipeline.llm.port import Reply, Request


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
        ignore = self._folder.parent / ".gitignore"
        if not ignore.exists():
            disk.write_text(ignore, "*\n")
        document = {"model": entry, "reply": asdict(reply)}
        disk.write_text(self._path(entry, request), json.dumps(document))

    def forget(self, entry: str, request: Request) -> None:
        """Drop a reply that led nowhere: the next run asks anew."""
        disk.remove_file(self._path(entry, request))

    def _path(self, entry: str, request: Request) -> Path:
        return self._folder / f"{digest_json([entry, asdict(request)]).removeprefix('sha256:')}.json"
