"""Models behind Anthropic's messages, at Anthropic or at any server that speaks the same protocol."""

import json
import re
import threading
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.llm import failures, schemas
from pipeline.llm.connection import Connection, open_client, prepare, unasked
from pipeline.llm.port import Model, Reply, Request, Stop
from pipeline.llm.quirks import Quirks
from pipeline.llm.usage import counted, prompt_text

if TYPE_CHECKING:
    import anthropic
    import httpx2

_NAMED_BY = {
    "temperature": re.compile(r"\btemperature\b", re.IGNORECASE),
    "schema": re.compile(
        r"output_config|output_format|json_schema|structured[ _]outputs?|grammar", re.IGNORECASE
    ),
}
_NOTICES = {
    "temperature": "asked at the model's own temperature from now on",
    "schema": "asked for JSON in words from now on",
}
_STOPS: dict[str, Stop] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicModel(Model):
    """One connection; `Request.model` says which model answers. A request's seed is not sent: the API has none."""

    def __init__(self, connection: Connection, *, http_client: "httpx2.Client | None" = None) -> None:
        """Open nothing yet: the SDK is imported and the client made by the first question."""
        self._connection = connection
        self._http_client = http_client
        self._quirks = Quirks(connection.provider, _NOTICES)
        self._lock = threading.Lock()
        self._client: anthropic.Anthropic | None = None

    def ask(self, request: Request) -> Reply:
        with failures.reported(self._connection, request.model, subject=request.subject):
            return self._quirks.ask(
                request.model,
                sent={name: words for name, words in _NAMED_BY.items() if getattr(request, name) is not None},
                ask=lambda without: self._ask_once(request, without),
            )

    def warm(self) -> None:
        self._connected()

    def serves(self, name: str) -> bool:
        import anthropic

        with failures.reported(self._connection, name):
            try:
                self._connected().models.retrieve(name)
            except anthropic.NotFoundError:
                return False
            return True

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _ask_once(self, request: Request, without: frozenset[str]) -> Reply:
        response = self._connected().messages.with_raw_response.create(**_arguments(request, without=without))
        message = _Message.model_validate(json.loads(response.http_response.content))
        if message.stop_reason is None:
            raise failures.malformed(
                self._connection, request.model, "it breaks off: there is no stop_reason"
            )
        return _reply(message, request, unfence="schema" in without and request.schema is not None)

    def _connected(self) -> "anthropic.Anthropic":
        with self._lock:
            if self._client is None:
                self._client = open_sdk(self._connection, self._http_client)
            return self._client


def open_sdk(
    connection: Connection, http_client: "httpx2.Client | None" = None, *, max_retries: int = 0
) -> "anthropic.Anthropic":
    """The SDK's client of a connection. It repeats nothing by itself unless told to: `Patient` does what is worth it."""
    import anthropic

    return unasked(
        anthropic.Anthropic(
            api_key=connection.key or "none",
            base_url=connection.address or "https://api.anthropic.com",
            timeout=connection.timeout,
            max_retries=max_retries,
            http_client=prepare(
                http_client or open_client(connection, anthropic.DefaultHttpxClient), connection
            ),
        )
    )


def _arguments(request: Request, *, without: frozenset[str]) -> dict[str, Any]:
    system = request.system
    arguments: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.messages],
    }
    if request.temperature is not None and "temperature" not in without:
        arguments["extra_body"] = {"temperature": request.temperature}
    if request.schema is not None and "schema" not in without:
        arguments["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
    elif request.schema is not None:
        system = schemas.in_words(system, request.schema)
    if system:
        arguments["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    return arguments


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(BaseModel):
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


def _reply(message: _Message, request: Request, *, unfence: bool) -> Reply:
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = message.usage or _Usage()
    written = max(0, usage.cache_creation_input_tokens or 0)
    cached = max(0, usage.cache_read_input_tokens or 0)
    return Reply(
        text=schemas.without_fence(text) if unfence else text,
        stop=_STOPS.get(message.stop_reason or "", "end"),
        tokens_in=counted(usage.input_tokens, prompt_text(request), besides=written + cached) + written,
        tokens_cached=cached,
        tokens_out=counted(usage.output_tokens, text),
        tokens_written=written,
    )
