"""Runs beside unread code, in a process of its own: loads a program, calls it, says what it saw.

It knows inputs only. Expected values and rules never enter this process, so there is nothing here to forge.
Standard library only.
"""

import base64
import builtins
import functools
import importlib
import socket
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from types import CoroutineType, ModuleType
from typing import Any

from pipeline.sandbox import wire

_resource: Any = importlib.import_module("resource") if sys.platform != "win32" else None
_REHEARSAL = "generated.rehearsal"
_HOLD_SECONDS = 0.02
"""How long answers may be held back to go together."""


def main() -> None:
    """Serve one program in an interpreter of its own, on the channel the parent hands over."""
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
        classes = _Classes(loaded)
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        frames.write({"failed": f"{type(error).__name__}: {_text(error)}"})
        return
    frames.write({"ready": True})
    frames.hold_seconds = 0.0 if program["one_by_one"] else _HOLD_SECONDS
    while line := frames.read():
        for number, (function, arguments, *is_async) in enumerate(wire.load_own_frame(line)):
            called = getattr(loaded[function], function.rpartition(".")[2])
            if is_async:
                called = functools.partial(_driven, called)
            way = _Way(number, frames, classes)
            frames.write({"n": number, **_observe(called, arguments, classes, way)})
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

    def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """What is answered to a frame, which goes at once and all that was held back before it."""
        self._held.append(_line(frame))
        self.flush()
        line = self.read()
        if not line:
            raise EOFError("nobody answers")
        answer: dict[str, Any] = wire.load_own_frame(line)
        return answer

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
    """The classes of a program's `types` modules: all of them by name, and those that are data."""

    def __init__(self, loaded: dict[str, ModuleType]) -> None:
        self.named = {
            name: kind
            for key, module in loaded.items()
            if key.rpartition(".")[2] == "types"
            for name, kind in vars(module).items()
            if isinstance(kind, type) and kind.__module__ == module.__name__
        }
        self.data = {
            name: kind
            for name, kind in self.named.items()
            if issubclass(kind, StrEnum) or hasattr(kind, "__dataclass_fields__")
        }


def _load(package: str, modules: dict[str, str]) -> dict[str, ModuleType]:
    """Load the program's modules: those without a dot as its package, the others as packages beside it."""
    _add_package(package)
    around = package.rpartition(".")[0]
    loaded: dict[str, ModuleType] = {}
    for name, source in modules.items():
        beside, _, stem = name.rpartition(".")
        home = f"{around}.{beside}" if beside else package
        _add_package(home)
        module = ModuleType(f"{home}.{stem}")
        module.__package__ = home
        sys.modules[module.__name__] = loaded[name] = module
        setattr(sys.modules[home], stem, module)
        exec(compile(source, f"{name}.py", "exec"), module.__dict__)  # noqa: S102 - this is what the process is for
    return loaded


def _add_package(name: str) -> None:
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        if (dotted := ".".join(parts[:depth])) not in sys.modules:
            parent = ModuleType(dotted)
            parent.__path__ = []
            sys.modules[dotted] = parent


class _Way:
    """The way out for the ports of one call; closed once the call is over."""

    def __init__(self, number: int, frames: _Frames, classes: _Classes) -> None:
        self._number = number
        self._frames = frames
        self._classes = classes
        self.closed = False

    def ask(self, method: str, arguments: list[Any]) -> Any:
        """What the port's method returns; raises the error that it raises."""
        if self.closed:
            raise RuntimeError("a port is of no use after the call that it was passed to")
        wired = [wire.encode(argument, self._classes.data) for argument in arguments]
        answer = self._frames.ask({"n": self._number, "ask": method, "arguments": wired})
        if "raises" in answer:
            name = answer["raises"]
            kind: Any = self._classes.named.get(name) or getattr(builtins, name)
            raise kind.__new__(kind)  # some built-in ones cannot be made without arguments
        return wire.decode(answer["returns"], self._classes.data)


def _port(name: str, methods: dict[str, Any], way: _Way) -> object:
    """An object with the methods of a port, each of which asks outside; it knows no answer."""
    made = {stem: _method(f"{name}.{stem}", way=way, **shape) for stem, shape in methods.items()}
    return type("port", (), {"__slots__": (), **made})()


def _method(name: str, *, params: list[str], way: _Way, **shape: bool) -> Callable[..., Any]:
    def ask(_: object, *given: Any, **named: Any) -> Any:
        return way.ask(name, _in_order(name, params, given, named))

    async def ask_and_wait(_: object, *given: Any, **named: Any) -> Any:
        return way.ask(name, _in_order(name, params, given, named))

    return ask_and_wait if shape["async"] else ask


def _in_order(name: str, params: list[str], given: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
    """The arguments of a call in the order of the parameters; TypeError as for any call that does not fit."""
    found = {**dict(zip(params, given, strict=False)), **named}
    if len(given) + len(named) != len(params) or found.keys() != set(params):
        raise TypeError(f"{name}() takes {', '.join(params) or 'no arguments'}")
    return [found[param] for param in params]


def _is_port(wired: Any) -> bool:
    return type(wired) is dict and wired["$"] == "port"


def _observe(called: Callable[..., Any], wired: list[Any], classes: _Classes, way: _Way) -> dict[str, Any]:
    arguments = [
        _port(way=way, **item["v"]) if _is_port(item) else wire.decode(item, classes.data) for item in wired
    ]
    frame: dict[str, Any]
    try:
        frame = {"returned": wire.encode(called(*arguments), classes.data)}
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        frame = {"raised": _name(type(error), classes.named), "message": _text(error)}
    way.closed = True
    if any(
        type(item) in {list, dict} and not _is_port(item) for item in wired
    ):  # nothing else can be changed
        after = [
            before if _is_port(before) else wire.encode(argument, classes.data)
            for argument, before in zip(arguments, wired, strict=True)
        ]
        if _differ(after, wired):
            frame["after"] = after
    return frame


def _driven(called: Callable[..., Any], *arguments: Any) -> Any:
    """What an async function returns; it may wait for ports alone."""
    coroutine = called(*arguments)
    if type(coroutine) is not CoroutineType:
        raise TypeError("is not async")
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    coroutine.close()
    raise TypeError("awaited something that is no port")


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
        lists = {
            key: [_writable(item) for item in frame[key]] for key in ("after", "arguments") if key in frame
        }
        returned = {"returned": _writable(frame["returned"])} if "returned" in frame else {}
        return wire.dump_frame({**frame, **returned, **lists})


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
