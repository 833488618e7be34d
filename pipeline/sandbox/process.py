"""The sandbox every machine has: a child process with a bare environment, an empty folder and limits.

It keeps honest accidents apart (crashes, endless loops, memory, environment, working directory). It does not
keep a determined attacker from the file system or the network; its level says so.
"""

import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import SandboxError
from pipeline.sandbox import wire
from pipeline.sandbox.children import bare_environment, kill
from pipeline.sandbox.port import Call, Level, Observation, Program, Sandbox, Session

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.sandbox import probe; probe.main()"
_MAX_BATCH_BYTES = 64 * 1024 * 1024
_ROOT = str(Path(__file__).resolve().parents[2])


class ProcessSandbox(Sandbox):
    level: Level = "process"

    def open(self, program: Program, *, hash_seed: int) -> Session:
        return ProcessSession(program, hash_seed)


class ProcessSession(Session):
    def __init__(self, program: Program, hash_seed: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="drystone-", ignore_cleanup_errors=True)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._wall_seconds = program.limits.batch_wall_seconds
        self._lost: str | None = None
        self._deadline = 0.0
        self._unread_bytes = 0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-B", "-P", "-c", _BOOT, _ROOT],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
                cwd=self._folder.name, env=bare_environment(hash_seed), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a child process for the sandbox: {error}") from None
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=4)
        threading.Thread(target=self._read_lines, daemon=True).start()
        self._start(program)

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        observations: list[Observation] = []
        if self._lost is None:
            self._begin(self._wall_seconds)
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
        if self._lost is None:
            self._begin(5.0)
            self._in_background(self._close_stdin)
            clean = self._next_line() == b"" and self._exit_code() == 0
        self._kill()
        self._process.wait()
        threading.Thread(target=self._close_stdin, daemon=True).start()
        self._stderr.close()
        self._folder.cleanup()
        return clean

    def _start(self, program: Program) -> None:
        self._begin(self._wall_seconds)
        self._write(
            {
                "package": program.package,
                "modules": dict(program.modules),
                "limits": asdict(program.limits),
            }
        )
        if self._read_frame() != {"alive": True}:
            trouble = self._stderr_tail() or self._lost
            self.close()
            raise SandboxError(f"the sandbox's process did not start: {trouble}")
        frame = self._read_frame()
        if frame is not None and "failed" in frame:
            self._lost = f"does not load: {wire.printable(str(frame['failed']))}"
        elif frame not in (None, {"ready": True}):
            self._lost = "sent something that is no observation"

    # -- both pipes are served by threads: unread code may leave a process of its own behind that holds them ----

    def _begin(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._unread_bytes = _MAX_BATCH_BYTES

    def _in_background(self, write: Callable[[], None]) -> None:
        """Do something that blocks while the other side does not read."""
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        thread.join(max(self._deadline - time.monotonic(), 0.0))
        if thread.is_alive():
            self._give_up()

    def _write(self, frame: object) -> None:
        line = wire.dump_frame(frame)

        def write() -> None:
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            except (OSError, ValueError):  # whoever reads the answer finds out why
                return

        self._in_background(write)

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            return

    def _read_lines(self) -> None:
        """Hand every line to `_next_line`; an empty one is the end."""
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            line = b"-"
            while line:
                line = stdout.readline(wire.MAX_FRAME_BYTES + 1)
                self._lines.put(line)

    def _next_line(self) -> bytes | None:
        """The next line, empty at the end; None when it does not come in time, which ends the process."""
        try:
            return self._lines.get(timeout=max(self._deadline - time.monotonic(), 0.0))
        except queue.Empty:
            self._give_up()
            return None

    def _give_up(self) -> None:
        self._lost = self._lost or f"gave no answer within {self._wall_seconds:.0f} s"
        self._kill()

    def _exit_code(self) -> int | None:
        try:
            return self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._kill()
            return None

    # -- frames ------------------------------------------------------------------------------------------------

    def _read_observation(self, number: int) -> Observation:
        frame = self._read_frame()
        match frame:
            case None:
                pass
            case {"n": int(n), "returned": value} if n == number:
                return Observation("returned", value=value, arguments_after=_after(frame))
            case {"n": int(n), "raised": str(error), "message": str(message)} if n == number:
                return Observation(
                    "raised",
                    error=wire.printable(error),
                    message=wire.printable(message),
                    arguments_after=_after(frame),
                )
            case _:
                self._lost = "sent something that is no observation"
        return Observation("lost", error=self._lost or "")

    def _read_frame(self) -> dict[str, object] | None:
        """The next frame, or None once the process is lost."""
        line = b"" if self._lost is not None else self._next_line()
        if self._lost is not None or line is None:
            return None
        self._unread_bytes -= len(line)
        if len(line) > wire.MAX_FRAME_BYTES or self._unread_bytes < 0:
            self._lost = "returned more than 16 MiB, or 64 MiB in all"
            return None
        if not line.endswith(b"\n"):
            self._lost = self._death()
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
        code = self._exit_code()
        if code is None:
            return "closed the way its answers take"
        if code == -getattr(signal, "SIGXCPU", 24):
            return "used more processor time than one call may (does it loop for ever?)"
        return (
            f"ended its process with signal {-code}"
            if code < 0
            else f"ended its process with exit code {code}"
        )

    def _kill(self) -> None:
        kill(self._process)

    def _stderr_tail(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read()[-2000:].decode(errors="replace").strip()


def _after(frame: dict[str, object]) -> tuple[object, ...] | None:
    after = frame.get("after")
    return tuple(after) if isinstance(after, list) else None
