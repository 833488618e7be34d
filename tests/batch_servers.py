"""A stand-in for both providers' batch APIs on 127.0.0.1; what a line is answered comes from a `ModelServer`."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from servers import Answer, ModelServer, _anthropic, _openai, _read_anthropic, _read_openai


@dataclass
class Batch:
    """One batch and what became of it."""

    id: str
    protocol: str
    lines: dict[str, dict[str, Any]]
    metadata: dict[str, str]
    fate: str
    """`completed`, `expired`, `canceled` (half of it answered), or the code it failed with."""
    polls_left: int
    created: float = field(default_factory=time.time)
    outcomes: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """By line: status and body."""

    @property
    def ended(self) -> bool:
        return self.polls_left <= 0


class BatchServer:
    """Batches end after some polls; `fates` says how, in order, the last again and again."""

    def __init__(self) -> None:
        self.models = ModelServer()
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, bytes] = {}
        self.sent: Counter[str] = Counter()
        """How often each line was sent in a batch that was created."""
        self.refused_parameters: set[str] = set()
        self.fates: Sequence[str] = ["completed"]
        self.polls = 2
        self.cut_off = 0
        """So many creations are done, but their answer is lost on the way."""
        self.unheard = 0
        """So many creations break off and are not done."""
        self.unready = 0
        """So many requests are answered 503."""
        self.damaged: set[str] = set()
        """Batches whose first answer is cut off in the middle of its line."""
        self.absent = False
        """There is no batch API here."""
        self.singles = 0
        """Questions asked one by one."""
        self.lock = threading.RLock()
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
        self.models.close()

    def create(self, protocol: str, lines: dict[str, dict[str, Any]], metadata: dict[str, str]) -> Batch:
        fate = self.fates[min(len(self.batches), len(self.fates) - 1)]
        batch = Batch(f"batch_{len(self.batches) + 1}", protocol, lines, metadata, fate, self.polls)
        self.sent.update(list(lines))
        self.batches[batch.id] = batch
        return batch

    def poll(self, batch: Batch) -> None:
        if not batch.ended:
            batch.polls_left -= 1
            if batch.ended:
                self._finish(batch)

    def answers(self, batch: Batch, lines: list[str], write: Callable[[Batch, str], bytes]) -> bytes:
        content = [write(batch, line) for line in lines]
        if batch.id in self.damaged:
            content[0] = content[0][:60] + b"\n"
        return b"".join(content)

    def _finish(self, batch: Batch) -> None:
        if batch.fate not in {"completed", "expired", "canceled"}:
            return
        answered = list(batch.lines) if batch.fate == "completed" else list(batch.lines)[::2]
        read, write = (
            (_read_anthropic, _anthropic) if batch.protocol == "anthropic" else (_read_openai, _openai)
        )
        for line in answered:
            body = batch.lines[line]
            refused = self.refused_parameters & body.keys()
            if refused:
                text = f"Unsupported parameter: {min(refused)}"
                batch.outcomes[line] = (400, _error(400, text))
                continue
            answer: Answer = self.models.answer(read(body, {}))
            if answer.body is not None:
                batch.outcomes[line] = (200, json.loads(answer.body))
                continue
            ok = answer.status == 200
            batch.outcomes[line] = (
                answer.status,
                write(answer) if ok else _error(answer.status, answer.text),
            )


_TYPES = {
    400: "invalid_request_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _error(status: int, text: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _TYPES.get(status, "api_error"), "message": text}}


class _Handler(BaseHTTPRequestHandler):
    owner: BatchServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("content-length") or 0)))

    def _handle(self, body: bytes) -> None:
        owner, path = self.owner, self.path.partition("?")[0]
        with owner.lock:
            if owner.absent:
                self._send(404, {"error": {"message": f"no route {path}"}})
            elif owner.unheard and self.command == "POST":
                owner.unheard -= 1
                self.close_connection = True
                self.connection.close()
            elif owner.unready:
                owner.unready -= 1
                self._send(503, {"error": {"message": "not now"}})
            elif "/messages/batches" in path:
                self._anthropic(path.partition("/messages/batches")[2].strip("/").split("/"), body)
            elif path.startswith("/v1/files"):
                self._file(path.removeprefix("/v1/files").strip("/").split("/")[0], body)
            elif path.startswith("/v1/batches"):
                self._openai(path.removeprefix("/v1/batches").strip("/").split("/"), body)
            else:
                owner.singles += 1
                anthropic = path.endswith("/messages")
                read, write = (_read_anthropic, _anthropic) if anthropic else (_read_openai, _openai)
                self._send(200, write(owner.models.answer(read(json.loads(body), self.headers))))

    def _file(self, name: str, body: bytes) -> None:
        owner = self.owner
        if self.command == "GET":
            self._send(200, owner.files[name])
            return
        name = f"file_{len(owner.files) + 1}"
        start = body.index(b"\r\n\r\n", body.index(b'name="file"')) + 4
        boundary = body[: body.index(b"\r\n")]
        owner.files[name] = body[start : body.index(b"\r\n" + boundary, start)]
        self._send(200, {"id": name, "object": "file"})

    def _openai(self, parts: list[str], body: bytes) -> None:
        owner = self.owner
        if self.command == "POST":
            asked = json.loads(body)
            lines = [json.loads(line) for line in owner.files[asked["input_file_id"]].splitlines()]
            assert {line["url"] for line in lines} == {asked["endpoint"]}
            assert len({line["body"]["model"] for line in lines}) == 1
            batch = owner.create(
                "openai", {line["custom_id"]: line["body"] for line in lines}, asked["metadata"]
            )
            self._created(self._openai_batch(batch))
        elif parts == [""]:
            found = [self._openai_batch(batch) for batch in reversed(owner.batches.values())]
            self._send(200, {"object": "list", "data": found, "has_more": False})
        elif parts[0] in owner.batches:
            owner.poll(owner.batches[parts[0]])
            self._send(200, self._openai_batch(owner.batches[parts[0]]))
        else:
            self._send(404, {"error": {"message": f"No batch found with id '{parts[0]}'."}})

    def _openai_batch(self, batch: Batch) -> dict[str, Any]:
        status = {"canceled": "cancelled"}.get(batch.fate, batch.fate)
        failed = status not in {"completed", "cancelled", "expired"}
        document: dict[str, Any] = {
            "id": batch.id,
            "object": "batch",
            "status": "in_progress" if not batch.ended else "failed" if failed else status,
            "created_at": int(batch.created),
            "metadata": batch.metadata,
            "request_counts": {"total": len(batch.lines), "completed": len(batch.outcomes), "failed": 0},
        }
        if not batch.ended:
            return document
        if failed:
            return {
                **document,
                "errors": {"data": [{"code": batch.fate, "message": "it failed", "line": None}]},
            }
        right = [line for line, (status, _) in batch.outcomes.items() if status == 200]
        wrong = [line for line in batch.lines if line not in right]
        for kind, lines in (("output", right), ("error", wrong)):
            if lines:
                name = f"file_{kind}_{batch.id}"
                self.owner.files[name] = self.owner.answers(batch, lines, _openai_line)
                document[f"{kind}_file_id"] = name
        return document

    def _anthropic(self, parts: list[str], body: bytes) -> None:
        owner = self.owner
        if self.command == "POST":
            lines = json.loads(body)["requests"]
            assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", line["custom_id"]) for line in lines)
            assert not any("stream" in line["params"] for line in lines)
            batch = owner.create("anthropic", {line["custom_id"]: line["params"] for line in lines}, {})
            self._created(_anthropic_batch(batch))
        elif parts == [""]:
            found = [_anthropic_batch(batch) for batch in reversed(owner.batches.values())]
            self._send(200, {"data": found, "has_more": False, "first_id": None, "last_id": None})
        elif parts[0] not in owner.batches:
            self._send(404, _error(404, "not found"))
        elif parts[1:] == ["results"]:
            batch = owner.batches[parts[0]]
            self._send(200, owner.answers(batch, list(batch.lines), _anthropic_line))
        else:
            owner.poll(owner.batches[parts[0]])
            self._send(200, _anthropic_batch(owner.batches[parts[0]]))

    def _created(self, document: dict[str, Any]) -> None:
        if self.owner.cut_off:
            self.owner.cut_off -= 1
            self.close_connection = True
            self.connection.close()
        else:
            self._send(200, document)

    def _send(self, status: int, document: Any) -> None:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def _openai_line(batch: Batch, line: str) -> bytes:
    item: dict[str, Any] = {
        "id": "1",
        "custom_id": line,
        "response": None,
        "error": {"code": "batch_expired"},
    }
    if line in batch.outcomes:
        status, body = batch.outcomes[line]
        item |= {"response": {"status_code": status, "request_id": "r", "body": body}, "error": None}
    return json.dumps(item).encode() + b"\n"


def _anthropic_batch(batch: Batch) -> dict[str, Any]:
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    counts["succeeded" if batch.ended else "processing"] = len(batch.lines)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch.created))
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if batch.ended else "in_progress",
        "request_counts": counts,
        "created_at": moment,
        "expires_at": moment,
        "results_url": "http://elsewhere.invalid/results" if batch.ended else None,
    }


def _anthropic_line(batch: Batch, line: str) -> bytes:
    outcome: dict[str, Any] = {"type": batch.fate}
    if line in batch.outcomes:
        status, body = batch.outcomes[line]
        outcome = (
            {"type": "succeeded", "message": body} if status == 200 else {"type": "errored", "error": body}
        )
    return json.dumps({"custom_id": line, "result": outcome}).encode() + b"\n"
