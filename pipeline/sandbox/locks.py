"""The locks this platform has, put on in their order; every process of ours puts on its own. Standard library only.

Each raises OSError where the platform refuses what must not be missing.
"""

import ctypes
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

from pipeline.sandbox import landlock, namespaces, seatbelt, seccomp

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def lock_server(readable: Sequence[str]) -> list[str]:
    """Lock a fork server, which runs no unread code and must still fork; returns the layers in force."""
    if sys.platform != "linux":
        return []
    layers = ["namespaces"] if namespaces.leave() else []
    _no_new_privileges()
    version = landlock.restrict(readable=readable)
    return [*layers, f"landlock {version}"] if version else layers


def child_lock() -> tuple[str, Callable[[], None]]:
    """The lock of a child that runs unread code: its name, and the call that puts it on. Made once, used often."""
    if sys.platform == "linux":
        if not seccomp.supported():
            raise OSError("the system calls of this machine's processor are not known here")
        return "seccomp", seccomp.child_filter().put_on
    if sys.platform == "darwin":
        return "seatbelt", lambda: seatbelt.put_on(seatbelt.child_profile())
    raise OSError(f"there is no kernel isolation for {sys.platform} here")


def lock_decider(*, readable: Iterable[str], writable: Iterable[str]) -> None:
    """Lock the decider's process: it reads Python's own files, writes its own folder, and reaches nobody new."""
    if sys.platform == "linux":
        _no_new_privileges()
        landlock.restrict(readable=[*readable, "/dev/null", "/dev/urandom"], writable=writable)
        seccomp.decider_filter().put_on()
    elif sys.platform == "darwin":
        seatbelt.put_on(seatbelt.reading_profile(readable=readable, writable=writable))


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, where the kernel can."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _no_new_privileges() -> None:
    assert _prctl is not None
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
