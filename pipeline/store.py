"""What need not be done twice, by digest: replies already given, inputs already drawn. May be deleted at any time."""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from pipeline import disk
from pipeline.digest import digest_json
from pipeline.errors import OutputError
from pipeline.llm.port import Reply, Request
from pipeline.shared import SharedFolder

MOST_CHARACTERS = 4 * 1024 * 1024
"""Of a stored reply; a longer file is none."""
ROUND_SECONDS = 24 * 60 * 60
"""How long a run that asks everything afresh may be stopped and still go on where it was."""
_LATEST = 256
"""Recordings kept in memory; a few kilobytes each."""


class ReplyStore:
    """A folder of replies, one file each, and the folder elsewhere it is shared through.

    Safe for several threads and processes: files appear whole. What is read is believed only if it is the answer to
    this question, unchanged.
    """

    def __init__(self, folder: Path, shared: SharedFolder | None = None) -> None:
        self._folder = folder
        self._shared = shared

    @property
    def trouble(self) -> str:
        """Why the shared folder could not be read, in one sentence; empty if it could, or if there is none."""
        return "" if self._shared is None else self._shared.trouble

    def get(self, asked: str, request: Request, *, of_round: str = "") -> Reply | None:
        """What `asked` replied to a request: kept here, or in the shared folder, and then here from now on.

        With `of_round`, only what this machine was answered in that round.
        """
        question = question_digest(asked, request)
        kept = _read(disk.read_text(self._path(question)), question)
        if kept is not None and of_round in {"", kept.of_round}:
            return kept.reply
        if self._shared is None or of_round:
            return None
        found = _read(self._shared.read(_name(question)), question)
        if found is None:
            return None
        self._write(question, _document(question, found.reply, ""))
        return found.reply

    def put(self, asked: str, request: Request, reply: Reply, *, of_round: str = "") -> None:
        """Keep a reply: here first, so that what was paid for is not lost whatever becomes of the shared folder."""
        question = question_digest(asked, request)
        text = _document(question, reply, of_round)
        self._write(question, text)
        if self._shared is not None:
            self._shared.write(_name(question), text)

    def forget(self, asked: str, request: Request) -> None:
        """Drop a reply that led nowhere: the next run asks anew."""
        question = question_digest(asked, request)
        disk.remove_file(self._path(question))
        if self._shared is not None:
            self._shared.remove(_name(question))

    @contextlib.contextmanager
    def alone(
        self, asked: str, request: Request, waiting: Callable[[], contextlib.AbstractContextManager[None]]
    ) -> Iterator[None]:
        """Keep every other thread and process that asks the same out until the reply is stored.

        If it must wait for another one, it does so in the context that `waiting` makes.
        """
        import filelock

        path = self._path(question_digest(asked, request)).with_suffix(".lock")
        disk.hide_from_git(self._folder.parent)
        lock = filelock.FileLock(path)
        try:
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                with waiting():
                    lock.acquire()
        except OSError as error:
            raise OutputError(f"{path}: cannot be locked: {error.strerror}") from None
        try:
            yield
            with contextlib.suppress(OSError):  # where an open file cannot go, an empty one stays
                path.unlink(missing_ok=True)  # whoever waits for it finds the reply; without one it must stay
        finally:
            lock.release()

    def _write(self, question: str, text: str) -> None:
        disk.hide_from_git(self._folder.parent)
        disk.write_text(self._path(question), text)

    def _path(self, question: str) -> Path:
        return self._folder / _name(question)


def question_digest(asked: str, request: Request) -> str:
    """What a reply is stored under: all that can change it, and whose it is."""
    return digest_json([asked, request.question()])


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Reply
    of_round: str


def _name(question: str) -> str:
    return f"{question.removeprefix('sha256:')}.json"


def _document(question: str, reply: Reply, of_round: str) -> str:
    answer = asdict(reply)
    return json.dumps(
        {"question": question, "reply": answer, "digest": digest_json(answer), "round": of_round}
    )


def _read(text: str | None, question: str) -> _Kept | None:
    """A stored reply; None if the file is damaged, answers another question, or is of another version: ask again."""
    if text is None or len(text) > MOST_CHARACTERS:
        return None
    try:
        document = json.loads(text)
        reply = TypeAdapter(Reply).validate_python(document["reply"])
        reply.text.encode("utf-8")
        sound = document["question"] == question and document["digest"] == digest_json(document["reply"])
        counted = min(reply.tokens_in, reply.tokens_cached, reply.tokens_out) >= 0
        return _Kept(reply, str(document["round"])) if sound and counted else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class Rounds:
    """Which answers count when everything is asked afresh: those of a round that was stopped, until it has ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "fresh"

    def current(self) -> str:
        """The round under way, or a new one. One that was begun more than a day ago is over."""
        begun, _, name = (disk.read_text(self._path) or "").strip().partition(" ")
        if name and begun.isdecimal() and 0 <= time.time() - int(begun) < ROUND_SECONDS:
            return name
        name = secrets.token_hex(8)
        disk.hide_from_git(self._path.parent)
        disk.write_text(self._path, f"{int(time.time())} {name}\n")
        return name

    def end(self) -> None:
        """The next round begins anew."""
        disk.remove_file(self._path)


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
