"""The sandbox of Linux and macOS: a warm fork server, one locked child for each program."""

import contextlib
import json
import re
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import zoneinfo
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import SandboxError
from pipeline.sandbox import zygote
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Level, Program, Sandbox, Session
from pipeline.sandbox.session import ChannelSession, Child

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.sandbox import zygote; zygote.main()"
_ROOT = str(Path(__file__).resolve().parents[2])
_RARE = re.compile(r"zoneinfo|code\b|codecs|encoding|(str|bytes|bytearray)\([^()]*,")
"""Sources that may want a time zone or a codec."""
_ANSWER_SECONDS = 60.0
"""How long a fork server may take to say anything: it is ours, but a child may have stopped it where only limits hold."""


class ForkSandbox(Sandbox):
    """Programs in children of one fork server for each hash seed. For one thread at a time."""

    def __init__(self, level: Level, preload: Sequence[str] = ()) -> None:
        self.level = level
        self.layers: tuple[str, ...] = ()
        self._preload = list(preload)
        self._servers: dict[int, _Server] = {}

    def start(self, hash_seed: int) -> None:
        """Start the server for a hash seed, if it is not there yet; it warms up while others work."""
        if hash_seed in self._servers and self._servers[hash_seed].broken:
            self._servers.pop(hash_seed).close()
        if hash_seed not in self._servers:
            self._servers[hash_seed] = _Server(self.level, self._preload, hash_seed)

    def open(self, program: Program, *, hash_seed: int) -> Session:
        rare = any(_RARE.search(source) for source in program.modules.values())
        return ChannelSession(lambda: self._fork(hash_seed, rare=rare), program)

    def _fork(self, hash_seed: int, *, rare: bool) -> Child:
        for _ in range(2):  # where only limits hold, the program before may have ended its server
            with contextlib.suppress(OSError):
                return self._server(hash_seed).fork(rare=rare)
            self._servers[hash_seed].broken = True
        raise SandboxError("the sandbox's fork server ended twice before it could start a child")

    def _server(self, hash_seed: int) -> "_Server":
        self.start(hash_seed)
        server = self._servers[hash_seed]
        self.layers = server.layers()
        return server

    def close(self) -> None:
        for server in self._servers.values():
            server.close()


class _Server:
    """A fork server's process and the socket it is asked through."""

    def __init__(self, level: Level, preload: list[str], hash_seed: int) -> None:
        self.broken = False
        self._forks = 0
        self._layers: tuple[str, ...] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_ANSWER_SECONDS)
        self._rare: socket.socket | None = None
        ours = {
            "control": theirs.fileno(),
            "kernel": level == "kernel",
            "preload": preload,
            "readable": readable_paths(),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-B", "-P", "-c", _BOOT, _ROOT, json.dumps(ours)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._stderr, pass_fds=[theirs.fileno()],
                cwd=self._folder.name, env=bare_environment(hash_seed), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a child process for the sandbox: {error}") from None
        theirs.close()

    def layers(self) -> tuple[str, ...]:
        """The locks in force, once the server is warm; raises SandboxError when it did not start."""
        if self._layers is None:
            line = b""
            with self._control.makefile("rb") as control, contextlib.suppress(OSError):
                line = control.readline()
            if not line:
                raise self._trouble()
            self._layers = tuple(json.loads(line)["layers"])
        return self._layers

    def fork(self, *, rare: bool) -> Child:
        """A child of this server, or of the one that it forks for what is rarely needed."""
        if rare and self._rare is None:
            self._rare = self._get(self._control, zygote.RARE)
            self._rare.settimeout(_ANSWER_SECONDS)
        control = self._rare if rare and self._rare else self._control
        self._forks += 1
        return _ForkedChild(self, control, self._forks, self._get(control, zygote.FORK))

    def _get(self, control: socket.socket, request: bytes) -> socket.socket:
        control.sendall(zygote.REQUEST.pack(request, self._forks))
        answer, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not answer:
            raise ConnectionResetError
        return socket.socket(fileno=descriptors[0])

    def ask(self, control: socket.socket, request: bytes, child: int) -> tuple[int, float]:
        """A status and seconds; as for a child that is gone when the server is gone as well."""
        try:
            control.sendall(zygote.REQUEST.pack(request, child))
            answer = control.recv(zygote.ANSWER.size, socket.MSG_WAITALL)
            status, seconds = zygote.ANSWER.unpack(answer)
        except (OSError, struct.error):
            self.broken = True
            return zygote.STILL_RUNNING, 0.0
        return int(status), float(seconds)

    def close(self) -> None:
        if self._rare is not None:
            self._rare.close()
        self._control.close()  # it ends by itself; a locked process cannot kill it
        kill(self._process)
        self._process.wait()
        self._stderr.close()
        self._folder.cleanup()

    def _trouble(self) -> SandboxError:
        self.broken = True
        self._stderr.seek(0)
        said = self._stderr.read()[-2000:].decode(errors="replace").strip()
        return SandboxError(f"the sandbox's process did not start: {said or 'it said nothing'}")


class _ForkedChild(Child):
    def __init__(self, server: _Server, control: socket.socket, number: int, channel: socket.socket) -> None:
        self.channel = channel
        self._server = server
        self._control = control
        self._number = number

    def processor_seconds(self) -> float:
        return self._server.ask(self._control, zygote.LOOK, self._number)[1]

    def end(self, *, patience_seconds: float) -> int | None:
        request = zygote.END if patience_seconds else zygote.KILL
        status, _ = self._server.ask(self._control, request, self._number)
        return None if status == zygote.STILL_RUNNING else status


def readable_paths() -> list[str]:
    """What an interpreter may need to read of its own: the standard library, shared libraries, time zones."""
    paths = [*sysconfig.get_paths().values(), sys.base_prefix, sys.prefix, str(Path(_ROOT) / "pipeline")]
    paths += ["/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", *zoneinfo.TZPATH]
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]
