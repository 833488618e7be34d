"""A model whose questions go out in waves: the adapter of its protocol, with a batch where the network would be."""

import copy
import json
import threading
from collections.abc import Callable

import httpx2

from pipeline.digest import digest_json
from pipeline.errors import DrystoneError, ProviderError, RateLimitError, UnavailableError
from pipeline.llm.batch_port import Line
from pipeline.llm.patience import lose
from pipeline.llm.port import Model, Reply, Request
from pipeline.llm.waves import Waves

LINE_ATTEMPTS = 3
"""How often a question is sent whose answer was a failure that may pass, and cost nothing."""
LONGEST_WAIT_SECONDS = 2 * 24 * 3600.0
"""Batches end within a day, by themselves; waiting for one is no timeout."""


class BatchModel(Model):
    """One connection, asked through its provider's batch API at half the price. Waits for hours if need be.

    The adapter composes the call and reads the reply, parameters that a model refuses included; what it would
    send becomes a line of a batch, and the line's answer is what it is sent back.
    """

    batched = True

    def __init__(self, adapter: Callable[[httpx2.Client], Model], waves: Waves) -> None:
        """`adapter` makes the protocol's adapter, given the client it is to send through."""
        self._waves = waves
        self._transport = _Transport(waves)
        self._adapter = adapter(httpx2.Client(transport=self._transport))
        self._lines: dict[str, str] = {}
        """By question, the line whose answer was its reply."""

    def ask(self, request: Request) -> Reply:
        """The reply, from a batch under way or from the next one."""
        last, lost = self._transport.last, 0
        for attempt in range(1, LINE_ATTEMPTS + 1):
            last.failure = None
            try:
                reply = self._adapter.ask(request)
            except DrystoneError as failure:
                if last.failure is not None:
                    own = copy.copy(last.failure)  # others wait for the same batch
                    if isinstance(own, ProviderError):
                        own.subject, own.lost = request.subject, lost + self._waves.lost(last.line)
                    raise own from None
                self._waves.taken(last.line)
                if isinstance(failure, ProviderError):
                    lost += self._waves.lost(last.line) + last.paid
                    failure.lost = lost
                passing = isinstance(failure, RateLimitError | UnavailableError) and not last.paid
                if not passing or attempt == LINE_ATTEMPTS:
                    raise
            else:
                self._lines[_question(request)] = last.line
                lose(lost + self._waves.lost(last.line))
                return reply
        raise AssertionError

    def holds(self, request: Request) -> bool:
        """Whether a batch holds it, by what the adapter would send."""
        last = self._transport.last
        last.only_named = True
        try:
            self._adapter.ask(request)
        except DrystoneError:
            return self._waves.holds(last.line)
        finally:
            last.only_named = False
        raise AssertionError

    def stored(self, request: Request) -> None:
        """The reply is kept: its batch need not be remembered for it."""
        line = self._lines.pop(_question(request), None)
        if line is not None:
            self._waves.taken(line)

    def close(self) -> None:
        self._adapter.close()
        self._waves.close()


class _Last(threading.local):
    """What became of the last call of a thread."""

    line = ""
    only_named = False
    """Nothing is sent: the line is composed to look for it."""
    paid = False
    failure: DrystoneError | None = None


class _Transport(httpx2.BaseTransport):
    """Answers a call with the answer to a line of a batch."""

    def __init__(self, waves: Waves) -> None:
        self._waves = waves
        self.last = _Last()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.read())
        self.last.line = digest_json([str(request.url), body]).removeprefix("sha256:")
        once = {"x-should-retry": "false"}
        if self.last.only_named:
            return httpx2.Response(503, headers=once, json={})
        try:
            answer = self._waves.answer(Line(self.last.line, body))
        except DrystoneError as failure:  # an SDK would take it for a broken connection
            self.last.failure = failure
            return httpx2.Response(503, headers=once, json={})
        self.last.paid = answer.status == 200
        return httpx2.Response(answer.status, headers=once, json=answer.body)


def _question(request: Request) -> str:
    return digest_json(request.question())
