"""Seatbelt, the sandbox of macOS: a profile that a process puts on and cannot take off. Standard library only.

Through `sandbox_init(3)` with a profile of one's own, as browsers do it: deprecated by name since macOS 10.13 and
in use all over the system. Whether it holds is found out by trying, each time a sandbox is opened.
"""

import ctypes
import os
from collections.abc import Iterable


def child_profile() -> str:
    """Compute, and read and write what is open already; nothing else."""
    return "(version 1)(deny default)"


def reading_profile(*, readable: Iterable[str], writable: Iterable[str] = ()) -> str:
    """No network, no other program, no signal to others; these paths may be read, those written as well."""
    rules = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow sysctl-read)",
        "(allow signal (target self))",
    ]
    rules += [f"(allow file-read* (subpath {_quoted(path)}))" for path in readable]
    rules += [f"(allow file-read* file-write* (subpath {_quoted(path)}))" for path in writable]
    return "".join([*rules, "(allow file-read-metadata)", '(allow file-read* (literal "/dev/null"))'])


def put_on(profile: str) -> None:
    """Bind this process to a profile for good; raises OSError where that is refused."""
    library = ctypes.CDLL("/usr/lib/libSystem.B.dylib", use_errno=True)
    trouble = ctypes.c_char_p()
    if library.sandbox_init(profile.encode(), ctypes.c_uint64(0), ctypes.byref(trouble)) != 0:
        raise OSError(f"seatbelt: {(trouble.value or b'refused').decode(errors='replace')}")


def _quoted(path: str) -> str:
    escaped = os.path.realpath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
