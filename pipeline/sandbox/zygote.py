"""The fork server: an interpreter with everything loaded that forks a child for each program.

It runs no unread code itself, so whatever a program does to its interpreter ends with its child. Standard
library only.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.sandbox import locks, probe

REQUEST = struct.Struct("=cI")
"""What is asked for, and of which child."""
ANSWER = struct.Struct("=id")
"""A process id or an exit status, and the seconds of processor time it took so far."""
FORK, ZONES, LOOK, END, KILL = b"F", b"Z", b"L", b"E", b"K"
"""Fork a child; the same, with every time zone known; say how a child is getting on; wait for its end; end it."""
STILL_RUNNING = -(1 << 16)
"""As a status: the child has not ended."""

_WARM = (
    "__future__", "_strptime", "abc", "calendar", "contextlib", "encodings.idna", "encodings.punycode", "locale", "random",
    "threading", "traceback", "types", "warnings", "weakref",
)  # fmt: skip
"""What landed code and the standard library itself import besides; some only when they need it, when it is too late."""


def main() -> None:
    """Serve until the control socket closes."""
    sys.path[:] = [entry for entry in sys.path if entry != sys.argv[1]]
    ours = json.loads(sys.argv[2])
    control = socket.socket(fileno=ours["control"])
    locks.die_with_parent()
    _load(ours["preload"])
    layers, lock = _lock(ours) if ours["kernel"] else ([], None)
    gc.collect()
    gc.freeze()
    control.sendall(json.dumps({"layers": layers}).encode() + b"\n")
    server = _Server(control, lock)
    while len(request := control.recv(REQUEST.size, socket.MSG_WAITALL)) == REQUEST.size:
        server.serve(*REQUEST.unpack(request))
    server.end_all()


def _load(names: list[str]) -> None:
    for name in (*names, *_WARM):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(KeyError, ValueError):
        sys.modules["hashlib"].new("sha256")  # the library behind it reads its configuration at its first use


def _lock(ours: dict[str, Any]) -> tuple[list[str], Callable[[], None]]:
    try:
        name, lock = locks.child_lock()
        return [*locks.lock_server(ours["readable"]), name], lock
    except OSError as error:
        sys.exit(str(error))


class _Server:
    def __init__(self, control: socket.socket, lock: Callable[[], None] | None) -> None:
        self._control = control
        self._lock = lock
        self._children: set[int] = set()
        self._zones: list[Any] = []

    def serve(self, request: bytes, child: int) -> None:
        if request in {END, KILL}:
            patience_seconds = 1.0 if request == END else 0.0
            self._control.sendall(ANSWER.pack(*self._end(child, patience_seconds)))
        elif request == LOOK:
            self._control.sendall(ANSWER.pack(child, _processor_seconds(child)))
        else:
            if request == ZONES:
                self._load_zones()
            self._fork()

    def end_all(self) -> None:
        for child in list(self._children):
            self._end(child, 0.0)

    def _fork(self) -> None:
        ours, theirs = socket.socketpair()
        server = os.getpid()
        try:
            child = os.fork()
        except OSError:
            child = -1
        if child == 0:
            _serve_child(theirs, self._lock, server)
        theirs.close()
        if child > 0:
            self._children.add(child)
        socket.send_fds(self._control, [ANSWER.pack(child, 0.0)], [ours.fileno()])
        ours.close()

    def _end(self, child: int, patience_seconds: float) -> tuple[int, float]:
        """Wait a little for a child that has closed its channel, then kill all it left. Exit status and seconds."""
        deadline = time.monotonic() + patience_seconds
        while not (ended := _has_ended(child)) and time.monotonic() < deadline:
            time.sleep(0.0002)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        self._children.discard(child)
        return os.waitstatus_to_exitcode(status) if ended else STILL_RUNNING, usage.ru_utime + usage.ru_stime

    def _load_zones(self) -> None:
        """Time zones are read from files, which a child cannot open: have them all in memory before it is forked."""
        zoneinfo = sys.modules.get("zoneinfo")
        if zoneinfo is not None and not self._zones:
            self._zones = [zoneinfo.ZoneInfo(key) for key in zoneinfo.available_timezones()]


def _serve_child(channel: socket.socket, lock: Callable[[], None] | None, server: int) -> None:
    """Become the child: keep its channel and nothing else, serve one program on it, end."""
    status = 70
    try:
        locks.die_with_parent()
        os.setsid()
        if os.getppid() == server:
            os.dup2(channel.fileno(), 3)
            os.dup2(0, 2)
            os.closerange(4, 1024)
            with open(3, "rb", closefd=False) as frames_in, open(3, "wb", closefd=False) as frames_out:
                probe.serve(frames_in, frames_out, lock)
                status = probe.finish()
    finally:
        os._exit(status)


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _processor_seconds(child: int) -> float:
    """What a child has used so far, from the clock the kernel keeps of every process."""
    try:
        return time.clock_gettime((~child << 3) | 2)
    except OSError:
        return 0.0
