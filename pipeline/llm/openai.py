"""Models behind OpenAI's chat completions, at OpenAI or at any server that speaks the same protocol."""

import json
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.llm import failures, schemas
from pipeline.llm.connection import Connection, open_client, prepare, unasked
from pipeline.llm.port import Model, Reply, Request, Stop
from pipeline.llm.quirks import Quirks
from pipeline.llm.usage import counted, prompt_text

if TYPE_CHECKING:
    import httpx2
    import openai

_NAMED_BY = {
    "max_tokens": re.compile(r"\bmax_(completion_)?tokens\b", re.IGNORECASE),
    "temperature": re.compile(r"\btemperature\b", re.IGNORECASE),
    "seed": re.compile(r"\bseed\b", re.IGNORECASE),
    "schema": re.compile(r"response_format|json_schema|structured[ _]outputs?|grammar", re.IGNORECASE),
}
_NOTICES = {
    "temperature": "asked at the model's own temperature from now on",
    "seed": "asked without one from now on, so its replies cannot be repeated",
    "schema": "asked for JSON in words from now on",
}


class OpenAIModel(Model):
    """One connection; `Request.model` says which model answers."""

    def __init__(
        self,
        connection: Connection,
        *,
        extra_body: Callable[[Request], dict[str, Any]] | None = None,
        http_client: "httpx2.Client | None" = None,
    ) -> None:
        """Open nothing yet: the SDK is imported and the client made by the first question.

        `extra_body` gives the fields of a server that are not in the protocol.
        """
        self._connection = connection
        self._extra_body = extra_body
        self._http_client = http_client
        self._quirks = Quirks(connection.provider, _NOTICES)
        self._lock = threading.Lock()
        self._client: openai.OpenAI | None = None

    def ask(self, request: Request) -> Reply:
        sent = {"max_tokens"}
        sent |= {name for name in ("temperature", "seed", "schema") if getattr(request, name) is not None}
        with failures.reported(self._connection, request.model, subject=request.subject):
            return self._quirks.ask(
                request.model,
                sent={name: words for name, words in _NAMED_BY.items() if name in sent},
                ask=lambda without: self._ask_once(request, without),
            )

    def warm(self) -> None:
        self._connected()

    def serves(self, name: str) -> bool:
        with failures.reported(self._connection, name):
            return name in {served.id for served in self._connected().models.list()}

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _ask_once(self, request: Request, without: frozenset[str]) -> Reply:
        arguments = _arguments(request, without=without, own_server=self._connection.address is None)
        if self._extra_body is not None:
            arguments["extra_body"] = self._extra_body(request)
        response = self._connected().chat.completions.with_raw_response.create(**arguments)
        body = json.loads(response.content)
        if isinstance(body, dict) and body.get("error") and not body.get("choices"):
            raise failures.malformed(self._connection, request.model, json.dumps(body["error"]))
        completion = _Completion.model_validate(body)
        if completion.choices[0].finish_reason is None:
            raise failures.malformed(
                self._connection, request.model, "it breaks off: there is no finish_reason"
            )
        return _reply(completion, request, unfence="schema" in without and request.schema is not None)

    def _connected(self) -> "openai.OpenAI":
        with self._lock:
            if self._client is None:
                self._client = open_sdk(self._connection, self._http_client)
            return self._client


def open_sdk(
    connection: Connection, http_client: "httpx2.Client | None" = None, *, max_retries: int = 0
) -> "openai.OpenAI":
    """The SDK's client of a connection. It repeats nothing by itself unless told to: `Patient` does what is worth it."""
    import openai

    return unasked(
        openai.OpenAI(
            api_key=connection.key or "none",
            base_url=connection.address or "https://api.openai.com/v1",
            timeout=connection.timeout,
            max_retries=max_retries,
            http_client=prepare(
                http_client or open_client(connection, openai.DefaultHttpxClient), connection
            ),
        )
    )


def _arguments(request: Request, *, without: frozenset[str], own_server: bool) -> dict[str, Any]:
    # OpenAI's newer models take only the long name, most other servers only the short one.
    long_name = own_server != ("max_tokens" in without)
    system = request.system
    arguments: dict[str, Any] = {
        "model": request.model,
        "max_completion_tokens" if long_name else "max_tokens": request.max_tokens,
    }
    for name in ("temperature", "seed"):
        if getattr(request, name) is not None and name not in without:
            arguments[name] = getattr(request, name)
    if request.schema is not None and "schema" not in without:
        schema = {"name": "reply", "schema": request.schema, "strict": True}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.schema is not None:
        system = schemas.in_words(system, request.schema)
    messages = [{"role": "system", "content": system}] if system else []
    arguments["messages"] = [
        *messages,
        *({"role": turn.role, "content": turn.text} for turn in request.messages),
    ]
    return arguments


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _PromptTokens(BaseModel):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptTokens | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def _reply(completion: _Completion, request: Request, *, unfence: bool) -> Reply:
    choice = completion.choices[0]
    stop: Stop = "end"
    if choice.finish_reason == "length":
        stop = "length"
    elif choice.finish_reason in {"content_filter", "refusal"} or choice.message.refusal:
        stop = "refusal"
    text = choice.message.content or choice.message.refusal or ""
    usage = completion.usage or _Usage()
    details = usage.prompt_tokens_details or _PromptTokens()
    cached = max(0, details.cached_tokens or 0)
    return Reply(
        text=schemas.without_fence(text) if unfence else text,
        stop=stop,
        tokens_in=max(0, counted(usage.prompt_tokens, prompt_text(request)) - cached),
        tokens_cached=cached,
        tokens_out=counted(usage.completion_tokens, text),
        tokens_written=max(0, details.cache_write_tokens or 0),
    )
