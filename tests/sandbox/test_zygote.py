"""The fork server's own part: how it waits for a child's end."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sandbox import zygote

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server on Windows")


@pytest.fixture(params=["it is told", "it asks"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[zygote._Server]:
    """A server that has no children yet, on a system that tells of a child's end and on one that does not."""

    def unknown(_: int) -> int:
        raise OSError("no such system call")

    if request.param == "it asks":
        monkeypatch.setattr(os, "pidfd_open", unknown, raising=False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield zygote._Server(ours, lambda _: None, [])


def start(server: zygote._Server, code: str) -> subprocess.Popen[bytes]:
    """A child that the server takes for one of its own, and that it will reap."""
    child = subprocess.Popen([sys.executable, "-c", code], env={}, start_new_session=True)
    server._children[1] = child.pid
    return child


def test_a_child_may_take_a_moment_to_end(server: zygote._Server) -> None:
    child = start(server, "import time; time.sleep(0.3); raise SystemExit(7)")
    status, seconds = server._end(1, 30.0)
    child.returncode = status
    assert status == 7
    assert seconds > 0


def test_a_child_that_does_not_end_is_ended(server: zygote._Server) -> None:
    """Patience is kept, and no longer."""
    child = start(server, "import time; time.sleep(600)")
    begun = time.monotonic()
    status, _ = server._end(1, 0.5)
    child.returncode = status
    assert status == zygote.STILL_RUNNING
    assert 0.5 <= time.monotonic() - begun < 60
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_waiting_leaves_no_descriptor_behind(server: zygote._Server) -> None:
    def opened() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = opened()
    for _ in range(3):
        child = start(server, "import time; time.sleep(0.2)")
        child.returncode, _ = server._end(1, 30.0)
        assert child.returncode == 0
    assert opened() == before
