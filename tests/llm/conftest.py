"""A server for tests: answers from a list, keeps what it was asked, never touches the network."""

import json
from typing import Any

import httpx2
import pytest

from pipeline.llm.port import Message, Request


class FakeServer:
    """Answers with its `answers` in order, the last one again and again."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.requests: list[httpx2.Request] = []
        self.client = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.asked.append(json.loads(request.content))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def fake_server() -> type[FakeServer]:
    return FakeServer


@pytest.fixture
def request_of() -> Any:
    """Builds a request for `small-1`."""

    def build(**changes: Any) -> Request:
        values: dict[str, Any] = {
            "model": "small-1",
            "system": "You write one function.",
            "messages": (Message("user", "add(a, b)"),),
            "max_tokens": 300,
        }
        return Request(**{**values, **changes})

    return build
