"""The sandbox of Linux and macOS: a warm fork server, one locked child for each program."""

import contextlib
import encodings.aliases
import json
import re
import select
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import SandboxError
from pipeline.sandbox import warm, zygote
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Level, Program, Sandbox, Session
from pipeline.sandbox.session import ChannelSession, Child

_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from pipeline.sandbox import warm; sys.path.pop(); "
    "warm.load(sys.argv[3:]); from pipeline.sandbox import zygote; zygote.main()"
)
"""What the children run is loaded last: it lies together then, see `warm`."""
_ROOT = str(Path(__file__).resolve().parents[2])
_RARE = (
    "binascii", "bytearray", "bytes", "codecs", "encoding", "parse_qs", "quote", "struct", "urlencode", *warm.RARE,
)  # fmt: skip
_RARE_CODE = {"code": re.compile(r"code\b"), "str(": re.compile(r"str\([^()]*,")}
_RARE_CODE |= dict.fromkeys(("b'", 'b"'), re.compile(r"(?<!['\"])\bb['\"]"))
"""Sources that may want a rare module, or a codec: whatever has to do with bytes. What they must hold for a pattern."""
_LITERAL = re.compile(r"['\"]([A-Za-z][\w .-]{1,30})['\"]")
_CODECS = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
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
        rare = any(map(_is_rare, program.modules.values()))
        return ChannelSession(lambda: self._fork(hash_seed, rare=rare), program)

    def _fork(self, hash_seed: int, *, rare: bool) -> Child:
        for _ in range(2):  # where only limits hold, the program before may have ended its server
            with contextlib.suppress(OSError):
                return self._server(hash_seed).fork(rare=rare)
        raise SandboxError("the sandbox's fork server ended twice before it could start a child")

    def _server(self, hash_seed: int) -> "_Server":
        self.start(hash_seed)
        server = self._servers[hash_seed]
        self.layers = server.layers()
        return server

    @property
    def processes(self) -> Sequence[int]:
        return [server.process for server in self._servers.values()]

    def close(self) -> None:
        for server in self._servers.values():
            server.close()


def _is_rare(source: str) -> bool:
    """Whether a source may want a rare module or a codec, by what it speaks of."""
    if any(word in source for word in _RARE):
        return True
    if any(hint in source and pattern.search(source) for hint, pattern in _RARE_CODE.items()):
        return True
    named = (re.sub(r"\W+", "_", text.lower()) for text in _LITERAL.findall(source))
    return any(name in _CODECS for name in named)


class _Line:
    """The socket through which a fork server is asked, and the child that waits at its other end for a program."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.broken = False
        self._forks = 0
        self._waiting: socket.socket | None = None
        control.settimeout(_ANSWER_SECONDS)

    def fork(self) -> Child:
        """A child that no program has seen; raises OSError when the server is gone."""
        channel, self._waiting = self._waiting, None
        if channel is None:
            channel = self.send(zygote.FORK)
            self._forks += 1
        elif _has_ended(self.control, channel):
            channel.close()
            raise ConnectionResetError
        return _ForkedChild(self, self._forks, channel)

    def send(self, request: bytes, child: int = 0) -> socket.socket:
        """Send what makes the server fork; our end of the channel of what it forks."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self.control, [zygote.REQUEST.pack(request, child)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def look(self, child: int) -> float:
        """The seconds of processor time a child took so far."""
        return self._ask(lambda: self.control.sendall(zygote.REQUEST.pack(zygote.LOOK, child)))[1]

    def end(self, request: bytes, child: int) -> int:
        """The exit status of a child that is ended; the next one is forked while nobody waits for it."""

        def ask() -> None:
            if self._waiting is None:
                self._waiting = self.send(request, child)
                self._forks += 1
            else:
                self.control.sendall(zygote.REQUEST.pack(request, child))

        return self._ask(ask)[0]

    def _ask(self, ask: Callable[[], None]) -> tuple[int, float]:
        """A status and seconds; as for a child that is gone when the server is gone as well."""
        try:
            ask()
            status, seconds = zygote.ANSWER.unpack(self.control.recv(zygote.ANSWER.size, socket.MSG_WAITALL))
        except (OSError, struct.error):
            self.broken = True
            return zygote.STILL_RUNNING, 0.0
        return int(status), float(seconds)

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.close()
        self.control.close()


def _has_ended(*ends: socket.socket) -> bool:
    """Whether the other side of a socket that has nothing to say is gone."""
    poll = select.poll()
    for end in ends:
        poll.register(end, select.POLLIN)
    return bool(poll.poll(0))


class _Server:
    """A fork server's process, and the one it forks for what is rarely needed."""

    def __init__(self, level: Level, preload: list[str], hash_seed: int) -> None:
        self._layers: tuple[str, ...] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        control, theirs = socket.socketpair()
        self._lines = [_Line(control)]
        ours = {
            "control": theirs.fileno(),
            "kernel": level == "kernel",
            "readable": readable_paths(),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-B", "-P", "-c", _BOOT, _ROOT, json.dumps(ours), *preload],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._stderr, pass_fds=[theirs.fileno()],
                cwd=self._folder.name, env={**bare_environment(hash_seed), **zygote.EAGER}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a child process for the sandbox: {error}") from None
        theirs.close()

    @property
    def process(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def broken(self) -> bool:
        return any(line.broken for line in self._lines)

    def layers(self) -> tuple[str, ...]:
        """The locks in force, once the server is warm; raises SandboxError when it did not start."""
        if self._layers is None:
            answer = b""
            with self._lines[0].control.makefile("rb") as control, contextlib.suppress(OSError):
                answer = control.readline()
            if not answer:
                raise self._trouble()
            self._layers = tuple(json.loads(answer)["layers"])
        return self._layers

    def fork(self, *, rare: bool) -> Child:
        """A child of this server, or of the one for what is rarely needed; raises OSError when it is gone."""
        try:
            if rare and len(self._lines) == 1:
                self._lines.append(_Line(self._lines[0].send(zygote.RARE)))
            return self._lines[int(rare)].fork()
        except OSError:
            self._lines[0].broken = True
            raise

    def close(self) -> None:
        for line in self._lines:
            line.close()  # it ends by itself; a locked process cannot kill it
        kill(self._process)
        self._process.wait()
        self._stderr.close()
        self._folder.cleanup()

    def _trouble(self) -> SandboxError:
        self._lines[0].broken = True
        self._stderr.seek(0)
        said = self._stderr.read()[-2000:].decode(errors="replace").strip()
        return SandboxError(f"the sandbox's process did not start: {said or 'it said nothing'}")


class _ForkedChild(Child):
    def __init__(self, line: _Line, number: int, channel: socket.socket) -> None:
        self.channel = channel
        self._line = line
        self._number = number

    def processor_seconds(self) -> float:
        return self._line.look(self._number)

    def end(self, *, patience_seconds: float) -> int | None:
        status = self._line.end(zygote.END if patience_seconds else zygote.KILL, self._number)
        return None if status == zygote.STILL_RUNNING else status


def readable_paths() -> list[str]:
    """What an interpreter may need to read of its own: the standard library, shared libraries, time zones."""
    paths = [*sysconfig.get_paths().values(), sys.base_prefix, sys.prefix, str(Path(_ROOT) / "pipeline")]
    paths += ["/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", *zoneinfo.TZPATH]
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]
