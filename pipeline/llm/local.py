"""The embedded model: llama.cpp's server inside this process, on loopback, asked like any other server."""

import importlib
import importlib.util
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pipeline.errors import UnavailableError, WeightsError
from pipeline.llm import weights
from pipeline.llm.connection import Connection
from pipeline.llm.openai import OpenAIModel
from pipeline.llm.port import Model, Reply, Request

if TYPE_CHECKING:
    import httpx2

CONTEXT_TOKENS = 8192
"""Prompt and reply of one question together."""

MOST_TOKENS = 1024
"""Of one reply: a model this small that goes on for longer is lost."""

TIMEOUT_SECONDS = 600.0


class LocalModel(Model):
    """The embedded model. Its server starts with the first question, once a process.

    Questions are answered one at a time: on two cores, two side by side gain a tenth in tokens a second and
    lose it again where each evaluates the shared start of the prompt for itself. The same question with a seed,
    or at temperature 0, has the same answer.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        start: Callable[[Path, str], Any] | None = None,
        http_client: "httpx2.Client | None" = None,
    ) -> None:
        """Check that what the model needs is here.

        `path` names other weights than the pulled ones; `start` gives, for weights and a key, an object with a
        `listening_address` that serves until it is dropped. Raises `WeightsError` with the command that brings
        what is missing.
        """
        if start is None and importlib.util.find_spec("xllamacpp") is None:
            raise WeightsError(
                "local: the embedded model's engine is not installed: pip install 'drystone[local]'"
            )
        if path is None and not weights.is_pulled():
            raise WeightsError(
                f"local: the embedded model's weights are not in {weights.weights_path().parent}: "
                f"drystone model pull ({weights.known_weights().bytes / 1e9:.1f} GB, once)"
            )
        self._path = path or weights.weights_path()
        self._start = start or _start_server
        self._http_client = http_client
        self._starting = threading.Lock()
        self._turn = threading.Lock()
        self._evaluated: Request | None = None
        self._server: Any = None
        self._client: OpenAIModel | None = None

    @classmethod
    def pretending(cls, http_client: "httpx2.Client") -> "LocalModel":
        """A model whose questions all go to `http_client`; nothing is started."""
        nowhere = SimpleNamespace(listening_address="http://127.0.0.1")
        return cls(weights.weights_path(), start=lambda *_: nowhere, http_client=http_client)

    def ask(self, request: Request) -> Reply:
        client = self._started()
        # Waiting here, not in the server's queue, keeps the wait out of the reply's timeout.
        with self._turn:
            capped = replace(request, max_tokens=min(request.max_tokens, MOST_TOKENS))
            self._prepare(client, capped)
            return client.ask(capped)

    def warm(self) -> None:
        self._started()

    def close(self) -> None:
        with self._starting:
            if self._client is not None:
                self._client.close()
            self._client = self._server = self._evaluated = None

    def _prepare(self, client: OpenAIModel, request: Request) -> None:
        # A prompt evaluated after a cached start rounds differently from one evaluated whole, and now and then
        # that turns an answer. So a prompt whose answer must be the same twice is evaluated whole first; every
        # question on it then begins from exactly that.
        repeatable = request.temperature == 0 or request.seed is not None
        prompt = replace(request, max_tokens=1, temperature=0.0, seed=0) if repeatable else None
        if prompt is not None and prompt != self._evaluated:
            self._evaluated = None
            client.ask(prompt)
        self._evaluated = prompt

    def _started(self) -> OpenAIModel:
        with self._starting:
            if self._client is None:
                key = secrets.token_urlsafe(24)
                self._server = self._start(self._path, key)
                self._client = OpenAIModel(
                    Connection(
                        provider="local",
                        address=f"{self._server.listening_address}/v1",
                        timeout_seconds=TIMEOUT_SECONDS,
                        proxy="",
                        key=key,
                    ),
                    # One token is what preparing a prompt asks for.
                    extra_body=lambda asked: {"cache_prompt": asked.max_tokens > 1},
                    http_client=self._http_client,
                )
            return self._client


def _start_server(path: Path, key: str) -> Any:
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = 1
    params.n_ctx = CONTEXT_TOKENS
    params.cache_ram_mib = 0
    params.hostnames, params.port = ["127.0.0.1"], _free_port()
    # Other users and processes of this machine can reach loopback too.
    params.api_keys = [key]
    params.ui = params.endpoint_slots = False
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except Exception as failure:
        raise UnavailableError(
            f"local: the embedded model did not start from {path} ({failure}). It needs about 2 GB of memory; if "
            "there is enough, delete the file and run `drystone model pull`."
        ) from failure


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
