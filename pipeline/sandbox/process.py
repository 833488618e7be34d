"""The sandbox every machine has: a child process with a bare environment, an empty folder and limits.

It keeps honest accidents apart (crashes, endless loops, memory, environment, working directory). It does not
keep a determined attacker from the file system or the network; its level says so.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import SandboxError
from pipeline.sandbox import wire
from pipeline.sandbox.port import Call, Level, Observation, Program, Sandbox, Session

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.sandbox import probe; probe.main()"
_ROOT = str(Path(__file__).resolve().parents[2])


class ProcessSandbox(Sandbox):
    level: Level = "process"

    def open(self, program: Program, *, hash_seed: int) -> Session:
        return ProcessSession(program, hash_seed)


def bare_environment(hash_seed: int) -> dict[str, str]:
    """The whole environment of a child: no key, no home, no path of the user's."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "PYTHONHASHSEED": str(hash_seed), "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TZ": "UTC"}


class ProcessSession(Session):
    def __init__(self, program: Program, hash_seed: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._wall_seconds = program.limits.batch_wall_seconds
        self._lost: str | None = None
        self._timed_out = threading.Event()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-B", "-P", "-c", _BOOT, _ROOT],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
                cwd=self._folder.name, env=bare_environment(hash_seed), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a child process for the sandbox: {error}") from None
        self._start(program)

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        observations: list[Observation] = []
        if self._lost is None:
            with self._deadline():
                self._write([[call.function, list(call.arguments)] for call in calls])
                for number in range(len(calls)):
                    observation = self._read_observation(number)
                    observations.append(observation)
                    if observation.outcome == "lost":
                        break
        missing = len(calls) - len(observations)
        return observations + [Observation("lost", error=self._lost or "")] * missing

    def close(self) -> bool:
        clean = False
        with self._deadline(5.0):
            try:
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                self._process.stdin.close()
                clean = not self._process.stdout.read(1) and self._process.wait() == 0
            except OSError:
                clean = False
        self._kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._stderr.close()
        self._folder.cleanup()
        return clean and self._lost is None

    def _start(self, program: Program) -> None:
        with self._deadline():
            self._write({"modules": dict(program.modules), "limits": asdict(program.limits)})
            frame = self._read_frame()
        if frame is None and not self._timed_out.is_set() and (trouble := self._stderr_tail()):
            self.close()
            raise SandboxError(f"the sandbox's process did not start: {trouble}")
        if frame is None:
            return
        if "failed" in frame:
            self._lost = f"does not load: {frame['failed']}"
        elif frame != {"ready": True}:
            self._lost = "sent something that is no observation"

    def _write(self, frame: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(wire.dump_frame(frame))
            self._process.stdin.flush()
        except OSError:
            self._lost = self._death()

    def _read_observation(self, number: int) -> Observation:
        frame = self._read_frame()
        match frame:
            case None:
                pass
            case {"n": int(n), "returned": value} if n == number:
                return Observation("returned", value=value, arguments_after=_after(frame))
            case {"n": int(n), "raised": str(error), "message": str(message)} if n == number:
                return Observation("raised", error=error, message=message, arguments_after=_after(frame))
            case _:
                self._lost = "sent something that is no observation"
        return Observation("lost", error=self._lost or "")

    def _read_frame(self) -> dict[str, object] | None:
        """The next frame, or None once the process is lost."""
        if self._lost is not None:
            return None
        assert self._process.stdout is not None
        line = self._process.stdout.readline(wire.MAX_FRAME_BYTES + 1)
        if not line.endswith(b"\n"):
            self._lost = "returned more than 16 MiB" if len(line) > wire.MAX_FRAME_BYTES else self._death()
            return None
        try:
            frame = wire.load_frame(line)
        except wire.WireError:
            frame = None
        if not isinstance(frame, dict):
            self._lost = "sent something that is no observation"
            return None
        return frame

    def _death(self) -> str:
        """Why the process is gone, in words for a model and a person."""
        if self._timed_out.is_set():
            return f"gave no answer within {self._wall_seconds:.0f} s"
        self._kill_unless_dead()
        code = self._process.returncode
        if code == -getattr(signal, "SIGXCPU", 24):
            return "used more processor time than one call may (does it loop for ever?)"
        return (
            f"ended its process with signal {-code}"
            if code < 0
            else f"ended its process with exit code {code}"
        )

    def _kill_unless_dead(self) -> None:
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()

    def _deadline(self, seconds: float | None = None) -> "_Deadline":
        return _Deadline(self, self._wall_seconds if seconds is None else seconds)

    def _kill(self) -> None:
        """Kill the child and whatever it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except AttributeError:  # Windows
            self._process.kill()
        except (ProcessLookupError, PermissionError):
            pass

    def _stderr_tail(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read()[-2000:].decode(errors="replace").strip()


class _Deadline:
    """Kills a session's process unless the block ends in time."""

    def __init__(self, session: ProcessSession, seconds: float) -> None:
        self._session = session
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        self._session._timed_out.set()  # noqa: SLF001
        self._session._kill()  # noqa: SLF001


def _after(frame: dict[str, object]) -> tuple[object, ...] | None:
    after = frame.get("after")
    return tuple(after) if isinstance(after, list) else None
