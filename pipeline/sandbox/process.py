"""The sandbox every machine has: a new interpreter for each program, with a bare environment and limits.

It keeps honest accidents apart (crashes, endless loops, memory, environment, working directory). It does not
keep a determined attacker from the file system or the network; its level says so.
"""

import base64
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipeline.errors import SandboxError
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Level, Program, Sandbox, Session
from pipeline.sandbox.session import ChannelSession, Child

_BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.sandbox import probe; sys.path.pop(); probe.main()"
_ROOT = str(Path(__file__).resolve().parents[2])


class ProcessSandbox(Sandbox):
    level: Level = "process"
    layers: tuple[str, ...] = ()

    def open(self, program: Program, *, hash_seed: int) -> Session:
        return ChannelSession(lambda: _SpawnedChild(hash_seed), program)

    def close(self) -> None:
        """Nothing outlives a session."""


class _SpawnedChild(Child):
    def __init__(self, hash_seed: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self.channel, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-B", "-P", "-c", _BOOT, _ROOT, str(theirs.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd=self._folder.name, env=bare_environment(hash_seed), start_new_session=True, **_passing(theirs),
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a child process for the sandbox: {error}") from None
        assert self._process.stdin is not None
        if sys.platform == "win32":
            self._process.stdin.write(base64.b64encode(theirs.share(self._process.pid)) + b"\n")
        self._process.stdin.close()
        theirs.close()

    def processor_seconds(self) -> float:
        return 0.0

    def end(self, *, patience_seconds: float) -> int | None:
        try:
            code: int | None = self._process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            code = None
        kill(self._process)
        self._process.wait()
        self._folder.cleanup()
        return code


def _passing(channel: socket.socket) -> dict[str, Any]:
    return {} if sys.platform == "win32" else {"pass_fds": [channel.fileno()]}
