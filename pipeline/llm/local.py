"""The embedded model: llama.cpp's server inside this process, on loopback, asked like any other server."""

import importlib
import importlib.util
import secrets
import socket
import threading
from pathlib import Path
from typing import Any

from pipeline.errors import UnavailableError, WeightsError
from pipeline.llm import weights
from pipeline.llm.connection import Connection
from pipeline.llm.openai import OpenAIModel
from pipeline.llm.port import Model, Reply, Request

CONTEXT_TOKENS = 8192
"""Prompt and reply of one question together."""

TIMEOUT_SECONDS = 600.0


class LocalModel(Model):
    """The embedded model. Its server starts with the first question, once a process.

    Questions are answered one at a time: on two cores, two side by side gain a tenth in tokens a second and
    lose it again where each evaluates the shared start of the prompt for itself. At temperature 0 the same
    question has the same answer.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Check that what the model needs is here; `path` names other weights than the pulled ones.

        Raises `WeightsError` with the command that brings what is missing.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise WeightsError(
                "local: the embedded model's engine is not installed: pip install 'drystone[local]'"
            )
        if path is None and not weights.is_pulled():
            raise WeightsError(
                f"local: the embedded model's weights are not in {weights.weights_path().parent}: "
                f"drystone model pull ({weights.known_weights().bytes / 1e9:.1f} GB, once)"
            )
        self._path = path or weights.weights_path()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._server: Any = None
        self._client: OpenAIModel | None = None

    def ask(self, request: Request) -> Reply:
        client = self._started()
        # Waiting here, not in the server's queue, keeps the wait out of the reply's timeout.
        with self._turn:
            return client.ask(request)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._server = None

    def _started(self) -> OpenAIModel:
        with self._lock:
            if self._client is None:
                key = secrets.token_urlsafe(24)
                self._server = _start_server(self._path, key)
                self._client = OpenAIModel(
                    Connection(
                        provider="local",
                        address=f"{self._server.listening_address}/v1",
                        timeout_seconds=TIMEOUT_SECONDS,
                        max_retries=0,
                        key=key,
                    ),
                    extra_body=_cache_rule,
                )
            return self._client


def _cache_rule(request: Request) -> dict[str, Any]:
    # A prompt evaluated after a cached start rounds differently from one evaluated whole, and now and then that
    # turns a greedy answer. A sample is not promised twice, so it may have the start for free.
    return {"cache_prompt": request.temperature != 0}


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
