"""Anthropic's batch API: questions in one call, answers in one file of lines."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from pipeline.llm.anthropic import open_sdk
from pipeline.llm.batch_port import (
    BATCH_RETRIES,
    Answer,
    AnsweredLine,
    BatchApi,
    Line,
    Standing,
    read_answers,
)
from pipeline.llm.connection import Connection

if TYPE_CHECKING:
    import anthropic
    import httpx2

CLOCKS_APART_SECONDS = 300.0
LONGEST_SENDING_SECONDS = 1800.0

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What a call of its own is answered with each type of error; others are the server's own trouble."""


class AnthropicBatches(BatchApi):
    """Batches of messages."""

    names_waves = False

    def __init__(self, connection: Connection, *, http_client: "httpx2.Client | None" = None) -> None:
        """Open nothing yet."""
        self._connection = connection
        self._http_client = http_client

    def send(self, wave: str, lines: Sequence[Line]) -> str:  # noqa: ARG002 - a batch has no name here
        requests: list[Any] = [{"custom_id": line.id, "params": line.body} for line in lines]
        once = self._client.with_options(max_retries=0)  # sent again, it would be paid for twice
        created = once.messages.batches.with_raw_response.create(requests=requests)
        return _Batch.model_validate_json(created.http_response.content).id

    def find(self, wave: str, *, size: int, begun: float, known: Collection[str]) -> str | None:  # noqa: ARG002
        candidates: dict[float, str] = {}
        for batch in self._client.messages.batches.list(limit=100):
            created = batch.created_at.timestamp()
            if created < begun - CLOCKS_APART_SECONDS:  # the newest come first
                break
            counts = batch.request_counts
            total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
            if total == size and batch.id not in known and created < begun + LONGEST_SENDING_SECONDS:
                candidates[abs(created - begun)] = batch.id
        return candidates[min(candidates)] if candidates else None

    def look(self, batch: str) -> Standing:
        path = f"/v1/messages/batches/{batch}"
        found = _Batch.model_validate_json(self._get(path))
        counts = found.request_counts
        return Standing(found.processing_status == "ended", counts.succeeded + counts.errored)

    def answers(self, batch: str, ids: Collection[str]) -> dict[str, Answer | None]:
        # From the path, not from the address the server names: the key goes to nobody else.
        return read_answers(self._get(f"/v1/messages/batches/{batch}/results"), _AnsweredLine, ids)

    def cancel_command(self, batch: str) -> str:
        address = self._connection.server if self._connection.address else "https://api.anthropic.com"
        return (
            f'curl -X POST {address}/v1/messages/batches/{batch}/cancel -H "anthropic-version: 2023-06-01" '
            f'-H "x-api-key: ${self._connection.key_variable or "KEY"}"'
        )

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str) -> bytes:
        import httpx2

        return self._client.get(path, cast_to=httpx2.Response).content

    @cached_property
    def _client(self) -> "anthropic.Anthropic":
        return open_sdk(self._connection, self._http_client, max_retries=BATCH_RETRIES)


class _Counts(BaseModel):
    succeeded: int = 0
    errored: int = 0


class _Batch(BaseModel):
    id: str
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: _Counts = _Counts()


class _Error(BaseModel):
    type: str
    message: str = ""


class _ErrorResponse(BaseModel):
    error: _Error


class _Outcome(BaseModel):
    type: str
    message: Any = None
    error: _ErrorResponse | None = None

    @property
    def answer(self) -> Answer | None:
        """None where the batch ended before its turn came: expired or canceled."""
        if self.type == "succeeded":
            return Answer(200, self.message)
        if self.type == "errored" and self.error is not None:
            return Answer(_STATUS.get(self.error.error.type, 500), self.error.model_dump())
        return None


class _AnsweredLine(AnsweredLine):
    result: _Outcome

    @property
    def answer(self) -> Answer | None:
        return self.result.answer
