"""Asking again: which failures are worth it, how long to wait, how many calls at once, and when to give a server up."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import ProviderError, Trouble, UnavailableError
from pipeline.llm.connection import Connection
from pipeline.llm.port import Model, Reply, Request

LONGEST_WAIT_SECONDS = 120.0
"""A server that asks for a longer pause is reported instead of waited for."""

FIRST_PAUSE_SECONDS = 0.5
"""The most that is waited before the first repetition, where the server does not say; it doubles from there."""

LONGEST_PAUSE_SECONDS = 30.0
"""Where it stops doubling."""

PROBE_PAUSE_SECONDS = 1.0
"""Before the first probe of a server that is out of reach; it doubles as well."""

OPENS_AFTER = 5
"""Failures in a row, of all threads together, after which a server counts as out of reach."""

REPETITIONS: dict[Trouble, int] = {"limited": 9, "overloaded": 9, "out": 9, "damaged": 5, "late": 2}
"""How often one question is asked again after each kind of failure.

Nobody pays for a refusal. A reply that came damaged may have been paid for, and one that came too late very likely
was, so these are asked for less often.
"""

UNKNOWN_SERVER_REPETITIONS = 2
"""After a damaged reply of a server that has never sent a sound one: it may be no model server at all."""

WORTH_SHOWING_SECONDS = 1.0

_OUTAGE: frozenset[Trouble | None] = frozenset({"overloaded", "out", "late"})
_MAY_BE_CHARGED: tuple[Trouble, ...] = ("late", "damaged")
_TOO_MUCH: frozenset[Trouble | None] = frozenset({"limited", "overloaded"})

Show = Callable[[str], None]


class Payer(Protocol):
    """Who bears what a question costs, and may not want to any longer. What it raises ends the question."""

    def check_time(self) -> None:
        """Hear, at the last moment, that the question is sent."""
        return

    def again(self, lost: int) -> None:  # noqa: ARG002 - not everybody counts
        """Hear that it should be sent again, and how many replies that may have been charged were lost since it last was.

        May wait until that can be paid.
        """
        return

    def lose(self, count: int) -> None:  # noqa: ARG002 - as above
        """Hear that replies that may have been charged were lost."""
        return


class _Anybody(Payer):
    """Pays without looking."""


_show: ContextVar[Show] = ContextVar("_show", default=lambda _: None)
_payer: ContextVar[Payer] = ContextVar("_payer", default=_Anybody())  # noqa: B039 - it has no state


@contextmanager
def watched(show: Show, payer: Payer) -> Iterator[None]:
    """In the block, and in its thread, tell `show` what a question waits for, and an empty text when it goes on.

    `payer` is asked before it is repeated.
    """
    tokens = _show.set(show), _payer.set(payer)
    try:
        yield
    finally:
        _show.reset(tokens[0])
        _payer.reset(tokens[1])


def lose(count: int) -> None:
    """Tell whoever pays for the question of this thread that replies were lost that may have been charged."""
    if count:
        _payer.get().lose(count)


class Patient(Model):
    """A model behind a network, asked again while that is worth it. Safe to use from several threads at once.

    Repeated are 429, 5xx, 408, failed connections, replies that do not come in time, and bodies that are no reply;
    never a refusal that would come again: a bad key, an unknown model, an empty account. Pauses have full jitter
    (Brooker, "Exponential Backoff And Jitter", 2015) on top of what the server asks for. All threads share one limit of
    calls under way, which a server's 429 and 529 halve and its replies raise, and one breaker.
    """

    def __init__(self, model: Model, connection: Connection) -> None:
        self.model = model
        """What is asked."""
        self._line = Line(connection)

    def ask(self, request: Request) -> Reply:
        lost: list[ProviderError] = []
        try:
            return self._ask(request, lost)
        except ProviderError as failure:
            failure.subject = failure.subject or request.subject
            failure.lost = len(lost)
            raise

    def warm(self) -> None:
        self.model.warm()

    def offer(self, request: Request) -> None:
        self.model.offer(request)

    def serves(self, name: str) -> bool | None:
        return self.model.serves(name)

    def stored(self, request: Request) -> None:
        self.model.stored(request)

    def close(self) -> None:
        self.model.close()

    def _ask(self, request: Request, lost: list[ProviderError]) -> Reply:
        """The reply; `lost` holds the failures that may have been charged and that the payer has not heard of."""
        payer = _payer.get()
        failed: Counter[Trouble] = Counter()
        heard = self._line.sound
        while True:
            turn = self._line.enter()
            try:
                payer.check_time()
                reply = self.model.ask(request)
            except ProviderError as failure:
                if failure.trouble in _MAY_BE_CHARGED:
                    lost.append(failure)
                waits_for_probe = self._line.leave(turn, failure)
                if failure.trouble is None or not _is_short(failure.pause_seconds):
                    raise
                if not waits_for_probe:
                    if self._line.sound > heard:  # others get through, so will this one
                        heard, failed["limited"] = self._line.sound, 0
                    failed[failure.trouble] += 1
                    if failed[failure.trouble] > self._repetitions(failure.trouble):
                        raise _after(failure, failed.total()) from failure
                    self._line.rest(_pause_seconds(failure, failed.total()), self._line.why(failure))
                payer.again(len(lost))
                lost.clear()
            except BaseException:
                self._line.leave(turn)
                raise
            else:
                self._line.leave(turn, sound=True)
                return reply

    def _repetitions(self, trouble: Trouble) -> int:
        known = self._line.sound > 0
        return REPETITIONS[trouble] if known or trouble != "damaged" else UNKNOWN_SERVER_REPETITIONS


@dataclass(frozen=True, slots=True)
class Turn:
    """One call under way."""

    halved: int
    """How often the limit had been halved."""
    is_probe: bool


class Line:
    """Where the questions to one server wait for their turn: at most so many under way, and none in an outage."""

    def __init__(self, connection: Connection) -> None:
        self.sound = 0
        """Replies so far that were some."""
        self._connection = connection
        self._changed = threading.Condition()
        self._under_way = 0
        self._limit = connection.max_concurrency
        self._halved = 0
        self._since_raised = 0
        self._in_a_row = 0
        self._first_failed_at = 0.0
        self._probe_at: float | None = None
        """Set while the breaker is open."""
        self._probe_pause = 0.0
        self._probing = False
        self._lost: UnavailableError | None = None

    @property
    def limit(self) -> int:
        """How many calls may be under way at once."""
        return self._limit

    def enter(self) -> Turn:
        """Wait for a turn; every turn must `leave`. Raises UnavailableError once the server has been given up."""
        with self._changed:
            while (wait_seconds := self._wait_seconds()) is None or wait_seconds > 0:
                self._wait(wait_seconds)
            self._under_way += 1
            self._probing = is_probe = self._probe_at is not None
            return Turn(self._halved, is_probe)

    def leave(self, turn: Turn, failure: ProviderError | None = None, *, sound: bool = False) -> bool:
        """End a turn. Returns whether the breaker is open, so that the question should wait for a probe instead."""
        with self._changed:
            self._under_way -= 1
            if turn.is_probe:
                self._probing = False
            if sound:
                self._raise_limit()
            trouble = failure.trouble if failure else None
            if trouble in _TOO_MUCH:
                self._halve_limit(turn)
            if failure is not None and trouble in _OUTAGE:
                self._count_failure(turn, failure)
            elif sound or failure is not None:  # it answers, if only to refuse
                self._in_a_row, self._probe_at = 0, None
            self._changed.notify_all()
            return self._probe_at is not None or self._lost is not None

    def rest(self, seconds: float, why: str) -> None:
        """Wait, but no longer than the server is worth waiting for."""
        with self._changed, _shown(seconds, why):
            self._changed.wait_for(lambda: self._lost is not None, timeout=seconds)

    def why(self, failure: ProviderError) -> str:
        """What is waited for, in a few words."""
        status = f" ({failure.status})" if failure.status else ""
        told = {
            "limited": f"limits requests{status}",
            "overloaded": f"is overloaded{status}",
            "out": f"failed{status}" if status else "cannot be reached",
            "late": f"gave no reply within {self._connection.timeout_seconds:g} s",
            "damaged": "sent a damaged reply",
        }
        return f"{self._connection.provider} {told[failure.trouble or 'out']}"

    def _wait_seconds(self) -> float | None:
        """0 to go on now, None to wait until something changes."""
        if self._lost is not None:
            raise UnavailableError(str(self._lost))
        if self._probe_at is not None:
            return None if self._probing else max(0.0, self._probe_at - time.monotonic())
        return 0 if self._under_way < self._limit else None

    def _wait(self, seconds: float | None) -> None:
        if self._probe_at is None:
            self._changed.wait(seconds)
        else:
            with _shown(seconds or 0.0, f"{self._connection.provider} is out of reach"):
                self._changed.wait(seconds)

    def _raise_limit(self) -> None:
        self.sound += 1
        self._since_raised += 1
        if self._since_raised >= self._limit:
            self._limit = min(self._connection.max_concurrency, self._limit + 1)
            self._since_raised = 0

    def _halve_limit(self, turn: Turn) -> None:
        if turn.halved == self._halved:  # calls that were under way together are one sign, not several
            self._limit = max(1, self._limit // 2)
            self._halved += 1
            self._since_raised = 0

    def _count_failure(self, turn: Turn, failure: ProviderError) -> None:
        now = time.monotonic()
        if self._in_a_row == 0:
            self._first_failed_at = now
        self._in_a_row += 1
        if self._probe_at is None and self._in_a_row >= OPENS_AFTER:
            self._probe_pause = PROBE_PAUSE_SECONDS
        elif turn.is_probe:
            self._probe_pause = min(LONGEST_PAUSE_SECONDS, self._probe_pause * 2)
        else:
            return
        left_seconds = self._first_failed_at + self._connection.outage_seconds - now
        if left_seconds <= 0 or not _is_short(failure.pause_seconds):
            self._lost = _given_up(failure, now - self._first_failed_at)
        pause_seconds = max(self._probe_pause * random.uniform(0.5, 1), failure.pause_seconds or 0.0)  # noqa: S311
        self._probe_at = now + min(pause_seconds, left_seconds)


@contextmanager
def _shown(seconds: float, why: str) -> Iterator[None]:
    show = _show.get() if seconds >= WORTH_SHOWING_SECONDS else (lambda _: None)
    show(f"waiting {seconds:.0f} s: {why}")
    yield
    show("")


def _is_short(pause_seconds: float | None) -> bool:
    return pause_seconds is None or pause_seconds <= LONGEST_WAIT_SECONDS


def _pause_seconds(failure: ProviderError, times: int) -> float:
    most = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (times - 1))
    return (failure.pause_seconds or 0.0) + random.uniform(0, most)  # noqa: S311 - jitter is no secret


def _after(failure: ProviderError, times: int) -> ProviderError:
    return type(failure)(
        f"{failure.args[0]} It was asked {times} times.",
        trouble=failure.trouble,
        pause_seconds=failure.pause_seconds,
        status=failure.status,
    )


def _given_up(failure: ProviderError, seconds: float) -> UnavailableError:
    return UnavailableError(
        f"{failure.args[0]} Nobody got through for {seconds:.0f} s (outage_seconds), so nothing more is sent."
    )
