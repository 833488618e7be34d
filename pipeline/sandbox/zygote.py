"""The fork server: an interpreter with everything loaded that forks a child for each program.

It runs no unread code itself, so whatever a program does to its interpreter ends with its child. Standard
library only.
"""

import contextlib
import functools
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.sandbox import locks, probe, warm

REQUEST = struct.Struct("=cI")
"""What is asked for, and of which child: the first that was forked is 1, and so on."""
ANSWER = struct.Struct("=id")
"""An exit status, and the seconds of processor time a child took so far."""
FORK, RARE, LOOK, END, KILL = b"F", b"R", b"L", b"E", b"K"
"""Fork a child; fork a server that has what is rare; tell of a child; wait for its end; end it.

A fork comes with the channel of what is to be forked and is not answered; the others are, with an `ANSWER`. An end that
comes with a channel is the end of one child and the fork of the next, which waits for its program.
"""
STILL_RUNNING = -(1 << 16)
"""As a status: the child has not ended."""

EAGER = {"LD_BIND_NOW": "1"}
"""The environment of a server, until it runs: libraries find their functions once, and not in each child."""

_DESCRIPTOR = struct.Struct("=i")
_ROOM = socket.CMSG_LEN(_DESCRIPTOR.size) if sys.platform != "win32" else 0
_Lock = Callable[[dict[str, Any]], None]


def main() -> None:
    """Serve until the control socket closes. What children may need is loaded, but for what is rare."""
    for name in EAGER:
        os.environ.pop(name, None)
    ours, preload = json.loads(sys.argv[2]), sys.argv[3:]
    sys.argv[1:] = sys.orig_argv[1:] = []  # no path of ours is for unread code to know
    control = socket.socket(fileno=ours["control"])
    locks.die_with_parent()
    layers, lock = _lock(ours) if ours["kernel"] else ([], probe.limit)
    probe.rehearse()
    warm.settle()
    control.sendall(json.dumps({"layers": layers}).encode() + b"\n")
    _Server(control, lock, preload).serve()


def _lock(ours: dict[str, Any]) -> tuple[list[str], _Lock]:
    try:
        name, put_on = locks.child_lock()
        layers = [*locks.lock_server(ours["readable"]), name]
    except OSError as error:
        sys.exit(str(error))

    def lock(limits: dict[str, Any]) -> None:
        probe.limit(limits)
        put_on()

    return layers, lock


class _Server:
    def __init__(self, control: socket.socket, lock: _Lock, preload: list[str]) -> None:
        self._control = control
        self._lock = lock
        self._preload = preload
        self._pid = os.getpid()
        self._children: dict[int, int] = {}
        self._forks = 0

    def serve(self) -> None:
        """Do as asked until nobody is there to ask, then end every child."""
        while True:
            request, passed, _, _ = self._control.recvmsg(REQUEST.size, _ROOM, socket.MSG_WAITALL)
            if len(request) < REQUEST.size:
                break
            what, child = REQUEST.unpack(request)
            self._answer(what, child, _DESCRIPTOR.unpack(passed[0][2])[0] if passed else None)
        for child in list(self._children):
            self._end(child, 0.0)

    def _answer(self, request: bytes, child: int, channel: int | None) -> None:
        if request == LOOK:
            self._control.sendall(ANSWER.pack(STILL_RUNNING, _processor_seconds(self._children.get(child))))
        elif request in {END, KILL}:
            self._control.sendall(ANSWER.pack(*self._end(child, 1.0 if request == END else 0.0)))
        if channel is not None:
            self._fork_rare(channel) if request == RARE else self._fork(channel)

    def _fork(self, channel: int) -> None:
        """What this process writes while there are two of them it copies: it does next to nothing then."""
        self._forks += 1
        try:
            pid = os.fork()
        except OSError:  # whoever has the other end finds it closed
            os.close(channel)
            return
        if pid == 0:
            self._control.close()
            _serve_child(channel, self._lock, self._pid)
        os.close(channel)
        self._children[self._forks] = pid

    def _end(self, child: int, patience_seconds: float) -> tuple[int, float]:
        """Wait a little for a child that has closed its channel, then kill all it left. Exit status and seconds."""
        pid = self._children.pop(child, None)
        if pid is None:
            return STILL_RUNNING, 0.0
        deadline = time.monotonic() + patience_seconds
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        while not ended and (left := deadline - time.monotonic()) > 0:
            _await_end(pid, left)
            ended, status, usage = os.wait4(pid, os.WNOHANG)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        if not ended:
            with contextlib.suppress(ProcessLookupError):  # it may not have got as far as a group of its own
                os.kill(pid, signal.SIGKILL)
            _, _, usage = os.wait4(pid, 0)
        code = os.waitstatus_to_exitcode(status) if ended else STILL_RUNNING
        return code, usage.ru_utime + usage.ru_stime

    def _fork_rare(self, channel: int) -> None:
        """Go on in a process of its own as a server that has it all: the children of this one need not carry it."""
        try:
            is_new = os.fork() == 0
        except OSError:
            is_new = False
        if not is_new:
            os.close(channel)
            return
        locks.die_with_parent()
        self._control.close()
        self._control = socket.socket(fileno=channel)
        self._pid = os.getpid()
        self._children.clear()
        self._forks = 0
        warm.load_rare(self._preload)


def _serve_child(channel: int, lock: _Lock, server: int) -> None:
    """Become the child: keep its channel and nothing else, serve one program on it, end."""
    status = 70
    try:
        locks.die_with_parent()
        os.setsid()
        if os.getppid() == server:
            os.dup2(channel, 3)
            os.dup2(0, 2)
            os.closerange(4, 1024)
            probe.serve(functools.partial(os.read, 3), functools.partial(os.write, 3), lock)
            status = probe.finish()
    finally:
        os._exit(status)


def _await_end(pid: int, seconds: float) -> None:
    """Wait for the end of a child, so long at most; only a moment where the system cannot tell of it."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # macOS, an old kernel
        time.sleep(0.0002)
        return
    select.select([descriptor], [], [], seconds)
    os.close(descriptor)


def _processor_seconds(pid: int | None) -> float:
    """What a child has used so far, from the clock that Linux keeps of every process; 0 where there is none."""
    try:
        return time.clock_gettime((~pid << 3) | 2) if pid else 0.0
    except OSError:
        return 0.0
