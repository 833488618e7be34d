"""Stored replies."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.llm.port import Message, Reply, Request
from pipeline.store import ReplyStore

REQUEST = Request(
    model="p:m", system="s", messages=(Message("user", "u"),), max_tokens=5, schema={"type": "object"}, seed=1
)
REPLY = Reply(text="ü\n", stop="end", tokens_in=1, tokens_cached=2, tokens_out=3)


@pytest.fixture
def store(tmp_path: Path) -> ReplyStore:
    return ReplyStore(tmp_path / ".drystone" / "replies")


def test_a_reply_comes_back_for_the_same_request(store: ReplyStore) -> None:
    """And for no other: everything that can change a reply is part of the key."""
    assert store.get("p:m", REQUEST) is None
    store.put("p:m", REQUEST, REPLY)
    assert store.get("p:m", REQUEST) == REPLY
    assert store.get("p:n", REQUEST) is None
    for changed in (
        {"system": "t"}, {"messages": (Message("user", "v"),)}, {"max_tokens": 6}, {"schema": None},
        {"temperature": 0.0}, {"seed": 2}, {"model": "p:n"},
    ):  # fmt: skip
        assert store.get("p:m", replace(REQUEST, **changed)) is None, changed


def test_a_reply_can_be_forgotten(store: ReplyStore) -> None:
    """Forgetting what is not there is no error."""
    store.put("p:m", REQUEST, REPLY)
    store.forget("p:m", REQUEST)
    store.forget("p:m", REQUEST)
    assert store.get("p:m", REQUEST) is None


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"{}", b"[]", b"null", b'{"reply": {"text": 1}}', b"[" * 100_000]
)
def test_a_damaged_reply_is_asked_for_again(store: ReplyStore, tmp_path: Path, text: bytes) -> None:
    """Whatever is in the file."""
    store.put("p:m", REQUEST, REPLY)
    (path,) = tmp_path.glob(".drystone/replies/*.json")
    path.write_bytes(text)
    assert store.get("p:m", REQUEST) is None


def test_stored_replies_are_never_committed(store: ReplyStore, tmp_path: Path) -> None:
    """The folder ignores itself."""
    store.put("p:m", REQUEST, REPLY)
    assert (tmp_path / ".drystone" / ".gitignore").read_text() == "*\n"
