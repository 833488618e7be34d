"""One conversation with a child that holds a program: sends calls over its channel, reads what it says of them.

Whoever started the child hands it over as a `Child`; nothing the child sends is trusted.
"""

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol

from pipeline.errors import SandboxError
from pipeline.sandbox import wire
from pipeline.sandbox.port import Answer, Asked, Call, Double, Observation, Program, Session

_MAX_BATCH_BYTES = 64 * 1024 * 1024
_MAX_VALUES = 500_000
_MAX_BATCH_VALUES = 2_000_000
"""In one answer; every one of them costs the decider more than it costs the child."""
_MAX_ASKS = 10_000
"""How often one call may ask its ports."""
_LOOK_SECONDS = 0.25
"""How often the clock of a child is read that has not said a line."""
_NO_OBSERVATION = "sent something that is no observation"


class Child(Protocol):
    """A child process, in the hands of whoever started it."""

    channel: socket.socket

    def processor_seconds(self) -> float:
        """What it has used so far; 0 where that cannot be known."""
        ...

    def end(self, *, patience_seconds: float) -> int | None:
        """End it and all it started; its exit code, or None if it did not end by itself. Once."""
        ...


class ChannelSession(Session):
    """A session over a child's channel: lines of JSON both ways.

    Answers come several at a time. When a child is lost, the answers that were still in its hands are lost with it,
    so a second one is asked for them one by one: which call did it must not hang on chance.
    """

    def __init__(self, start: Callable[[], Child], program: Program, *, one_by_one: bool = False) -> None:
        self._start = start
        self._program = program
        self._one_by_one = one_by_one
        self._limits = program.limits
        self._lost: str | None = None
        self._batches: list[Sequence[Call]] = []
        self._loaded = False
        self._loaded_well = False
        self._ended = False
        self._exit_code: int | None = None
        self._buffer = b""
        self._unread_bytes = 0
        self._deadline = 0.0
        self._looked = 0.0
        self._used: float | None = None
        self._child = start()
        self._begin(program.limits.batch_wall_seconds)
        self._send(
            {
                "package": program.package,
                "modules": dict(program.modules),
                "limits": asdict(program.limits),
                "one_by_one": one_by_one,
            }
        )

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        observations = self._observe(calls)
        self._batches.append(calls)
        unknown = sum(observation.outcome == "lost" for observation in observations)
        if self._one_by_one or not self._loaded_well or unknown <= 1:
            return observations
        again = ChannelSession(self._start, self._program, one_by_one=True)
        for batch in self._batches:
            found = again._observe(batch)
        again.close()
        if any(observation.outcome == "lost" for observation in found):
            return found
        return [Observation("lost", error=self._lost or "")] * len(calls)

    def _observe(self, calls: Sequence[Call]) -> list[Observation]:
        self._begin(self._limits.batch_wall_seconds + len(calls) * self._limits.call_cpu_seconds)
        self._send([[call.function, list(call.arguments), *[True] * call.is_async] for call in calls])
        self._load()
        observations: list[Observation] = []
        for number, call in enumerate(calls):
            observation = self._read_observation(number, call)
            observations.append(observation)
            if observation.outcome == "lost":
                break
        missing = len(calls) - len(observations)
        return observations + [Observation("lost", error=self._lost or "")] * missing

    def close(self) -> bool:
        if self._lost is None:
            self._begin(5.0)
            self._load()
        if self._lost is None:
            with contextlib.suppress(OSError):
                self._child.channel.shutdown(socket.SHUT_WR)
            if self._buffer or self._next_line() != b"":
                self._lost = self._lost or _NO_OBSERVATION
        self._end(patience_seconds=1.0 if self._lost is None else 0.0)
        self._child.channel.close()
        return self._lost is None and self._exit_code == 0

    def _begin(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._unread_bytes = _MAX_BATCH_BYTES
        self._unread_values = _MAX_BATCH_VALUES
        self._begin_watch()

    def _begin_watch(self) -> None:
        """From here on counts what a child takes for one answer."""
        self._looked = time.monotonic()
        self._used = None

    def _load(self) -> None:
        """Read what became of loading, once; it is answered together with the first batch."""
        if self._loaded:
            return
        self._loaded = True
        frame = self._read_frame()
        if frame != {"alive": True}:
            trouble = self._lost or (frame or {}).get("trouble")
            self.close()
            raise SandboxError(f"the sandbox's process did not start: {trouble}")
        frame = self._read_frame()
        if frame is not None and "failed" in frame:
            self._lost = f"does not load: {wire.printable(str(frame['failed']))}"
        elif frame == {"ready": True}:
            self._loaded_well = True
        elif frame is not None:
            self._lost = _NO_OBSERVATION

    # -- the channel --------------------------------------------------------------------------------------------

    def _send(self, frame: object) -> None:
        if self._lost is not None:
            return
        left = self._deadline - time.monotonic()
        self._child.channel.settimeout(max(min(left, self._limits.batch_wall_seconds), 0.001))
        try:
            self._child.channel.sendall(wire.dump_frame(frame))
        except TimeoutError:
            self._give_up(f"gave no answer within {self._limits.batch_wall_seconds:.0f} s")
        except OSError:  # whoever reads the answer finds out why
            return

    def _next_line(self) -> bytes | None:
        """The next line, cut off at the end of the channel; None when it does not come in time."""
        if b"\n" in self._buffer:
            return self._take(self._buffer)
        self._child.channel.settimeout(_LOOK_SECONDS)
        parts = [self._buffer]
        size = len(self._buffer)
        begun = time.monotonic()
        deadline = min(self._deadline, begun + self._limits.batch_wall_seconds)
        while b"\n" not in parts[-1]:
            if time.monotonic() - self._looked >= _LOOK_SECONDS or begun > deadline:
                self._watch(deadline)
                if self._lost is not None:
                    return None
            if size > wire.MAX_FRAME_BYTES or size > self._unread_bytes:
                self._give_up("returned more than 16 MiB, or 64 MiB in all")
                return None
            try:
                part = self._child.channel.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:  # a channel that its other side has torn down
                part = b""
            if not part:
                break
            parts.append(part)
            size += len(part)
            if not size - len(part) and not part.startswith(b"{"):
                self._give_up(_NO_OBSERVATION)
                return None
        return self._take(b"".join(parts))

    def _take(self, received: bytes) -> bytes:
        """The first line of what was received; the rest is kept."""
        line, newline, self._buffer = received.partition(b"\n")
        self._unread_bytes -= len(line)
        return line + newline

    def _watch(self, deadline: float) -> None:
        """Give a child up that is over its time."""
        self._looked = time.monotonic()
        if self._looked > deadline:
            self._give_up(f"gave no answer within {self._limits.batch_wall_seconds:.0f} s")
            return
        now = self._child.processor_seconds()
        if self._used is None:
            self._used = now
        elif now - self._used > self._limits.call_cpu_seconds:
            self._give_up("used more processor time than one call may (does it loop for ever?)")

    def _give_up(self, why: str) -> None:
        self._lost = self._lost or why
        self._end(patience_seconds=0.0)

    def _end(self, *, patience_seconds: float) -> None:
        if not self._ended:
            self._ended = True
            self._exit_code = self._child.end(patience_seconds=patience_seconds)

    # -- frames -------------------------------------------------------------------------------------------------

    def _read_observation(self, number: int, call: Call) -> Observation:
        self._begin_watch()
        asked: list[Asked] = []
        double: Double | None = None
        while True:
            frame = self._read_frame()
            match frame:
                case None:
                    pass
                case {"n": int(n), "ask": str(method), "arguments": list(arguments)} if n == number:
                    double = double or (call.double() if call.double else None)
                    asked.append(self._answer(double, method, tuple(arguments), len(asked)))
                    continue
                case {"n": int(n), "returned": value} if n == number:
                    return Observation(
                        "returned", value=value, arguments_after=_after(frame), asked=tuple(asked)
                    )
                case {"n": int(n), "raised": str(error), "message": str(message)} if n == number:
                    return Observation(
                        "raised",
                        error=wire.printable(error),
                        message=wire.printable(message),
                        arguments_after=_after(frame),
                        asked=tuple(asked),
                    )
                case _:
                    self._lost = _NO_OBSERVATION
            return Observation("lost", error=self._lost or "", asked=tuple(asked))

    def _answer(
        self, double: Double | None, method: str, arguments: tuple[object, ...], number: int
    ) -> Asked:
        """Answer a call of a port: finding the answer takes no time of the child's, telling it does.

        One that must not be made is the last of it.
        """
        name, why = wire.printable(method), f" more than {_MAX_ASKS:,} times"
        answer = None
        if double is None:
            why = " and was given no port"
        elif number < _MAX_ASKS:
            begun = time.monotonic()
            answer = double.answer(method, arguments)
            self._deadline += time.monotonic() - begun
            why = wire.printable(double.refusal)
        if answer is None or not self._tell(answer):
            answer = None
            self._give_up(f"asked for {name}{why}")
        return Asked(name, arguments, answer)

    def _tell(self, answer: Answer) -> bool:
        frame = {"returns": answer.value} if answer.raises is None else {"raises": answer.raises}
        try:
            self._send(frame)
        except ValueError:  # a whole number of five thousand digits has no text
            return False
        return True

    def _read_frame(self) -> dict[str, object] | None:
        """The next frame, or None once the child is lost."""
        line = b"" if self._lost is not None else self._next_line()
        if self._lost is not None or line is None:
            return None
        if not line.endswith(b"\n"):
            self._lost = self._death()
            return None
        values = sum(map(line.count, (b",", b"[", b"{")))  # at least as many as there are
        self._unread_values -= values
        if values > _MAX_VALUES or self._unread_values < 0:
            self._lost = f"returned more than {_MAX_VALUES:,} values at once, or {_MAX_BATCH_VALUES:,} in all"
            return None
        try:
            frame = wire.load_frame(line)
        except wire.WireError:
            frame = None
        if not isinstance(frame, dict):
            self._lost = _NO_OBSERVATION
            return None
        return frame

    def _death(self) -> str:
        """Why the child is gone, in words for a model and a person."""
        self._end(patience_seconds=1.0)
        code = self._exit_code
        if code is None:
            return "closed the way its answers take"
        if code == -getattr(signal, "SIGXCPU", 24):
            return "used more processor time than one call may (does it loop for ever?)"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"ended its process with {how}"


def _after(frame: dict[str, object]) -> tuple[object, ...] | None:
    after = frame.get("after")
    return tuple(after) if isinstance(after, list) else None
