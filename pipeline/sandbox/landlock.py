"""Landlock for Linux: which paths this process may still open; everything else is closed for good.

See landlock(7). Works without privileges, from kernel 5.13 on; later versions also close TCP, signals and abstract
sockets to the outside. Standard library only.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 14
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_REG | _MAKE_DIR | _TRUNCATE
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Version -> every right over files that it knows; the versions between know what the one before does."""
_BIND_AND_CONNECT = 3
_SIGNALS_AND_ABSTRACT_SOCKETS = 3
_O_PATH = getattr(os, "O_PATH", 0)


def version() -> int:
    """The version this kernel offers; 0 for none."""
    return max(_syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG), 0)


def restrict(*, readable: Iterable[str], writable: Iterable[str] = ()) -> int:
    """Close every path but these folders and files, and what lies below them, to this process and its children.

    What does not exist is passed over. Returns the version in force, 0 where the kernel has none.
    """
    found = version()
    if not found:
        return 0
    files = _HANDLED[max(known for known in _HANDLED if known <= found)]
    attributes = struct.pack(
        "=QQQ",
        files,
        _BIND_AND_CONNECT if found >= 4 else 0,
        _SIGNALS_AND_ABSTRACT_SOCKETS if found >= 6 else 0,
    )
    ruleset = _syscall(_CREATE_RULESET, attributes, {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}.get(found, 24), 0)
    if ruleset < 0:
        return 0
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & files)
        return found if _syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_ONLY
        _syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _syscall(number: int, *arguments: bytes | int | None) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
