"""Runs beside unread code, in a process of its own: loads a program, calls it, says what it saw.

It knows inputs only. Expected values and rules never enter this process, so there is nothing here to forge.
Standard library only.
"""

import base64
import builtins
import importlib
import socket
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from types import ModuleType
from typing import Any

from pipeline.sandbox import wire

_resource: Any = importlib.import_module("resource") if sys.platform != "win32" else None
_REHEARSAL = "generated.rehearsal"
_HOLD_SECONDS = 0.02
"""How long answers may be held back to go together."""


def main() -> None:
    """Serve one program in an interpreter of its own, on the channel the parent hands over."""
    sys.path[:] = [entry for entry in sys.path if entry != sys.argv[1]]
    channel = _channel()
    serve(channel.recv, channel.send, limit)


def _channel() -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(sys.stdin.readline()))
    return socket.socket(fileno=int(sys.argv[2]))


def serve(
    read: Callable[[int], bytes], write: Callable[[memoryview], int], lock: Callable[[dict[str, Any]], None]
) -> None:
    """Serve one program until there are no more frames. `lock` gets the program's limits before it is loaded."""
    frames = _Frames(read, write)
    program = wire.load_own_frame(frames.read())
    try:
        lock(program["limits"])
    except OSError as error:
        frames.write({"trouble": str(error)})
        return
    frames.write({"alive": True})
    try:
        loaded = _load(program["package"], program["modules"])
        classes = _Classes(program["package"], loaded.get("types"))
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        frames.write({"failed": f"{type(error).__name__}: {_text(error)}"})
        return
    frames.write({"ready": True})
    frames.hold_seconds = 0.0 if program["one_by_one"] else _HOLD_SECONDS
    while line := frames.read():
        for number, (function, arguments) in enumerate(wire.load_own_frame(line)):
            called = getattr(loaded[function], function)
            frames.write({"n": number, **_observe(called, arguments, classes)})
        frames.flush()


class _Frames:
    """Lines of JSON on a channel: read whole, written at once or a moment later."""

    def __init__(self, read: Callable[[int], bytes], write: Callable[[memoryview], int]) -> None:
        self._read = read
        self._write = write
        self._unread = b""
        self._held: list[bytes] = []
        self._since = 0.0
        self.hold_seconds = 0.0

    def read(self) -> bytes:
        """The next line; empty at the end."""
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            part = self._read(1 << 16)
            if not part:
                return b""
            parts.append(part)
        line, _, self._unread = b"".join(parts).partition(b"\n")
        self._since = time.perf_counter()
        return line

    def write(self, frame: dict[str, Any]) -> None:
        self._held.append(_line(frame))
        if time.perf_counter() - self._since >= self.hold_seconds:
            self.flush()

    def flush(self) -> None:
        waiting = memoryview(b"".join(self._held))
        while waiting:
            waiting = waiting[self._write(waiting) :]
        self._held.clear()
        self._since = time.perf_counter()


def rehearse() -> None:
    """Serve a program of our own with nobody listening, until the interpreter has made itself ready for all of it.

    A child that is forked afterwards writes to fewer of the pages it shares with its parent.
    """
    before = set(sys.modules)
    program = {
        "package": _REHEARSAL,
        "modules": {"types": "", "f": "def f(x):\n    return [x]\n"},
        "limits": {},
    }
    frames = [{**program, "one_by_one": False}, [["f", [[n, "a", 1.5]]] for n in range(3)]]
    for _ in range(20):
        lines = [b"".join(map(wire.dump_frame, frames)), b""]
        serve(lambda _: lines.pop(0), len, lambda _: None)  # noqa: B023 - used up within the round
    for name in set(sys.modules) - before:
        del sys.modules[name]


def finish() -> int:
    """What an interpreter does at its end for unread code's sake, and nothing else; returns its exit status."""
    if "threading" in sys.modules and len(sys.modules["threading"].enumerate()) > 1:
        return 71  # nobody waits for a thread that was left running
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()  # noqa: SLF001 - there is no public way
    return 0


def limit(limits: dict[str, Any]) -> None:
    """Limit this process for good: memory as told, no files to speak of, no other processes."""
    if _resource is None:  # Windows: the parent's wall clock is the only limit
        return
    for name, most in (
        ("AS", limits["memory_bytes"]),
        ("FSIZE", 0),
        ("CORE", 1),  # no room for a core, and 1 stops even one that is piped to a program
        ("NOFILE", 32),
        ("NPROC", 0),
    ):
        try:
            _resource.setrlimit(getattr(_resource, f"RLIMIT_{name}"), (most, most))
        except (ValueError, OSError, AttributeError):  # a limit this system does not know
            continue


class _Classes:
    """The classes of a program's `types`: all of them by name, and those that are data."""

    def __init__(self, package: str, types: ModuleType | None) -> None:
        self.named = {
            name: kind
            for name, kind in (vars(types) if types else {}).items()
            if isinstance(kind, type) and kind.__module__ == f"{package}.types"
        }
        self.data = {
            name: kind
            for name, kind in self.named.items()
            if issubclass(kind, StrEnum) or hasattr(kind, "__dataclass_fields__")
        }


def _load(package: str, modules: dict[str, str]) -> dict[str, ModuleType]:
    """Load the program's modules as one package."""
    parts = package.split(".")
    for depth in range(1, len(parts) + 1):
        parent = ModuleType(".".join(parts[:depth]))
        parent.__path__ = []
        sys.modules[parent.__name__] = parent
    loaded: dict[str, ModuleType] = {}
    for name, source in modules.items():
        module = ModuleType(f"{package}.{name}")
        module.__package__ = package
        sys.modules[module.__name__] = loaded[name] = module
        setattr(sys.modules[package], name, module)
        exec(compile(source, f"{name}.py", "exec"), module.__dict__)  # noqa: S102 - this is what the process is for
    return loaded


def _observe(called: Callable[..., Any], wired: list[Any], classes: _Classes) -> dict[str, Any]:
    arguments = [wire.decode(argument, classes.data) for argument in wired]
    frame: dict[str, Any]
    try:
        frame = {"returned": wire.encode(called(*arguments), classes.data)}
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        frame = {"raised": _name(type(error), classes.named), "message": _text(error)}
    if any(type(argument) in {list, dict} for argument in wired):  # nothing else can be changed
        after = [wire.encode(argument, classes.data) for argument in arguments]
        if _differ(after, wired):
            frame["after"] = after
    return frame


def _differ(after: list[Any], before: list[Any]) -> bool:
    """Compares texts: 1, 1.0 and True are equal and not the same."""
    try:
        return wire.dump_frame(after) != wire.dump_frame(before)
    except ValueError:
        return True


def _line(frame: dict[str, Any]) -> bytes:
    try:
        return wire.dump_frame(frame)
    except ValueError:  # a whole number of five thousand digits has no text
        after = {"after": [_writable(item) for item in frame["after"]]} if "after" in frame else {}
        returned = {"returned": _writable(frame["returned"])} if "returned" in frame else {}
        return wire.dump_frame({**frame, **returned, **after})


def _writable(wired: Any) -> Any:
    try:
        wire.dump_frame(wired)
    except ValueError:
        return {"$": "opaque", "v": "number of too many digits"}
    return wired


def _name(kind: type[BaseException], classes: dict[str, type]) -> str:
    name = kind.__name__
    if classes.get(name) is kind or getattr(builtins, name, None) is kind:
        return name
    return f"{kind.__module__}.{name}"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException:  # noqa: BLE001 - nor may its text
        return ""
