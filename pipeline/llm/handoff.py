"""A model that is a person with a chat window or a coding agent: prompts are files, and so are the answers to them."""

import re
import threading
import time
from pathlib import Path

from pipeline import disk, render
from pipeline.digest import digest_json
from pipeline.errors import AnswerPending, OutputError
from pipeline.llm.port import Model, Reply, Request
from pipeline.llm.schemas import in_words, without_fence
from pipeline.outgoing import scrub

STILL_SECONDS = 1.0
"""A file that has not changed for so long is not being written any more."""
MOST_BYTES = 256 * 1024
"""Of one answer; what is longer is cut off there, as a provider would."""


class HandoffModel(Model):
    """Questions on the table of a folder, one file each; whoever answers writes a file beside it."""

    def __init__(self, folder: Path, *, still_seconds: float = STILL_SECONDS) -> None:
        self._folder = folder
        self._still_seconds = still_seconds
        self._lock = threading.Lock()
        self._tidied: set[str] = set()

    def ask(self, request: Request) -> Reply:
        """The answer that lies beside the prompt, once nobody is writing it any more.

        Raises `AnswerPending` where there is none yet; the prompt is there then.
        """
        found = self._read(self._path(request, "answer"))
        if found is None:
            self.offer(request)
            raise self._pending(request)
        text, whole = found
        if request.schema is not None:
            text = without_fence(text)
        return Reply(text, "end" if whole else "length", tokens_in=0, tokens_cached=0, tokens_out=0)

    def offer(self, request: Request) -> None:
        """Put a prompt on the table. What an earlier run asked about the same and nobody answered goes."""
        prompt = self._path(request, "prompt")
        with self._lock:
            self._tidy(_stem(request), prompt)
            if prompt.exists():
                return
            disk.hide_from_git(self._folder.parent)
            readme = self._folder / "README.md"
            if not readme.exists():
                disk.write_text(readme, render.render_template("prompts/handoff.readme.md.j2"))
            disk.write_text(prompt, self.text_of(request))

    def stored(self, request: Request) -> None:
        """Clear a question that has been answered off the table; both files are kept."""
        with self._lock:
            done = self._folder / "done"
            name, number = _name(request), 1
            while any((done / f"{name}.{kind}.md").exists() for kind in ("prompt", "answer")):
                number += 1
                name = f"{_name(request)}-{number}"
            for kind in ("prompt", "answer"):
                _move(self._path(request, kind), done / f"{name}.{kind}.md")

    def text_of(self, request: Request) -> str:
        """What a prompt's file holds."""
        several = len(request.messages) == 1 and (request.seed or 1) > 1
        return render.render_template(
            "prompts/handoff.md.j2",
            answer=self._shown(self._path(request, "answer")),
            role=request.role,
            model=request.model,
            sample=request.seed if several else None,
            system=(request.system if request.schema is None else in_words(request.system, request.schema)),
            messages=request.messages,
        )

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, request: Request, kind: str) -> Path:
        return self._folder / f"{_name(request)}.{kind}.md"

    def _shown(self, path: Path) -> str:
        """A path as a person at the project's root would write it."""
        return path.relative_to(self._folder.parents[1]).as_posix()

    def _pending(self, request: Request) -> AnswerPending:
        answer = self._shown(self._path(request, "answer"))
        about = " ".join(filter(None, [request.subject, f"({request.role})" if request.role else ""]))
        return AnswerPending(
            f"{about or 'a question'} waits for an answer: give {self._shown(self._path(request, 'prompt'))} to a "
            f"model, write its reply to {answer}, and run the same command again",
            answer,
        )

    def _tidy(self, stem: str, wanted: Path) -> None:
        if stem in self._tidied:
            return
        self._tidied.add(stem)
        for prompt in self._folder.glob(f"{stem}-*.prompt.md"):
            answer = prompt.with_name(prompt.name.removesuffix(".prompt.md") + ".answer.md")
            if prompt != wanted and not answer.exists():
                disk.remove_file(prompt)

    def _read(self, path: Path) -> tuple[str, bool] | None:
        """An answer, and whether it is whole; None while there is nothing in it or no such file."""
        while (before := _stamp(path)) is not None:
            time.sleep(self._still_seconds)
            if before != _stamp(path):
                continue
            try:
                with path.open("rb") as file:
                    raw = file.read(MOST_BYTES + 1)
            except OSError as error:
                raise OutputError(f"{path}: cannot be read: {error.strerror}") from None
            text = raw[:MOST_BYTES].decode("utf-8-sig", "replace").replace("\r\n", "\n")
            return (text, len(raw) <= MOST_BYTES) if text.strip() else None
        return None


def _name(request: Request) -> str:
    return f"{_stem(request)}-{digest_json(request.question()).removeprefix('sha256:')[:6]}"


def _stem(request: Request) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "_", request.subject) or "question"


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written to; None if there is nothing in it to read."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if path.is_file() and found.st_size else None


def _move(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        text = target.read_text("utf-8", errors="replace")
        if (plain := scrub(text)) != text:
            disk.write_text(target, plain)
    except FileNotFoundError:
        pass  # whoever answered has put it away
    except OSError as error:
        raise OutputError(f"{path}: cannot be moved to {target.parent}: {error.strerror}") from None
