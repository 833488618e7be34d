"""What a fork server has loaded, and how it lies in memory. Standard library only.

A child shares the memory of its server until it writes to it; each page that it writes to is copied for it, and these
copies are most of what a child costs. So what children use and write lies together, and what few of them need is left
to another server.
"""

import collections
import contextlib
import ctypes
import gc
import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

RARE = ("difflib", "graphlib", "html", "ipaddress", "statistics", "urllib", "zoneinfo")
"""Modules that few programs need, and none without naming them; they need no file but Python's own."""
_ALWAYS = (
    "__future__", "_strptime", "abc", "calendar", "contextlib", "locale", "random",
    "threading", "traceback", "types", "warnings", "weakref",
)  # fmt: skip
"""What landed code and the standard library itself import besides; some only when they need it, when it is too late."""
_OURS = ("ctypes", "platform", "resource", "signal", "socket")
"""What the fork server and its children run."""
_POOL_BYTES, _POOL_HEADER_BYTES = 1 << 14, 48
"""CPython keeps objects of one size together in pools; see `Objects/obmalloc.c`."""
_SIZES = range(16, 513, 16)
"""Of objects that lie in pools, in bytes."""
_POOLS = 4
"""How many of them hold more objects of a size than there are gaps."""
_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
"""Gives free memory back to the system, where the C library can."""
_kept: list[Any] = []


def load(names: Iterable[str]) -> None:
    """Import what children may need but for what is rare, and fill the gaps that are left in memory."""
    _import([*(name for name in names if name.partition(".")[0] not in RARE), *_ALWAYS, *_OURS])
    with contextlib.suppress(KeyError, ValueError):
        sys.modules["hashlib"].new("sha256")  # the library behind it reads its configuration at its first use
    settle()


def load_rare(names: Iterable[str]) -> None:
    """Import what is rare, and every time zone and codec: a child cannot open their files."""
    _import(name for name in names if name.partition(".")[0] in RARE)
    zoneinfo, encodings, pkgutil = map(importlib.import_module, ("zoneinfo", "encodings", "pkgutil"))
    _kept.extend(zoneinfo.ZoneInfo(key) for key in zoneinfo.available_timezones())
    for codec in pkgutil.iter_modules(encodings.__path__, "encodings."):
        with contextlib.suppress(ImportError):
            importlib.import_module(codec.name)
    settle()


def settle() -> None:
    """Give free memory back and take every free place between objects: new ones lie together, on pages of their own."""
    gc.collect()
    if _give_back is not None:
        _give_back(0)
    for size in _SIZES:
        room = (_POOL_BYTES - _POOL_HEADER_BYTES) // size
        made = [_object(size) for _ in range(_POOLS * room)]
        in_pool = collections.Counter(id(each) // _POOL_BYTES for each in made)
        _kept.append([each for each in made if in_pool[id(each) // _POOL_BYTES] < room])
        del made
    gc.freeze()


def _object(size: int) -> object:
    """A new object of a size that is in `_SIZES`, which holds no other and comes from no list of free ones."""
    return object() if size == 16 else complex(size) if size == 32 else bytes(size - 33)


def _import(names: Iterable[str]) -> None:
    """Import modules, without what they would have done in each child after its fork.

    A child has one thread and needs no new random numbers; writing them costs it more than all else it does first.
    """
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    os.register_at_fork = register
