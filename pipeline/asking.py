"""How a run asks models: connections opened once, replies stored before they are used, tokens counted."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

from pipeline import outgoing
from pipeline.budget import Budget
from pipeline.errors import AnswerPending, MissingReplyError
from pipeline.llm.crew import Crew
from pipeline.llm.patience import watched
from pipeline.llm.port import Model, Reply, Request
from pipeline.llm.providers import ProviderSettings
from pipeline.llm.registry import HANDOFF, open_model, server_of
from pipeline.settings import Settings
from pipeline.shared import SharedFolder
from pipeline.specs import FOLDER as SPECS
from pipeline.stages.port import Ask
from pipeline.store import ReplyStore, Rounds, question_digest


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
    """The models of one run and what they have said.

    Opening it needs their keys, unless nobody may be asked; nothing is sent before a question.
    """

    def __init__(
        self,
        settings: Settings,
        entries: Sequence[str],
        *,
        fresh: bool,
        budget: Budget,
        crew: Crew | None = None,
    ) -> None:
        """`crew`: whose questions are gathered, where the settings ask in batches."""
        self.settings = settings
        self.budget = budget
        folder = settings.work_folder
        self.crew = crew or Crew(folder / "batches", lambda *_: None)
        shared = SharedFolder(settings.store, settings.root) if settings.store else None
        self._store = ReplyStore(folder / "replies", shared)
        self._round = Rounds(folder).current() if fresh and not settings.offline else ""
        self._asked = {entry: _told_apart(entry, settings.providers) for entry in entries}
        self._opened: dict[str, tuple[Model, str]] = {
            entry: open_model(
                entry,
                settings.providers,
                handoff=folder / "handoff",
                crew=self.crew if settings.batch else None,
            )
            for entry in dict.fromkeys(entries if not settings.offline else ())
        }

    def desk(self, show: Show, *, subject: str = "") -> "Desk":
        """Where the questions about one subject are asked and counted: `spec.function`, or a spec."""
        return Desk(self, show, subject)

    def model(self, entry: str) -> tuple[Model, str]:
        """The connection of an entry, and the model's name there."""
        return self._opened[entry]

    def warm(self, entry: str) -> None:
        """Make one of the models ready, so that its first reply is no later than the next ones."""
        self._opened[entry][0].warm()

    def stored(self, entry: str, request: Request) -> Reply | None:
        """The reply that need not be paid for again."""
        found = self._store.get(self._asked[entry], request, of_round=self._round)
        return None if found is None else usable(found)

    def keep(self, entry: str, request: Request, reply: Reply) -> None:
        """Store a reply; whoever uses it does so after this."""
        self._store.put(self._asked[entry], request, reply, of_round=self._round)

    def forget(self, entry: str, request: Request) -> None:
        """Drop a reply that led nowhere, so that the next run asks anew; where nobody may be asked it stays."""
        if not self.settings.offline:
            self._store.forget(self._asked[entry], request)

    def alone(
        self, entry: str, request: Request, waiting: Callable[[], AbstractContextManager[None]]
    ) -> AbstractContextManager[None]:
        """Keep out everybody who asks the same, so that it is paid for once. What a person answers costs nothing."""
        if entry.partition(":")[0] == HANDOFF:
            return nullcontext()
        return self._store.alone(self._asked[entry], request, waiting)

    def missing(self, entry: str, request: Request) -> MissingReplyError:
        """The error for a reply that is not stored where nobody may be asked."""
        digest = question_digest(self._asked[entry], request)[: len("sha256:") + 12]
        question = f"{request.subject} ({request.role}, {entry}, {digest})"
        trouble = f"; {self._store.trouble}" if self._store.trouble else ""
        return MissingReplyError(
            f"no stored reply about {question}{trouble}; run without --offline, or name the store that has it: "
            "store under [tool.drystone] in pyproject.toml, or DRYSTONE_STORE",
            question,
        )


class Desk:
    """The questions about one subject. For one thread at a time."""

    def __init__(self, asking: Asking, show: Show, subject: str) -> None:
        self.usage = Usage()
        self._asking = asking
        self._show = show
        self._subject = subject
        self._asked: list[tuple[str, Request]] = []

    def ask_for(self, role: str, entry: str) -> Ask:
        """A way to ask one model in one role."""

        def ask(request: Request) -> Reply:
            self._show(f"{role} {entry}", self.usage)
            request = replace(request, subject=self._subject, role=role)
            if self._asking.settings.offline:
                reply = self._found(entry, request)
                if reply is None:
                    raise self._asking.missing(entry, request)
            else:
                with self._asking.alone(entry, request, lambda: self._waiting("for whoever asks the same")):
                    reply = self._found(entry, request) or self._paid(entry, request)
            self._asked.append((entry, request))
            return reply

        return ask

    def offer(self, role: str, entry: str, request: Request) -> None:
        """Put a question on the table that will be asked, where people answer; nobody is waited for."""
        request = replace(request, subject=self._subject, role=role)
        if not self._asking.settings.offline and self._asking.stored(entry, request) is None:
            model, sent = self._addressed(entry, request)
            model.offer(sent)

    def forget(self) -> None:
        """Drop what was answered: it led to no function, and the next run must not follow it again."""
        for entry, request in self._asked:
            self._asking.forget(entry, request)

    def _found(self, entry: str, request: Request) -> Reply | None:
        """A stored reply, which costs nothing."""
        reply = self._asking.stored(entry, request)
        if reply is not None:
            self._asking.budget.found(entry, self._subject, request.role)
        return reply

    def _paid(self, entry: str, request: Request) -> Reply:
        """A reply that is asked for, kept before it is used, and counted."""
        model, sent = self._addressed(entry, request)
        with (
            self._asking.budget.reserved(
                entry,
                sent,
                self._subject,
                batched=model.batched,
                sent=model.holds(sent),
                waiting=lambda: self._waiting("for room in the budget"),
            ) as reservation,
            watched(lambda text: self._show(text or f"{request.role} {entry}", self.usage), reservation),
        ):
            reply = usable(self._answer(model, sent))
            reservation.settle(reply)
        self._asking.keep(entry, request, reply)
        model.stored(sent)
        self.usage = self.usage.with_reply(reply)
        return reply

    @contextmanager
    def _waiting(self, why: str) -> Iterator[None]:
        """Say what is waited for; a batch need not wait for whoever does."""
        self._show(f"waiting {why}", self.usage)
        with self._asking.crew.waiting():
            yield

    def _addressed(self, entry: str, request: Request) -> tuple[Model, Request]:
        """Whom to ask, and what to send: the only way out, so it lets no credential pass."""
        model, name = self._asking.model(entry)
        sent = replace(request, model=name)
        outgoing.check(sent, self._asking.settings.root / SPECS)
        return model, sent

    def _answer(self, model: Model, request: Request) -> Reply:
        """The reply; where a person gives it, and may be waited for, it can take its time."""
        shown = ""
        while True:
            try:
                return model.ask(request)
            except AnswerPending as pending:
                if not self._asking.settings.wait:
                    raise
                if shown != pending.awaited:
                    shown = pending.awaited
                    self._show(f"waiting for {shown}", self.usage)
                time.sleep(POLL_SECONDS)


def _told_apart(entry: str, providers: Mapping[str, ProviderSettings]) -> str:
    """Whose replies they are: an entry, and the server it means where that is one's own."""
    server = server_of(entry, providers)
    return f"{entry} at {server}" if server else entry


def usable(reply: Reply) -> Reply:
    """A reply that can be stored, shown and sent: no half of a surrogate pair, and of a credential no more than a hint."""
    text = reply.text.encode("utf-8", "replace").decode("utf-8")
    if next(outgoing.find_credentials(text), None) is not None:
        return replace(reply, text=outgoing.scrub(text), stop="secret")
    return replace(reply, text=text)
