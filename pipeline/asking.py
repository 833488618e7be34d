"""How a run asks models: connections opened once, replies stored before they are used, tokens counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


class Asking:
    """The models of one run. Opening it needs their keys; nothing is sent before the first question."""

    def __init__(self, settings: Settings, entries: Sequence[str], *, fresh: bool) -> None:
        self._opened: dict[str, tuple[Model, str]] = {
            entry: open_model(entry, settings.providers) for entry in dict.fromkeys(entries)
        }
        self._store = ReplyStore(settings.work_folder / "replies")
        self._fresh = fresh

    def desk(self, show: Show) -> "Desk":
        """Where one function's questions are asked and counted."""
        return Desk(self._opened, self._store, fresh=self._fresh, show=show)


class Desk:
    """The questions about one function. For one thread at a time."""

    def __init__(
        self, opened: dict[str, tuple[Model, str]], store: ReplyStore, *, fresh: bool, show: Show
    ) -> None:
        self.usage = Usage()
        self._opened = opened
        self._store = store
        self._fresh = fresh
        self._show = show
        self._asked: list[tuple[str, Request]] = []

    def ask_for(self, role: str, entry: str) -> Ask:
        """A way to ask one model in one role."""

        def ask(request: Request) -> Reply:
            self._show(f"{role} {entry}", self.usage)
            stored = None if self._fresh else self._store.get(entry, request)
            if stored is not None:
                self._asked.append((entry, request))
                return stored
            model, name = self._opened[entry]
            reply = _encodable(model.ask(replace(request, model=name)))
            self._store.put(entry, request, reply)
            self._asked.append((entry, request))
            self.usage = self.usage.with_reply(reply)
            return reply

        return ask

    def forget(self) -> None:
        """Drop what was answered: it led to no function, and the next run must not follow it again."""
        for entry, request in self._asked:
            self._store.forget(entry, request)


def _encodable(reply: Reply) -> Reply:
    """A reply whose text can be stored, shown and sent: half a surrogate pair becomes a question mark."""
    return replace(reply, text=reply.text.encode("utf-8", "replace").decode("utf-8"))
