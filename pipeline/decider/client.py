"""The parent's side of a decider process: starts it, sends it jobs, bounds its time."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.decider import clock
from pipeline.errors import InternalError, SandboxError
from pipeline.records import Isolation
from pipeline.sandbox import wire
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Level

RULE_SECONDS = 5.0
"""Processor time of one rule on one input; what computes longer than that is no rule."""
_SILENT_SECONDS = 90.0 if sys.platform == "win32" else 900.0
"""How long a decider may be silent in any case; where the kernel does not count its time, the only limit."""

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.decider.__main__ import main; main()"
_ROOT = str(Path(__file__).resolve().parents[2])


class UndecidedError(Exception):
    """The decider could not finish: a rule hangs or takes all memory. `clause` is the one it was at."""

    def __init__(self, message: str, clause: str) -> None:
        self.clause = clause
        super().__init__(message)


class LostSandboxError(SandboxError):
    """The sandbox of a decider ended for reasons of its own; a new decider has a new one."""


def cores() -> list[int]:
    """The cores that this process may use, in an order of its own; none where the system keeps them to itself."""
    if not hasattr(os, "sched_getaffinity"):  # macOS, Windows
        return []
    found = sorted(os.sched_getaffinity(0))
    first = os.getpid() % len(found)
    return [*found[first:], *found[:first]]


class Decider:
    """One decider process with the sandbox it observes candidates in. For one thread at a time."""

    def __init__(
        self, at_most: Level = "kernel", rule_seconds: float = RULE_SECONDS, core: int | None = None
    ) -> None:
        """`core`: the one that it and its sandbox are kept on once they have started, where the system can; any if None."""
        self.core = core
        self._rule_seconds = rule_seconds
        self._wall_seconds = rule_seconds + _SILENT_SECONDS
        self._isolation: Isolation | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        folder = self._folder.name
        arguments = at_most, rule_seconds, ",".join(DEFAULT_IMPORTS), "" if core is None else core
        environment = {**bare_environment(0), "HYPOTHESIS_STORAGE_DIRECTORY": folder, "TMPDIR": folder}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-B", "-P", "-c", _BOOT, _ROOT, *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
                cwd=folder, env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start the decider's process: {error}") from None
        self._deadline: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def process(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def isolation(self) -> Isolation:
        """Waits until the sandbox has been tried out."""
        if self._isolation is None:
            self._isolation = Isolation.model_validate(self._hear(""))
        return self._isolation

    def run(self, job: dict[str, Any]) -> tuple[Any, str | None]:
        """What the decider makes of a job, and the inputs it drew for it if they were not recorded yet.

        Raises UndecidedError when a rule hangs or exhausts memory, LostSandboxError when the sandbox failed it,
        InternalError when the decider itself broke.
        """
        assert self.isolation
        at = ""
        self._say(job)
        while True:
            frame = self._hear(at)
            match frame:
                case {"at": str(clause)}:
                    at = clause
                case {"done": done, "drawn": drawn}:
                    return done, drawn
                case {"failed": str(reason)}:
                    raise UndecidedError(reason, at)
                case {"unsafe": str(reason)}:
                    raise LostSandboxError(reason)
                case _:
                    raise InternalError(f"the decider sent {str(frame)[:200]}")

    def close(self) -> None:
        """End the process at once; it holds nothing worth keeping."""
        self._closed.set()
        kill(self._process)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
        self._stderr.close()
        self._folder.cleanup()

    def _say(self, frame: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(wire.dump_frame(frame))
            self._process.stdin.flush()
        except OSError:
            raise self._broken() from None

    def _hear(self, at: str) -> Any:
        assert self._process.stdout is not None
        self._deadline = time.monotonic() + self._wall_seconds
        line = self._process.stdout.readline()
        expired, self._deadline = time.monotonic() > self._deadline, None
        if line.endswith(b"\n"):
            return wire.load_own_frame(line)
        if expired or self._process.wait() == -getattr(signal, "SIGPROF", 27):
            told = re.search(rf'File "{clock.FRAME}(.*)", line', self._last_words())
            which = f"'{told[1]}' " if told and told[1] not in at else ""
            raise UndecidedError(f"{which}takes longer than {self._rule_seconds:.0f} s to evaluate", at)
        raise self._broken()

    def _watch(self) -> None:
        while not self._closed.wait(1.0):
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                kill(self._process)

    def _broken(self) -> InternalError:
        said = self._last_words()[-2000:]
        return InternalError(f"the decider's process ended: {said or 'without a word'}")

    def _last_words(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read()[-100_000:].decode(errors="replace").strip()
