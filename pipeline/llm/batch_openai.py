"""OpenAI's batch API: questions in a file, a batch over it, answers and failures in two more files."""

import json
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

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
from pipeline.llm.openai import open_sdk

if TYPE_CHECKING:
    import httpx2
    import openai

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
WAVE = "drystone_wave"
"""Under this name a batch's metadata hold the wave it is."""
EARLIER_SECONDS = 3600.0
"""Batches that are older than a wave by so much are not it, however wrong a clock is."""

_ENDED = {"completed", "failed", "expired", "cancelled"}
_STATUS = {
    "model_not_found": 404,
    "token_limit_exceeded": 429,
    "insufficient_quota": 429,
    "billing_hard_limit_reached": 429,
}
"""What a call of its own is answered for the reasons a whole batch is refused for."""


class OpenAIBatches(BatchApi):
    """Batches of chat completions."""

    names_waves = True

    def __init__(self, connection: Connection, *, http_client: "httpx2.Client | None" = None) -> None:
        """Open nothing yet."""
        self._connection = connection
        self._http_client = http_client

    def send(self, wave: str, lines: Sequence[Line]) -> str:
        content = "".join(
            json.dumps({"custom_id": line.id, "method": "POST", "url": ENDPOINT, "body": line.body}) + "\n"
            for line in lines
        )
        once = self._client.with_options(max_retries=0)  # sent again, it would be paid for twice
        file = once.files.with_raw_response.create(
            file=(f"drystone-{wave}.jsonl", content.encode()), purpose="batch"
        )
        created = once.batches.with_raw_response.create(
            input_file_id=_File.model_validate_json(file.content).id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={WAVE: wave},
        )
        return _Batch.model_validate_json(created.content).id

    def find(self, wave: str, *, size: int, begun: float, known: Collection[str]) -> str | None:  # noqa: ARG002
        for batch in self._client.batches.list(limit=100):
            if (batch.metadata or {}).get(WAVE) == wave:
                return batch.id
            if batch.created_at < begun - EARLIER_SECONDS:  # the newest come first
                break
        return None

    def look(self, batch: str) -> Standing:
        found = self._retrieved(batch)
        counts = found.request_counts
        errors = [f"{error.code}: {error.message}" for error in found.errors.data] if found.errors else []
        why = "" if found.status == "completed" else "; ".join([found.status, *errors[:1]])
        return Standing(found.status in _ENDED, counts.completed + counts.failed, why)

    def answers(self, batch: str, ids: Collection[str]) -> dict[str, Answer | None]:
        found = self._retrieved(batch)
        files = filter(None, (found.output_file_id, found.error_file_id))
        content = b"\n".join(self._client.files.content(file).content for file in files)
        answers = read_answers(content, _AnsweredLine, ids)
        if found.status == "failed" and not answers:
            for error in found.errors.data if found.errors else []:
                if error.code in _STATUS:
                    refusal = Answer(_STATUS[error.code], {"error": error.model_dump()})
                    return {line: refusal for line in ids}  # noqa: C420 - the type of its values is wider
        return answers

    def cancel_command(self, batch: str) -> str:
        address = self._connection.server if self._connection.address else "https://api.openai.com/v1"
        return (
            f'curl -X POST {address}/batches/{batch}/cancel -H "Authorization: Bearer '
            f'${self._connection.key_variable or "KEY"}"'
        )

    def close(self) -> None:
        self._client.close()

    def _retrieved(self, batch: str) -> "_Batch":
        return _Batch.model_validate_json(self._client.batches.with_raw_response.retrieve(batch).content)

    @cached_property
    def _client(self) -> "openai.OpenAI":
        return open_sdk(self._connection, self._http_client, max_retries=BATCH_RETRIES)


class _File(BaseModel):
    id: str


class _Counts(BaseModel):
    completed: int = 0
    failed: int = 0


class _Error(BaseModel):
    code: str | None = None
    message: str | None = None
    param: str | None = None


class _Errors(BaseModel):
    data: list[_Error] = []


class _Batch(BaseModel):
    id: str
    status: str
    request_counts: _Counts = _Counts()
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Errors | None = None


class _Response(BaseModel):
    status_code: int
    body: Any


class _AnsweredLine(AnsweredLine):
    response: _Response | None = None

    @property
    def answer(self) -> Answer | None:
        return Answer(self.response.status_code, self.response.body) if self.response else None
