"""A model server on 127.0.0.1 that speaks both wire protocols, and a project that asks it."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DRYSTONE = str(Path(sys.executable).parent / "drystone")


@dataclass(frozen=True)
class Answer:
    """What the server sends back."""

    text: str = ""
    stop: str = "end"
    """`end`, `length` or `refusal`."""
    status: int = 200
    body: str | None = None
    """Sent as it is, instead of a reply of the protocol."""
    delay_seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=lambda: {"retry-after-ms": "1"})
    damage: str = ""
    """`reset` or `truncated` in the middle of the body, `dropped` before it, or `drip`: a byte at a time."""


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    protocol: str
    role: str
    function: str
    model: str
    system: str
    messages: tuple[tuple[str, str], ...]
    schema: dict[str, Any] | None
    key: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def last(self) -> str:
        return self.messages[-1][1]


def python(source: str) -> str:
    """A reply that holds one code block."""
    return f"```python\n{source}```\n"


@dataclass
class ModelServer:
    """Answers by role and function, in order, the last answer again and again."""

    answers: dict[str, Sequence[str | Answer]] = field(default_factory=dict)
    """By function, or `architect:FUNCTION`, or `MODEL:FUNCTION`."""
    asked: list[Asked] = field(default_factory=list)
    replied: list[Asked] = field(default_factory=list)
    """What was answered and not met by a fault."""
    fault: Callable[[Asked], Answer | None] = lambda _: None
    """Gives what is sent in the place of an answer."""
    served: Sequence[str] = ("m1",)
    """Names of the models it says it has."""
    most_at_once: int = 0
    """Calls that were under way together."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._now = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reset(self) -> None:
        with self._lock:
            self.answers, self.asked, self.replied, self._counts = {}, [], [], {}

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a call that is being answered."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        yield
        with self._lock:
            self._now -= 1

    def functions(self) -> list[str]:
        return [asked.function for asked in self.asked]

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if (fault := self.fault(asked)) is not None:
                return fault
            self.replied.append(asked)
            keys = [f"{asked.model}:{asked.function}", asked.function]
            if asked.role == "architect":
                keys = [f"architect:{asked.function}"]
            key = next((key for key in keys if key in self.answers), None)
            if key is None:
                return Answer(f"no answer prepared for {asked.role} {asked.function}", status=501)
            number = self._counts[key] = self._counts.get(key, -1) + 1
            answer = self.answers[key][min(number, len(self.answers[key]) - 1)]
        return Answer(answer) if isinstance(answer, str) else answer


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(content)
        anthropic = self.path.endswith("/messages")
        asked = _read_anthropic(body, self.headers) if anthropic else _read_openai(body, self.headers)
        asked = replace(
            asked, headers={name.lower(): value for name, value in self.headers.items()}, body=content
        )
        with self.owner.under_way():
            answer = self.owner.answer(asked)
            time.sleep(answer.delay_seconds)
            if answer.status != 200 and answer.body is None:
                text = json.dumps({"error": {"message": answer.text, "type": "error"}})
            elif answer.body is not None:
                text = answer.body
            else:
                text = json.dumps(_anthropic(answer) if anthropic else _openai(answer))
        try:
            self._send(answer, text.encode())
        except OSError:  # the product was killed, or did not want to wait
            self.close_connection = True

    def do_GET(self) -> None:
        """What is served, as both protocols tell it: all of it, or one model by name."""
        _, _, name = self.path.partition("/models/")
        known = [{"id": each, "object": "model", "type": "model", "created": 0} for each in self.owner.served]
        if name:
            known = [model for model in known if model["id"] == name]
            self._send(Answer(status=200 if known else 404), json.dumps(known[0] if known else {}).encode())
        else:
            self._send(Answer(), json.dumps({"object": "list", "data": known}).encode())

    def _send(self, answer: Answer, content: bytes) -> None:
        if answer.damage == "dropped":
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if answer.damage == "drip":
            for number in range(len(content)):
                self.wfile.write(content[number : number + 1])
                time.sleep(0.05)
        elif answer.damage:
            self.wfile.write(content[: len(content) // 2])
            if answer.damage == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _read_openai(body: dict[str, Any], headers: Any) -> Asked:
    messages = [(item["role"], item["content"]) for item in body["messages"]]
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    key = headers.get("authorization", "").removeprefix("Bearer ") or None
    system = messages.pop(0)[1]
    return _asked("openai", body["model"], system, messages, schema, key)


def _read_anthropic(body: dict[str, Any], headers: Any) -> Asked:
    messages = [(item["role"], item["content"]) for item in body["messages"]]
    schema = body.get("output_config", {}).get("format", {}).get("schema")
    system = "".join(block["text"] for block in body["system"])
    return _asked("anthropic", body["model"], system, messages, schema, headers.get("x-api-key"))


def _asked(  # noqa: PLR0917
    protocol: str, model: str, system: str, messages: list[tuple[str, str]], schema: Any, key: str | None
) -> Asked:
    first = messages[0][1].strip().splitlines()[-1]
    function = re.findall(r"\w+", first)[-1]
    role = "architect" if schema is not None else "implementer"
    return Asked(protocol, role, function, model, system, tuple(messages), schema, key)


def _openai(answer: Answer) -> dict[str, Any]:
    stop = {"end": "stop", "length": "length", "refusal": "content_filter"}[answer.stop]
    return {
        "id": "1",
        "object": "chat.completion",
        "choices": [
            {"index": 0, "finish_reason": stop, "message": {"role": "assistant", "content": answer.text}}
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 60},
        },
    }


def _anthropic(answer: Answer) -> dict[str, Any]:
    stop = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}[answer.stop]
    return {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": answer.text}] if answer.text else [],
        "stop_reason": stop,
        "usage": {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 10},
    }


# -- a project that asks it ----------------------------------------------------------------------------------

SMALL = """\
spec: small
summary: Small functions.
types:
  Count: {type: int, ge: 0, le: 1000}
errors:
  TooMany: There are too many.
functions:
  double:
    summary: Twice the number.
    params: {n: Count}
    returns: int
    ensures: ["result == n * 2"]
    examples:
      - {name: two, given: {n: 2}, returns: 4}
      - {name: none, given: {n: 0}, returns: 0}
      - {name: many, given: {n: 999}, returns: 1998}
  quadruple:
    summary: Four times the number.
    params: {n: Count}
    returns: int
    requires: ["n <= 500"]
    uses: [double]
    ensures: ["result == n * 4"]
    examples:
      - {name: two, given: {n: 2}, returns: 8}
      - {name: none, given: {n: 0}, returns: 0}
  limit:
    summary: The number, unless it is above ten.
    params: {n: Count}
    returns: int
    raises: {TooMany: n > 10}
    ensures: ["result == n"]
    examples:
      - {name: two, given: {n: 2}, returns: 2}
      - {name: eleven, given: {n: 11}, raises: TooMany}
      - {name: ten, given: {n: 10}, returns: 10}
"""

DOUBLE = python("def double(n):\n    return n * 2\n")
QUADRUPLE = python("def quadruple(n):\n    return double(double(n))\n")
LIMIT = python("def limit(n):\n    if n > 10:\n        raise TooMany(n)\n    return n\n")
RIGHT: dict[str, Sequence[str | Answer]] = {"double": [DOUBLE], "quadruple": [QUADRUPLE], "limit": [LIMIT]}


@dataclass
class Project:
    """A folder with specs and a configuration, and the command run in it."""

    root: Path
    server: ModelServer

    @classmethod
    def begun(
        cls,
        root: Path,
        server: ModelServer,
        name: str,
        spec: str,
        answers: Mapping[str, Sequence[str | Answer]],
    ) -> "Project":
        """One spec of which nothing has been generated, and a server that gives these answers."""
        server.reset()
        server.answers = dict(answers)
        made = cls(root, server)
        made.configure()
        made.write_spec(name, spec)
        return made

    def configure(
        self,
        *,
        architect: str = "none",
        implementer: Sequence[str] = ("fake:m1",),
        protocol: str = "openai",
        more: str = "",
        provider: str = "outage_seconds = 2",
    ) -> None:
        address = f"{self.server.url}/v1" if protocol == "openai" else self.server.url
        (self.root / "pyproject.toml").write_text(
            f"[tool.drystone]\n{more}\n[tool.drystone.models]\n"
            f"architect = {json.dumps(architect)}\nimplementer = {json.dumps(list(implementer))}\n"
            f'[tool.drystone.providers.fake]\nprotocol = "{protocol}"\nbase_url = "{address}"\n{provider}\n'
        )

    def write_spec(self, name: str, text: str) -> None:
        (self.root / "specs").mkdir(exist_ok=True)
        (self.root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> "Run":
        done = subprocess.run(
            [DRYSTONE, *arguments],
            cwd=self.root,
            env=self.environ(environ),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Run(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [DRYSTONE, *arguments],
            cwd=self.root,
            env=self.environ(None),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        bare = {
            name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))
        }
        return {**bare, **(more or {})}

    @property
    def generated(self) -> Path:
        return self.root / "generated"

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Every file of `generated/` with its time and its bytes."""
        files = sorted(path for path in self.generated.rglob("*") if path.is_file())
        return {
            path.relative_to(self.generated).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
            for path in files
            if "__pycache__" not in path.parts
        }


@dataclass(frozen=True)
class Run:
    """What the command did."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """Standard output as the one JSON document it must be."""
        document = json.loads(self.out)
        assert document["exit_code"] == self.code
        return dict(document)

    def actions(self) -> dict[str, str]:
        return {item["function"]: item["action"] for item in self.report["functions"]}


def interrupt(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """What Ctrl-C does, and how the process ends."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err
