"""The parent's side of a decider process: starts it, sends a job, relays its observations, bounds its time."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import InternalError, SandboxError
from pipeline.sandbox import wire
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Call, Observation

STEP_WALL_SECONDS = 60.0
"""How long a decider may be silent; a rule that computes longer than that is no rule."""

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.decider.__main__ import main; main()"
_ROOT = str(Path(__file__).resolve().parents[2])

Observers = Mapping[str, Callable[[Sequence[Call]], list[Observation]]]


class UndecidedError(Exception):
    """The decider could not finish: a rule hangs or takes all memory. `clause` is the one it was at."""

    def __init__(self, message: str, clause: str) -> None:
        self.clause = clause
        super().__init__(message)


class Decider:
    """One decider process. For one thread at a time."""

    def __init__(self, wall_seconds: float = STEP_WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        environment = {**bare_environment(0), "HYPOTHESIS_STORAGE_DIRECTORY": self._folder.name}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-B", "-P", "-c", _BOOT, _ROOT],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
                cwd=self._folder.name, env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start the decider's process: {error}") from None

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: dict[str, Any], observers: Observers | None = None) -> Any:
        """What the decider makes of a job.

        Raises UndecidedError when a rule hangs or exhausts memory, InternalError when the decider itself broke.
        """
        at = ""
        self._say(job)
        while True:
            frame = self._hear(at)
            match frame:
                case {"at": str(clause)}:
                    at = clause
                case {"observe": str(session), "calls": list(calls)}:
                    assert observers is not None
                    found = observers[session](
                        [Call(function, tuple(arguments)) for function, arguments in calls]
                    )
                    self._say([_plain(observation) for observation in found])
                case {"done": done}:
                    return done
                case {"failed": str(reason)}:
                    raise UndecidedError(reason, at)
                case _:
                    raise InternalError(f"the decider sent {str(frame)[:200]}")

    def close(self) -> None:
        """End the process at once; it holds nothing worth keeping."""
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
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            kill(self._process)

        timer = threading.Timer(self._wall_seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if expired.is_set():
            raise UndecidedError(f"takes longer than {self._wall_seconds:.0f} s to evaluate", at)
        if not line.endswith(b"\n"):
            raise self._broken()
        return wire.load_own_frame(line)

    def _broken(self) -> InternalError:
        self._stderr.seek(0)
        tail = self._stderr.read()[-2000:].decode(errors="replace").strip()
        return InternalError(f"the decider's process ended: {tail or 'without a word'}")


def _plain(observation: Observation) -> dict[str, Any]:
    return {
        "outcome": observation.outcome,
        "value": observation.value,
        "error": observation.error,
        "message": observation.message,
        "arguments_after": observation.arguments_after,
    }
