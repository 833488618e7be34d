"""How a run asks models: connections opened once, replies stored before they are used, tokens counted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import AnswerPending
from pipeline.llm.crew import Crew
from pipeline.llm.port import Model, Reply, Request
from pipeline.llm.registry import open_model
from pipeline.settings import Settings
from pipeline.stages.port import Ask
from pipeline.store import ReplyStore


@dataclass(frozen=True, slots=True)
class Usage:
    """What one function has cost so far."""

    calls: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0

    def with_reply(self, reply: Reply) -> "Usage":
        return Usage(
            calls=self.calls + 1,
            tokens_in=self.tokens_in + reply.tokens_in,
            tokens_cached=self.tokens_cached + reply.tokens_cached,
            tokens_out=self.tokens_out + reply.tokens_out,
        )


Show = Callable[[str, Usage], None]

POLL_SECONDS = 0.5
"""How long a question rests before somebody looks again whether a person has answered."""


class Asking:
    """The models of one run. Opening it needs their keys; nothing is sent before the first question."""

    def __init__(
        self, settings: Settings, entries: Sequence[str], *, fresh: bool, crew: Crew | None = None
    ) -> None:
        """`crew`: whose questions are gathered, where the settings ask in batches."""
        self.crew = crew or Crew(settings.work_folder / "batches", lambda *_: None)
        self._opened: dict[str, tuple[Model, str]] = {
            entry: open_model(
                entry,
                settings.providers,
                handoff=settings.work_folder / "handoff",
                crew=self.crew if settings.batch else None,
            )
            for entry in dict.fromkeys(entries)
        }
        self._store = ReplyStore(settings.work_folder / "replies")
        self._fresh = fresh
        self._wait = settings.wait

    def desk(self, show: Show, *, subject: str = "") -> "Desk":
        """Where the questions about one subject are asked and counted: `spec.function`, or a spec."""
        return Desk(self._opened, self._store, fresh=self._fresh, wait=self._wait, show=show, subject=subject)


class Desk:
    """The questions about one subject. For one thread at a time."""

    def __init__(
        self,
        opened: dict[str, tuple[Model, str]],
        store: ReplyStore,
        *,
        fresh: bool,
        wait: bool,
        show: Show,
        subject: str = "",
    ) -> None:
        self.usage = Usage()
        self._opened = opened
        self._store = store
        self._fresh = fresh
        self._wait = wait
        self._show = show
        self._subject = subject
        self._asked: list[tuple[str, Request]] = []

    def ask_for(self, role: str, entry: str) -> Ask:
        """A way to ask one model in one role."""

        def ask(request: Request) -> Reply:
            self._show(f"{role} {entry}", self.usage)
            stored = None if self._fresh else self._store.get(entry, request)
            if stored is not None:
                self._asked.append((entry, request))
                return stored
            model, sent = self._addressed(role, entry, request)
            reply = _encodable(self._answer(model, sent))
            self._store.put(entry, request, reply)
            model.stored(sent)
            self._asked.append((entry, request))
            self.usage = self.usage.with_reply(reply)
            return reply

        return ask

    def offer(self, role: str, entry: str, request: Request) -> None:
        """Put a question on the table that will be asked, where people answer; nobody is waited for."""
        if self._fresh or self._store.get(entry, request) is None:
            model, sent = self._addressed(role, entry, request)
            model.offer(sent)

    def _addressed(self, role: str, entry: str, request: Request) -> tuple[Model, Request]:
        model, name = self._opened[entry]
        return model, replace(request, model=name, subject=self._subject, role=role)

    def _answer(self, model: Model, request: Request) -> Reply:
        """The reply; where a person gives it, and may be waited for, it can take its time."""
        shown = ""
        while True:
            try:
                return model.ask(request)
            except AnswerPending as pending:
                if not self._wait:
                    raise
                if shown != pending.answer:
                    shown = pending.answer
                    self._show(f"waiting for {shown}", self.usage)
                time.sleep(POLL_SECONDS)

    def forget(self) -> None:
        """Drop what was answered: it led to no function, and the next run must not follow it again."""
        for entry, request in self._asked:
            self._store.forget(entry, request)


def _encodable(reply: Reply) -> Reply:
    """A reply whose text can be stored, shown and sent: half a surrogate pair becomes a question mark."""
    return replace(reply, text=reply.text.encode("utf-8", "replace").decode("utf-8"))
