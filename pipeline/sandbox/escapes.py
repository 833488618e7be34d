"""What unread code might try, tried out in a sandbox before it is trusted with any. Standard library only.

`attempts` runs where unread code would run and says which attempts went through; of a sandbox that isolates, none.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open(os.__file__, os.O_RDONLY),
    "look a file up": lambda: Path("/").stat(),
    "list a folder": lambda: next(Path("/").iterdir()),
    "write a file": lambda: os.open(f"drystone-{os.getpid()}", os.O_WRONLY | os.O_CREAT),
    "open a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "start a process": lambda: os.fork() or os._exit(0),
    "run a program": lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
    "start a thread": lambda: threading.Thread(target=int).start(),
    "signal another process": lambda: os.kill(os.getppid(), signal.SIGCONT),
}


def attempts() -> list[str]:
    """Names of the attempts that went through."""
    return [name for name, attempt in _ATTEMPTS.items() if _goes_through(attempt)]


def _goes_through(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, RuntimeError):
        return False
    return True
