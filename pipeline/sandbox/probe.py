"""Runs beside unread code, in a process of its own: loads a program, calls it, says what it saw.

It knows inputs only. Expected values and rules never enter this process, so there is nothing here to forge.
Standard library only.
"""

import builtins
import importlib
import io
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from types import ModuleType
from typing import Any

from pipeline.sandbox import wire


def main() -> None:
    """Serve one program until standard input ends."""
    sys.path[:] = [entry for entry in sys.path if entry != sys.argv[1]]
    frames_in, frames_out = _take_channels()
    program = wire.load_own_frame(frames_in.readline())
    _say(frames_out, {"alive": True})
    _silence()
    _limit(program["limits"])
    try:
        loaded, classes = _load(program["package"], program["modules"])
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        _say(frames_out, {"failed": f"{type(error).__name__}: {_text(error)}"})
        return
    _say(frames_out, {"ready": True})
    while line := frames_in.readline():
        for number, (function, arguments) in enumerate(wire.load_own_frame(line)):
            _allow_cpu(program["limits"]["call_cpu_seconds"])
            called = getattr(loaded[function], function)
            _say(frames_out, {"n": number, **_observe(called, arguments, classes)})


def _take_channels() -> tuple[io.BufferedReader, io.BufferedWriter]:
    """Standard input and output for the frames alone; what unread code reads and prints goes nowhere."""
    frames_in = os.fdopen(os.dup(0), "rb")
    frames_out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor)
    return frames_in, frames_out


def _silence() -> None:
    """From here on what is written to standard error is unread code's; honest warnings must not fail in it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _say(frames_out: io.BufferedWriter, frame: dict[str, Any]) -> None:
    frames_out.write(wire.dump_frame(frame))
    frames_out.flush()


def _limit(limits: dict[str, Any]) -> None:
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # Windows: the parent's wall clock is the only limit
        return
    nothing = (0, 0)
    for name, limit in {
        "RLIMIT_AS": (limits["memory_bytes"],) * 2,
        "RLIMIT_FSIZE": nothing,
        "RLIMIT_CORE": nothing,
        "RLIMIT_NOFILE": (32, 32),
    }.items():
        try:
            resource.setrlimit(getattr(resource, name), limit)
        except (ValueError, OSError, AttributeError):  # a limit this system does not know
            continue


def _allow_cpu(seconds: int) -> None:
    """Give the next call its own share of processor time; the kernel ends the process that takes more."""
    resource = sys.modules.get("resource")
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _load(package: str, modules: dict[str, str]) -> tuple[dict[str, ModuleType], dict[str, type]]:
    """Load the program's modules as one package; returns them, and the classes of its `types`."""
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
    defined = vars(loaded["types"]) if "types" in loaded else {}
    classes = {
        name: kind
        for name, kind in defined.items()
        if isinstance(kind, type) and kind.__module__ == f"{package}.types"
    }
    return loaded, classes


def _observe(called: Callable[..., Any], wired: list[Any], classes: dict[str, type]) -> dict[str, Any]:
    data = {
        name: kind
        for name, kind in classes.items()
        if issubclass(kind, StrEnum) or hasattr(kind, "__dataclass_fields__")
    }
    arguments = [wire.decode(argument, data) for argument in wired]
    frame: dict[str, Any]
    try:
        frame = {"returned": _writable(wire.encode(called(*arguments), data))}
    except BaseException as error:  # noqa: BLE001 - unread code may raise anything
        frame = {"raised": _name(type(error), classes), "message": _text(error)}
    after = [_writable(wire.encode(argument, data)) for argument in arguments]
    if wire.dump_frame(after) != wire.dump_frame(wired):  # 1, 1.0 and True are equal and not the same
        frame["after"] = after
    return frame


def _writable(wired: Any) -> Any:
    try:
        wire.dump_frame(wired)
    except ValueError:  # a whole number of five thousand digits has no text
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
